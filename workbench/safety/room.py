"""Whether pods that must go from a node fit on the others, by their requests.

A necessary condition, not kube-scheduler's whole answer (`workbench place` is): affinity, spread and volumes may still
keep a pod pending. What does not even fit here is refused before anything happens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

# Kubernetes' quantity suffixes: apimachinery/pkg/api/resource/suffix.go.
SUFFIXES: Final[Mapping[str, Decimal]] = {
    "m": Decimal("0.001"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
}


@dataclass(frozen=True)
class Need:
    """What a pod requests, or what a node has left."""

    name: str
    cpu_cores: float
    memory_bytes: float
    pods: int = 1


def without_room(pods: Sequence[Need], nodes: Sequence[Need]) -> list[str]:
    """Return the pods that find no room, largest first, each on the node with the most memory left."""
    left = list(nodes)
    homeless = []
    for pod in sorted(pods, key=lambda each: (-each.memory_bytes, -each.cpu_cores, each.name)):
        fits = [
            node
            for node in left
            if node.cpu_cores >= pod.cpu_cores and node.memory_bytes >= pod.memory_bytes and node.pods >= pod.pods
        ]
        if not fits:
            homeless.append(pod.name)
            continue
        best = max(fits, key=lambda node: node.memory_bytes)
        left[left.index(best)] = replace(
            best,
            cpu_cores=best.cpu_cores - pod.cpu_cores,
            memory_bytes=best.memory_bytes - pod.memory_bytes,
            pods=best.pods - pod.pods,
        )
    return homeless


def quantity(text: str) -> float:
    """Return a quantity of Kubernetes ("250m", "4Gi") as a number. Raises ValueError for what is none."""
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if text.endswith(suffix):
            return float(Decimal(text.removesuffix(suffix)) * SUFFIXES[suffix])
    return float(text)
