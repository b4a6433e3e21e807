"""The conditions under which a run's numbers may be believed, each with what was seen."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from workbench.compare import Check
from workbench.load.summary import LoadSummary
from workbench.metrics.numbers import count, seconds
from workbench.observe.moments import Sample
from workbench.records.prediction import Observation
from workbench.scenario.drill_scenario import Scenario
from workbench.target.port import Injection

SENT_SHARE_MIN: Final = 0.99
CLOCK_STEP_MAX_S: Final = 0.05
BLIND_MAX_S: Final = 2.0


@dataclass(frozen=True)
class Facts:
    """What the checks look at. Times: epoch seconds."""

    injection: Injection | None
    experiment_problems: Sequence[str]
    load: LoadSummary
    steady_problems: Sequence[str]
    sealed_s: float | None
    clock_step_s: float  # largest difference between the wall clock's and the monotonic clock's progress
    probes: Mapping[str, Sequence[Sample]]  # collector -> samples from the fault on
    watch_end_s: float
    observations: Mapping[str, Observation]


def run_checks(scenario: Scenario, facts: Facts) -> list[Check]:
    """Return the seven checks."""
    return [
        _effective(facts),
        _load(facts.load),
        Check(
            "baseline steady",
            not facts.steady_problems,
            "; ".join(facts.steady_problems) or "three windows of 5 s: acknowledged, full redundancy, no trend",
        ),
        _sealed(facts),
        _probes(facts),
        _primaries(scenario, facts),
        Check(
            "clock steady",
            facts.clock_step_s <= CLOCK_STEP_MAX_S,
            f"wall clock and monotonic clock stayed within {facts.clock_step_s * 1000:.1f} ms",
        ),
    ]


def _effective(facts: Facts) -> Check:
    name = "fault proved effective"
    injection = facts.injection
    if injection is None:
        return Check(name, False, "; ".join(facts.experiment_problems) or "nothing was injected")
    delay = seconds(injection.effective_s - injection.injected_s)
    detail = f"{injection.server}: {injection.evidence}, {delay} after the {injection.signal}"
    problems = "; ".join(facts.experiment_problems)
    return Check(name, injection.effective and not problems, f"{detail}; {problems}" if problems else detail)


def _load(load: LoadSummary) -> Check:
    planned = load.devices.planned + load.canary.planned
    sent = load.devices.sent + load.canary.sent
    share = sent / planned if planned else 0.0
    slip = f"slip p99 {seconds(load.slip_s.p99)}"
    detail = f"{count(sent)} of {count(planned)} planned events sent ({share * 100:.2f} %), {slip}"
    return Check("load as planned", share >= SENT_SHARE_MIN, detail)


def _sealed(facts: Facts) -> Check:
    name = "sealed before the fault"
    if facts.sealed_s is None or facts.injection is None:
        return Check(name, False, "no seal" if facts.sealed_s is None else "no fault")
    ahead_s = facts.injection.injected_s - facts.sealed_s
    return Check(name, ahead_s > 0, f"sealed {seconds(ahead_s)} before the fault")


def _probes(facts: Facts) -> Check:
    """No collector may have been blind for longer than BLIND_MAX_S between the fault and the end of watching."""
    fault_s = facts.injection.injected_s if facts.injection else facts.watch_end_s
    worst = {name: longest_gap_s(samples, fault_s, facts.watch_end_s) for name, samples in facts.probes.items()}
    name, gap_s = max(worst.items(), key=lambda item: item[1], default=("none", math.inf))
    return Check("probes saw it all", gap_s <= BLIND_MAX_S, f"longest gap {seconds(gap_s)} ({name})")


def longest_gap_s(samples: Sequence[Sample], start_s: float, end_s: float) -> float:
    """Return the longest stretch of a window without an answer from a probe, s."""
    times = [start_s, *(sample["t"] for sample in samples if "blind" not in sample), end_s]
    inside = sorted(min(max(t_s, start_s), end_s) for t_s in times)
    return max((after - before for before, after in itertools.pairwise(inside)), default=end_s - start_s)


def _primaries(scenario: Scenario, facts: Facts) -> Check:
    missing = []
    for primary in scenario.primary:
        observation = facts.observations.get(primary.metric)
        if observation is None or (observation.value is None and observation.at_least is None):
            missing.append(f"{primary.metric}: {observation.reason if observation else 'not observed'}")
    return Check("primary metrics observed", not missing, "; ".join(missing) or "every primary metric has a value")
