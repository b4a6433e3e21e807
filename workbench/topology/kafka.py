"""The Strimzi `Kafka` resource and its topics to typed values, with every bound between them checked."""

from __future__ import annotations

from typing import Final

from workbench.topology.documents import Node, dotted
from workbench.topology.fields import Reader, near
from workbench.topology.hub import BrokerId, KafkaCluster, Topic, ZooKeeperEnsemble
from workbench.topology.kraft import NO_ENSEMBLE, is_kraft, read_quorum
from workbench.topology.placement import PodGroup, check_one_a_node
from workbench.units import seconds_from_ms

# What Kafka 3.7.1 (server/KafkaConfig.scala) and Strimzi 0.42 (ZookeeperConfiguration.java) take where a
# manifest is silent.
SESSION_TIMEOUT_MS_DEFAULT: Final = 18_000
REPLICA_LAG_TIME_MAX_MS_DEFAULT: Final = 30_000
MIN_INSYNC_REPLICAS_DEFAULT: Final = 1
TICK_TIME_MS_DEFAULT: Final = 2_000
INIT_LIMIT_TICKS_DEFAULT: Final = 5
SYNC_LIMIT_TICKS_DEFAULT: Final = 2
# ZooKeeper 3.8.4, ZooKeeperServer: a session outside these is moved to the bound without a word.
SESSION_TICKS_MIN: Final = 2
SESSION_TICKS_MAX: Final = 20
HOUR_MS: Final = 3_600_000

_KAFKA: Final = ("spec", "kafka")
_CONFIG: Final = ("spec", "kafka", "config")
_ZOOKEEPER: Final = ("spec", "zookeeper")
_SESSION: Final = "zookeeper.session.timeout.ms"
_LAG: Final = "replica.lag.time.max.ms"
_MIN_ISR: Final = "min.insync.replicas"
_REPLICATION_SETTINGS: Final = (
    "default.replication.factor",
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
)
_MIN_ISR_OF: Final = {
    _MIN_ISR: "default.replication.factor",
    "transaction.state.log.min.isr": "transaction.state.log.replication.factor",
}
_READ_SETTINGS: Final = (_SESSION, _LAG, *_REPLICATION_SETTINGS, *_MIN_ISR_OF)
# Strimzi 0.42, KafkaClusterSpec.FORBIDDEN_PREFIXES and exceptions: the operator drops these and says so in
# its log only. Without the KRaft options, which a cluster with ZooKeeper does not have.
_OPERATOR_OWNED: Final = (
    "listeners",
    "advertised.",
    "broker.",
    "listener.",
    "host.name",
    "port",
    "inter.broker.listener.name",
    "sasl.",
    "ssl.",
    "security.",
    "password.",
    "log.dir",
    "zookeeper.connect",
    "zookeeper.set.acl",
    "zookeeper.ssl",
    "zookeeper.clientCnxnSocket",
    "authorizer.",
    "super.user",
    "node.id",
    "process.roles",
    "controller.",
    "metadata.log.dir",
)
_OPERATOR_EXCEPTIONS: Final = (
    "zookeeper.connection.timeout.ms",
    "sasl.server.max.receive.size",
    "ssl.cipher.suites",
    "ssl.protocol",
    "ssl.enabled.protocols",
    "ssl.secure.random.implementation",
    "controller.socket.timeout.ms",
)


