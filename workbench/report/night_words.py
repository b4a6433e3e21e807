"""What is said of a night: the same words on the page, in the summary, in annotations and in JUnit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from workbench.compare.changes import Change
from workbench.compare.nights import Cause, MetricNight, NightJudgement
from workbench.compare.windows import PROVED
from workbench.metrics.catalogue import BY_NAME
from workbench.metrics.numbers import percent, quantity, stated
from workbench.records.machine import DISTURBED_PERCENT
from workbench.records.night_drill import DONE, HUNG, KILLED, RUNNING, NightDrill, NightMetric

HEADLINES: Final = {
    0: "All as expected.",
    1: "The hub or the model is not what it was.",
    3: "A tool failed: the night proves less than it should.",
    4: "Inconclusive.",
    5: "Stopped before its end.",
}
_GRAVITY: Final = {cause: place for place, cause in enumerate(Cause)}
_STATES: Final = {KILLED: "the drill was killed", HUNG: "the drill did not end in time", RUNNING: "stopped"}


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it was. `level`: "error" or "warning"."""

    level: str
    title: str
    text: str


def headline(judged: NightJudgement) -> str:
    """Return what a night says first; a failed tool does not hide what else was found."""
    first = HEADLINES[judged.exit_code]
    worse = any(each.cause in (Cause.HUB, Cause.OBJECTIVE, Cause.MODEL) for each in judged.metrics)
    return f"{first} {HEADLINES[1]}" if worse and judged.exit_code != 1 else first


def title_of(metric: str) -> str:
    """Return a metric's words for a person."""
    return BY_NAME[metric].title if metric in BY_NAME else metric


def says(each: MetricNight) -> str:
    """Return what a metric says in two or three words."""
    unseen = each.cause is Cause.AS_BEFORE and each.visible is None
    return "too few to tell" if unseen else str(each.cause)


def sentence(each: MetricNight) -> str:
    """Return what a metric of a night says, with its numbers."""
    if math.isnan(each.observed):
        return f"{title_of(each.metric)}: nothing to judge."
    seen = (
        f"{title_of(each.metric)} {quantity(each.observed, each.unit)}, predicted {quantity(each.predicted, each.unit)}"
    )
    inside = f"{each.drills - each.missed} of {each.drills} inside the sealed 90 %"
    return f"{seen}, {inside}; {_change(each)}" + _phase(each) + _disturbed(each) + "."


def _change(each: MetricNight) -> str:
    if not each.earlier:
        return "no earlier drill to compare with"
    nights = "" if each.nights == 1 else f" over {each.nights} nights"
    kept = f" ({each.imported} of them reference records)" if each.imported else ""
    moved = f"{percent(each.change, sign=True)}{nights} against {_drills(each.earlier)} before{kept}"
    if each.cause is Cause.HUB:
        found = f": slower (p = {each.p_slower:.2g} of all tests)"
    elif each.cause is Cause.MODEL:
        found = f", yet too many predictions missed (p = {each.p_stale:.2g} of all tests)"
    elif each.visible is None:
        found = "; of so few drills no change could have been seen"
    else:
        found = f"; {percent(each.visible, sign=True)} would show"
    return moved + found + _changed(each)


def _changed(each: MetricNight) -> str:
    """Return "; since the manifests changed on 2026-11-28" and what else changed meanwhile."""
    if each.cause is Cause.HUB and not each.since and not each.within:
        return "; manifests, workbench and calibration are as before"
    since = f" since {things(each.since)} changed on {each.since[0].night}" if each.since else ""
    nights = dict.fromkeys(change.night for change in each.within)
    meanwhile = [(things([change for change in each.within if change.night == night]), night) for night in nights]
    return since + "".join(f"; {words} changed on {night}" for words, night in meanwhile)


def things(changed: Sequence[Change]) -> str:
    """Return "the manifests and the workbench's commit"."""
    return " and ".join(dict.fromkeys(change.what for change in changed))


def _phase(each: MetricNight) -> str:
    if each.cause not in (Cause.HUB, Cause.MODEL) or not each.phase:
        return ""
    return f"; most of it in {title_of(each.phase)} ({each.phase_change_s:+.2g} s)"


def _disturbed(each: MetricNight) -> str:
    return f"; the host took over {DISTURBED_PERCENT:g} % from {each.disturbed} of them" if each.disturbed else ""


def trouble(drill: NightDrill) -> tuple[str, str]:
    """Return how a drill counts in a test report, "" for passed, and why: failure hub, error tool, skipped open."""
    if drill.state == RUNNING:
        return "skipped", _STATES[RUNNING]
    if drill.state != DONE or (drill.exit_code not in PROVED and not drill.inconclusive):
        words = _STATES.get(drill.state, f"exit code {drill.exit_code}")
        return "error", f"{words}: {drill.reason}"
    if drill.inconclusive:
        return "skipped", drill.reason or "inconclusive"
    if drill.as_expected is False:
        missed = [missed_objective(row) for row in drill.metrics if row.kept is False]
        return "failure", "; ".join(missed) or f"resilience is {drill.resilience}, which the scenario does not expect"
    return "", ""


def missed_objective(row: NightMetric) -> str:
    """Return "time to ... 31.2 s, objective 30 s"; "over 180 s" where the clock was still running."""
    over = "over " if row.observed is None else ""
    bound = "" if row.at_most is None else f", objective {stated(row.at_most, row.unit)}"
    return f"{title_of(row.name)} {over}{quantity(row.seen, row.unit)}{bound}"


def findings(judged: NightJudgement, not_done: Mapping[str, int]) -> list[Finding]:
    """Return everything that is not as it was, the worst first; `not_done` counts drills by scenario."""
    found = []
    for each in sorted(judged.metrics, key=lambda each: (_GRAVITY[each.cause], -abs(each.change))):
        if each.cause in (Cause.HUB, Cause.MODEL):
            found.append(Finding("error", f"{each.scenario}: {each.cause}", sentence(each)))
    for kind, level, words in (
        ("failure", "error", Cause.OBJECTIVE),
        ("error", "error", Cause.TOOL),
        ("skipped", "warning", Cause.INCONCLUSIVE),
    ):
        for drill in judged.drills:
            how, why = trouble(drill)
            if how == kind:
                found.append(Finding(level, f"{drill.scenario} seed {drill.seed}: {words}", why))
    found += [Finding("warning", f"{name}: not done", f"{count} drills") for name, count in not_done.items()]
    return found


def counts(drills: Sequence[NightDrill]) -> str:
    """Return "7 drills: 6 proved something, 1 failed"."""
    proved = sum(drill.state == DONE and drill.exit_code in PROVED for drill in drills)
    opened = sum(drill.inconclusive for drill in drills)
    running = sum(drill.state == RUNNING for drill in drills)
    parts = [f"{proved} proved something"]
    parts += [f"{opened} inconclusive"] if opened else []
    parts += [f"{running} stopped"] if running else []
    failed = len(drills) - proved - opened - running
    parts += [f"{failed} failed"] if failed else []
    return f"{_drills(len(drills))}: {', '.join(parts)}"


def _drills(count: int) -> str:
    return f"{count} drill" if count == 1 else f"{count} drills"
