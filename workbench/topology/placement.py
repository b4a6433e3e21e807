"""Which server stands on which worker: one each by anti-affinity, the rest where there is most room.

Not modelled: the kube-scheduler's own scores. Where the manifests leave it free (Redis, the processors, the gateways)
the least loaded worker by requests is taken, ties by the workers' order, so that the answer is always the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.topology.documents import Node, Place
from workbench.topology.fields import Reader, path_of
from workbench.topology.hub import (
    EventProcessors,
    Gateways,
    KafkaCluster,
    PostgresCluster,
    RedisServer,
    Resources,
    ZooKeeperEnsemble,
)


def place(
    sizes: Mapping[str, tuple[float, float]],
    kafka: KafkaCluster,
    zookeeper: ZooKeeperEnsemble,
    postgres: PostgresCluster,
    redis: RedisServer,
    processors: EventProcessors,
    gateways: Gateways,
) -> dict[str, str]:
    """Return the worker of every server. `sizes` maps each worker to its cores and bytes."""
    nodes = list(sizes)
    placement: dict[str, str] = {}
    used = {node: [0.0, 0.0] for node in nodes}

    def put(server: str, node: str, resources: Resources) -> None:
        placement[server] = node
        used[node][0] += resources.cpu_request_cores
        used[node][1] += resources.memory_request_bytes

    def load(node: str) -> float:
        """Return the share of the worker that is requested, of the scarcer of cores and memory."""
        cores, size_bytes = sizes[node]
        return max(used[node][0] / cores, used[node][1] / size_bytes)

    for index, broker in enumerate(kafka.broker_ids):
        put(f"kafka-{broker}", nodes[index], kafka.resources)
    for index, server in enumerate(zookeeper.server_ids):
        put(f"zookeeper-{server}", nodes[index], zookeeper.resources)
    if kafka.quorum is not None:
        for index, node_id in enumerate(kafka.quorum.node_ids):
            put(f"controller-{node_id}", nodes[index], kafka.quorum.resources)
    for index in range(postgres.replicas):
        put(f"postgres-{index + 1}", nodes[index], postgres.resources)
    put("redis-0", min(nodes, key=load), redis.resources)
    carried = dict.fromkeys(nodes, 0)
    for index in range(processors.replicas):
        node = min(nodes, key=lambda node: (carried[node], load(node)))
        carried[node] += 1
        put(f"event-processor-{index}", node, processors.resources)
    for index in range(gateways.replicas):
        put(f"gateway-{index}", min(nodes, key=load), gateways.resources)
    return placement


@dataclass(frozen=True)
class PodGroup:
    """Pods that must not share a worker: how many, and the keys that say so."""

    replicas_key: str
    replicas: int
    affinity_key: str


def check_one_a_node(reader: Reader, group: PodGroup, affinity: Node | None, place: Place, nodes: int) -> None:
    """Note pods that may share workers, or that are more than there are workers (`place` is the replicas')."""
    terms = affinity.get("podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution") if affinity else None
    if terms is None or not any(term.text("topologyKey") == "kubernetes.io/hostname" for term in terms.items):
        bound = "a required podAntiAffinity by kubernetes.io/hostname: else two may share a worker and its loss"
        reader.note(affinity.place if affinity else place, group.affinity_key, "missing", bound)
    elif group.replicas > nodes > 0:
        bound = f"at most {nodes}, the workers of hub-shape: anti-affinity allows one each"
        reader.note(place, group.replicas_key, group.replicas, bound)


def read_workers(reader: Reader, shape: Node) -> dict[str, tuple[float, float]]:
    """Return each worker's cores and bytes from the ConfigMap hub-shape, in the order it names them."""
    sizes: dict[str, tuple[float, float]] = {}
    data = reader.find(shape, ("data",), "one key a worker")
    for name, node in (data.fields if data else {}).items():
        parsed = reader.embedded(node, path_of(("data", name)))
        if parsed is not None:
            sizes[name] = reader.size(parsed)
    if data is not None and not data.fields:
        reader.note(data.place, "data", "without workers", "one key a worker")
    return sizes


def check_room(
    reader: Reader,
    shape: Node,
    sizes: Mapping[str, tuple[float, float]],
    placement: Mapping[str, str],
    requests: Mapping[str, Resources],
) -> None:
    """Note each worker whose pods request more than it has. `requests` maps a server's kind to its resources."""
    for node, (cores, size_bytes) in sizes.items():
        pods = [requests[server.rpartition("-")[0]] for server, where in placement.items() if where == node]
        cores_used = sum(pod.cpu_request_cores for pod in pods)
        bytes_used = sum(pod.memory_request_bytes for pod in pods)
        if cores_used > cores or bytes_used > size_bytes:
            found = shape.get("data", node) or shape
            asked = f"{len(pods)} pods request {cores_used:g} cores and {bytes_used / 1e9:.1f} GB"
            bound = f"{asked}: a worker of at least that size, or smaller requests"
            reader.note(found.place, path_of(("data", node)), "too small", bound)
