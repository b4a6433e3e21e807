"""Priors of a Kafka that keeps its metadata itself, in place of what ZooKeeper and its controller take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workbench.model.parameter import Parameter, empirical, prior, triangular

_KAFKA: Final = "Kafka 3.7.1"

KRAFT: Final[Mapping[str, Parameter]] = {
    "isr_rejoin_s": prior(
        triangular(0.17, 0.38, 0.95),
        "s",
        f"{_KAFKA} as with ZooKeeper, but AlterPartition is a record that a second controller has to have; the whole "
        "phase took 1.1 to 2.0 times as long as with that prior (twelve drills, median 1.6)",
        "from the broker ready to full sets, on free cores",
    ),
    "fence_commit_s": prior(
        triangular(0.03, 0.08, 0.4),
        "s",
        f"{_KAFKA} RaftConfig quorum.append.linger.ms 25, one round to a second controller, the brokers' next fetch",
        "from the last heartbeat's time-out to every live broker knowing of the fencing",
    ),
    "registration_share": prior(
        triangular(0.4, 0.57, 0.8),
        "",
        "a broker killed and started on an idle hub (measured, once): 1.1 of 2.0 s",
        "of a broker's start: until it first asks to be registered; the rest follows when it is",
    ),
    "leader_and_isr_s": prior(
        triangular(0.02, 0.06, 0.3),
        "s",
        f"{_KAFKA} ReplicaManager.applyDelta: some thirty partitions in turn, 1 to 10 ms each",
        "a surviving broker carries out one batch of metadata records",
    ),
    "stop_intervals": prior(
        empirical((1.0, 2.0)),
        "heartbeats",
        f"{_KAFKA} BrokerHeartbeatManager.calculateNextBrokerState: all other brokers have told; two (measured, once)",
        "of a stopping broker after its second look, until it may end",
    ),
    "metadata_again_s": prior(
        triangular(0.05, 0.2, 0.6),
        "s",
        f"{_KAFKA} KafkaRaftClient: an observer that has heard nothing for quorum.fetch.timeout.ms (2 s) looks for the "
        "leader again; 0.3 s (measured, once)",
        "a frozen broker: from its thaw to having read the metadata it missed",
    ),
    "stop_ends_s": prior(
        triangular(0.2, 0.5, 1.8),
        "s",
        f"{_KAFKA} BrokerServer.shutdown: sockets, log flush: 0.37 to 1.3 s on an idle hub with ZooKeeper (measured)",
        "from the fencing of a broker that was stopped to its process gone",
    ),
    "client_forgets": prior(
        empirical((0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0)),
        "ticks",
        "librdkafka rd_kafka_metadata_decommission_unavailable_brokers: three of four kills (measured), none of four "
        "drills' later",
        "1: its threads race so that it forgets the new leaders just after it has noted them",
    ),
    "metadata_update_s": prior(
        0.0, "s", f"{_KAFKA} BrokerMetadataPublisher.onMetadataUpdate: what clients are told is new first"
    ),
}
NOT_IN_KRAFT: Final = frozenset(
    {
        "zookeeper_close_s",
        "controller_react_s",
        "controller_partition_s",
        "controller_failover_s",
        "node_exists_exit_s",
        "session_reopen_s",
        "stop_moves_leaders_s",
        "stop_deregisters_s",
    }
)