def read_kafka(reader: Reader, kafka: Node, pools: list[Node], nodes: int) -> tuple[KafkaCluster, ZooKeeperEnsemble]:
    """Return brokers and ZooKeepers of a `Kafka` resource with its node pools; `nodes`: how many workers there are.

    In KRaft mode there is no ZooKeeper, and the cluster has a quorum of controllers.
    """
    if is_kraft(reader, kafka, pools):
        return _read_kraft(reader, kafka, pools, nodes), NO_ENSEMBLE
    ensemble = _read_zookeeper(reader, kafka, nodes)
    brokers = reader.whole(kafka, *_KAFKA, "replicas", at_least=1, at_most=1000)
    _check_spread(reader, kafka, _KAFKA, brokers, nodes)
    session_ms = reader.whole(
        kafka, *_CONFIG, _SESSION, at_least=1, at_most=HOUR_MS, default=SESSION_TIMEOUT_MS_DEFAULT
    )
    _check_session(reader, kafka, session_ms, ensemble)
    lag_ms = reader.whole(kafka, *_CONFIG, _LAG, at_least=1, at_most=HOUR_MS, default=REPLICA_LAG_TIME_MAX_MS_DEFAULT)
    _check_settings(reader, kafka, brokers)
    resources = reader.resources(kafka, *_KAFKA, "resources")
    cluster = KafkaCluster(
        name=reader.text(kafka, "metadata", "name"),
        version=reader.version(kafka, *_KAFKA, "version"),
        broker_ids=tuple(BrokerId(index) for index in range(brokers)),
        config=reader.settings(kafka, *_CONFIG),
        zookeeper_session_timeout_s=seconds_from_ms(session_ms),
        replica_lag_time_max_s=seconds_from_ms(lag_ms),
        resources=resources,
        heap_bytes=reader.heap(kafka, *_KAFKA, limit_bytes=resources.memory_limit_bytes),
    )
    return cluster, ensemble


def _read_kraft(reader: Reader, kafka: Node, pools: list[Node], nodes: int) -> KafkaCluster:
    brokers, resources, heap_bytes, quorum = read_quorum(reader, kafka, pools, nodes)
    lag_ms = reader.whole(kafka, *_CONFIG, _LAG, at_least=1, at_most=HOUR_MS, default=REPLICA_LAG_TIME_MAX_MS_DEFAULT)
    _check_settings(reader, kafka, brokers)
    return KafkaCluster(
        name=reader.text(kafka, "metadata", "name"),
        version=reader.version(kafka, *_KAFKA, "version"),
        broker_ids=tuple(BrokerId(index) for index in range(brokers)),
        config=reader.settings(kafka, *_CONFIG),
        zookeeper_session_timeout_s=0.0,
        replica_lag_time_max_s=seconds_from_ms(lag_ms),
        resources=resources,
        quorum=quorum,
        heap_bytes=heap_bytes,
    )


def read_topics(reader: Reader, topics: list[Node], kafka: Node, brokers: int) -> tuple[Topic, ...]:
    """Return the topics in the order of their names, each within what the brokers can hold."""
    cluster = kafka.text("metadata", "name")
    read: dict[str, Topic] = {}
    for node in topics:
        label = node.get("metadata", "labels", "strimzi.io/cluster")
        if label is None or label.plain != cluster:
            found = "missing" if label is None else label.plain
            reader.note(node.place, 'metadata.labels["strimzi.io/cluster"]', found, f"{cluster}, the Kafka's name")
        name = node.text("spec", "topicName") or node.text("metadata", "name")
        if name in read:
            reader.note(node.place, "spec.topicName", name, "a name no other topic has")
        read[name] = _read_topic(reader, node, name, kafka, brokers)
    if not read:
        reader.note(kafka.place, "", "without a KafkaTopic", "at least one topic")
    return tuple(read[name] for name in sorted(read))


def _read_topic(reader: Reader, node: Node, name: str, kafka: Node, brokers: int) -> Topic:
    partitions = reader.whole(node, "spec", "partitions", at_least=1, at_most=10_000)
    replicas = reader.whole(node, "spec", "replicas", at_least=1, at_most=1000)
    stated = node.get("spec", "replicas")
    if stated is not None and replicas > brokers:
        reader.note(stated.place, "spec.replicas", replicas, f"at most {brokers}, the brokers there are")
    of_cluster = reader.whole(kafka, *_CONFIG, _MIN_ISR, at_least=1, at_most=1000, default=MIN_INSYNC_REPLICAS_DEFAULT)
    min_isr = reader.whole(node, "spec", "config", _MIN_ISR, at_least=1, at_most=1000, default=of_cluster)
    if min_isr > replicas:
        place = node.get("spec", "config", _MIN_ISR) or kafka.get(*_CONFIG, _MIN_ISR) or node
        bound = f"at most {replicas}, the replicas of topic {name}: acks=all writes would be refused for good"
        reader.note(place.place, f'spec.config["{_MIN_ISR}"]', min_isr, bound)
    return Topic(name, partitions, replicas, min_isr, reader.settings(node, "spec", "config"))


