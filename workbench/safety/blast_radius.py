"""What a fault would break beyond its victim: refused unless the scenario names it (`breaks`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from workbench.fault import Risk


@dataclass(frozen=True)
class PartitionSet:
    """One partition's in-sync replicas now, and how few may be left for acks=all."""

    isr: frozenset[int]
    min_isr: int


@dataclass(frozen=True)
class HubState:
    """What quorums there are now."""

    zookeeper_servers: frozenset[int] = frozenset()  # none: KRaft
    zookeeper_serving: frozenset[int] = frozenset()
    partitions: Mapping[str, PartitionSet] = field(default_factory=dict)
    postgres_ready: frozenset[str] = frozenset()  # "postgres-1"
    control_plane_nodes: frozenset[str] = frozenset()
    driver_nodes: frozenset[str] = frozenset()  # with the driver's own pod


def risks(servers: Sequence[str], nodes: Sequence[str], state: HubState) -> dict[Risk, str]:
    """Return what the loss of servers ("kafka-1") and of whole nodes would break, each with words.

    What is broken already is no reason: only what this loss would tip over is told.
    """
    found: dict[Risk, str] = {}
    if lost := sorted(state.control_plane_nodes.intersection(nodes)):
        found[Risk.CONTROL_PLANE] = f"{', '.join(lost)} runs the control plane"
    if lost := sorted(state.driver_nodes.intersection(nodes)):
        found[Risk.DRIVER] = f"{', '.join(lost)} holds the driver's own pod"
    if words := _zookeeper(_numbers(servers, "zookeeper-"), state):
        found[Risk.ZOOKEEPER_QUORUM] = words
    if words := _in_sync(_numbers(servers, "kafka-"), state.partitions):
        found[Risk.IN_SYNC_SETS] = words
    left = state.postgres_ready.difference(servers)
    if state.postgres_ready and not left:
        found[Risk.LAST_POSTGRES] = f"{', '.join(sorted(state.postgres_ready))}: no other instance is ready"
    return found


def _zookeeper(lost: frozenset[int], state: HubState) -> str:
    majority = len(state.zookeeper_servers) // 2 + 1
    serving, left = len(state.zookeeper_serving), len(state.zookeeper_serving - lost)
    if not lost or serving < majority or left >= majority:
        return ""
    return f"{left} of {len(state.zookeeper_servers)} ZooKeeper servers would serve, {majority} are needed"


def _in_sync(lost: frozenset[int], partitions: Mapping[str, PartitionSet]) -> str:
    stopped = sorted(
        label for label, each in partitions.items() if len(each.isr) >= each.min_isr > len(each.isr - lost)
    )
    if not stopped:
        return ""
    worst = min(stopped, key=lambda label: len(partitions[label].isr - lost))
    left = len(partitions[worst].isr - lost)
    return f"{len(stopped)} partitions would take no writes: {worst} would have {left} in-sync replicas of the " + (
        f"{partitions[worst].min_isr} it needs"
    )


def _numbers(servers: Sequence[str], kind: str) -> frozenset[int]:
    return frozenset(int(name.removeprefix(kind)) for name in servers if name.startswith(kind))
