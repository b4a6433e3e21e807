"""Priors: numbers of the model that neither manifests nor this run's own measurements give.

Each has a published source, a constant in a program's source, or a range wide enough to be honest about what
was never measured. None is fitted to what a drill's metrics showed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workbench.model import discrepancy
from workbench.model.kraft_priors import KRAFT, NOT_IN_KRAFT
from workbench.model.parameter import Parameter, lognormal, prior, triangular, uniform

TAKEN_OVER: Final = (0.15, 0.38, 0.5)
_LIBRDKAFKA: Final = "librdkafka CONFIGURATION.md"
_KAFKA: Final = "Kafka 3.7.1"


_ELECTIONS: Final = (
    "from the znode gone to all leaders moved, measured in 101 drills: median 0.11 s, and 0.45 s of a lost controller"
)

KAFKA_AND_ZOOKEEPER: Final[Mapping[str, Parameter]] = {
    "zookeeper_close_s": prior(
        triangular(0.002, 0.01, 0.06),
        "s",
        "one quorum write with fsync; ZooKeeper 3.8.4 ZooKeeperServer.expire",
        "from the expiry tick to the session's znodes gone",
    ),
    "controller_react_s": prior(
        triangular(0.003, 0.015, 0.1),
        "s",
        f"{_KAFKA} KafkaController.processBrokerChange: watch, one read a broker, event queue; {_ELECTIONS}",
        "from the znode gone to the first change of state",
    ),
    "controller_partition_s": prior(
        triangular(0.0003, 0.0007, 0.003),
        "s",
        "at most 5 ms a partition (Rao, How to choose the number of topics/partitions); pipelined since KAFKA-5642; "
        + _ELECTIONS,
        "leader election or removal from the in-sync replicas, one partition",
    ),
    "leader_and_isr_s": prior(
        triangular(0.01, 0.03, 0.18),
        "s",
        f"{_KAFKA} ReplicaManager.becomeLeaderOrFollower: one lock, some thirty partitions in turn, 1 to 10 ms each; "
        + _ELECTIONS,
        "a surviving broker carries out one LeaderAndIsr request",
    ),
    "controller_failover_s": prior(
        triangular(0.05, 0.12, 0.6),
        "s",
        f"{_KAFKA} KafkaController.onControllerFailover: election, context load, one UpdateMetadata; 59 to 104 ms on "
        "an idle hub (measured by its own log)",
        "only when the victim was the controller",
    ),
    "metadata_update_s": prior(
        triangular(0.002, 0.01, 0.05),
        "s",
        f"{_KAFKA} UpdateMetadata after LeaderAndIsr, one request a broker",
        "from leaders moved to every live broker telling clients so",
    ),
    "epoch_overlap_chance": prior(
        uniform(0.3, 0.9),
        "",
        f"{_KAFKA} AbstractFetcherThread.onPartitionFenced: a fetch under way while its own state changes",
        "that followers of a leader which was not the last to handle a change back off as well",
    ),
    "replication_lag_s": prior(
        triangular(0.0005, 0.002, 0.01),
        "s",
        "two one-way trips and an append on a follower; Kafka design, Replication",
        "acknowledged with acks=1 and not yet on a follower",
    ),
}

CLIENTS: Final[Mapping[str, Parameter]] = {
    "producer_linger_s": prior(0.005, "s", f"{_LIBRDKAFKA} linger.ms"),
    "producer_batch_events_max": prior(10_000, "events", f"{_LIBRDKAFKA} batch.num.messages"),
    "producer_batch_bytes_max": prior(1_000_000, "bytes", f"{_LIBRDKAFKA} batch.size"),
    "client_scan_s": prior(
        1.0,
        "s",
        "librdkafka rd_kafka_1s_tmr_cb: rd_kafka_topic_scan_all asks again while a partition's broker is down",
        "each client with a phase of its own",
    ),
    "client_retry_s": prior(0.1, "s", f"{_LIBRDKAFKA} retry.backoff.ms", "after NOT_LEADER_OR_FOLLOWER"),
    "metadata_round_s": prior(
        triangular(0.002, 0.006, 0.04),
        "s",
        "one Metadata request, then the partition's hand-over between the client's broker threads",
        "from a client's question to its first request at the new leader",
    ),
    "request_event_s": prior(
        triangular(2e-6, 5e-6, 2e-5),
        "s",
        "LinkedIn benchmark 2014: 50,000 to 800,000 records/s and producer",
        "one more event in a produce request",
    ),
    "fetch_s": prior(
        triangular(0.0005, 0.002, 0.01),
        "s",
        f"{_KAFKA} delayed fetch completed by the high watermark; librdkafka fetch.min.bytes 1",
        "from the high watermark to the processor's queue",
    ),
    "load_workers": prior(2, "", "the load's default", "separate Kafka clients, beside the canary's"),
}

BROKER: Final[Mapping[str, Parameter]] = {
    "busy_in_silence_share": prior(
        triangular(0.1, 0.3, 0.6),
        "",
        "while no write is acknowledged only the load and the waiting requests are left",
        "of the cores that short tasks keep busy in the baseline",
    ),
    "taken_over_share": prior(
        triangular(*TAKEN_OVER),
        "",
        "another broker leads in its place and nobody follows in its place: (L - F) / (L + 2 F) with three replicas, "
        "where leading costs L = 1.5 to 4 times what following costs, F",
        "of the cores that the victim kept busy: what the survivors need more",
    ),
    "broker_start_threads": prior(
        uniform(1.0, 2.0),
        "",
        "HotSpot 17: the main thread and one C1 compiler thread",
        "threads of a starting broker that want to run at once",
    ),
    "start_again_factor": prior(
        lognormal(1.3, 0.36),
        "",
        "brokers stopped and started again under 200 and 300 events/s (measured, 29 times): 0.8 to 1.7 times what "
        "shared cores explain, median 1.3; on an idle hub 1.0 (measured, four times); as wide as 84 drills' starts "
        "were (the logarithm's deviation from what was predicted: 0.35)",
        "a start's computing beside a load without its logs, to the one at the hub's start",
    ),
    "cold_rejoin_factor": prior(
        lognormal(1.0, 0.35),
        "",
        "the same brokers under 300 events/s (measured, 21 times): from their registration to full in-sync sets 1.2 to "
        "2.3 times what shared cores explain; 38 drills on four machines: 0.72 of the whole phase that a factor of 1.4 "
        "and isr_rejoin_s of 0.37 s predict, as wide as they were (0.35)",
        "computing of a broker that has just started, from its registration to the last in-sync set full",
    ),
    "fewer_followers_gain": prior(
        triangular(0.05, 0.2, 0.33),
        "",
        "the larger of two exponential times is 1.5 times one of them; replication is 0.3 to 1 of a response",
        "of a response with acks=all: what one in-sync follower less saves",
    ),
    "cold_follower_factor": prior(
        triangular(1.0, 1.6, 2.6),
        "",
        "brokers killed and started again under 300 events/s (measured, three times): 1.4 to 3 times the baseline's "
        "median, crowded cores included",
        "on a response with acks=all while a follower's code is not compiled yet",
    ),
    "crowded_spread": prior(
        triangular(1.2, 1.5, 2.0),
        "",
        "brokers killed and started again under 300 events/s (measured, three times): the logarithm of the 95 % "
        "quantile over the median is 1.3 to 2.2 times, of the 99 % quantile 1.2 to 1.8 times the baseline's",
        "exponent on how far a response or a batch is from its usual time, from the broker's start until it is warm",
    ),
    "broker_warm_up_threads": prior(
        uniform(0.15, 0.6),
        "",
        "a broker stopped and started under 200 and 300 events/s (measured): 0.25 to 0.55 cores until the last in-sync "
        "set is full and 2 s beyond, 0.1 cores later",
        "work beside its requests that always wants to go on, from its registration until it is warm",
    ),
    "broker_warm_up_s": prior(
        triangular(1.0, 2.0, 4.0),
        "s",
        "a broker stopped and started under 200 and 300 events/s (measured): slow for 2 s, as before after 4 s",
        "from the last in-sync replica set full to a broker as fast as before",
    ),
    "log_load_partition_s": prior(
        triangular(0.002, 0.0038, 0.008),
        "s",
        f"{_KAFKA} LogManager on an idle hub: 74 logs in 257 to 298 ms (measured by its own log)",
        "one partition of a broker that was shut down cleanly: files opened, indices mapped, producers read",
    ),
    "log_recovery_partition_s": prior(
        triangular(0.001, 0.004, 0.02),
        "s",
        f"{_KAFKA} LogLoader: segments beyond the recovery point are read again, indices rebuilt",
        "one partition more than log_load_partition_s, only after SIGKILL",
    ),
    "log_scan_bytes_per_s": prior(
        triangular(1e8, 2.5e8, 5e8), "bytes/s", "CRC check of the active segments, 100 to 500 MB/s on an SSD"
    ),
    "node_exists_exit_s": prior(
        triangular(0.2, 0.4, 1.5),
        "s",
        f"{_KAFKA} KafkaServer.startup: a failed registration shuts the broker down and ends the process",
        "from the refused registration to the process gone",
    ),
    "session_reopen_s": prior(
        triangular(0.05, 0.3, 1.5),
        "s",
        f"{_KAFKA} ZooKeeperClient: reconnect, answer that the session expired, new session, znode; its client pauses "
        "up to 1 s before it connects again",
        "a frozen broker: from its thaw to its new registration",
    ),
    "kubelet_relist_s": prior(
        uniform(0.0, 1.0),
        "s",
        "Kubernetes 1.29 pkg/kubelet/kubelet.go genericPlegRelistPeriod, 1 s; the kubelet's stand-in does the same",
        "from a first exit to the kubelet's next look at its containers; later exits wait for the back-off anyway",
    ),
    "restart_notice_s": prior(
        triangular(0.002, 0.005, 0.05),
        "s",
        "process reaped, new one forked: 3 to 4 ms after it was due beside 300 events/s (measured, six times)",
    ),
    "isr_rejoin_s": prior(
        triangular(0.1, 0.22, 0.6),
        "s",
        f"{_KAFKA} LeaderAndIsr to the broker, truncation, first fetches, Partition.maybeExpandIsr, AlterPartition one "
        "request at a time: 0.25 to 0.35 s on an idle hub (measured), more where fetches wait (0.1 s each); 38 drills: "
        "see cold_rejoin_factor",
        "from the broker ready to full sets, on free cores and without the bytes missed",
    ),
    "isr_rejoin_waits_share": prior(
        uniform(0.3, 0.8),
        "",
        "fetch waits and AlterPartition's round trips through ZooKeeper, one after another, compute little",
        "of isr_rejoin_s: what busy cores do not make longer",
    ),
    "catch_up_bytes_per_s": prior(
        triangular(2e7, 6e7, 1.2e8), "bytes/s", "one fetcher a source broker, 10 MiB a response; 50-100 MB/s"
    ),
    "stop_moves_leaders_s": prior(
        triangular(0.05, 0.2, 1.0), "s", f"{_KAFKA} ControlledShutdown: leaders move before the broker stops", "SIGTERM"
    ),
    "stop_slows": prior(
        triangular(1.0, 1.4, 2.2),
        "",
        "processor sharing: a core shared with the load and the victim's new start; 59 to 286 ms in brokers' logs",
        "how much longer survivors take for their own work at a stop than after a kill, in silence",
    ),
    "stop_deregisters_s": prior(
        triangular(0.2, 0.5, 1.8),
        "s",
        f"{_KAFKA} KafkaServer.shutdown: sockets, log flush, then the ZooKeeper session is closed: 0.37 to 1.3 s on an "
        "idle hub (measured)",
        "from the leaders moved to the znode gone, SIGTERM",
    ),
}

BROKER_UNMEASURED: Final[Mapping[str, Parameter]] = {
    "broker_start_s": prior(triangular(1.0, 2.5, 8.0), "s", "JVM start to registration without a measurement"),
    "broker_start_cpu_s": prior(triangular(1.2, 3.0, 9.0), "s", "computing time of it, without a measurement"),
    "broker_ready_s": prior(triangular(0.1, 0.6, 2.5), "s", "registration to answering, without a measurement"),
}

MACHINE_UNMEASURED: Final[Mapping[str, Parameter]] = {
    "machine_cores": prior(2.0, "cores", "the smallest machine the hub is tried on"),
    "victim_cores": prior(uniform(0.1, 0.4), "cores", "a third of what three brokers need, without a measurement"),
    "short_tasks_cores": prior(uniform(0.3, 0.9), "cores", "load, brokers and processors without a measurement"),
    "database_cores": prior(uniform(0.2, 0.9), "cores", "0.35 to 2 ms an encrypted row, some 400 rows/s"),
}

PIPELINE_UNMEASURED: Final[Mapping[str, Parameter]] = {
    "response_s": prior(
        lognormal(0.0035, 0.6), "s", "acks=all: produce round trip, append, follower fetch; 2-5 ms on a small cluster"
    ),
    "request_s": prior(triangular(0.001, 0.003, 0.008), "s", "as response_s, without waiting"),
    "steady_batch_events": prior(15.0, "events", "BATCH_LINGER_S of 0.05 s at some hundred events/s and processor"),
    "steady_batch_s": prior(
        triangular(0.006, 0.012, 0.03),
        "s",
        "pgp_sym_encrypt with its default S2K: 0.35 ms a row alone on a core, pgcrypto documentation; one WAL flush",
    ),
    "steady_busy": prior(uniform(0.1, 0.4), "", "share of time"),
    "saturated_batch_events": prior(200.0, "events", "four times the rate"),
    "saturated_batch_s": prior(triangular(0.1, 0.25, 0.6), "s", "as steady_batch_s, on cores that are all busy"),
    "saturated_busy": prior(uniform(0.6, 0.95), "", "share of time"),
    "batch_rest_s": prior(triangular(0.0005, 0.002, 0.006), "s", "parsing, one Redis script a batch"),
    "commit_stamp_lead_s": prior(
        triangular(0.0002, 0.002, 0.006),
        "s",
        "110 us to 1.6 ms fdatasync, one reply, one wake-up; PostgreSQL 14 xact.c RecordTransactionCommit",
        "from a row's commit stamp to the processor's having its answer",
    ),
    "batch_rest_event_s": prior(triangular(5e-6, 2e-5, 6e-5), "s", "parsing and Redis, one event"),
}

PIPELINE: Final[Mapping[str, Parameter]] = {
    "batch_noise": prior(
        lognormal(1.0, 0.2), "", "spread of one transaction's time around its mean: flushes, scheduling"
    ),
    "batch_fixed_share": prior(
        triangular(0.05, 0.2, 0.5),
        "",
        "one transaction's round trip and WAL flush (110 us to 1.6 ms fdatasync) beside 15 encrypted rows",
        "of a steady batch's time: what does not grow with its events",
    ),
    "saturated_speed_up": prior(
        triangular(0.7, 1.1, 2.2),
        "",
        "in the burst, load and brokers work four times as hard on the same cores; as wide as 82 drills' drains were "
        "(the logarithm's deviation from what was predicted: 0.51, half of it understood)",
        "a batch while the backlog drains, to one of the burst with as many events",
    ),
}

DRILL: Final[Mapping[str, Parameter]] = {
    "load_tail_s": prior(
        uniform(2.0, 6.0), "s", "the drill stops the load after its experiment has ended", "after all is whole again"
    ),
    "calm_s": prior(8.0, "s", "workbench.drill.recovery CALM_S", "the backlog must stay back so long"),
}


def all_priors(kraft: bool = False) -> dict[str, Any]:
    """Return every prior by name, the unmeasured ones included; `kraft`: of a Kafka without ZooKeeper."""
    rows = {
        **KAFKA_AND_ZOOKEEPER,
        **CLIENTS,
        **BROKER,
        **BROKER_UNMEASURED,
        **MACHINE_UNMEASURED,
        **PIPELINE,
        **PIPELINE_UNMEASURED,
        **DRILL,
        **discrepancy.PRIORS,
    }
    return {name: row for name, row in {**rows, **KRAFT}.items() if name not in NOT_IN_KRAFT} if kraft else rows
