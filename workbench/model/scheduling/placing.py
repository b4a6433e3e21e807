"""One scheduling cycle: feasible nodes, their scores, and one of the best.

Source: Kubernetes v1.29 pkg/scheduler/schedule_one.go (findNodesThatPassFilters, numFeasibleNodesToFind, selectHost).
Left out: kube-scheduler asks 16 nodes at a time and so may look at a few more than it needs; here the search ends
with the last node that is needed. Extenders, nominated nodes and preemption.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from workbench.model.scheduling.cluster import Cluster, Place
from workbench.model.scheduling.filters import Rejection, prepare, reject, summary
from workbench.model.scheduling.objects import Node, Pod
from workbench.model.scheduling.scores import score, total
from workbench.streams import stream

FEASIBLE_NODES_MIN: Final = 100  # minFeasibleNodesToFind: so many are always looked for
FEASIBLE_PERCENT_MIN: Final = 5  # minFeasibleNodesPercentageToFind
TIES: Final = ("scheduler", "ties")  # the stream that decides among nodes of the same score


@dataclass(frozen=True)
class Decision:
    """What one scheduling cycle found out about a pod."""

    pod: Pod
    node: str | None
    tied: tuple[str, ...]  # nodes of the best total, in the order they were looked at
    scores: Mapping[str, Mapping[str, int]]  # node -> plugin -> 0..100; empty where at most one node is feasible
    totals: Mapping[str, int]  # node -> weighted sum; empty likewise
    rejections: Mapping[str, Rejection]  # node -> why not
    unseen: tuple[str, ...]  # nodes the search did not come to
    reason: str  # why it is pending, "" if a node was found


def feasible_nodes_to_find(nodes: int) -> int:
    """Return how many feasible nodes end the search: all below 100 nodes, then 50 % less one for each 125 nodes."""
    if nodes < FEASIBLE_NODES_MIN:
        return nodes
    percent = max(50 - nodes // 125, FEASIBLE_PERCENT_MIN)
    return max(nodes * percent // 100, FEASIBLE_NODES_MIN)


def decide(cluster: Cluster, pod: Pod, draw: float, every_node: bool = False) -> Decision:
    """Run one scheduling cycle and move the start of the next search; nothing is placed.

    Args:
        cluster: what runs where.
        pod: the pod to place.
        draw: uniform in [0, 1), chooses among equals: kube-scheduler's reservoir is as even.
        every_node: score all feasible nodes however many there are (percentageOfNodesToScore 100).
    """
    places = cluster.places
    feasible, rejections, seen = _search(cluster, places, pod, len(places) if every_node else None)
    names = [place.node.name for place in feasible]
    unseen = tuple(place.node.name for place in places if place.node.name not in {*names, *rejections})
    cluster.start_index = (cluster.start_index + seen) % len(places) if places else 0
    if not feasible:
        reason = summary(len(places), rejections.values())
        return Decision(pod, None, (), {}, {}, rejections, unseen, reason)
    if len(feasible) == 1:
        return Decision(pod, names[0], (names[0],), {}, {}, rejections, unseen, "")
    scores = score(pod, places, feasible)
    totals = {name: total(scores[name]) for name in names}
    best = max(totals.values())
    tied = tuple(name for name in names if totals[name] == best)
    return Decision(pod, tied[int(draw * len(tied))], tied, scores, totals, rejections, unseen, "")


def place_all(nodes: Sequence[Node], pods: Sequence[Pod], seed: int = 1) -> list[Decision]:
    """Place pods one after another, in their order, onto nodes that are empty at first.

    A pod that fits nowhere stays pending and takes no room; nothing is asked again. For what happens over time see
    workbench.model.scheduling.course. Raises BadInput for nodes of the same name.
    """
    cluster = Cluster(nodes)
    decisions = []
    for pod, draw in zip(pods, stream(seed, *TIES).random(len(pods)), strict=True):
        decision = decide(cluster, pod, float(draw))
        if decision.node is not None:
            cluster.place(decision.node).add(pod)
        decisions.append(decision)
    return decisions


def _search(
    cluster: Cluster, places: Sequence[Place], pod: Pod, wanted: int | None
) -> tuple[list[Place], dict[str, Rejection], int]:
    """Return the feasible nodes found, why others were rejected, and how many were looked at."""
    wanted = feasible_nodes_to_find(len(places)) if wanted is None else wanted
    prepared = prepare(pod, places)
    feasible: list[Place] = []
    rejections: dict[str, Rejection] = {}
    seen = 0
    while seen < len(places) and len(feasible) < wanted:
        place = places[(cluster.start_index + seen) % len(places)]
        rejection = reject(prepared, place)
        if rejection is None:
            feasible.append(place)
        else:
            rejections[place.node.name] = rejection
        seen += 1
    return feasible, rejections, seen
