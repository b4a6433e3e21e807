"""PodTopologySpread: pods of one kind evenly over domains, as a condition (hard) or a preference (soft).

A pod without constraints of its own has the two built-in soft ones, over hosts and zones, counted over the pods of
its services and of the ReplicaSet or StatefulSet that owns it. Nodes that the pod's node affinity leaves out are not
counted, tainted ones are (the defaults of nodeAffinityPolicy and nodeTaintsPolicy).
Sources (Kubernetes v1.29): pkg/scheduler/framework/plugins/podtopologyspread/{common,filtering,scoring,plugin}.go,
plugins/helper/spread.go. Left out: minDomains, matchLabelKeys and other inclusion policies (refused by name).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from workbench.model.scheduling.cluster import Place
from workbench.model.scheduling.matching import selects, wants_node
from workbench.model.scheduling.objects import HOSTNAME, ZONE, Pod, Selector, SpreadConstraint

SPREAD_REASON: Final = "node(s) didn't match pod topology spread constraints"
LABEL_REASON: Final = SPREAD_REASON + " (missing required label)"
BUILT_IN: Final = ((HOSTNAME, 3), (ZONE, 5))  # plugin.go systemDefaultConstraints: key, maxSkew


@dataclass(frozen=True)
class HardCounts:
    """One hard constraint: how many pods each domain holds, the fewest of any, and whether it counts the pod itself."""

    constraint: SpreadConstraint
    pods: dict[str, int]
    fewest: int
    itself: int


def count_hard(pod: Pod, places: Sequence[Place]) -> tuple[HardCounts, ...]:
    """Count what the hard constraints are about, over nodes that have all their labels."""
    hard = [each for each in pod.spread if each.hard]
    counted = [place for place in places if _labelled(place, hard) and wants_node(pod, place.node)] if hard else []
    found = []
    for constraint in hard:
        pods: dict[str, int] = {}
        for place in counted:
            domain = place.node.labels[constraint.topology_key]
            pods[domain] = pods.get(domain, 0) + _matching(place, constraint.selector, pod.namespace)
        itself = int(selects(constraint.selector, pod.labels))
        found.append(HardCounts(constraint, pods, min(pods.values(), default=0), itself))
    return tuple(found)


def spread_reason(place: Place, counts: Sequence[HardCounts]) -> str | None:
    """Return why a node is refused: one more pod there would be too far from the emptiest domain. None if it is not."""
    for each in counts:
        domain = place.node.labels.get(each.constraint.topology_key)
        if domain is None:
            return LABEL_REASON
        if each.pods.get(domain, 0) + each.itself - each.fewest > each.constraint.max_skew:
            return SPREAD_REASON
    return None


def spread_scores(pod: Pod, places: Sequence[Place], feasible: Sequence[Place]) -> list[int]:
    """Return 0..100 for each feasible node, the fewer pods of its kind the more; 0 for all without soft constraints."""
    soft = _soft(pod)
    if not soft:
        return [0] * len(feasible)
    ignored = [bool(pod.spread) and not _labelled(place, soft) for place in feasible]
    scored = [place for place, skip in zip(feasible, ignored, strict=True) if not skip]
    raw = dict.fromkeys((place.node.name for place in scored), 0.0)
    for constraint in soft:
        domains = _domain_counts(pod, constraint, soft, places, scored)
        size = len(scored) if constraint.topology_key == HOSTNAME else len(domains)
        weight = math.log(size + 2)
        for place in scored:
            domain = place.node.labels.get(constraint.topology_key)
            if domain is not None:
                hosted = constraint.topology_key == HOSTNAME
                count = _matching(place, constraint.selector, pod.namespace) if hosted else domains[domain]
                raw[place.node.name] += count * weight + (constraint.max_skew - 1)
    return _normalised([None if skip else raw[place.node.name] for place, skip in zip(feasible, ignored, strict=True)])


def _normalised(raw: Sequence[float | None]) -> list[int]:
    """Return 100 * (largest + smallest - own) / largest in whole numbers, 0 for a node that is left out."""
    whole = [None if each is None else math.floor(each + 0.5) for each in raw]
    kept = [each for each in whole if each is not None]
    low, high = min(kept, default=0), max(kept, default=0)
    return [0 if each is None else 100 if high == 0 else 100 * (high + low - each) // high for each in whole]


def _soft(pod: Pod) -> list[SpreadConstraint]:
    if pod.spread:
        return [each for each in pod.spread if not each.hard]
    selector = pod.default_selector
    if selector is None or not selector.requirements:
        return []
    return [SpreadConstraint(max_skew, key, False, selector) for key, max_skew in BUILT_IN]


def _domain_counts(
    pod: Pod,
    constraint: SpreadConstraint,
    soft: Sequence[SpreadConstraint],
    places: Sequence[Place],
    scored: Sequence[Place],
) -> dict[str, int]:
    """Return the pods of each domain that a scored node is in; nodes without the label share one domain, "".

    Nothing for hosts, whose pods are counted node by node.
    """
    key = constraint.topology_key
    counts = {place.node.labels.get(key, ""): 0 for place in scored} if key != HOSTNAME else {}
    for place in places:
        domain = place.node.labels.get(key, "")
        complete = not pod.spread or _labelled(place, soft)
        if domain in counts and complete and wants_node(pod, place.node):
            counts[domain] += _matching(place, constraint.selector, pod.namespace)
    return counts


def _labelled(place: Place, constraints: Sequence[SpreadConstraint]) -> bool:
    return all(each.topology_key in place.node.labels for each in constraints)


def _matching(place: Place, selector: Selector | None, namespace: str) -> int:
    """Count a node's pods that a selector selects; an empty selector counts none."""
    if selector is None or not selector.requirements:
        return 0
    return sum(1 for pod in place.pods if pod.namespace == namespace and selects(selector, pod.labels))
