"""Section 8: why the prediction missed, or what its closest call was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from workbench.metrics.belonging import PARTS
from workbench.report import words
from workbench.report.belief import parameter_name
from workbench.report.blocks import Section
from workbench.report.figures.miss import DOTS, dots, draw_miss, sooner
from workbench.report.figures.movers import Mover, draw_movers
from workbench.report.figures.sheet import Drawing
from workbench.report.record import Record, capital
from workbench.report.row import Row, in_table_order
from workbench.report.sensitivity import Sensitivity, sensitivity

EXPLAINED_MIN: Final = 0.3  # of the prediction's variance
SHARE_MIN: Final = 0.5  # a phase that carries less of the error than this does not explain it


def why(record: Record) -> Section:
    """Return section 8."""
    if record.prediction is None:
        return Section("why", "Closest call", "What must the model learn?", ["There is nothing to compare with."])
    if not record.judged:
        sentence = "No verdict on the prediction, so no miss is explained here."
        return Section("why", "Closest call", "What must the model learn?", [sentence])
    missed = [row for row in in_table_order(record.rows) if row.missed]
    if missed:
        worst = next((row for row in missed if row.hit is False and row.primary), missed[0])
        sentences = [explanation(record, worst)]
        if len(missed) > 1:
            others = words.listed([f"{row.title} ({row.place(True)})" for row in missed if row is not worst])
            sentences.append(f"Also outside their 90 % interval: {others}.")
        return _section("Why it missed", sentences, record, worst)
    row = closest_call(record.rows)
    if row is None:
        return Section("why", "Closest call", "What must the model learn?", ["No observation could be compared."])
    by = " by more than its probe can tell" if any(other.outside for other in record.rows) else ""
    sentence = (
        f"Nothing fell outside its 90 % interval{by}. The closest call: {row.title}, {row.with_unit()}, "
        f"predicted {row.interval_spoken()}."
    )
    return _section("Closest call", [sentence], record, row)


def _section(title: str, sentences: Sequence[str], record: Record, row: Row) -> Section:
    """Return the section about one metric: its replications and what moves it."""
    moves, figures = _what_moves_it(record, row)
    return Section("why", title, "What must the model learn?", [*sentences, *moves], [*_figure(record, row), *figures])


def _what_moves_it(record: Record, row: Row) -> tuple[list[str], list[Drawing]]:
    """Return which drawn parameters move a metric or, where chance moves it more than they do, a primary one."""
    for each in (row, *(other for other in record.rows if other.primary and other is not row)):
        found = sensitivity(record.prediction, each.name) if record.prediction else None
        if found is not None and each.median is not None and found.explained >= EXPLAINED_MIN:
            return _movers(record, each, found)
    return [], []


def _movers(record: Record, row: Row, found: Sensitivity) -> tuple[list[str], list[Drawing]]:
    rows = record.parameters.get("parameters") or {}
    movers = []
    for driver in found.drivers:
        raw = rows.get(driver.parameter, {})
        source = str(raw.get("source", "unknown"))
        title = parameter_name(driver.parameter, raw.get("unit", ""))
        movers.append(Mover(title, driver.change, source))
    first = movers[0]
    text = (
        f"{capital(row.title)} is moved most by {first.title}: {row.scale.text(abs(first.change))} between its 10 and "
        f"its 90 % point; all together explain {100.0 * found.explained:.0f} % of the prediction's variance."
    )
    title = f"{row.title}: what moves the prediction"
    caption = words.caption(record, text)
    note = words.figure_note(record)
    return [text], [draw_movers("f6-what-moves-it", title, caption, row, movers, words.SOURCES, note)]


def closest_call(rows: Sequence[Row]) -> Row | None:
    """Return the row whose observation lies nearest to an end of its 90 % interval, in widths."""

    def distance(row: Row) -> float:
        low, high = row.intervals["90"]
        value = row.observed if row.observed is not None else low
        return min(value - low, high - value) / (high - low)

    seen = [row for row in rows if row.inside.get("90") and row.intervals["90"][1] > row.intervals["90"][0]]
    return min(seen, key=distance, default=None)


def explanation(record: Record, row: Row) -> str:
    """Return which phase carried the error of a metric that was missed, or that none explains it."""
    off = f"{capital(row.title)}: {row.with_unit()}, predicted {row.interval_spoken()}"
    if row.name not in PARTS or row.observed is None or row.median is None or row.observed == row.median:
        return f"{off}. Not explained: this metric is not made of phases."
    share, part = carrier(record, row, row.observed - row.median)
    if part is row:
        return f"{off}. Not explained by any one phase."
    return (
        f'{off}. The phase "{part.title}" took {part.with_unit()}, predicted '
        f"{part.scale.text(part.median)}: {share * 100.0:.0f} % of the error."
    )


def carrier(record: Record, row: Row, error: float) -> tuple[float, Row]:
    """Return the smallest phase that carries at least SHARE_MIN of an error, and its share; the row itself if none."""
    shares = []
    for name in PARTS.get(row.name, ()):
        part = record.row(name)
        if part is not None and part.observed is not None and part.median is not None:
            shares.append(((part.observed - part.median) / error, part))
    share, part = max(shares, key=lambda item: item[0], default=(0.0, row))
    if share < SHARE_MIN:
        return 1.0, row
    deeper_share, deeper = carrier(record, part, error)
    return (share, part) if deeper is part else (deeper_share, deeper)


def _figure(record: Record, row: Row) -> list[Drawing]:
    column = record.prediction.metrics.get(row.name, ()) if record.prediction else ()
    if not dots(column):
        return []
    value = row.observed if row.observed is not None else row.at_least
    if value is None:
        return []
    number = sooner(column, value)
    sooner_word = "sooner" if row.unit == "s" else "lower"
    observed = f"the {row.with_unit()} observed"
    count = f"{number} of {DOTS} simulated drills were {sooner_word} than {observed}"
    text = f"{capital(row.title)}: {count}."
    return [
        draw_miss(
            "f5-miss",
            f"{row.title}: simulated and observed",
            words.caption(record, text),
            row,
            column,
            record.judged,
            words.figure_note(record),
        )
    ]
