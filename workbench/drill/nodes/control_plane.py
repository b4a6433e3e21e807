"""The control plane's node switched off and on under trial pods, from the forecast to the comparison.

With `restored` its disk is lost as well and comes back from a snapshot of etcd: objects made later are lost. The run
folder (reports/out/control-plane-loss/<run-id>) holds what a worker's drill has.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import urllib3
from kubernetes import client

from workbench.drill.forecasted import compared, seal, sentence, write_comparison
from workbench.drill.nodes import made, trial
from workbench.drill.nodes.absent import NEW_POD, Absence, Sightings, absence_moments
from workbench.drill.nodes.conducting import (
    NodeDrill,
    Progress,
    addresses_in_rules,
    switch_on,
    trial_pods,
    trial_pods_seen,
    wait_for,
)
from workbench.drill.nodes.facts import Facts
from workbench.drill.nodes.meanwhile import connecting, container_of, killed_and_back_s
from workbench.drill.nodes.watching import watched
from workbench.drill.only_trial import only_trial
from workbench.drill.run_record import new_run_folder, utc_text
from workbench.errors import Inconclusive, ToolFailed
from workbench.model.control_plane import release
from workbench.model.control_plane.absence import AbsenceForecast, Restored, absence_forecast
from workbench.records.folder import dump_json, write_durably
from workbench.streams import stream
from workbench.target.kubernetes.api import Api, api_failures
from workbench.target.throwaway.building import built_programs
from workbench.target.throwaway.cluster import Cluster
from workbench.target.throwaway.etcd import restore_snapshot
from workbench.target.throwaway.kubectl import Kubectl
from workbench.waiting import happens, sleep_until

REPLICATIONS: Final = 1000
SPREAD_S: Final = 10.4  # the loss's moment is drawn over the longest lease interval
STEADY_S: Final = 12.0
GRACE_SEEN_S: Final = (
    75.0  # watched after the return: a fresh grace of 40 s from when controllers act, a pass, and room
)
PATIENCE_S: Final = 180.0
ANSWER_TIMEOUT_S: Final = 180.0
ASK_TIMEOUT_S: Final = 20.0
ASKED_S: Final = (2.0, 4.0)  # bounds of each question whether the API server is back
ASKING: Final = 8  # so many ask
POLL_S: Final = 0.1
LEASES: Final = "kube-node-lease"
WITNESS: Final = "killed-meanwhile"  # a pod whose container is killed while the control plane is away
RESTORED: Final = Restored(creations_per_s=2.0, age_s=(20.0, 40.0), grace_s=1.0)
TOLD: Final = ("first_bound_s", "endpoints_changed_s")


@dataclass(frozen=True)
class _Trial:
    """What all steps of one drill need."""

    cluster: Cluster
    api: Api
    kubectl: Kubectl
    seed: int
    away_s: float
    progress: Progress

    @property
    def workers(self) -> list[str]:
        return [node.name for node in self.cluster.layout.nodes if not node.is_control_plane]


def drill_control_plane(
    cluster: Cluster, away_s: float, restored: bool, seed: int, toleration_s: int, out: Path, progress: Progress
) -> NodeDrill:
    """Predict, seal, switch the control plane's node off for `away_s`, watch, compare.

    Raises BadInput while a node has no power, Inconclusive when a moment that is predicted never came, ToolFailed when
    something does not start, UndoUnverified when the node does not return.
    """
    begun_s = time.time()
    folder = new_run_folder(out, "control-plane-loss")
    kubectl = Kubectl(built_programs(progress), cluster.kubeconfig)
    with only_trial(cluster) as api, trial_pods(api, kubectl, cluster, toleration_s, progress):
        about = _Trial(cluster, api, kubectl, seed, away_s, progress)
        writes = RESTORED if restored else None
        forecast = absence_forecast(about.workers, away_s, writes, release("1.29"), REPLICATIONS, seed)
        sha256 = seal(folder, forecast.seed, forecast.moments, forecast.parameters)
        sealed_s = time.time()
        told = [moment for moment in forecast.moments if moment.name in TOLD]
        progress(f"sealed: {sentence(told)}, after the API server's return")
        facts, seen = Facts(), Sightings()
        absence = _absence(about, forecast, restored, facts, seen)
    rows = compared(forecast.moments, absence_moments(facts, seen, absence, about.workers))
    write_durably(folder.observed / "facts.json", dump_json({**asdict(facts), **asdict(seen)}))
    description = {
        "node": cluster.layout.control_plane.name,
        "nodes": [node.name for node in cluster.layout.nodes],
        "kubernetes": cluster.record.kubernetes,
        "seed": seed,
        "away_s": absence.power_on_s - absence.cut_s,
        "etcd_restored": restored,
        "cut": utc_text(absence.cut_s),
        "answered_after_power_on_s": absence.answered_s - absence.power_on_s,
    }
    write_comparison(folder, rows, sha256, begun_s, sealed_s, description)
    if missing := [row.title for row in rows if row.observed is None]:
        raise Inconclusive(f"never seen: {', '.join(missing)}; what was seen is in {folder.root}")
    drill_s = absence.answered_s - absence.power_on_s
    return NodeDrill(folder, cluster.layout.control_plane.name, sha256, rows, drill_s)


def _absence(about: _Trial, forecast: AbsenceForecast, restored: bool, facts: Facts, seen: Sightings) -> Absence:
    """Switch the node off and on; fill what was seen until all predicted moments have come."""
    cluster, node = about.cluster, about.cluster.layout.control_plane
    draw = float(stream(about.seed, "control-plane-drill", "moment").random())
    about.api.core.create_namespaced_pod(trial.NAMESPACE, trial.bare_pod(WITNESS))
    wait_for("the pod to kill does not run", lambda: container_of(about.api, trial.NAMESPACE, WITNESS) is not None)
    witness = container_of(about.api, trial.NAMESPACE, WITNESS)
    assert witness is not None
    moved = next(pod for pod in trial_pods_seen(about.kubectl) if pod["name"] != WITNESS)
    address = about.api.core.read_namespaced_service(trial.NAME, trial.NAMESPACE).spec.cluster_ip
    writes = _writes(about, RESTORED.age_s[0] + (RESTORED.age_s[1] - RESTORED.age_s[0]) * draw) if restored else None
    with connecting(cluster, about.workers[0], address, 80) as attempts:
        if writes is None:
            sleep_until(time.time() + STEADY_S + SPREAD_S * draw)
        about.progress(f"cutting the power of {node.name}")
        leases = _leases(about.api, about.workers)  # as they are right before
        try:
            cut_s = cluster.power_off(node)
            if writes is not None:
                restore_snapshot(cluster, writes.snapshot)
            seen.restarted_s = killed_and_back_s(witness)
            about.progress(f"a killed container ran again after {seen.restarted_s:.1f} s; waiting {about.away_s:.0f} s")
            sleep_until(cut_s + about.away_s)
        except BaseException:  # stopped by a person, too
            switch_on(cluster, node, about.kubectl, about.progress)
            raise
        power_on_s = cluster.power_on(node)
        answered_s = _answered_s(about.cluster.kubeconfig)
        about.progress(f"the API server answers {answered_s - power_on_s:.1f} s after the power-on")
        absence = Absence(cut_s, power_on_s, answered_s, moved["name"], moved["address"])
        fresh = replace(about, api=Api(cluster.kubeconfig))  # of before are connections to a server that is gone
        _watch(fresh, forecast, absence, facts, seen, leases, writes)
        seen.attempts = attempts()
    return absence


def _writes(about: _Trial, age_s: float) -> made.Made:
    about.progress(f"taking a snapshot of etcd, then making objects for {age_s:.0f} s")
    return made.make_objects(
        about.cluster, about.api, about.workers, RESTORED.creations_per_s, age_s, stream(about.seed, "made-objects")
    )


def _watch(
    about: _Trial,
    forecast: AbsenceForecast,
    absence: Absence,
    facts: Facts,
    seen: Sightings,
    leases: Mapping[str, datetime.datetime],
    writes: made.Made | None,
) -> None:
    """Ask for a pod and a change of a Service as soon as the API server answers; watch what comes of it."""
    cluster, nodes = about.cluster, [node for node in about.cluster.layout.nodes if not node.is_control_plane]
    pods = {absence.moved_pod: absence.moved_address}
    reading = {node.name: functools.partial(addresses_in_rules, cluster, node, pods) for node in nodes}
    wanted = {moment.name for moment in forecast.moments}
    _ask(about.api, absence.moved_pod)
    with watched(about.api, trial.NAMESPACE, reading, facts) as check:
        while time.time() < absence.answered_s + PATIENCE_S:
            check()
            for name, renewed in _leases(about.api, about.workers).items():
                if renewed > leases[name]:  # a snapshot's are older
                    seen.renewed.setdefault(name, time.time())
            if writes is not None:
                writes.look()
            moments = absence_moments(facts, seen, absence, about.workers)
            if writes is not None:
                seen.objects = writes.found(about.api, absence.answered_s)
                moments |= seen.objects
            is_late = time.time() > absence.answered_s + GRACE_SEEN_S
            if is_late and all(moments.get(name) is not None for name in wanted - {"connections_failed"}):
                return
            time.sleep(POLL_S)


def _ask(api: Api, moved_pod: str) -> None:
    """Take a pod out of its Service, and ask for a new pod."""
    labels = dict.fromkeys(trial.LABELS)
    pod = trial.bare_pod(NEW_POD)
    _patiently(lambda: api.core.patch_namespaced_pod(moved_pod, trial.NAMESPACE, {"metadata": {"labels": labels}}))
    _patiently(lambda: api.core.create_namespaced_pod(trial.NAMESPACE, pod))


def _patiently(request: Callable[[], Any]) -> None:
    """Send a request until it is taken: an API server that just began refuses some. Raises ToolFailed at the bound."""
    refused: list[str] = []

    def taken() -> bool:
        try:
            request()
        except client.ApiException as error:
            refused.append(f"{error.status} {error.reason}")
            return False
        return True

    with api_failures("the API server was lost again"):
        if not happens(taken, ASK_TIMEOUT_S, POLL_S):
            raise ToolFailed(f"the API server refuses requests after its return: {refused[-1]}")


def _leases(api: Api, workers: Sequence[str]) -> dict[str, datetime.datetime]:
    """Return when each worker's lease was last renewed, as it says itself."""
    with api_failures("the nodes' leases could not be listed"):
        found = api.coordination.list_namespaced_lease(LEASES).items
    return {each.metadata.name: each.spec.renew_time for each in found if each.metadata.name in workers}


def _answered_s(kubeconfig: Path) -> float:
    """Return the moment (epoch s) of the API server's first answer. Raises ToolFailed when there is none in time.

    Several ask side by side: one whose connection began in the silence may hang when the server is back.
    """
    api = Api(kubeconfig, retries=0)
    answered_s: list[float] = []

    def ask() -> bool:
        with contextlib.suppress(client.ApiException, urllib3.exceptions.HTTPError):
            api.core.list_node(limit=1, _request_timeout=ASKED_S)
            answered_s.append(time.time())
        return bool(answered_s)

    with ThreadPoolExecutor(ASKING) as pool:
        for each in [pool.submit(happens, ask, ANSWER_TIMEOUT_S, POLL_S) for _ in range(ASKING)]:
            each.result()
    if not answered_s:
        raise ToolFailed(f"the API server does not answer {ANSWER_TIMEOUT_S:.0f} s after its node's power-on")
    return min(answered_s)
