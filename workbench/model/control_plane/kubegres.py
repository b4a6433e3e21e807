"""Kubegres's fail-over when the primary's node is lost, composed of the control plane's moments.

Kubegres 1.16 PrimaryToReplicaFailOver.go: as soon as the primary's StatefulSet has no ready replica it deletes that
StatefulSet, waits 10 s and restarts the first ready replica as primary; it asks for no confirmation, so a node that
comes back quickly with the primary still to start is enough. ReplicaDbCountSpecEnforcer.go: a replica that is not
ready is given up as well. With its manager (a Deployment of one) on the same node nobody looks until the manager was
evicted, runs elsewhere and holds its lease (controller-runtime takes client-go's 15 and 2 s).

Left out: which replica is the most advanced (the lowest index is taken), an operation under way, which blocks the
fail-over, rows lost, clients' own reconnects, the new instance's copy afterwards.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from workbench.model.control_plane.constants import Draws
from workbench.model.control_plane.election import election_wait_s
from workbench.model.control_plane.workloads import PRIMARY, Pod
from workbench.model.parameter import FloatArray
from workbench.topology.hub import PostgresCluster

MANAGER: Final = "kubegres-controller-manager"


def fails_over(postgres: PostgresCluster) -> bool:
    """Tell whether there is a replica to promote and promotion is not switched off."""
    return postgres.replicas > 1 and not postgres.failover_disabled


def gives_up(pod: Pod, postgres: PostgresCluster) -> bool:
    """Tell whether Kubegres deletes a pod that is not ready, to make an instance with a new name and volume."""
    return pod.kind == "postgres" and (pod.name != PRIMARY or fails_over(postgres))


def given_up_s(draws: Draws, seen_s: FloatArray) -> FloatArray:
    """Return when Kubegres deletes an instance that the cluster's state calls unready at `seen_s`."""
    return seen_s + draws.of("stateful_set_status_s") + draws.of("kubegres_reconcile_s")


def writable_s(draws: Draws, postgres: PostgresCluster, seen_s: FloatArray, back_s: float) -> FloatArray:
    """Return when clients write again, the manager being alive; NaN: never."""
    if not fails_over(postgres):
        return _finite(_ready_in_place_s(draws, back_s) + draws.of("dns_answer_age_s"))
    return given_up_s(draws, seen_s) + _promotion_s(draws)


def writable_without_manager_s(
    draws: Draws, postgres: PostgresCluster, manager_s: FloatArray, back_s: float
) -> FloatArray:
    """Return when clients write again, the manager lost with the node and running again at `manager_s`.

    A primary that restarted in place and is ready before the manager looks stays what it is.
    """
    in_place_s = _ready_in_place_s(draws, back_s)
    looks_s = manager_s + election_wait_s(draws, MANAGER)
    if not fails_over(postgres):
        return _finite(in_place_s + draws.of("dns_answer_age_s"))
    failed_over_s = looks_s + draws.of("kubegres_reconcile_s") + _promotion_s(draws)
    return _finite(np.where(in_place_s <= looks_s, in_place_s + draws.of("dns_answer_age_s"), failed_over_s))


def _promotion_s(draws: Draws) -> FloatArray:
    """Return the time from the primary's deletion to clients that find the new one by DNS."""
    steps_s = draws.of("kubegres_wait_s") + draws.of("replica_restart_s") + draws.of("promote_s")
    return steps_s + draws.of("replica_ready_s") + draws.of("dns_answer_age_s")


def _ready_in_place_s(draws: Draws, back_s: float) -> FloatArray:
    return back_s + draws.of("pod_start_s", PRIMARY) + draws.of("replica_ready_s", "in place")


def _finite(values_s: FloatArray) -> FloatArray:
    return np.where(np.isfinite(values_s), values_s, np.nan)
