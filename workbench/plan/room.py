"""How many more pods fit, of which shapes, now and after a node's loss, and why the next one does not (scheduling)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from workbench.model.scheduling import Node, Pod, place_all, read_workloads

# Shapes by the beginning of a pod's name, and how many more are tried: servers of one a worker are soon refused.
SHAPES: Final = {
    "event-processor": 200,
    "gateway": 200,
    "hub-kafka": 5,
    "hub-zookeeper": 5,
    "postgres": 5,
    "redis": 200,
}


@dataclass(frozen=True)
class Room:
    """How many more pods like this find a node, and what the next one is told."""

    like: str  # the shape: whose, and what it requests
    lost: str  # node, "" for none
    more: int
    pending: tuple[str, ...]  # of the hub's own pods
    why: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "like": self.like,
            "lost_node": self.lost or None,
            "more": self.more,
            "pending": list(self.pending),
            "why_not_another": self.why,
        }


def rooms(manifests: Path, nodes: Sequence[Node], lost: str, seed: int) -> list[Room]:
    """Return the room for each shape, with all nodes and without `lost`."""
    pods = read_workloads(manifests).pods
    found = []
    for gone in ("", lost):
        left = [node for node in nodes if node.name != gone]
        for shape, tried in SHAPES.items():
            like = [pod for pod in pods if pod.name.startswith(shape)]
            if like:
                more = [replace(like[0], name=f"{like[0].name}-more-{index}") for index in range(tried)]
                found.append(_room(pods, left, shape, more, gone, seed))
    return found


def _room(pods: Sequence[Pod], nodes: Sequence[Node], shape: str, more: Sequence[Pod], gone: str, seed: int) -> Room:
    decisions = place_all(nodes, [*pods, *more], seed)
    own, extra = decisions[: len(pods)], decisions[len(pods) :]
    fitted = next((index for index, each in enumerate(extra) if each.node is None), len(more))
    pending = tuple(each.pod.name for each in own if each.node is None)
    why = extra[fitted].reason if fitted < len(more) else f"more than {len(more)} were not tried"
    return Room(_shown(more[0], shape), gone, fitted, pending, why)


def _shown(pod: Pod, shape: str) -> str:
    """Return a shape in words: its name, what it requests."""
    return f"{shape} ({pod.requests.cpu_m} m, {pod.requests.memory_bytes / 2**20:.0f} Mi)"
