"""Which pods of a silent node are deleted, when, and who makes a new one.

Kubernetes pkg/controller/tainteviction/taint_eviction.go: a pod is deleted its own toleration after the controller
sees the NoExecute taint, at once without one, never with one that has no end; a taint that goes before cancels it.
The API server's DefaultTolerationSeconds adds 300 s where a pod states none. The deleted pod stays Terminating until
its node is back or somebody forces it: podgc/gc_controller.go does so every 20 s on nodes that carry the
out-of-service taint, which itself evicts what does not tolerate it.

A Terminating pod no longer counts for its ReplicaSet; a StatefulSet and a StrimziPodSet wait until the name is free;
a DaemonSet's pods tolerate both taints for good. A pod with a local volume can only run where the volume is.

Left out: where the new pod is placed (a parameter says how long that takes), PodDisruptionBudgets (not asked by
these evictions), deleted Node objects, a controller manager that restarts and counts the tolerations anew.
"""

from __future__ import annotations

import numpy as np

from workbench.model.control_plane.constants import Draws
from workbench.model.control_plane.lost_node import LostNode
from workbench.model.control_plane.owner import Owner
from workbench.model.control_plane.results import Loss
from workbench.model.parameter import FloatArray


def deleted_s(node: LostNode, toleration_s: float, loss: Loss, owner: Owner) -> FloatArray:
    """Return when a pod becomes Terminating, one number a replication; NaN: never.

    `toleration_s` is infinite for a pod that tolerates the unreachable taint without end.
    """
    if owner is Owner.DAEMON_SET:
        return np.full(len(node.tainted_s), np.nan)
    due_s = node.tainted_s + toleration_s
    evicted_s = np.where(np.isfinite(due_s) & ~(node.untainted_s <= due_s), due_s, np.nan)
    by_hand_s = loss.out_of_service_s if loss.out_of_service_s < loss.back_s else np.nan
    return np.fmin(evicted_s, by_hand_s)


def removed_s(draws: Draws, node: LostNode, terminating_s: FloatArray, loss: Loss) -> FloatArray:
    """Return when a Terminating pod's name is free while its node is away; NaN: not before the node is back."""
    if not loss.out_of_service_s < loss.back_s:
        return np.full(draws.replications, np.nan)
    period_s = draws.number("pod_gc_period_s")
    phase_s = draws.of("pod_gc_phase_share") * period_s
    after_s = np.maximum(np.maximum(terminating_s, loss.out_of_service_s), node.not_ready_s)
    collected_s = phase_s + np.ceil((after_s - phase_s) / period_s) * period_s
    return np.where(collected_s < loss.back_s, collected_s, np.nan)


def running_elsewhere_s(draws: Draws, pod: str, created_s: FloatArray) -> FloatArray:
    """Return when a pod asked for at `created_s` runs: creation, placement, start."""
    steps_s = draws.of("api_request_s", pod) + draws.of("scheduling_s", pod) + draws.of("pod_start_s", pod)
    return created_s + steps_s
