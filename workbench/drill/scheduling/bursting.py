"""One burst of pods on KWOK's nodes: a small one measured first, the forecast sealed, the burst, the comparison.

The run folder (reports/out/pod-burst/<run-id>) holds what one of a node's loss does: prediction.json with its seal,
parameters.json, observed/facts.json with every change seen, comparison.json.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from workbench.drill.forecasted import Compared, compared, seal, sentence, write_comparison
from workbench.drill.nodes.facts import Facts
from workbench.drill.nodes.watching import watched
from workbench.drill.only_trial import only_trial
from workbench.drill.run_record import new_run_folder
from workbench.drill.scheduling import burst_pods
from workbench.drill.scheduling.namespaced import create_pods, namespaced
from workbench.errors import BadInput, ToolFailed
from workbench.model.scheduling.bursts import Creator, Probed, burst_forecast
from workbench.records.folder import RunFolder, dump_json, write_durably
from workbench.target.kubernetes.api import Api
from workbench.target.throwaway.cluster import Cluster
from workbench.waiting import happens, sleep_until

Progress = Callable[[str], None]
REPLICATIONS: Final = 200
PROBE_ONE_BY_ONE: Final = 20
PROBE_REPLICAS: Final = 25  # with their events within the controller's 30
PROBE_SIDE_BY_SIDE: Final = 400
PROBE_WARM_UP: Final = 100  # connections are made meanwhile
WINDOW: Final = 20  # creations whose mean interval counts as one value
UNTHROTTLED: Final = 80  # pods of the probe that kube-scheduler's burst surely covers
REST_S: Final = 5.0  # every bucket is full again: 30 at 20 a second, 100 at 50
PATIENCE_S: Final = 120.0  # watched for so long beyond the slowest replication
POLL_S: Final = 0.25
RESOLUTION_S: Final = 0.05  # a watch's events wait for each other in one process: 10 ms between pods, 50 at a stroke


@dataclass(frozen=True)
class BurstDrill:
    """What one burst gave."""

    folder: RunFolder
    pods: int
    creator: Creator
    sha256: str
    compared: tuple[Compared, ...]


def drill_burst(cluster: Cluster, pods: int, creator: Creator, seed: int, out: Path, progress: Progress) -> BurstDrill:
    """Measure, predict, seal, create `pods` at once, watch them being bound, compare.

    Raises BadInput where KWOK's nodes have no room for so many, ToolFailed when the API fails or not all are bound
    in time.
    """
    _check_room(cluster, pods)
    begun_s = time.time()
    folder = new_run_folder(out, "pod-burst")
    with only_trial(cluster) as api:
        progress("measuring with a small burst")
        probed = probe(api, creator)
        sleep_until(time.time() + REST_S)
        forecast = burst_forecast(pods, creator, probed, REPLICATIONS, seed)
        sha256 = seal(folder, seed, forecast.moments, forecast.parameters)
        sealed_s = time.time()
        progress(f"sealed: {sentence(moment for moment in forecast.moments if moment.unit == 's')}")
        patience_s = PATIENCE_S + float(np.max(forecast.moment("total_s").values))
        with namespaced(api, burst_pods.NAMESPACE):
            facts = _burst(api, pods, creator, patience_s, progress)
            failed = _failed_attempts(api)
            progress("removing the pods")
    created_s, bound_s = moments_of(facts)
    drill = BurstDrill(
        folder, pods, creator, sha256, compared(forecast.moments, observed(created_s, bound_s, failed), RESOLUTION_S)
    )
    write_durably(folder.observed / "facts.json", dump_json({"created_s": created_s, "bound_s": bound_s}))
    about = {
        "pods": pods,
        "by": creator.value,
        "nodes": cluster.record.fake_nodes,
        "kubernetes": cluster.record.kubernetes,
        "seed": seed,
        "probed": asdict(probed),
    }
    write_comparison(folder, drill.compared, sha256, begun_s, sealed_s, about)
    return drill


def probe(api: Api, creator: Creator) -> Probed:
    """Measure creations one by one and many at once, and how long each pod then waits for its bind.

    Those made at once come from where the burst will: of a Deployment no more than its controller's tokens cover.
    """
    name, facts = burst_pods.PROBE_NAMESPACE, Facts()
    intervals_s: list[float] = []
    with namespaced(api, name), watched(api, name, {}, facts) as check:
        answers_s = []
        for number in range(PROBE_ONE_BY_ONE):
            asked_s = time.time()
            (answered_s,) = create_pods(api, name, [burst_pods.bare_pod(number)])
            answers_s.append(answered_s - asked_s)
            _all_bound(facts, number + 1, PATIENCE_S, check)
        sleep_until(time.time() + REST_S)
        if creator is Creator.DEPLOYMENT:
            several, measured = PROBE_REPLICAS, PROBE_REPLICAS
            api.apps.create_namespaced_deployment(name, burst_pods.deployment(PROBE_REPLICAS))
        else:
            several, measured = PROBE_SIDE_BY_SIDE, UNTHROTTLED
            numbers = range(PROBE_ONE_BY_ONE, PROBE_ONE_BY_ONE + several)
            done_s = sorted(create_pods(api, name, [burst_pods.bare_pod(number) for number in numbers]))
            intervals_s += (np.diff(done_s[PROBE_WARM_UP::WINDOW]) / WINDOW).tolist()
        _all_bound(facts, PROBE_ONE_BY_ONE + several, PATIENCE_S, check)
    created_s, bound_s = moments_of(facts)
    lags_s = [bound_s[pod] - at_s for pod, at_s in created_s.items()]
    crowded_s = lags_s[PROBE_ONE_BY_ONE:][:measured]
    return Probed(tuple(answers_s), tuple(intervals_s), tuple(lags_s[:PROBE_ONE_BY_ONE]), tuple(crowded_s))


def moments_of(facts: Facts) -> tuple[dict[str, float], dict[str, float]]:
    """Return when each pod was first seen, in that order, and first seen with a node."""
    created_s: dict[str, float] = {}
    bound_s: dict[str, float] = {}
    for fact in facts.pods:
        created_s.setdefault(fact.name, fact.at_s)
        if fact.node:
            bound_s.setdefault(fact.name, fact.at_s)
    return created_s, bound_s


def observed(created_s: dict[str, float], bound_s: dict[str, float], failed: int) -> dict[str, float | None]:
    """Return the moments of a burst whose pods were all bound."""
    first_s = min(created_s.values())
    middle_s, high_s = np.percentile([bound_s[name] - at_s for name, at_s in created_s.items()], [50.0, 99.0])
    return {
        "created_s": max(created_s.values()) - first_s,
        "total_s": max(bound_s.values()) - first_s,
        "bind_s_p50": float(middle_s),
        "bind_s_p99": float(high_s),
        "attempts_failed": float(failed),
    }


def _check_room(cluster: Cluster, pods: int) -> None:
    needed = -(-max(pods, PROBE_ONE_BY_ONE + PROBE_SIDE_BY_SIDE) // burst_pods.PODS_A_NODE)
    if cluster.record.fake_nodes < needed:
        raise BadInput(
            f"a burst of {pods} pods of {burst_pods.CPU_M} millicores, and the small one before it, need {needed} KWOK "
            f"nodes, there are {cluster.record.fake_nodes}: workbench cluster up --kwok-nodes {needed} makes enough"
        )


def _burst(api: Api, pods: int, creator: Creator, patience_s: float, progress: Progress) -> Facts:
    facts = Facts()
    with watched(api, burst_pods.NAMESPACE, {}, facts) as check:
        progress(f"creating {pods} pods")
        if creator is Creator.DEPLOYMENT:
            api.apps.create_namespaced_deployment(burst_pods.NAMESPACE, burst_pods.deployment(pods))
        else:
            create_pods(api, burst_pods.NAMESPACE, [burst_pods.bare_pod(number) for number in range(pods)])
        _all_bound(facts, pods, patience_s, check)
    return facts


def _all_bound(facts: Facts, pods: int, patience_s: float, check: Callable[[], None]) -> None:
    def bound() -> int:
        check()
        return len(moments_of(facts)[1])

    if not happens(lambda: bound() == pods, patience_s, POLL_S):
        raise ToolFailed(f"only {bound()} of {pods} pods were bound within {patience_s:.0f} s")


def _failed_attempts(api: Api) -> int:
    """Return how often kube-scheduler said that a pod of the burst fits nowhere."""
    selected = "reason=FailedScheduling"
    events: Sequence[Any] = api.core.list_namespaced_event(burst_pods.NAMESPACE, field_selector=selected).items
    return sum((event.series.count if event.series else event.count) or 1 for event in events)
