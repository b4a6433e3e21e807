"""Rendered manifests to HubTopology, with every problem found before any of them is reported."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import BadInput, Problem
from workbench.topology.documents import Node, shown
from workbench.topology.fields import Reader
from workbench.topology.finding import (
    CONFIG_MAP,
    DEPLOYMENT,
    KAFKA,
    KUBEGRES,
    NODE_POOL,
    STATEFUL_SET,
    TOPIC,
    of_type,
    the_only,
)
from workbench.topology.gateways import read_gateways
from workbench.topology.hub import HubTopology
from workbench.topology.kafka import read_kafka, read_topics
from workbench.topology.placement import check_room, place, read_workers
from workbench.topology.processors import read_processors
from workbench.topology.rendering import Resources, manifests_sha256, render_nodes
from workbench.topology.stores import read_postgres, read_redis

SHAPE = "hub-shape"  # the ConfigMap that states the workers


def read_topology(manifests: Path) -> HubTopology:
    """Return the hub that a kustomization folder states.

    Raises BadInput with every problem at once, each with file, line, key path, value and bound: what
    cannot be rendered (see `render`), a missing resource or field, a wrong unit, an unknown word, and
    numbers that contradict each other (more replicas than workers or brokers, a session outside
    ZooKeeper's bounds, more requested than a worker has).
    """
    resources = render_nodes(manifests)
    reader = Reader()
    topology = _read(reader, resources, shown(manifests))
    if reader.problems or topology is None:
        unique = list(dict.fromkeys(reader.problems))
        raise BadInput(f"manifests {shown(manifests)} do not describe a hub", unique)
    return topology


def _read(reader: Reader, resources: Resources, folder: str) -> HubTopology | None:
    kafka_node = the_only(reader, resources, folder, KAFKA)
    postgres_node = the_only(reader, resources, folder, KUBEGRES)
    redis_node = the_only(reader, resources, folder, STATEFUL_SET, "redis")
    processors_node = the_only(reader, resources, folder, DEPLOYMENT, "event-processor")
    gateways_node = the_only(reader, resources, folder, DEPLOYMENT, "gateway")
    shape = _shape(reader, resources, folder)
    sizes = read_workers(reader, shape) if shape else {}
    topic_nodes = of_type(resources, TOPIC)
    topics = None
    if kafka_node:
        kafka, zookeeper = read_kafka(reader, kafka_node, of_type(resources, NODE_POOL), len(sizes))
        topics = read_topics(reader, topic_nodes, kafka_node, len(kafka.broker_ids))
    if postgres_node:
        postgres = read_postgres(reader, postgres_node, resources, len(sizes))
    if redis_node:
        redis = read_redis(reader, redis_node, resources)
    if processors_node:
        processors = read_processors(reader, processors_node, resources, topics or ())
    if gateways_node:
        gateways = read_gateways(reader, gateways_node, resources)
    needed = (kafka_node, postgres_node, redis_node, processors_node, gateways_node, shape)
    found = [node for node in needed if node]
    namespace = _namespace(reader, [*found, *topic_nodes])
    if reader.problems or len(found) < len(needed) or shape is None or not topics:
        return None
    placement = place(sizes, kafka, zookeeper, postgres, redis, processors, gateways)
    requests = {
        "kafka": kafka.resources,
        "zookeeper": zookeeper.resources,
        **({"controller": kafka.quorum.resources} if kafka.quorum else {}),
        "postgres": postgres.resources,
        "redis": redis.resources,
        "event-processor": processors.resources,
        "gateway": gateways.resources,
    }
    check_room(reader, shape, sizes, placement, requests)
    return HubTopology(
        namespace=namespace,
        nodes=tuple(sizes),
        kafka=kafka,
        zookeeper=zookeeper,
        topics=topics,
        postgres=postgres,
        redis=redis,
        processors=processors,
        gateways=gateways,
        placement=placement,
        manifests_sha256=manifests_sha256([node.plain for node in resources.values()]),
    )


def _shape(reader: Reader, resources: Resources, folder: str) -> Node | None:
    found = [node for node in of_type(resources, CONFIG_MAP) if node.text("metadata", "name") == SHAPE]
    if len(found) != 1:
        bound = "exactly one: it states the workers"
        reader.problems.append(Problem(folder, "", f"with {len(found)} ConfigMaps {SHAPE}", bound))
        return None
    return found[0]


def _namespace(reader: Reader, nodes: list[Node]) -> str:
    """Return the namespace all the hub's resources share."""
    namespaces = [node.text("metadata", "namespace") for node in nodes]
    shared = namespaces[0] if namespaces else ""
    for node, namespace in zip(nodes, namespaces, strict=True):
        if not namespace or namespace != shared:
            bound = f"{shared}, as the rest of the hub" if shared else "the hub's namespace"
            reader.note(node.place, "metadata.namespace", namespace or "missing", bound)
    return shared
