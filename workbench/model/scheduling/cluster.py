"""What the scheduler believes of the cluster: which pods are where, and what is left on every node.

Like kube-scheduler's cache (v1.29 pkg/scheduler/framework/types.go NodeInfo): a pod counts from the moment a node
is chosen for it, before it is bound. Left out: pods being deleted, which still count until they are gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from workbench.errors import BadInput
from workbench.model.scheduling.objects import Node, Pod


@dataclass
class Place:
    """A node with its pods and the sums of what they request."""

    node: Node
    pods: list[Pod] = field(default_factory=list)
    with_terms: list[Pod] = field(default_factory=list)  # those among them that care about other pods
    cpu_m: int = 0
    memory_bytes: int = 0
    counted_cpu_m: int = 0
    counted_memory_bytes: int = 0

    def add(self, pod: Pod, sign: int = 1) -> None:
        """Count a pod in, or with `sign` -1 out."""
        for listed in (self.pods, self.with_terms) if pod.has_pod_terms else (self.pods,):
            if sign > 0:
                listed.append(pod)
            else:
                listed.remove(pod)
        self.cpu_m += sign * pod.requests.cpu_m
        self.memory_bytes += sign * pod.requests.memory_bytes
        self.counted_cpu_m += sign * pod.requests.counted_cpu_m
        self.counted_memory_bytes += sign * pod.requests.counted_memory_bytes


class Cluster:
    """All nodes in the scheduler's order, and where its next search for feasible ones starts."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        names = [node.name for node in nodes]
        twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        if twice:
            raise BadInput(f"nodes of the same name: {', '.join(twice)}")
        self._places = {node.name: Place(node) for node in nodes}
        self.start_index = 0

    @property
    def places(self) -> list[Place]:
        """Return every node with its pods, in order."""
        return list(self._places.values())

    def place(self, name: str) -> Place:
        """Return one node with its pods."""
        return self._places[name]

    def put(self, node: Node) -> Node | None:
        """Add a node, or exchange the one of that name (its pods stay); return the one before."""
        known = self._places.get(node.name)
        if known is None:
            self._places[node.name] = Place(node)
            return None
        before, known.node = known.node, node
        return before

    def remove_pod(self, key: str) -> Pod | None:
        """Take a pod (namespace/name) from its node; None where none has it."""
        for place in self._places.values():
            for pod in place.pods:
                if pod.key == key:
                    place.add(pod, -1)
                    return pod
        return None
