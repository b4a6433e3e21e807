"""When a burst of alike pods, for all of which there is room, is created and bound.

Two token buckets decide: that of whoever creates the pods, and kube-scheduler's. A Deployment's pods come from
kube-controller-manager (arrivals.py); bare pods from a client without a limit of its own, as fast as the API server
answers it. How fast that is, and how long a bind takes, a small burst on the same cluster has measured before.

Left out: the scheduling cycle's own time, which counts only where hundreds of pods a second may be bound; pods for
which there is no room (course.py plays those); kubelets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from workbench.model.control_plane.results import Moment, moment_of
from workbench.model.parameter import FloatArray, Parameter, Source, lognormal, prior, uniform
from workbench.model.scheduling.arrivals import (
    CONTROLLER_BURST_REQUESTS,
    CONTROLLER_REQUESTS_PER_S,
    EVENTS_MAX,
    TokenBucket,
    replicaset_arrivals,
)
from workbench.model.scheduling.course import SCHEDULER_BURST_REQUESTS, SCHEDULER_REQUESTS_PER_S
from workbench.streams import stream

RATE_DRIFT_SIGMA: Final = 0.25  # of a rate measured twice within minutes: 117 to 178 a second over four bursts of 2,000


class Creator(StrEnum):
    """Who asks the API server for the pods."""

    DEPLOYMENT = "deployment"  # kube-controller-manager, throttled
    CLIENT = "client"  # a client without a limit of its own


@dataclass(frozen=True)
class Probed:
    """What a small burst measured (s)."""

    answers_s: tuple[float, ...]  # of creations, one after the other
    intervals_s: tuple[float, ...]  # between creations of many at once, each the mean of some; none by a Deployment
    lags_s: tuple[float, ...]  # from a pod's being there to its being bound, of those one by one
    crowded_lags_s: tuple[float, ...]  # likewise, of many made at once, in the order they were made; none throttled


@dataclass(frozen=True)
class BurstForecast:
    """What a burst takes: a value a replication of each moment."""

    pods: int
    creator: Creator
    seed: int
    moments: tuple[Moment, ...]
    parameters: Mapping[str, Parameter]

    def moment(self, name: str) -> Moment:
        """Return the moment of that name. Raises KeyError."""
        return moment_of(self.moments, name)


def burst_forecast(pods: int, creator: Creator, probed: Probed, replications: int, seed: int) -> BurstForecast:
    """Return the forecast of so many pods (at least 1), created all at once."""
    parameters = _parameters(probed)
    rows = np.array([_replication(pods, creator, probed, parameters, seed, each) for each in range(replications)])
    named = (
        ("created_s", "all created", "s"),
        ("total_s", "all bound", "s"),
        ("bind_s_p50", "time to bind, p50", "s"),
        ("bind_s_p99", "time to bind, p99", "s"),
    )
    moments = [Moment(name, title, unit, rows[:, column]) for column, (name, title, unit) in enumerate(named)]
    moments.append(Moment("attempts_failed", "failed attempts", "attempts", np.zeros(replications)))
    return BurstForecast(pods, creator, seed, tuple(moments), parameters)


def bound_s(created_s: Sequence[float] | FloatArray, lags_s: FloatArray) -> FloatArray:
    """Return when each pod is bound, in the order in which kube-scheduler comes to them (ascending)."""
    bucket = TokenBucket(SCHEDULER_REQUESTS_PER_S, SCHEDULER_BURST_REQUESTS)
    ready_s = np.asarray(created_s) + lags_s
    bound = np.empty(len(ready_s))
    for index in np.argsort(ready_s, kind="stable"):
        bound[index] = ready_s[index] + bucket.wait_s(float(ready_s[index]))
    return bound


def _replication(
    pods: int, creator: Creator, probed: Probed, parameters: Mapping[str, Parameter], seed: int, number: int
) -> tuple[float, float, float, float]:
    rng = stream(seed, "pod-burst", number)

    def draw(name: str) -> float:
        return float(parameters[name].value.quantile(rng.random(1))[0])

    if creator is Creator.DEPLOYMENT:
        answer_s = float(np.mean(rng.choice(probed.answers_s, len(probed.answers_s))))
        created_s = np.array(replicaset_arrivals(pods, answer_s, EVENTS_MAX))
        beside = draw("controller_requests_beside")
        created_s += beside / CONTROLLER_REQUESTS_PER_S * created_s / created_s[-1]
        at_once = min(pods, CONTROLLER_BURST_REQUESTS)
        crowded_s, single_s = rng.choice(probed.crowded_lags_s, at_once), rng.choice(probed.lags_s, pods - at_once)
        lags_s = np.concatenate([crowded_s, single_s])
    else:
        interval_s = float(np.mean(rng.choice(probed.intervals_s, len(probed.intervals_s)))) * draw("rate_drift")
        created_s = interval_s * np.arange(pods)
        lags_s = rng.choice(probed.crowded_lags_s, pods)
    bound = bound_s(created_s, lags_s)
    bind_s = bound - created_s
    total_s = float(bound.max() - created_s[0])
    middle_s, high_s = np.percentile(bind_s, [50.0, 99.0])
    return float(created_s[-1] - created_s[0]), total_s, float(middle_s), float(high_s)


def _parameters(probed: Probed) -> dict[str, Parameter]:
    def measured(values: Sequence[float], what: str) -> Parameter:
        return Parameter(float(np.median(values)), "s", Source.BASELINE, f"a burst before the seal: {what}", "median")

    controller = "Kubernetes pkg/controller/apis/config/v1alpha1/defaults.go"
    scheduler = "Kubernetes pkg/scheduler/apis/config/v1/defaults.go"
    rows = {
        "create_answer_s": measured(probed.answers_s, f"{len(probed.answers_s)} creations one after the other"),
        "bind_lag_s": measured(probed.lags_s, f"{len(probed.lags_s)} pods one after the other"),
        "crowded_bind_lag_s": measured(probed.crowded_lags_s, f"{len(probed.crowded_lags_s)} pods made at once"),
        "rate_drift": prior(
            lognormal(1.0, RATE_DRIFT_SIGMA),
            "",
            "assumed",
            "of creations side by side, from the small burst to the large",
        ),
        "controller_requests_per_s": prior(CONTROLLER_REQUESTS_PER_S, "1/s", controller),
        "controller_burst_requests": prior(float(CONTROLLER_BURST_REQUESTS), "requests", controller),
        "controller_requests_beside": prior(
            uniform(0.0, 2.0), "requests", "assumed", "that take tokens of the burst and are not modelled"
        ),
        "controller_events": prior(float(EVENTS_MAX), "events", "client-go tools/record/events_cache.go"),
        "scheduler_requests_per_s": prior(SCHEDULER_REQUESTS_PER_S, "1/s", scheduler),
        "scheduler_burst_requests": prior(float(SCHEDULER_BURST_REQUESTS), "requests", scheduler),
    }
    if probed.intervals_s:
        rows["create_interval_s"] = measured(probed.intervals_s, "creations side by side")
    return rows
