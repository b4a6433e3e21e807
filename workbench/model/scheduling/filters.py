"""The default filters of kube-scheduler in their order: which nodes a pod may run on, and why not on the others.

A node is rejected by the first plugin that objects, in that plugin's own words. Sources (Kubernetes v1.29): the order
from pkg/scheduler/apis/config/v1/default_plugins.go, each rule from pkg/scheduler/framework/plugins/<plugin>, the
summary from pkg/scheduler/framework/types.go FitError.

Left out: NodeName, NodePorts, VolumeRestrictions, VolumeZone and the limits of cloud volumes, for which manifests
state nothing here; preemption, so a pod that fits nowhere stays pending and the summary ends before the sentence that
begins with "preemption:". Of a volume of type `local` kube-scheduler 1.29 leaves the other nodes out of the summary
altogether; local-path-provisioner 0.0.24 makes hostPath volumes, which get the reason given here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from workbench.model.scheduling.cluster import Place
from workbench.model.scheduling.matching import tolerated, wants_node
from workbench.model.scheduling.neighbours import Neighbours, count_neighbours, neighbours_reason
from workbench.model.scheduling.objects import HOSTNAME, Pod, Taint
from workbench.model.scheduling.spreading import HardCounts, count_hard, spread_reason

UNSCHEDULABLE_TAINT: Final = Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")
UNSCHEDULABLE_REASON: Final = "node(s) were unschedulable"
NODE_AFFINITY_REASON: Final = "node(s) didn't match Pod's node affinity/selector"
VOLUME_REASON: Final = "node(s) had volume node affinity conflict"
TOO_MANY_PODS: Final = "Too many pods"
INSUFFICIENT_CPU: Final = "Insufficient cpu"
INSUFFICIENT_MEMORY: Final = "Insufficient memory"
NO_NODES: Final = "no nodes available to schedule pods"


@dataclass(frozen=True)
class Rejection:
    """Why a pod may not run on a node: the first plugin that objected, and its reasons."""

    plugin: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Prepared:
    """What the filters need to know of the whole cluster for one pod."""

    pod: Pod
    hard_spread: tuple[HardCounts, ...]
    neighbours: Neighbours


def prepare(pod: Pod, places: Sequence[Place]) -> Prepared:
    """Look over the cluster once, before any node is asked."""
    return Prepared(pod, count_hard(pod, places), count_neighbours(pod, places))


def reject(prepared: Prepared, place: Place) -> Rejection | None:
    """Return the first plugin's objection to a node; None if the pod may run there."""
    for plugin, reasons_of in FILTERS.items():
        reasons = reasons_of(prepared, place)
        if reasons:
            return Rejection(plugin, tuple(reasons))
    return None


def may_help(pod: Pod, place: Place) -> bool:
    """Tell whether a new or changed node is reason to try a pod again (eventhandlers.go preCheckForNode)."""
    prepared = Prepared(pod, (), Neighbours({}, {}, {}))
    closed = any(taint.effect == "NoSchedule" and not tolerated(pod, taint) for taint in place.node.taints)
    return not (closed or _resources(prepared, place) or _node_affinity(prepared, place))


def summary(nodes: int, rejections: Iterable[Rejection]) -> str:
    """Return the line of a pod that fits nowhere, as kube-scheduler writes it."""
    if nodes == 0:
        return NO_NODES
    counted = Counter(reason for rejection in rejections for reason in rejection.reasons)
    return (
        f"0/{nodes} nodes are available: " + ", ".join(sorted(f"{n} {reason}" for reason, n in counted.items())) + "."
    )


def _unschedulable(prepared: Prepared, place: Place) -> list[str]:
    closed = place.node.unschedulable and not tolerated(prepared.pod, UNSCHEDULABLE_TAINT)
    return [UNSCHEDULABLE_REASON] if closed else []


def _taints(prepared: Prepared, place: Place) -> list[str]:
    for taint in place.node.taints:
        if taint.effect != "PreferNoSchedule" and not tolerated(prepared.pod, taint):
            return [f"node(s) had untolerated taint {{{taint.key}: {taint.value}}}"]
    return []


def _node_affinity(prepared: Prepared, place: Place) -> list[str]:
    return [] if wants_node(prepared.pod, place.node) else [NODE_AFFINITY_REASON]


def _resources(prepared: Prepared, place: Place) -> list[str]:
    asked, node = prepared.pod.requests, place.node
    reasons = [TOO_MANY_PODS] if len(place.pods) + 1 > node.pods else []
    if 0 < asked.cpu_m > node.cpu_m - place.cpu_m:
        reasons.append(INSUFFICIENT_CPU)
    if 0 < asked.memory_bytes > node.memory_bytes - place.memory_bytes:
        reasons.append(INSUFFICIENT_MEMORY)
    return reasons


def _volumes(prepared: Prepared, place: Place) -> list[str]:
    allowed = prepared.pod.volume_hostnames
    return [] if allowed is None or place.node.labels.get(HOSTNAME) in allowed else [VOLUME_REASON]


def _spread(prepared: Prepared, place: Place) -> list[str]:
    reason = spread_reason(place, prepared.hard_spread)
    return [reason] if reason else []


def _neighbours(prepared: Prepared, place: Place) -> list[str]:
    reason = neighbours_reason(prepared.pod, place, prepared.neighbours)
    return [reason] if reason else []


FILTERS: Final[dict[str, Callable[[Prepared, Place], list[str]]]] = {
    "NodeUnschedulable": _unschedulable,
    "TaintToleration": _taints,
    "NodeAffinity": _node_affinity,
    "NodeResourcesFit": _resources,
    "VolumeBinding": _volumes,
    "PodTopologySpread": _spread,
    "InterPodAffinity": _neighbours,
}
