"""The control plane's node switched off and on: what stands still, and when it goes on after the API server's return.

Nothing changes for running pods while it is away: kubelets restart containers, rules stay. Back, the scheduler and the
controllers start, wait for their own old lease and act; every node has a fresh grace, so nobody is NotReady or evicted.
Kubelets and kube-proxies notice by themselves that the server is back (reflector.py).

With its disk lost, etcd is restored from a snapshot: every object made later is lost, none of before. Kubelets list
anew, since the version they ask for is one that the server has not reached (a wait of 3 s, apiserver
pkg/storage/cacher/watch_cache.go blockTimeout, then a list of what there is), and end the containers of lost pods.

Left out: pods and Services changed by others meanwhile, certificates and tokens that lapse, objects deleted after the
snapshot (they are there again), a kubelet whose only failures were refused connections, which goes on with its watch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.model.control_plane import checking
from workbench.model.control_plane.constants import Draws, Release, rows
from workbench.model.control_plane.election import election_wait_s
from workbench.model.control_plane.lifecycle import FOREVER, Silence, play
from workbench.model.control_plane.lost_node import controllers_of
from workbench.model.control_plane.outage import controllers_act_s
from workbench.model.control_plane.reflector import looks_again_s
from workbench.model.control_plane.results import Moment
from workbench.model.kubelet import PRIORS
from workbench.model.parameter import FloatArray, Parameter, Source


@dataclass(frozen=True)
class Restored:
    """How much was written between the snapshot and the loss of the disk."""

    creations_per_s: float  # at moments of chance
    age_s: tuple[float, float]  # the snapshot's age at the loss, drawn between these
    grace_s: float  # of the pods that were made after it


@dataclass(frozen=True)
class AbsenceForecast:
    """What is sealed of a control plane's absence; times count from the API server's return."""

    seed: int
    moments: tuple[Moment, ...]
    parameters: dict[str, Parameter]


def absence_forecast(
    workers: Sequence[str], away_s: float, restored: Restored | None, of: Release, replications: int, seed: int
) -> AbsenceForecast:
    """Return the forecast of switching the control plane's node off for `away_s`."""
    stated = {"away_s": Parameter(away_s, "s", Source.SCENARIO, "the drill's option", "from power-off to power-on")}
    if restored is not None:
        rate = Parameter(restored.creations_per_s, "1/s", Source.SCENARIO, "the drill's own clients", "")
        stated["object_writes_per_s"] = rate
    draws = Draws({**rows(of), "restart_notice_s": PRIORS["restart_notice_s"], **stated}, seed, replications)
    acts_s = controllers_act_s(draws)
    scheduler_s = draws.of("scheduler_start_s") + election_wait_s(draws, "scheduler") + draws.of("informers_sync_s")
    bound_s = scheduler_s + draws.of("scheduling_s")
    changed_s = acts_s + draws.of("slice_update_s")
    relisted = {name: _relisted_s(draws, name, away_s) for name in workers}
    written = [np.maximum(changed_s, relisted[name][0]) + draws.of("rules_sync_s", name) for name in workers]
    renewed = [draws.of("kubelet_retry_s", name) for name in workers]
    running_s = np.maximum(bound_s, relisted[workers[0]][1]) + draws.of("pod_start_s")
    nothing = np.zeros(replications)
    moments = [
        Moment("restarted_s", "meanwhile: a killed container runs again, after its end", "s", _in_place_s(draws)),
        Moment("connections_failed", "connections to a Service that failed", "connections", nothing),
        Moment("leases_renewed_s", "every worker's lease renewed", "s", np.maximum.reduce(renewed)),
        Moment("first_bound_s", "a new pod is bound", "s", bound_s),
        Moment("first_running_s", "and Running", "s", running_s),
        Moment("endpoints_changed_s", "an EndpointSlice changes", "s", changed_s),
        Moment("rules_written_s", "and every worker's rules", "s", np.maximum.reduce(written)),
        Moment("nodes_not_ready", "nodes called NotReady", "nodes", _not_ready(draws, workers, acts_s)),
        Moment("pods_evicted", "pods evicted", "pods", nothing),
    ]
    checking.in_order(endpoints=changed_s, rules=moments[6].values)
    if restored is not None:
        moments += _restored_moments(draws, restored, [relisted[name][1] for name in workers])
    return AbsenceForecast(seed, tuple(moments), dict(draws.by_name))


def _relisted_s(draws: Draws, node: str, away_s: float) -> tuple[FloatArray, FloatArray]:
    """Return when a node's kube-proxy and its kubelet look again, after the API server's return."""
    silent_s = np.full(draws.replications, away_s) + draws.of("network_up_s")
    answers_s = np.full(draws.replications, away_s) + draws.of("api_server_start_s")
    proxy_s, kubelet_s = (
        np.maximum(looks_again_s(draws, f"{client} {node}", silent_s, answers_s) - answers_s, 0.0)
        for client in ("kube-proxy", "kubelet")
    )
    return proxy_s, kubelet_s


def _in_place_s(draws: Draws) -> FloatArray:
    """Return how long a kubelet takes to start a container that ended for the first time."""
    return draws.of("kubelet_look_s") + draws.of("restart_notice_s")


def _not_ready(draws: Draws, workers: Sequence[str], acts_s: FloatArray) -> FloatArray:
    """Return how many workers the controllers call NotReady after the return, each kubelet alive."""
    back_s = {name: draws.of("kubelet_retry_s", name) for name in workers}
    counts = []
    for row, controller in enumerate(controllers_of(draws, acts_s)):
        silences = {name: Silence(-FOREVER, float(back_s[name][row])) for name in workers}
        fates = play(controller, len(workers) + 1, silences).values()
        counts.append(sum(np.isfinite(fate.not_ready_s) for fate in fates))
    return np.array(counts, dtype=np.float64)


def _restored_moments(draws: Draws, restored: Restored, relisted_s: Sequence[FloatArray]) -> list[Moment]:
    """Return what a restore from a snapshot costs."""
    low_s, high_s = restored.age_s
    age_s = low_s + (high_s - low_s) * draws.shares("snapshot_age")
    expected = draws.number("object_writes_per_s") * age_s
    lost = draws.generator("objects_lost").poisson(expected).astype(np.float64)
    listed_s = np.maximum.reduce(relisted_s) + draws.of("too_large_version_s")
    nothing = np.zeros(draws.replications)
    return [
        Moment("objects_lost", "objects made after the snapshot and lost", "objects", lost),
        Moment("objects_kept", "objects made after the snapshot and there", "objects", nothing),
        Moment("older_objects_lost", "objects made before the snapshot and lost", "objects", nothing),
        Moment(
            "orphans_ended_s",
            "the last container of a lost pod has ended",
            "s",
            listed_s + restored.grace_s + draws.of("container_end_s"),
        ),
    ]
