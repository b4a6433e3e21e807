"""What stops with nodes gone: quorums, in-sync replicas, stores; read from the topology's placement.

A partition's copies are taken to stand on the lost brokers as far as they can: somewhere they do. Left out: a node that
comes back, and what a person can do meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Final

from workbench.topology import HubTopology

PRIMARY: Final = "postgres-1"  # as Kubegres' first instance


@dataclass(frozen=True)
class Stop:
    """One thing that stops for good: its sentence, and whether producers get no acknowledgement either."""

    sentence: str
    unacknowledged: bool


def lost_on(topology: HubTopology, nodes: tuple[str, ...], kind: str) -> int:
    """Return how many servers of a kind stand on these nodes."""
    placed = topology.placement.items()
    return sum(server.rpartition("-")[0] == kind and at in nodes for server, at in placed)


def worst_nodes(topology: HubTopology, count: int) -> tuple[str, ...]:
    """Return the nodes whose loss stops most, then leaves the fewest processors, brokers and Postgres instances."""

    def cost(nodes: tuple[str, ...]) -> tuple[int, ...]:
        kinds = ("event-processor", "kafka", "postgres")
        return len(stops(topology, nodes)), *(lost_on(topology, nodes, kind) for kind in kinds)

    return max(combinations(topology.nodes, min(count, len(topology.nodes))), key=cost)


def stops(topology: HubTopology, nodes: tuple[str, ...]) -> list[Stop]:
    """Return each thing that stops for good while these nodes are gone."""
    found = [*_quorum(topology, nodes), *_topics(topology, nodes)]
    instances = topology.postgres.replicas
    left = instances - lost_on(topology, nodes, "postgres")
    if left == 0:
        found.append(Stop("No Postgres instance is left: no row is written.", False))
    elif topology.placement.get(PRIMARY) in nodes and topology.postgres.failover_disabled:
        found.append(Stop("Postgres does not fail over (isDisabled): no row is written.", False))
    return found


def may_lose_records(topology: HubTopology, brokers_lost: int) -> bool:
    """Tell whether so many lost brokers may hold every copy of an acknowledged record: it is on the in-sync minimum."""
    return brokers_lost >= min(topic.min_insync_replicas for topic in topology.topics)


def writable(topology: HubTopology, brokers_lost: int) -> bool:
    """Tell whether every partition still has its in-sync minimum with so many brokers gone."""
    return all(topic.replication_factor - brokers_lost >= topic.min_insync_replicas for topic in topology.topics)


def _quorum(topology: HubTopology, nodes: tuple[str, ...]) -> list[Stop]:
    quorum = topology.kafka.quorum
    kind, servers, what = ("ZooKeeper servers", len(topology.zookeeper.server_ids), "zookeeper")
    if quorum is not None:
        kind, servers, what = "controllers", len(quorum.node_ids), "controller"
    left = servers - lost_on(topology, nodes, what)
    needed = servers // 2 + 1
    if left >= needed:
        return []
    sentence = (
        f"{left} of {servers} {kind} are left and {needed} are the quorum: no leader is elected and no in-sync set "
        "shrinks, so every partition with a copy on a lost broker takes no write."
    )
    return [Stop(sentence, True)]


def _topics(topology: HubTopology, nodes: tuple[str, ...]) -> list[Stop]:
    lost = lost_on(topology, nodes, "kafka")
    if lost == 0 or writable(topology, lost):
        return []
    topic = min(topology.topics, key=lambda each: each.replication_factor - each.min_insync_replicas)
    left = max(0, topic.replication_factor - lost)
    sentence = (
        f"{left} of {topic.replication_factor} copies of a partition of {topic.name} are left and "
        f"{topic.min_insync_replicas} have to be in sync: Kafka refuses its acks=all writes."
    )
    return [Stop(sentence, True)]