def _read_zookeeper(reader: Reader, kafka: Node, nodes: int) -> ZooKeeperEnsemble:
    replicas = reader.whole(kafka, *_ZOOKEEPER, "replicas", at_least=1, at_most=15)
    _check_spread(reader, kafka, _ZOOKEEPER, replicas, nodes)
    config = (*_ZOOKEEPER, "config")
    tick_ms = reader.whole(kafka, *config, "tickTime", at_least=100, at_most=60_000, default=TICK_TIME_MS_DEFAULT)
    return ZooKeeperEnsemble(
        server_ids=tuple(range(1, replicas + 1)),
        config=reader.settings(kafka, *config),
        tick_time_s=seconds_from_ms(tick_ms),
        init_limit_ticks=reader.whole(
            kafka, *config, "initLimit", at_least=1, at_most=1000, default=INIT_LIMIT_TICKS_DEFAULT
        ),
        sync_limit_ticks=reader.whole(
            kafka, *config, "syncLimit", at_least=1, at_most=1000, default=SYNC_LIMIT_TICKS_DEFAULT
        ),
        resources=reader.resources(kafka, *_ZOOKEEPER, "resources"),
    )


def _check_session(reader: Reader, kafka: Node, session_ms: int, ensemble: ZooKeeperEnsemble) -> None:
    tick_ms = round(ensemble.tick_time_s * 1000)
    config = (*_ZOOKEEPER, "config")
    low = reader.whole(
        kafka, *config, "minSessionTimeout", at_least=1, at_most=HOUR_MS, default=SESSION_TICKS_MIN * tick_ms
    )
    high = reader.whole(
        kafka, *config, "maxSessionTimeout", at_least=1, at_most=HOUR_MS, default=SESSION_TICKS_MAX * tick_ms
    )
    if not low <= session_ms <= high:
        place = kafka.get(*_CONFIG, _SESSION) or kafka
        bound = (
            f"{low} to {high}: ZooKeeper grants {SESSION_TICKS_MIN} to {SESSION_TICKS_MAX} ticks of {tick_ms} ms "
            "and would use the nearer bound without a word"
        )
        reader.note(place.place, dotted("spec.kafka.config", _SESSION), session_ms, bound)


def _check_settings(reader: Reader, kafka: Node, brokers: int) -> None:
    config = kafka.get(*_CONFIG)
    stated = config.fields if config else {}
    for name in _REPLICATION_SETTINGS:
        factor = reader.whole(kafka, *_CONFIG, name, at_least=1, at_most=1000, default=1)
        if factor > brokers:
            bound = f"at most {brokers}, the brokers there are"
            reader.note(stated[name].place, dotted("spec.kafka.config", name), factor, bound)
    for name, of_factor in _MIN_ISR_OF.items():
        if name in stated and of_factor in stated:
            factor = reader.whole(kafka, *_CONFIG, of_factor, at_least=1, at_most=1000)
            if reader.whole(kafka, *_CONFIG, name, at_least=1, at_most=1000) > factor:
                bound = f"at most {factor}, the {of_factor}"
                reader.note(stated[name].place, dotted("spec.kafka.config", name), stated[name].plain, bound)
    for name, node in stated.items():
        key = dotted("spec.kafka.config", name)
        if name.startswith(_OPERATOR_OWNED) and name not in _OPERATOR_EXCEPTIONS:
            reader.note(node.place, key, node.plain, "not set here: Strimzi owns this setting and drops it")
        elif name not in _READ_SETTINGS and near(name, _READ_SETTINGS, cutoff=0.93):
            reader.note(node.place, key, "not a setting of Kafka", "one" + near(name, _READ_SETTINGS, cutoff=0.93))


def _check_spread(reader: Reader, kafka: Node, part: tuple[str, ...], replicas: int, nodes: int) -> None:
    group = PodGroup(".".join((*part, "replicas")), replicas, ".".join((*part, "template.pod.affinity")))
    place = (kafka.get(*part, "replicas") or kafka).place
    check_one_a_node(reader, group, kafka.get(*part, "template", "pod", "affinity"), place, nodes)
