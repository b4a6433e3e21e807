"""Priors of the parts beside Kafka: only a prediction of that part's loss draws them. See priors.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workbench.fault import Part
from workbench.model.client_library import HEARTBEAT_S
from workbench.model.parameter import Parameter, empirical, lognormal, prior, triangular, uniform
from workbench.model.priors import all_priors

_LIBRDKAFKA: Final = "librdkafka CONFIGURATION.md"
_POSTGRES: Final = "PostgreSQL 14"
_REDIS: Final = "Redis 6.2"
_ZOOKEEPER: Final = "ZooKeeper 3.8.4"
_RAFT: Final = "Kafka 3.7.1 raft:"


PROCESSOR: Final[Mapping[str, Parameter]] = {
    "heartbeat_s": prior(HEARTBEAT_S, "s", f"{_LIBRDKAFKA} heartbeat.interval.ms"),
    "group_contact_age_s": prior(
        uniform(0.0, 0.2),
        "s",
        "Kafka 3.7.1 GroupCoordinator.doCommitOffsets: an offset commit, one a batch, is a heartbeat as well",
        "age of the last thing the coordinator heard of the processor when it dies",
    ),
    "processor_start_s": prior(
        triangular(0.8, 1.3, 3.0),
        "s",
        "Python's start, imports, the client's first metadata",
        "until it joins the group",
    ),
    "group_join_s": prior(
        triangular(0.01, 0.1, 0.5),
        "s",
        "a batch under way and a poll, at most 0.25 s (workbench/apps/event_processor/consumer.py POLL_S)",
        "from the heartbeat that tells of a rebalance to having given all partitions up and joined",
    ),
    "group_sync_s": prior(
        triangular(0.02, 0.15, 1.0),
        "s",
        "JoinGroup's answer, SyncGroup, OffsetFetch and the first fetch: four round trips; measured in nine drills: a "
        "session after the last contact, and 0.1 to 0.9 s",
        "from the dead member's expiry to the first records",
    ),
}

POSTGRES: Final[Mapping[str, Parameter]] = {
    "postgres_start_s": prior(
        triangular(0.08, 0.15, 0.7),
        "s",
        f"{_POSTGRES} killed and started beside 300 events/s (measured, twice): 0.23 s; see postgres_redo_bytes_per_s",
        "without the log to read",
    ),
    "postgres_redo_bytes": prior(
        triangular(1e7, 5e7, 1.2e8),
        "bytes",
        "300 events/s (measured, twice): 34 MB in the first 80 s after a checkpoint, 13 MB in 47 s; one every 5 min",
        "write-ahead log since the last checkpoint",
    ),
    "postgres_redo_bytes_per_s": prior(
        triangular(1.5e8, 6e8, 1.2e9),
        "bytes/s",
        f"{_POSTGRES} crash recovery by its own log (measured, twice): 160 and 560 MB/s, pages in the machine's "
        "memory; in eight drills on four machines a start took 0.24 to 0.72 s in all, median 0.53",
    ),
    "postgres_connect_s": prior(
        triangular(0.01, 0.04, 0.3),
        "s",
        "a new backend, scram, the schema's check, on caches that are empty",
        "from the attempt that succeeds to the batch being written",
    ),
    "wal_retrieve_retry_s": prior(5.0, "s", f"{_POSTGRES} wal_retrieve_retry_interval"),
    "standby_notice_s": prior(
        triangular(0.0, 0.03, 0.25),
        "s",
        f"{_POSTGRES} walreceiver ends, startup process; measured in eight drills: seen 0.05 to 0.2 s after the 5 s",
        "until a standby asks again",
    ),
}

POSTGRES_BACKEND: Final[Mapping[str, Parameter]] = {
    "postgres_children_end_s": prior(
        triangular(0.01, 0.03, 0.2),
        "s",
        f"{_POSTGRES} postmaster.c HandleChildCrash: SIGQUIT, and every child exits at once; 0.02 to 0.03 s (measured, "
        "three times)",
        "from the backend's death until the last one is gone",
    ),
    "postgres_sync_s": prior(
        lognormal(0.15, 1.3),
        "s",
        f"{_POSTGRES} xlog.c SyncDataDirectory before crash recovery: fsync of every file (recovery_init_sync_method); "
        "beside 300 rows/s and other programs (measured, three times) 0.6 to 3 s; idle (once) below 0.2 s; in two "
        "drills on other machines all of the recovery took 0.3 and 0.6 s",
        "what the kernel has yet to write of the data folder",
    ),
    "postgres_recovery_s": prior(
        triangular(0.03, 0.1, 0.5),
        "s",
        f"{_POSTGRES} by its own log (measured, once): shared memory made anew 0.13 s, checkpoint at the end 0.26 s; "
        "on an idle machine all of the recovery took 0.3 s (measured, once)",
        "without the folder's fsync and the log to read",
    ),
    **{
        name: POSTGRES[name]
        for name in (
            "postgres_redo_bytes",
            "postgres_redo_bytes_per_s",
            "postgres_connect_s",
            "wal_retrieve_retry_s",
            "standby_notice_s",
        )
    },
}

_KUBEGRES: Final = "Kubegres 1.16 PrimaryToReplicaFailOver.go"

POSTGRES_FAILOVER: Final[Mapping[str, Parameter]] = {
    "kubegres_reconcile_s": prior(1.0, "s", "Kubegres 1.16 kubegres_controller.go: sleeps before it looks"),
    "kubegres_wait_s": prior(10.0, "s", f"{_KUBEGRES} CreateOperationConfigWaitingBeforeForFailingOver"),
    "kubegres_complete_s": prior(
        40.0, "s", f"{_KUBEGRES}: complete no earlier", "from the promotion's beginning to the lost instance's rebuild"
    ),
    "promotion_notice_s": prior(
        triangular(0.0, 0.02, 0.15), "s", "the stand-in's own look and connection", "until the promotion is asked for"
    ),
    "promotion_s": prior(
        triangular(0.05, 0.15, 0.6),
        "s",
        f"{_POSTGRES} pg_promote of a running standby: 0.26 s with pg_ctl's own poll (measured, on a virtual disk)",
        "from the question to the first accepted write",
    ),
    "search_s": prior(
        triangular(0.01, 0.03, 0.1),
        "s",
        "libpq asks each host in turn: one refuses, standbys take a log-in first",
        "what an attempt costs that finds nobody who takes writes",
    ),
    "postgres_connect_s": POSTGRES["postgres_connect_s"],
    "standby_copy_s": prior(
        triangular(0.5, 1.5, 5.0),
        "s",
        "a fast checkpoint, a copy of some 100 MB on one disk, a standby's start",
        "from the rebuild's beginning to streaming",
    ),
    "replication_receive_s": prior(
        triangular(0.0, 0.0005, 0.004),
        "s",
        f"{_POSTGRES} local streaming (measured): written 0.1 to 0.6 ms after, flushed 0.1 to 4 ms; a kill lost no row",
        "rows committed so shortly before the fault are not at the standby",
    ),
}

REDIS: Final[Mapping[str, Parameter]] = {
    "state_attempt_delay_s": prior(
        triangular(0.0, 0.03, 0.08),
        "s",
        "a batch's length; 0.02 to 0.07 s in processors' logs (measured, ten times)",
        "from a back-off's end to the next batch's, which offers the pending states again",
    ),
    "redis_start_s": prior(triangular(0.01, 0.03, 0.1), "s", f"{_REDIS} without a file to load"),
    "redis_file_bytes": prior(
        triangular(2e6, 4e6, 1e7), "bytes", "300 events/s (measured): 2.4 MB in 75 s, 3.7 MB in 2 min"
    ),
    "redis_load_bytes_per_s": prior(
        triangular(2e7, 3.5e7, 6e7),
        "bytes/s",
        f"{_REDIS} loading an append-only file beside 300 events/s (measured, twice): 0.08 and 0.16 s from its start",
    ),
}

READERS: Final[Mapping[str, Parameter]] = {
    "read_hit_s": prior(
        lognormal(0.006, 0.5),
        "s",
        "starlette 1.10, one round trip to Redis, orjson: some milliseconds beside 300 events/s",
        "from the intended request to the answer that Redis told",
    ),
    "gateway_hit_s": prior(
        triangular(0.002, 0.004, 0.008), "s", "the same without waiting", "of the gateway's one loop, a request"
    ),
    "gateway_postgres_s": prior(
        triangular(0.002, 0.005, 0.015),
        "s",
        "pgcrypto's 0.35 ms a row for one row a topic, psycopg's round trip, one more to Redis to fill it",
        "more than a hit takes of the gateway's one loop",
    ),
}

ZOOKEEPER: Final[Mapping[str, Parameter]] = {
    "zookeeper_election_s": prior(
        triangular(0.35, 0.45, 1.0),
        "s",
        f"{_ZOOKEEPER} leader killed on an idle hub (measured, five times): 0.38 to 0.66 s",
        "from the leader's death to both followers serving again, one as leader",
    ),
    "zookeeper_start_s": prior(
        triangular(0.5, 0.6, 1.0),
        "s",
        f"{_ZOOKEEPER} killed and started on an idle hub (measured, six times): 0.54 to 0.98 s",
        "from its process's start to its serving as a follower, on free cores",
    ),
    "zookeeper_start_parallel": prior(
        triangular(0.6, 0.85, 1.3),
        "cores",
        "a JVM that mostly reads classes; measured: five starts beside 300 events/s took 1.1 to 2.3 s, 0.6 times what "
        "1.0 to 1.8 cores would give",
        "that its start keeps busy",
    ),
    "zookeeper_connect_s": prior(
        triangular(0.003, 0.01, 0.1), "s", "connect, ConnectRequest, the leader's word on the session"
    ),
}

QUORUM: Final[Mapping[str, Parameter]] = {
    **{name: ZOOKEEPER[name] for name in ("zookeeper_start_s", "zookeeper_start_parallel")},
    "zookeeper_election_s": prior(
        triangular(0.15, 0.22, 0.9),
        "s",
        f"{_ZOOKEEPER} FastLeaderElection: one is waiting for votes already; in two drills the quorum was back 1.1 s "
        "after the servers were started, their starts included",
        "from the first server's start to its serving with the one that was left",
    ),
    "second_zookeeper_start_s": ZOOKEEPER["zookeeper_start_s"],  # two start at once
    "zookeeper_asked_share": prior(
        triangular(0.3, 0.45, 0.6),
        "",
        "Kafka 3.7.1 KafkaServer.startup: JVM, classes and settings before initZkClient, logs and sockets after it",
        "of a broker's start: until it asks for ZooKeeper",
    ),
    "zookeeper_found_s": prior(
        triangular(0.0, 0.7, 2.0),
        "s",
        f"{_ZOOKEEPER} ClientCnxn.SendThread.startConnect: up to 1 s asleep before each attempt, 1 s more a round",
        "from the quorum's return to a waiting client's connection",
    ),
}

NODE: Final[Mapping[str, Parameter]] = {
    **PROCESSOR,
    **POSTGRES,
    **ZOOKEEPER,
    "coordinator_load_s": prior(
        triangular(0.02, 0.1, 0.5),
        "s",
        "Kafka 3.7.1 GroupMetadataManager.loadGroupsAndOffsets: a partition of offsets is read, compacted or not",
        "from the new leader of the group's offsets to its serving as coordinator",
    ),
    "coordinator_query_s": prior(
        uniform(0.0, 1.0),
        "s",
        f"{_LIBRDKAFKA}: rd_kafka_cgrp_serve asks for the coordinator again at most once a second",
        "until a processor has found the group's new coordinator",
    ),
    "crowded_start_factor": prior(
        triangular(1.5, 2.7, 4.5),
        "",
        "a broker, a ZooKeeper server and an event processor start on the same cores; measured in four drills: a "
        "standby streams 1.6 to 2.8 s after its node's processes were killed",
        "on a standby's start beside all of its node's other starts",
    ),
    "crowded_keeper_factor": prior(
        triangular(0.9, 1.5, 2.0),
        "",
        "measured in seven drills: all ZooKeeper servers served 0.9 to 1.5 times as late as one that starts alone",
        "on a ZooKeeper server's or a controller's start beside its node's others",
    ),
    "node_starts_s": prior(
        triangular(2.0, 4.0, 8.0),
        "s",
        "starts at once need some 5 s of computing (broker 2 to 3, event processor 1.3, ZooKeeper 0.8)",
        "how long the broker's first start has two others beside it",
    ),
}

FROZEN_NODE: Final[Mapping[str, Parameter]] = {
    "coordinator_query_s": NODE["coordinator_query_s"],
    **{name: PROCESSOR[name] for name in ("heartbeat_s", "group_contact_age_s", "group_join_s", "group_sync_s")},
    "thaw_s": prior(
        triangular(0.002, 0.02, 0.15),
        "s",
        "a woken process answers what waits in its socket: milliseconds, beside the node's other servers",
        "from SIGCONT to the processor's first answer and batch",
    ),
    "zookeeper_election_s": ZOOKEEPER["zookeeper_election_s"],
    "zookeeper_rejoin_s": prior(
        triangular(0.1, 0.4, 1.5),
        "s",
        f"{_ZOOKEEPER} QuorumPeer: its socket was closed, FastLeaderElection finds the leader, it synchronises",
        "from SIGCONT to the server serving as a follower",
    ),
}

BROKERS: Final[Mapping[str, Parameter]] = {
    "producer_backoff_longest_s": prior(
        uniform(0.8, 1.2),
        "s",
        f"{_LIBRDKAFKA} retry.backoff.max.ms 1000, with 20 % of jitter",
        "between two attempts of a request that was refused for seconds",
    ),
}

LOAD: Final[Mapping[str, Parameter]] = {
    "burst_response_s": prior(
        lognormal(0.008, 1.0),
        "s",
        "as slow as the calibration burst's last seconds, where there are some",
        "an undisturbed request beside the burst",
    ),
    "burst_response_factor": prior(
        triangular(0.5, 1.0, 2.0),
        "",
        "Python's and the JVMs' code is compiled by then, and the burst may be harder than the calibration's",
        "on burst_response_s",
    ),
    "calibration_burst_slows": prior(
        triangular(1.0, 1.3, 2.0),
        "",
        "brokers and load take four times their cores from the database, processor sharing (cores.py)",
        "a full batch beside four times the load, to one beside the usual load",
    ),
}

CONTROLLER: Final[Mapping[str, Parameter]] = {
    "quorum_fetch_timeout_s": prior(2.0, "s", f"{_RAFT} quorum.fetch.timeout.ms"),
    "quorum_fetch_age_s": prior(
        uniform(0.0, 0.6),
        "s",
        f"{_RAFT} KafkaRaftClient MAX_FETCH_WAIT_MS: a fetch is answered within 0.5 s; another controller was active "
        "after 1.5 s (measured, once)",
        "age of the last fetch that was answered to the first who stands for election",
    ),
    "quorum_election_s": prior(
        empirical((0.03, 0.06, 0.15, 0.3, 1.2, 1.6)),
        "s",
        f"{_RAFT} one round of votes; KafkaRaftClient waits up to quorum.election.backoff.max.ms (1 s) where one was "
        "lost: in two of four drills another controller was active 1.2 and 1.6 s later than in the others",
        "from the first who stands for election to a leader of the quorum",
    ),
    "controller_claim_s": prior(
        triangular(0.005, 0.03, 0.3),
        "s",
        f"{_RAFT} QuorumController.claim: its log read, its state made, a small hub",
        "from the leader of the quorum to an active controller",
    ),
    "controller_start_s": prior(
        triangular(0.35, 0.6, 1.5),
        "s",
        "a JVM's start, the metadata's log read: 1.1 s beside 300 events/s (measured, once), alone about half of it",
        "until its port answers",
    ),
    "controller_start_parallel": prior(1.3, "", "as a broker's start: computing time over time, alone"),
}

KRAFT_NODE: Final[Mapping[str, Parameter]] = {
    **{name: row for name, row in NODE.items() if name not in ZOOKEEPER},
    **CONTROLLER,
}

_BY_PART: Final[Mapping[Part, Mapping[str, Parameter]]] = {
    Part.BROKER: {},
    Part.BROKER_LINKS: {},
    Part.PROCESSOR: PROCESSOR,
    Part.POSTGRES: POSTGRES,
    Part.POSTGRES_FAILOVER: POSTGRES_FAILOVER,
    Part.POSTGRES_BACKEND: POSTGRES_BACKEND,
    Part.REDIS: REDIS,
    Part.ZOOKEEPER: ZOOKEEPER,
    Part.CONTROLLER: CONTROLLER,
    Part.NODE: NODE,
    Part.FROZEN_NODE: FROZEN_NODE,
    Part.DARK_NODE: NODE,
    Part.BROKERS: BROKERS,
    Part.QUORUM: QUORUM,
    Part.LOAD: LOAD,
}


def priors_of(part: Part, kraft: bool = False, reads: bool = False) -> dict[str, Parameter]:
    """Return every prior of a prediction of a part's loss by name, the unmeasured ones included.

    `reads`: of what readers at the gateway see of it as well.
    """
    own = KRAFT_NODE if kraft and part is Part.NODE else _BY_PART[part]
    return {**all_priors(kraft), **own, **(READERS if reads else {})}


def every_prior() -> dict[str, Parameter]:
    """Return the priors of all parts by name, of both modes of Kafka."""
    return {
        **all_priors(kraft=True),
        **all_priors(),
        **{name: row for rows in _BY_PART.values() for name, row in rows.items()},
    }
