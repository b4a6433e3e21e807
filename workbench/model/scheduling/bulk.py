"""Many pods that ask for nothing but CPU and memory, placed by the compiled path: the same nodes as `place_all` gives.

Left out: see workbench.engine.placing. Pods and nodes it does not cover are refused, never placed by other rules.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.engine.inputs import IntArray
from workbench.engine.placing import PlacingInput, place_pods
from workbench.errors import BadInput
from workbench.model.scheduling.cluster import Cluster, Place
from workbench.model.scheduling.filters import prepare, reject
from workbench.model.scheduling.objects import Node, Pod
from workbench.model.scheduling.placing import TIES, feasible_nodes_to_find
from workbench.streams import stream


def place_bulk(
    nodes: Sequence[Node], groups: Sequence[tuple[Pod, int]], seed: int = 1, every_node: bool = False
) -> IntArray:
    """Return each pod's node as its index, -1 for one that fits nowhere; group after group.

    Args:
        nodes: all nodes, empty at first.
        groups: a pod and how many like it, in the order of their turns.
        seed: its stream of the scheduler decides among nodes of the same score.
        every_node: score all feasible nodes however many there are.

    Raises BadInput for pods with affinity to pods, preferred nodes or spread constraints (the built-in ones of a
    Deployment's pods too), for nodes with PreferNoSchedule taints, and without a node or a pod.
    """
    _check(nodes, groups)
    places = Cluster(nodes).places
    asked = [pod.requests for pod, _ in groups]
    counts = [count for _, count in groups]
    return place_pods(
        PlacingInput(
            np.array([(node.cpu_m, node.memory_bytes, node.pods) for node in nodes], np.int64),
            np.array(
                [(each.cpu_m, each.memory_bytes, each.counted_cpu_m, each.counted_memory_bytes) for each in asked],
                np.int64,
            ),
            np.array([_allowed(pod, places) for pod, _ in groups], np.bool_),
            np.repeat(np.arange(len(groups)), counts),
            stream(seed, *TIES).random(sum(counts)),
            len(nodes) if every_node else feasible_nodes_to_find(len(nodes)),
        )
    )


def _allowed(pod: Pod, places: Sequence[Place]) -> list[bool]:
    """Tell for each empty node whether a pod could run there."""
    prepared = prepare(pod, places)
    return [reject(prepared, place) is None for place in places]


def _check(nodes: Sequence[Node], groups: Sequence[tuple[Pod, int]]) -> None:
    """Raise BadInput for what the compiled path does not cover."""
    if not nodes or not groups:
        raise BadInput("at least one node and one group of pods are needed")
    if any(taint.effect == "PreferNoSchedule" for node in nodes for taint in node.taints):
        raise BadInput("a node with a PreferNoSchedule taint: the compiled path places by CPU and memory alone")
    for pod, _ in groups:
        if pod.has_pod_terms or pod.spread or pod.node_preferences or pod.default_selector is not None:
            raise BadInput(f"{pod.key} has more than requests: the compiled path places by CPU and memory alone")
