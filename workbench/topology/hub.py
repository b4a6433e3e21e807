"""HubTopology: every number of the hub that manifests state, as typed values.

Read once from rendered manifests (workbench.topology.read_topology); model and targets take it from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NewType

BrokerId = NewType("BrokerId", int)
NodeName = NewType("NodeName", str)


@dataclass(frozen=True)
class Resources:
    """Requests and limits of one container: cores and bytes."""

    cpu_request_cores: float
    cpu_limit_cores: float
    memory_request_bytes: float
    memory_limit_bytes: float


@dataclass(frozen=True)
class Topic:
    """One KafkaTopic. `config` holds the manifest's own settings (strings, Kafka's names)."""

    name: str
    partitions: int
    replication_factor: int
    min_insync_replicas: int
    config: Mapping[str, str]


@dataclass(frozen=True)
class ControllerQuorum:
    """The KafkaNodePool of dedicated KRaft controllers, and by when they miss a broker."""

    node_ids: tuple[int, ...]  # after the brokers', as Strimzi numbers them
    broker_session_timeout_s: float
    broker_heartbeat_interval_s: float
    resources: Resources


@dataclass(frozen=True)
class KafkaCluster:
    """The Strimzi `Kafka` resource: brokers and their `spec.kafka.config`."""

    name: str
    version: str
    broker_ids: tuple[int, ...]  # 0 .. replicas-1, as Strimzi numbers them
    config: Mapping[str, str]  # broker settings as the manifest states them (strings)
    zookeeper_session_timeout_s: float  # 0 in KRaft mode
    replica_lag_time_max_s: float
    resources: Resources
    quorum: ControllerQuorum | None = None  # only in KRaft mode
    heap_bytes: float | None = None  # -Xmx of a broker; None: Strimzi takes a share of the memory limit

    @property
    def mode(self) -> str:
        """Return who keeps the cluster's metadata: "zookeeper" or "kraft"."""
        return "zookeeper" if self.quorum is None else "kraft"


@dataclass(frozen=True)
class ZooKeeperEnsemble:
    """`spec.zookeeper` of the same resource."""

    server_ids: tuple[int, ...]  # 1 .. replicas; none in KRaft mode
    config: Mapping[str, str]
    tick_time_s: float
    init_limit_ticks: int
    sync_limit_ticks: int
    resources: Resources


@dataclass(frozen=True)
class PostgresCluster:
    """The Kubegres resource: one primary and replicas-1 asynchronous standbys."""

    name: str
    version: str
    replicas: int
    config: Mapping[str, str]  # postgres.conf lines the manifest states
    failover_disabled: bool
    resources: Resources


@dataclass(frozen=True)
class RedisServer:
    """The Redis StatefulSet."""

    name: str
    version: str
    config: Mapping[str, str]  # redis.conf directives (appendonly, appendfsync, maxmemory ..)
    resources: Resources


@dataclass(frozen=True)
class EventProcessors:
    """The event processor's Deployment and its settings (environment of the container)."""

    name: str
    replicas: int
    consumer_group: str
    group_session_timeout_s: float  # a silent member's partitions are another's after so long
    batch_events_max: int  # most events of one database transaction
    batch_linger_s: float  # longest wait for a batch to fill
    encryption: str  # "pgcrypto", "application" or "disk"
    environment: Mapping[str, str]
    resources: Resources


@dataclass(frozen=True)
class Gateways:
    """The gateway's Deployment and its settings (the ConfigMap that its container takes whole)."""

    name: str
    replicas: int
    session_ttl_s: float  # a log-in lasts so long
    state_ttl_s: float  # Redis' states of a device are compared with Postgres again after so long
    pool_size_max: int  # connections to Postgres, of each gateway
    pool_waiting_max: int  # requests that may wait for one
    pool_wait_s: float  # and for how long
    postgres_timeout_s: float  # of one question
    redis_timeout_s: float  # of one connection and of one answer
    environment: Mapping[str, str]
    resources: Resources


@dataclass(frozen=True)
class HubTopology:
    """The whole hub as the manifests state it."""

    namespace: str
    nodes: tuple[str, ...]  # workers; by anti-affinity one broker, ZooKeeper or controller and Postgres instance each
    kafka: KafkaCluster
    zookeeper: ZooKeeperEnsemble
    topics: tuple[Topic, ...]  # in the order of their names
    postgres: PostgresCluster
    redis: RedisServer
    processors: EventProcessors
    gateways: Gateways
    placement: Mapping[str, str]  # "kafka-0" -> node name, for every server and application
    manifests_sha256: str  # of the rendered manifests

    @property
    def metadata_keepers(self) -> tuple[int, ...]:
        """Return the ids of those who keep Kafka's metadata: the ZooKeeper servers, in KRaft mode the controllers."""
        return self.zookeeper.server_ids if self.kafka.quorum is None else self.kafka.quorum.node_ids

    @property
    def partition_labels(self) -> tuple[str, ...]:
        """Flat list "topic-partition"; every flat partition index of the workbench indexes it."""
        return tuple(f"{topic.name}-{index}" for topic in self.topics for index in range(topic.partitions))

    def flat_partition(self, topic_index: int, partition: int) -> int:
        """Return the flat index of a topic's partition (topics in `topics` order)."""
        return sum(topic.partitions for topic in self.topics[:topic_index]) + partition
