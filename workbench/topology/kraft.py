"""KRaft mode of a Strimzi `Kafka` resource: its node pools instead of replicas and ZooKeeper.

Strimzi 0.42 (documentation, "Deploying Kafka in KRaft mode"): the annotations strimzi.io/kraft and
strimzi.io/node-pools, one KafkaNodePool of brokers and one of dedicated controllers. Pools with both roles are
refused: the embedded hub runs controllers as servers of their own.
"""

from __future__ import annotations

from typing import Final

from workbench.topology.documents import Node, dotted
from workbench.topology.fields import Reader
from workbench.topology.hub import ControllerQuorum, Resources, ZooKeeperEnsemble
from workbench.topology.placement import PodGroup, check_one_a_node

# Kafka 3.7.1 (server/KafkaConfig.scala). Strimzi 0.42 drops every setting that begins with `broker.`
# (KafkaClusterSpec.FORBIDDEN_PREFIXES), so a cluster of its has these and no others.
BROKER_SESSION_TIMEOUT_S: Final = 9.0
BROKER_HEARTBEAT_INTERVAL_S: Final = 2.0
KRAFT: Final = "strimzi.io/kraft"
NODE_POOLS: Final = "strimzi.io/node-pools"
NO_ENSEMBLE: Final = ZooKeeperEnsemble((), {}, 0.0, 0, 0, Resources(0.0, 0.0, 0.0, 0.0))
_ZOOKEEPER_ONLY: Final = ("inter.broker.protocol.version", "zookeeper.session.timeout.ms")
_AFFINITY: Final = ("spec", "template", "pod", "affinity")


def is_kraft(reader: Reader, kafka: Node, pools: list[Node]) -> bool:
    """Tell whether a `Kafka` resource is in KRaft mode; what contradicts its mode is noted."""
    modes = {key: kafka.text("metadata", "annotations", key) for key in (KRAFT, NODE_POOLS)}
    kraft = modes[KRAFT] == "enabled"
    if kraft and modes[NODE_POOLS] != "enabled":
        key = dotted("metadata.annotations", NODE_POOLS)
        reader.note(kafka.place, key, modes[NODE_POOLS] or "missing", "enabled: KRaft mode needs node pools")
    if not kraft:
        for pool in pools:
            reader.note(pool.place, "", "a KafkaNodePool", f"none without the Kafka's annotation {KRAFT}: enabled")
        return False
    unwanted: list[tuple[tuple[str, ...], str]] = [(("spec", "zookeeper"), "spec.zookeeper")]
    unwanted += [(("spec", "kafka", "config", name), dotted("spec.kafka.config", name)) for name in _ZOOKEEPER_ONLY]
    for path, key in unwanted:
        if (stated := kafka.get(*path)) is not None:
            reader.note(stated.place, key, "stated", f"not in KRaft mode ({KRAFT}: enabled): there is no ZooKeeper")
    return True


def pool_of(reader: Reader, kafka: Node, pools: list[Node], role: str) -> Node | None:
    """Return the one pool whose only role is `role`; else note what is wrong."""
    cluster = kafka.text("metadata", "name")
    own = [pool for pool in pools if pool.text("metadata", "labels", "strimzi.io/cluster") == cluster]
    found = [pool for pool in own if [each.plain for each in _roles(pool)] == [role]]
    if len(found) == 1:
        return found[0]
    bound = f"exactly one with the label strimzi.io/cluster: {cluster} and roles: [{role}]"
    reader.note(kafka.place, "", f"with {len(found)} KafkaNodePools for {role}s alone", bound)
    return None


def read_quorum(
    reader: Reader, kafka: Node, pools: list[Node], nodes: int
) -> tuple[int, Resources, float | None, ControllerQuorum | None]:
    """Return how many brokers there are, what each requests, its heap (bytes; None: not stated), the controllers."""
    brokers_pool, controllers_pool = (pool_of(reader, kafka, pools, role) for role in ("broker", "controller"))
    if brokers_pool is None or controllers_pool is None:
        return 0, NO_ENSEMBLE.resources, None, None
    brokers, controllers = (_replicas(reader, pool, nodes) for pool in (brokers_pool, controllers_pool))
    if controllers % 2 == 0:
        place = (controllers_pool.get("spec", "replicas") or controllers_pool).place
        reader.note(place, "spec.replicas", controllers, "an odd number: an even one outlives no loss more")
    quorum = ControllerQuorum(
        node_ids=tuple(range(brokers, brokers + controllers)),
        broker_session_timeout_s=BROKER_SESSION_TIMEOUT_S,
        broker_heartbeat_interval_s=BROKER_HEARTBEAT_INTERVAL_S,
        resources=reader.resources(controllers_pool, "spec", "resources"),
    )
    resources = reader.resources(brokers_pool, "spec", "resources")
    heap_bytes = reader.heap(brokers_pool, "spec", limit_bytes=resources.memory_limit_bytes)
    return brokers, resources, heap_bytes, quorum


def _replicas(reader: Reader, pool: Node, nodes: int) -> int:
    replicas = reader.whole(pool, "spec", "replicas", at_least=1, at_most=1000)
    place = (pool.get("spec", "replicas") or pool).place
    check_one_a_node(
        reader, PodGroup("spec.replicas", replicas, ".".join(_AFFINITY)), pool.get(*_AFFINITY), place, nodes
    )
    return replicas


def _roles(pool: Node) -> list[Node]:
    roles = pool.get("spec", "roles")
    return roles.items if roles else []
