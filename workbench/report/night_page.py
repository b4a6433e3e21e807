"""The trend page: recovery over the nights with what was predicted, coverage, misses and the budget spent."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Final

from workbench.compare.changes import Change, changes, numbered
from workbench.compare.nights import Cause, MetricNight, NightJudgement
from workbench.metrics.numbers import percent, quantity, span
from workbench.records.night_drill import NightDrill, NightMetric
from workbench.report.blocks import Badge, Cell, Column, Page, Section, Table, cells
from workbench.report.figures.trend import DRILLS_MAX, NARROW_MAX, draw_trend, points
from workbench.report.night_words import counts, findings, headline, says, sentence, title_of, trouble

NIGHTS_MAX: Final = 30
MISSES_MAX: Final = 20
CHANGES_MAX: Final = 30
HASH_DIGITS: Final = 7
LOCAL: Final = "local"
_MOODS: Final = {0: "pass", 1: "fail"}
_LEGEND: Final = (
    "A mark a drill, a red diamond outside its sealed 90 % interval (light; dark: 50 %, bar: median). "
    "Dashes: the objective. Lines part nights; a dotted one with a number says that something changed."
)


def page_of(judged: NightJudgement, drills: Sequence[NightDrill], not_done: Mapping[str, int], ended: str) -> Page:
    """Return the page of a night; `drills` are the whole history, the earliest first."""
    return Page(
        title=f"Night {judged.night}, suite {judged.suite}",
        lines=[f"on {_place(judged)}; each prediction was sealed before its fault"],
        headline=headline(judged),
        supports=counts(judged.drills) + ".",
        mood=_MOODS.get(judged.exit_code, "open"),
        alarm="",
        badges=_badges(judged),
        warnings=([f"It ended early: {ended}."] if ended else [])
        + [f"{each.title}: {each.text}" for each in findings(judged, not_done)],
        numbers=[],
        sections=[
            Section("verdicts", "In short", "Is the hub what it was, and is the model?"),
            _changes(judged),
            _trends(drills),
            _nights(drills),
            _misses(drills),
        ],
        over="Hub workbench: nights of drills",
    )


def _place(judged: NightJudgement) -> str:
    on_cluster = any(drill.target != LOCAL for drill in judged.drills)
    return "a hub on Kubernetes" if on_cluster else "an embedded hub of real servers"


def _badges(judged: NightJudgement) -> list[Badge]:
    causes = [each.cause for each in judged.metrics]
    judgeable = any(each.earlier and each.drills for each in judged.metrics)
    found = []
    for name, wanted, right, wrong in (
        ("Hub", (Cause.HUB, Cause.OBJECTIVE), "no slower, objectives kept", "slower, or an objective missed"),
        ("Model", (Cause.MODEL,), "misses no more often than before", "misses too often, the hub is as before"),
    ):
        count = sum(cause in wanted for cause in causes)
        look = "fail" if count else "pass" if judgeable else "open"
        text = wrong if count else right if judgeable else "no earlier drills to compare with"
        found.append(Badge(name, f"{count} of {len(causes)}", f"metrics: {text}.", look))
    failed = sum(trouble(drill)[0] in ("error", "skipped") for drill in judged.drills)
    text = "failed or proved nothing." if failed else "failed; each proved something."
    return [*found, Badge("Tool", f"{failed} of {len(judged.drills)}", f"drills: {text}", "fail" if failed else "pass")]


def _changes(judged: NightJudgement) -> Section:
    columns = (
        Column("scenario"),
        Column("metric"),
        Column("observed", True),
        Column("predicted", True),
        Column("inside 90 %", True),
        Column("before", True),
        Column("change", True),
        Column("would show", True),
        Column("it says"),
    )
    body = [_change(each) for each in judged.metrics]
    sentences = ["A change is judged over up to three nights; what would show is found in four of five nights."]
    sentences += [f"{each.scenario}: {sentence(each)}" for each in judged.metrics if each.cause is not Cause.AS_BEFORE]
    tables = [Table("Primary metrics of the night", columns, body)] if body else []
    return Section("changes", "Changes", "What moved?", sentences, tables=tables)


def _change(each: MetricNight) -> list[Cell]:
    compared = bool(each.earlier and each.drills)
    row = cells(
        each.scenario,
        title_of(each.metric),
        quantity(each.observed, each.unit),
        quantity(each.predicted, each.unit),
        f"{each.drills - each.missed} of {each.drills}",
        quantity(each.before, each.unit) if compared else "-",
        percent(each.change, sign=True) if compared else "-",
        percent(each.visible, sign=True) if compared and each.visible is not None else "-",
    )
    return [*row, Cell(says(each), mark="" if each.cause is Cause.AS_BEFORE else "strong")]


def _trends(drills: Sequence[NightDrill]) -> Section:
    lanes: dict[tuple[str, str], list[NightDrill]] = {}
    for drill in drills:
        if drill.metrics:
            lanes.setdefault((drill.scenario, drill.target), []).append(drill)
    found = {lane: [each for here in changes(mine).values() for each in here] for lane, mine in sorted(lanes.items())}
    numbers = numbered(itertools.chain.from_iterable(found.values()))
    names = sorted((*lane, row.name) for lane, mine in lanes.items() for row in mine[-1].metrics if row.primary)
    figures = [
        draw_trend(
            f"t{place}-{scenario}",
            scenario,
            f"`{scenario}`{'' if target == LOCAL else f' on {target}'}, {title_of(metric)}.",
            points(lanes[scenario, target], metric, numbers),
        )
        for place, (scenario, target, metric) in enumerate(names, 1)
    ]
    sentences = [
        f"The last drills of each scenario in the order of time: {DRILLS_MAX}, or {NARROW_MAX} on a phone. {_LEGEND}"
    ]
    return Section(
        "trends", "Trends", "How long did each recovery take?", sentences, figures, tables=_changed(found, numbers)
    )


def _changed(found: Mapping[tuple[str, str], Sequence[Change]], numbers: Mapping[tuple[str, str], int]) -> list[Table]:
    """Return what the numbered lines of the trends are, the newest first."""
    columns = (Column("number", True), Column("night"), Column("changed"), Column("from"), Column("to"), Column("in"))
    newest = sorted(numbers.items(), key=lambda each: -each[1])[:CHANGES_MAX]
    body = [
        _change_row(number, place, {lane: _at(place, mine) for lane, mine in found.items()}) for place, number in newest
    ]
    return [Table(f"What changed at the numbered lines, the last {CHANGES_MAX}", columns, body)] if body else []


def _at(place: tuple[str, str], found: Sequence[Change]) -> list[Change]:
    return [change for change in found if (change.night, change.what) == place]


def _change_row(number: int, place: tuple[str, str], found: Mapping[tuple[str, str], Sequence[Change]]) -> list[Cell]:
    """Return one numbered change; its hashes differ where scenarios have manifests of their own."""
    here = [change for each in found.values() for change in each]
    before = dict.fromkeys(change.before[:HASH_DIGITS] for change in here)
    after = dict.fromkeys(change.after[:HASH_DIGITS] for change in here)
    scenarios = list(dict.fromkeys(scenario for (scenario, _), each in found.items() if each))
    where = scenarios[0] if len(scenarios) == 1 else f"{len(scenarios)} scenarios"
    return cells(str(number), *place, ", ".join(before), ", ".join(after), where)


def _nights(drills: Sequence[NightDrill]) -> Section:
    columns = (
        Column("night"),
        Column("suite"),
        Column("drills", True),
        Column("inside 90 %", True),
        Column("coverage", True),
        Column("budget spent", True),
    )
    nights = list(dict.fromkeys((drill.night, drill.suite) for drill in reversed(drills)))[:NIGHTS_MAX]
    body = [_night(name, [drill for drill in drills if (drill.night, drill.suite) == name]) for name in nights]
    sentence_ = (
        "Coverage is of primary metrics. The budget is what the objectives allow a night's recoveries to take, "
        "together; the share of it that they took."
    )
    tables = [Table(f"The last {NIGHTS_MAX} nights", columns, body)] if body else []
    return Section("nights", "Nights", "Do intervals hold, and what is left of the budget?", [sentence_], tables=tables)


def _night(name: tuple[str, str], drills: Sequence[NightDrill]) -> list[Cell]:
    rows = [row for drill in drills for row in drill.metrics if row.primary]
    judged = [row.inside_90 for row in rows if row.inside_90 is not None]
    held = sum(judged)
    spent = [(row.seen, row.at_most) for row in rows if row.seen is not None and row.at_most]
    budget = sum(bound for _, bound in spent)
    return cells(
        *name,
        str(len(drills)),
        f"{held} of {len(judged)}",
        percent(held / len(judged)) if judged else "-",
        percent(sum(value for value, _ in spent) / budget) if budget else "-",
    )


def _misses(drills: Sequence[NightDrill]) -> Section:
    columns = (
        Column("night"),
        Column("scenario"),
        Column("metric"),
        Column("observed", True),
        Column("predicted", True),
    )
    found = [(drill, row) for drill in reversed(drills) for row in drill.metrics if row.primary]
    body = [_miss(drill, row) for drill, row in found if row.inside_90 is False and row.quantiles][:MISSES_MAX]
    said = f"The last {MISSES_MAX} primary metrics outside their sealed 90 % interval; one in ten is expected to be."
    tables = [Table("Missed predictions", columns, body)] if body else []
    return Section("misses", "Missed predictions", "Where was the model wrong?", [said], tables=tables)


def _miss(drill: NightDrill, row: NightMetric) -> list[Cell]:
    predicted = span(row.quantiles[5], row.quantiles[95], row.unit)
    return cells(drill.night, drill.scenario, title_of(row.name), quantity(row.seen, row.unit), predicted)
