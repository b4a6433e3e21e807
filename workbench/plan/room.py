"""How many more pods fit, of which shapes, now and after a node's loss, and why the next one does not (scheduling)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from workbench.model.scheduling import Node, Pod, place_all, read_workloads

OWNERS: Final = ("event-processor", "gateway")  # what may be multiplied freely
EXTRA_MAX: Final = 200


@dataclass(frozen=True)
class Room:
    """How many more pods like one of `owner` find a node, and what the next one is told."""

    owner: str
    lost: str  # node, "" for none
    more: int
    pending: tuple[str, ...]  # of the hub's own pods
    why: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "like": self.owner,
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
        for owner in OWNERS:
            like = [pod for pod in pods if owner in pod.owner]
            if like:
                found.append(_room(pods, left, owner, like[0], gone, seed))
    return found


def _room(pods: Sequence[Pod], nodes: Sequence[Node], owner: str, like: Pod, gone: str, seed: int) -> Room:
    more = [replace(like, name=f"{like.name}-more-{index}") for index in range(EXTRA_MAX)]
    decisions = place_all(nodes, [*pods, *more], seed)
    own, extra = decisions[: len(pods)], decisions[len(pods) :]
    fitted = next((index for index, each in enumerate(extra) if each.node is None), EXTRA_MAX)
    pending = tuple(each.pod.name for each in own if each.node is None)
    why = extra[fitted].reason if fitted < EXTRA_MAX else f"more than {EXTRA_MAX} were not tried"
    return Room(owner, gone, fitted, pending, why)
