"""InterPodAffinity: pods that want to be near others, or away from them.

Sources (Kubernetes v1.29): pkg/scheduler/framework/plugins/interpodaffinity/filtering.go and scoring.go;
hardPodAffinityWeight 1 from pkg/scheduler/apis/config/v1/defaults.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from workbench.model.scheduling.cluster import Place
from workbench.model.scheduling.matching import means
from workbench.model.scheduling.objects import Pod, PodTerm

NEAR_REASON: Final = "node(s) didn't match pod affinity rules"
APART_REASON: Final = "node(s) didn't match pod anti-affinity rules"
EXISTING_REASON: Final = "node(s) didn't satisfy existing pods anti-affinity rules"
HARD_AFFINITY_WEIGHT: Final = 1

Domain = tuple[str, str]  # a topology key and a node's value of it


@dataclass(frozen=True)
class Neighbours:
    """Counts of pods by domain that decide a pod's required affinity and anti-affinity."""

    near: dict[Domain, int]  # pods that all of its affinity terms mean
    apart: dict[Domain, int]  # pods that one of its anti-affinity terms means
    objecting: dict[Domain, int]  # pods whose own anti-affinity means it


def count_neighbours(pod: Pod, places: Sequence[Place]) -> Neighbours:
    """Look once at every pod of the cluster that the pod's terms, or its own terms, may matter to."""
    found = Neighbours({}, {}, {})
    for place in places:
        for other in place.pods if pod.affinity or pod.anti_affinity else place.with_terms:
            if pod.affinity and all(means(term, other) for term in pod.affinity):
                for term in pod.affinity:
                    _count(found.near, term, place)
            for term in pod.anti_affinity:
                if means(term, other):
                    _count(found.apart, term, place)
            for term in other.anti_affinity:
                if means(term, pod):
                    _count(found.objecting, term, place)
    return found


def neighbours_reason(pod: Pod, place: Place, found: Neighbours) -> str | None:
    """Return why a node is refused; None if it is not."""
    if not _near(pod, place, found):
        return NEAR_REASON
    if any(found.apart.get(domain) for term in pod.anti_affinity if (domain := _domain(term, place))):
        return APART_REASON
    if found.objecting and any(found.objecting.get(domain) for domain in place.node.labels.items()):
        return EXISTING_REASON
    return None


def _near(pod: Pod, place: Place, found: Neighbours) -> bool:
    domains = [_domain(term, place) for term in pod.affinity]
    if None in domains:
        return False
    if all(found.near.get(domain) for domain in domains if domain):
        return True
    # The first of a group that wants to be near itself may go anywhere: else none ever could.
    return not found.near and all(means(term, pod) for term in pod.affinity)


def neighbour_scores(pod: Pod, places: Sequence[Place], feasible: Sequence[Place]) -> list[int]:
    """Return 0..100 for each feasible node: linear between the smallest and the largest sum of weights, 0 if equal."""
    weights: dict[Domain, int] = {}
    for place in places:
        for other in place.pods if pod.preferred_affinity or pod.preferred_anti_affinity else place.with_terms:
            for wanted in pod.preferred_affinity:
                _weigh(weights, wanted.term, other, place, wanted.weight)
            for wanted in pod.preferred_anti_affinity:
                _weigh(weights, wanted.term, other, place, -wanted.weight)
            for term in other.affinity:
                _weigh(weights, term, pod, place, HARD_AFFINITY_WEIGHT)
            for wanted in other.preferred_affinity:
                _weigh(weights, wanted.term, pod, place, wanted.weight)
            for wanted in other.preferred_anti_affinity:
                _weigh(weights, wanted.term, pod, place, -wanted.weight)
    raw = [sum(weights.get(domain, 0) for domain in place.node.labels.items()) for place in feasible]
    low, high = min(raw), max(raw)
    return [int(100.0 * ((each - low) / (high - low))) if high > low else 0 for each in raw]


def _domain(term: PodTerm, place: Place) -> Domain | None:
    value = place.node.labels.get(term.topology_key)
    return None if value is None else (term.topology_key, value)


def _count(counts: dict[Domain, int], term: PodTerm, place: Place) -> None:
    domain = _domain(term, place)
    if domain is not None:
        counts[domain] = counts.get(domain, 0) + 1


def _weigh(weights: dict[Domain, int], term: PodTerm, pod: Pod, place: Place, weight: int) -> None:
    domain = _domain(term, place)
    if domain is not None and means(term, pod):
        weights[domain] = weights.get(domain, 0) + weight
