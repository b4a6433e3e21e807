"""The fidelity page: how good all sealed predictions of a folder of records were, as one HTML file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from workbench.compare.families import COVERAGE_WANTED, RECOVERY_ERROR_MAX, FamilyFidelity
from workbench.compare.fidelity import LATEST, Coverage, Fidelity, coverage, fidelity, of_latest_configuration
from workbench.compare.fidelity import Table as FidelityTable
from workbench.compare.pooled import Pooled, pooled, ranks, worst
from workbench.metrics.catalogue import BY_NAME
from workbench.metrics.numbers import percent, quantity
from workbench.records.machine import DISTURBED_PERCENT
from workbench.records.reference import INTERVALS, ReferenceMetric, ReferenceRecord, scored
from workbench.report.blocks import Badge, Cell, Column, Page, Section, Table, cells
from workbench.report.figures.ranks import draw_ranks
from workbench.report.figures.reliability import ENOUGH, Panel, draw_reliability
from workbench.report.figures.strips import Strip, draw_strips
from workbench.report.figures.widths import Width, draw_widths
from workbench.report.pages import to_html

STRIP_DRILLS_MIN: Final = 3


def write_fidelity_page(records: Sequence[ReferenceRecord], path: Path) -> None:
    """Write the page of some records; the same records give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_html(page_of(records)), encoding="utf-8")


def page_of(records: Sequence[ReferenceRecord]) -> Page:
    """Return the page of some records, of which there is at least one that is scored."""
    table = fidelity(records)
    counted = scored(of_latest_configuration(records))
    held = {level: pooled(counted, level) for level in INTERVALS}
    badges = [_coverage_badge(held[90]), _error_badge(counted, table), _safety_badge(table)]
    looks = [badge.look for badge in badges]
    return Page(
        title="How good are the sealed predictions?",
        lines=[
            f"{len(counted)} drills of {len(_scenarios(counted))} scenarios, on an embedded hub of real servers",
            "each prediction was sealed before its fault: what priors know of drills is of earlier ones",
        ],
        headline=_headline(counted, held[90]),
        supports="",
        mood="fail" if "fail" in looks else "open" if "open" in looks else "pass",
        alarm="",
        badges=badges,
        warnings=_warnings(counted, table),
        numbers=[],
        sections=[
            Section("verdicts", "In short", "Can the predictions be believed?"),
            _families(table),
            _reliability(counted, held),
            _widths(counted),
            _phases(counted, table),
            _scores(table),
            _misses(counted, table),
            _seals(table),
        ],
        over="Hub workbench: many drills",
    )


def _scenarios(records: Sequence[ReferenceRecord]) -> list[str]:
    return sorted({record.scenario for record in records})


def _headline(counted: Sequence[ReferenceRecord], held: Pooled) -> str:
    return (
        f"{len(counted)} drills: the sealed 90 % intervals held {held.inside:,} of {held.judged:,} times "
        f"({percent(held.share)}, range {percent(held.low)} to {percent(held.high)})."
    )


def _coverage_badge(held: Pooled) -> Badge:
    low, high = COVERAGE_WANTED
    sentence = (
        f"of {held.judged:,} observations lay in their sealed 90 % interval, all metrics together; wanted are "
        f"{percent(low)} to {percent(high)}."
    )
    look = "open" if not held.judged else "pass" if low <= held.share <= high else "fail"
    return Badge("Coverage", percent(held.share), sentence, look)


def _error_badge(counted: Sequence[ReferenceRecord], table: FidelityTable) -> Badge:
    primary = [row for record in counted for row in record.metrics if row.primary]
    errors = [abs(error) for row in primary if (error := row.relative_error) is not None]
    floors = [row.noise_floor / row.observed_median for row in table.rows if row.primary and row.observed_median > 0.0]
    floors = [floor for floor in floors if not math.isnan(floor)]
    middle = median(errors) if errors else math.nan
    floor = f"; the noise floor is {percent(median(floors))}" if floors else ""
    sentence = f"is the median error of {len(errors)} drills' primary metrics, wanted at most 12 %{floor}."
    look = "open" if not errors else "pass" if middle <= RECOVERY_ERROR_MAX else "fail"
    return Badge("Recovery error", percent(middle), sentence, look)


def _safety_badge(table: FidelityTable) -> Badge:
    unsafe = sum(row.false_safe for row in table.rows)
    sentence = "objectives were predicted to be kept, with 90 % or more, and were missed."
    return Badge("False safe", str(unsafe), sentence, "fail" if unsafe else "pass")


