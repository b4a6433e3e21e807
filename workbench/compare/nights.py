"""One night judged: per scenario and primary metric, against the nights before, the objectives and the seals.

A slower hub, a worse model and a broken tool look alike in one drill and are told apart over many: a hub moves what
is observed, a model moves what is predicted, a tool leaves nothing to judge. All tests of a night share one chance
of a false alarm, ALPHA (Holm); benchmarks/nightly_alarms.py measures it on recorded drills.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Final

from workbench.compare.changes import Change
from workbench.compare.shifts import holm, logs, slower, smallest_visible, stale
from workbench.compare.windows import PROVED, Window, counts, windows
from workbench.errors import EXIT_AS_EXPECTED, EXIT_INCONCLUSIVE, EXIT_MACHINE, EXIT_MISSED, worst_exit_code
from workbench.metrics.belonging import PARTS
from workbench.metrics.catalogue import BY_NAME
from workbench.records.machine import DISTURBED_PERCENT
from workbench.records.night_drill import DONE, IMPORTED, RUNNING, NightDrill

ALPHA: Final = 0.01  # chance a night of any false alarm

type _Drills = Sequence[NightDrill]


class Cause(StrEnum):
    """What a metric of a night says, the gravest first."""

    HUB = "slower hub"
    OBJECTIVE = "objective missed"
    MODEL = "worse model"
    TOOL = "broken tool"
    INCONCLUSIVE = "inconclusive"
    AS_BEFORE = "as before"


@dataclass(frozen=True)
class MetricNight:
    """One primary metric of one scenario over a night, and against those before it."""

    scenario: str
    metric: str
    unit: str
    cause: Cause
    drills: int  # of the night, that have a value
    earlier: int  # drills it is compared with
    imported: int  # of those, that no night has run
    nights: int  # looked at together for the change
    observed: float  # medians, NaN without any
    before: float
    predicted: float
    change: float  # of the median, 0.2: a fifth more; NaN without earlier drills
    p_slower: float  # adjusted for all tests of the night
    p_stale: float
    missed: int  # drills of the night outside their sealed 90 % interval
    phase: str  # that moved most the same way, "" for none
    phase_change_s: float
    visible: float | None  # the smallest change that four of five nights like these would show
    disturbed: int  # drills of the night from which the host took over DISTURBED_PERCENT
    since: tuple[Change, ...]  # what changed just before the nights looked at together
    within: tuple[Change, ...]  # and what changed among them


@dataclass(frozen=True)
class NightJudgement:
    """A whole night. `exit_code` is the worst of what follows from it, by the order of workbench.errors."""

    suite: str
    night: str
    drills: tuple[NightDrill, ...]
    metrics: tuple[MetricNight, ...]
    exit_code: int


@dataclass(frozen=True)
class _Sample:
    """What a metric is judged by: tonight's drills, and what is held against what."""

    scenario: str
    metric: str
    tonight: tuple[NightDrill, ...]
    windows: tuple[Window, ...]


def judge_night(drills: Sequence[NightDrill], suite: str, night: str, compare_nights: int) -> NightJudgement:
    """Judge one night of a history; `drills` are all of it, the earliest first."""
    tonight = tuple(drill for drill in drills if (drill.suite, drill.night) == (suite, night))
    samples = [_sample(drills, tonight, *name, compare_nights) for name in _names(drills, tonight)]
    p_slower = [_over_windows(each, _p_slower) for each in samples]
    p_stale = [_over_windows(each, _p_stale) for each in samples]
    adjusted = holm([*p_slower, *p_stale])
    alpha = ALPHA / max(1, len(adjusted))
    metrics = tuple(
        _judged(each, adjusted[place], adjusted[len(samples) + place], alpha) for place, each in enumerate(samples)
    )
    return NightJudgement(suite, night, tonight, metrics, _exit_code(tonight, metrics))


def _names(drills: Sequence[NightDrill], tonight: Sequence[NightDrill]) -> list[tuple[str, str]]:
    """Return scenario and primary metric of everything to judge, of a scenario whose drills all failed too."""
    scenarios = dict.fromkeys(drill.scenario for drill in tonight)
    rows = {
        (drill.scenario, row.name): None
        for drill in drills
        for row in drill.metrics
        if row.primary and drill.scenario in scenarios
    }
    return sorted(rows, key=lambda name: (list(scenarios).index(name[0]), name[1]))


def _sample(
    drills: Sequence[NightDrill], tonight: Sequence[NightDrill], scenario: str, metric: str, compare_nights: int
) -> _Sample:
    mine = tuple(drill for drill in tonight if drill.scenario == scenario)
    counted = [drill for drill in mine if counts(drill, metric)]
    found = windows(drills, counted[-1], metric, compare_nights) if counted else ()
    return _Sample(scenario, metric, mine, found)


def _over_windows(sample: _Sample, test: Callable[[_Sample, Window], float]) -> float:
    """Return the smallest p-value over windows, each with its share of the chance (weighted Bonferroni)."""
    return min([1.0, *(test(sample, window) / window.share for window in sample.windows)])


def _p_slower(sample: _Sample, window: Window) -> float:
    late, early = (_values(drills, sample.metric) for drills in (window.late, window.early))
    return slower(late, early, sample.scenario, sample.metric)


