"""The default scores of kube-scheduler: which of the feasible nodes is best.

Every plugin gives each node 0 to 100 after its own normalisation, in whole numbers as Kubernetes does; the total is
their weighted sum. Sources (Kubernetes v1.29): weights from pkg/scheduler/apis/config/v1/default_plugins.go, formulas
from pkg/scheduler/framework/plugins/{noderesources/least_allocated.go, noderesources/balanced_allocation.go,
tainttoleration, nodeaffinity, helper/normalize_score.go}, spreading.py and neighbours.py.

Left out: ImageLocality (weight 1). Manifests say nothing about which node has which image; where every node has the
images, or none has, it is the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from workbench.model.scheduling.cluster import Place
from workbench.model.scheduling.matching import selects, tolerated
from workbench.model.scheduling.neighbours import neighbour_scores
from workbench.model.scheduling.objects import Pod
from workbench.model.scheduling.spreading import spread_scores

SCORE_MAX: Final = 100  # pkg/scheduler/framework/interface.go MaxNodeScore
WEIGHTS: Final[Mapping[str, int]] = {
    "TaintToleration": 3,
    "NodeAffinity": 2,
    "NodeResourcesFit": 1,
    "PodTopologySpread": 2,
    "InterPodAffinity": 2,
    "NodeResourcesBalancedAllocation": 1,
}


def score(pod: Pod, places: Sequence[Place], feasible: Sequence[Place]) -> dict[str, dict[str, int]]:
    """Return each feasible node's score (0..100) by plugin, unweighted. `places` are all nodes of the cluster."""
    columns = {
        "TaintToleration": _fewest_taints(pod, feasible),
        "NodeAffinity": _preferred_nodes(pod, feasible),
        "NodeResourcesFit": [least_allocated(pod, place) for place in feasible],
        "PodTopologySpread": spread_scores(pod, places, feasible),
        "InterPodAffinity": neighbour_scores(pod, places, feasible),
        "NodeResourcesBalancedAllocation": [balanced_allocation(pod, place) for place in feasible],
    }
    return {
        place.node.name: {plugin: column[index] for plugin, column in columns.items()}
        for index, place in enumerate(feasible)
    }


def total(scores: Mapping[str, int]) -> int:
    """Return a node's weighted sum."""
    return sum(WEIGHTS[plugin] * points for plugin, points in scores.items())


def least_allocated(pod: Pod, place: Place) -> int:
    """Return the mean of what stays free of CPU and of memory, each in whole percent; unstated requests count too."""
    asked, node = pod.requests, place.node
    free = [
        _free_percent(place.counted_cpu_m + asked.counted_cpu_m, node.cpu_m),
        _free_percent(place.counted_memory_bytes + asked.counted_memory_bytes, node.memory_bytes),
    ]
    stated = [each for each in free if each is not None]
    return sum(stated) // len(stated) if stated else 0


def balanced_allocation(pod: Pod, place: Place) -> int:
    """Return 100 x (1 - half the difference between the shares of CPU and of memory that are requested)."""
    asked, node = pod.requests, place.node
    if node.cpu_m == 0 or node.memory_bytes == 0:
        return SCORE_MAX
    cpu_share = min(1.0, (place.cpu_m + asked.cpu_m) / node.cpu_m)
    memory_share = min(1.0, (place.memory_bytes + asked.memory_bytes) / node.memory_bytes)
    return int((1.0 - abs((cpu_share - memory_share) / 2.0)) * SCORE_MAX)


def _free_percent(requested: int, allocatable: int) -> int | None:
    if allocatable == 0:
        return None
    return 0 if requested > allocatable else (allocatable - requested) * SCORE_MAX // allocatable


def _fewest_taints(pod: Pod, feasible: Sequence[Place]) -> list[int]:
    """Return 100 for no untolerated PreferNoSchedule taint down to 0 for the most."""
    counts = [
        sum(1 for taint in place.node.taints if taint.effect == "PreferNoSchedule" and not tolerated(pod, taint))
        for place in feasible
    ]
    return [SCORE_MAX - share for share in _shares(counts)]


def _preferred_nodes(pod: Pod, feasible: Sequence[Place]) -> list[int]:
    """Return 100 for the largest sum of preferred terms' weights; a term without expressions selects no node."""
    terms = [each for each in pod.node_preferences if each.selector.requirements]
    return _shares(
        [sum(each.weight for each in terms if selects(each.selector, place.node.labels)) for place in feasible]
    )


def _shares(counts: Sequence[int]) -> list[int]:
    """Return each count in whole percent of the largest, 0 if that is 0."""
    largest = max(counts)
    return [SCORE_MAX * count // largest if largest else 0 for count in counts]