def _warnings(counted: Sequence[ReferenceRecord], table: FidelityTable) -> list[str]:
    few = [name for name in _scenarios(counted) if sum(record.scenario == name for record in counted) < ENOUGH]
    found = []
    if few:
        found.append(f"Too few drills to judge by themselves (fewer than {ENOUGH}, hollow points): {', '.join(few)}.")
    if not table.sound:
        found.append("Over 10 % of the seals are not scored: these numbers prove nothing.")
    if table.disturbed:
        found.append(
            f"From {table.disturbed} of these drills the machine's host took over {DISTURBED_PERCENT:g} % of its time. "
            "They count as all others do."
        )
    return found


def _reliability(counted: Sequence[ReferenceRecord], held: Mapping[int, Pooled]) -> Section:
    levels = [
        f"{each.inside:,} of {each.judged:,} in {level} % ({percent(each.share)}, {percent(each.low)} to "
        f"{percent(each.high)})"
        for level, each in held.items()
    ]
    panels = [_panel(name, [record for record in counted if record.scenario == name]) for name in _scenarios(counted)]
    primary = [row for record in counted for row in record.metrics if row.primary]
    counts = ranks(primary)
    figures = [
        draw_reliability(
            "r1-reliability",
            "Reliability",
            "On the dashed line intervals hold as often as they say; below it they are too narrow. Bars: 90 % of what "
            "so few drills could show.",
            panels,
        ),
        draw_ranks(
            "r2-ranks",
            "Ranks",
            f"Where {sum(counts)} observations of primary metrics fell in their own prediction; dashes: expected. High "
            "ends would say too sure, a high middle too wide.",
            counts,
        ),
    ]
    return Section(
        "reliability",
        "Reliability",
        "Do the intervals hold as often as they say?",
        [f"All metrics together: {'; '.join(levels)}. Ranges resample whole drills."],
        figures,
    )


def _panel(name: str, records: Sequence[ReferenceRecord]) -> Panel:
    rows = [row for record in records for row in record.metrics]
    return Panel(name, len(records), _levels([row for row in rows if row.primary]), _levels(rows))


def _levels(rows: Sequence[ReferenceMetric]) -> list[Coverage]:
    return [coverage(rows, level) for level in INTERVALS]


def _widths(counted: Sequence[ReferenceRecord]) -> Section:
    found = [
        Width((row.predicted(95) - row.predicted(5)) / row.predicted(50), abs(error), row.inside.get(90, False))
        for record in counted
        for row in record.metrics
        if row.primary and (error := row.relative_error) is not None
    ]
    caption = (
        "A mark a drill, of its primary metric; a diamond missed. An interval that holds because it is wide is high."
    )
    sentence = f"The median 90 % interval is {percent(median(each.width for each in found))} of its median wide."
    figure = draw_widths("r3-widths", "Widths", caption, found)
    return Section("widths", "Widths", "Are they right because they are wide?", [sentence], [figure])


def _phases(counted: Sequence[ReferenceRecord], table: FidelityTable) -> Section:
    rows = [row for row in table.rows if row.kind == "phase"]
    shown = [row for row in rows if row.drills >= STRIP_DRILLS_MIN and row.predicted_median > 0.0]
    strips = [_strip(row, counted) for row in shown]
    left_out = len(rows) - len(shown)
    said = (
        f"{len(shown)} phases of scenarios with at least {STRIP_DRILLS_MIN} drills; {left_out} with fewer are left out."
    )
    caption = "A ring a drill, a bar at their median error, grey: the noise floor of the observed median."
    figures = [draw_strips("r4-phases", "Errors by phase", caption, strips)] if strips else []
    return Section("phases", "Phases", "Which part of a recovery is predicted how well?", [said], figures)


def _strip(row: Fidelity, counted: Sequence[ReferenceRecord]) -> Strip:
    errors = [
        error
        for record in counted
        if record.scenario == row.scenario
        for each in record.metrics
        if each.name == row.metric and (error := each.relative_error) is not None
    ]
    middle = median(errors) if errors else 0.0
    return Strip(row.scenario, BY_NAME[row.metric].title, errors, middle, row.noise_floor / row.predicted_median)