def _p_stale(sample: _Sample, window: Window) -> float:
    return stale(_misses(window.late, sample.metric), _misses(window.early, sample.metric))


def _values(drills: _Drills, metric: str) -> list[float]:
    rows = (drill.metric(metric) for drill in drills)
    return [row.seen for row in rows if row is not None and row.seen is not None]


def _misses(drills: _Drills, metric: str) -> list[bool]:
    rows = (drill.metric(metric) for drill in drills)
    return [not row.inside_90 for row in rows if row is not None and row.inside_90 is not None]


def _judged(sample: _Sample, p_slower: float, p_stale: float, alpha: float) -> MetricNight:
    """Put one metric's numbers together; the change is told over the window that shows it."""
    metric = sample.metric
    counted = [drill for drill in sample.tonight if counts(drill, metric)]
    cause = _cause(sample, p_slower, p_stale)
    window = _told(sample, cause)
    late, early = window.late, window.early
    rows = [row for row in (drill.metric(metric) for drill in counted) if row is not None]
    phase, phase_change_s = _phase(metric, late, early)
    now, then = _values(late, metric), _values(early, metric)
    return MetricNight(
        scenario=sample.scenario,
        metric=metric,
        unit=rows[0].unit if rows else "",
        cause=cause,
        drills=len(rows),
        earlier=len(early),
        imported=sum(drill.suite == IMPORTED for drill in early),
        nights=len({(drill.suite, drill.night) for drill in late}),
        observed=_median(_values(counted, metric)),
        before=_median(then),
        predicted=_median([row.quantiles[50] for row in rows if row.quantiles]),
        change=math.expm1(_median(logs(now).tolist()) - _median(logs(then).tolist())),
        p_slower=p_slower,
        p_stale=p_stale,
        missed=sum(_misses(counted, metric)),
        phase=phase,
        phase_change_s=phase_change_s,
        visible=smallest_visible(then, len(now), alpha * window.share),
        disturbed=sum((drill.stolen_percent or 0.0) > DISTURBED_PERCENT for drill in sample.tonight),
        since=window.since,
        within=window.within,
    )


def _told(sample: _Sample, cause: Cause) -> Window:
    """Return the window that a change is told over: the one that shows it most clearly, or else the longest."""
    test = {Cause.HUB: _p_slower, Cause.MODEL: _p_stale}.get(cause)
    if not sample.windows:
        return Window((), (), 1.0)
    if test is None:
        return max(sample.windows, key=lambda window: len(window.late))
    return min(sample.windows, key=lambda window: test(sample, window) / window.share)


def _median(values: Sequence[float]) -> float:
    return median(values) if values else math.nan


def _cause(sample: _Sample, p_slower: float, p_stale: float) -> Cause:
    if p_slower <= ALPHA:
        return Cause.HUB
    if any(drill.as_expected is False for drill in sample.tonight):
        return Cause.OBJECTIVE
    if p_stale <= ALPHA:
        return Cause.MODEL
    if sample.windows:
        return Cause.AS_BEFORE
    opened = any(drill.inconclusive or drill.state == RUNNING for drill in sample.tonight)
    return Cause.INCONCLUSIVE if opened else Cause.TOOL


def _phase(metric: str, late: _Drills, early: _Drills) -> tuple[str, float]:
    """Return the phase of a metric whose median moved most, the way the metric itself did, and by how much."""
    moved = _median(_values(late, metric)) - _median(_values(early, metric))
    changes = {
        name: _median(_values(late, name)) - _median(_values(early, name))
        for name in _phases(metric)
        if _values(late, name) and _values(early, name)
    }
    same_way = {name: change for name, change in changes.items() if change * moved > 0.0}
    if not same_way:
        return "", math.nan
    worst = max(same_way, key=lambda name: abs(same_way[name]))
    return worst, same_way[worst]


def _phases(metric: str) -> list[str]:
    """Return the phases a metric is made of, those of its parts as well."""
    found: dict[str, None] = {}
    waiting = list(PARTS.get(metric, ()))
    while waiting:
        name = waiting.pop(0)
        if name in PARTS and name not in found:
            waiting += PARTS[name]
        found[name] = None
    return [name for name in found if BY_NAME[name].kind == "phase"]


def _exit_code(tonight: Sequence[NightDrill], metrics: Sequence[MetricNight]) -> int:
    """Return the night's code. One drill's missed prediction is chance; only too many are a fault (Cause.MODEL)."""
    codes = {EXIT_AS_EXPECTED} if tonight else {EXIT_INCONCLUSIVE}
    for drill in tonight:
        if drill.inconclusive or drill.state == RUNNING:  # stopped, or killed and out of time since
            codes.add(EXIT_INCONCLUSIVE)
        elif drill.state != DONE or drill.exit_code not in PROVED:
            codes.add(EXIT_MACHINE)
        elif drill.as_expected is False:
            codes.add(EXIT_MISSED)
    if any(each.cause in (Cause.HUB, Cause.MODEL) for each in metrics):
        codes.add(EXIT_MISSED)
    return worst_exit_code(codes)