def _families(table: FidelityTable) -> Section:
    low, high = (percent(share) for share in COVERAGE_WANTED)
    sentences = [f"Of the sealed 90 % intervals {low} to {high} should hold; the range is a bootstrap's over drills."]
    sentences += [
        f"{each.scenario}: {BY_NAME[each.metric].title} lay inside {each.inside} of {each.judged} times, too rarely "
        "for an interval of 90 %."
        for each in table.failing
    ]
    tables = [_family_table("All drills", table.families)]
    if table.latest:
        tables.append(_family_table(f"The latest {LATEST} drills alone", table.latest))
    if table.held_out:
        names = ", ".join(table.held_out_scenarios)
        tables.append(_family_table(f"Held out of every fit: {names}", table.held_out))
    return Section("families", "Wanted", "Is it as good as it should be?", sentences, tables=tables)


def _family_table(title: str, families: Sequence[FamilyFidelity]) -> Table:
    columns = (
        Column("family"),
        Column("values", True),
        Column("drills", True),
        Column("median error", True),
        Column("at most", True),
        Column("inside 90 %", True),
        Column("range", True),
        Column("width to value", True),
        Column("not as wanted"),
    )
    body = [
        cells(
            each.title,
            f"{each.values:,}",
            str(each.drills),
            percent(each.error_median),
            "-" if each.error_max is None else percent(each.error_max),
            percent(each.coverage.share),
            f"{percent(each.coverage.low)} to {percent(each.coverage.high)}",
            percent(each.width_median),
            each.verdict,
        )
        for each in families
    ]
    return Table(title, columns, body)


def _scores(table: FidelityTable) -> Section:
    columns = (
        Column("scenario"),
        Column("drills", True),
        Column("observed", True),
        Column("predicted", True),
        Column("error of medians", True),
        Column("inside 90 %", True),
        Column("width of 90 %", True),
        Column("CRPS: model", True),
        Column("as the last drill", True),
        Column("as all earlier", True),
        Column("noise floor", True),
    )
    body = [_score(row) for row in table.rows if row.primary]
    sentence = (
        "CRPS is a distance in the metric's unit, the smaller the better, over the drills that have two earlier ones: "
        "of the model, and of two competitors without one."
    )
    name = "Primary metric of each scenario"
    return Section("scores", "Scores", "Is a model worth it?", [sentence], tables=[Table(name, columns, body)])


def _score(row: Fidelity) -> list[Cell]:
    held = next((each for each in row.coverage if each.percent == 90), None)
    scores = (row.crps.model, row.crps.persistence, row.crps.earlier)
    return cells(
        row.scenario,
        str(row.drills),
        quantity(row.observed_median, row.unit),
        quantity(row.predicted_median, row.unit),
        percent(row.error_of_medians, sign=True),
        "-" if held is None else f"{held.inside} of {held.judged}",
        quantity(row.width_90, row.unit),
        *("-" if math.isnan(score) else quantity(score, row.unit) for score in scores),
        "-" if math.isnan(row.noise_floor) else quantity(row.noise_floor, row.unit),
    )


def _misses(counted: Sequence[ReferenceRecord], table: FidelityTable) -> Section:
    carried = {(each.run_id, each.metric): each for each in table.missed}
    columns = (
        Column("scenario"),
        Column("run"),
        Column("metric"),
        Column("observed", True),
        Column("predicted", True),
        Column("beyond, in widths", True),
        Column("carried by"),
    )
    body = []
    for miss in worst(counted):
        known = carried.get((miss.record.run_id, miss.row.name))
        ends = [quantity(miss.row.predicted(percent), miss.row.unit) for percent in (5, 95)]
        body.append(
            cells(
                miss.record.scenario,
                miss.record.run_id,
                BY_NAME[miss.row.name].title,
                quantity(miss.row.observed, miss.row.unit),
                " to ".join(ends),
                f"{miss.overshoot_widths:.1f}",
                BY_NAME[known.phase].title if known is not None and known.phase else "-",
            )
        )
    sentence = "The observations farthest outside their 90 % interval." if body else "No observation was outside."
    tables = [Table("Worst misses", columns, body)] if body else []
    return Section("misses", "Worst misses", "Where was it most wrong?", [sentence], tables=tables)


def _seals(table: FidelityTable) -> Section:
    lost = sum(table.unscored.values())
    sentences = [f"Sealed predictions: {table.sealed}, of which {lost} were not scored."]
    sentences += [f"{count} not scored: {reason}." for reason, count in table.unscored.items()]
    if table.superseded:
        sentences.append(f"Of earlier versions of a scenario or its manifests, not counted here: {table.superseded}.")
    return Section("seals", "Seals", "Was anything left out?", sentences)
