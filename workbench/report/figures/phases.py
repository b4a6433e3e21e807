"""Phases (figure 3): seconds of each phase from its own zero, predicted box and observed dot, the total last."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.report.figures import marks
from workbench.report.figures.sheet import Drawing, Sheet, Variant, draw_both, grid
from workbench.report.palette import FAIL, MUTED, RULE, TEXT
from workbench.report.row import Row

TOP_IN: Final = 0.08
BOTTOM_IN: Final = 0.56
LEFT_IN: Final = 2.62  # wide only


def draw_phases(
    name: str, title: str, caption: str, phases: Sequence[tuple[str, Row]], judged: bool, note: str
) -> Drawing:
    """Return the figure of the phases, each given with its number ("total" for the last)."""
    words = [
        f"{number} {row.title}: {row.with_unit()}"
        + ("" if row.median is None else f", predicted {row.scale.text(row.median)} ({row.interval_spoken()})")
        for number, row in phases
    ]

    def draw(variant: Variant) -> Figure:
        row_in = 0.98 if variant.narrow else 0.5
        left = 0.08 if variant.narrow else LEFT_IN
        right = variant.width_in - 0.12 if variant.narrow else 7.48
        sheet = Sheet(variant, TOP_IN + row_in * len(phases) + BOTTOM_IN, note)
        axes = sheet.rows(left, TOP_IN, right - left, row_in * len(phases))
        axes.set_xlim(0.0, 1.04 * max([1.0, *(_latest(row) for _, row in phases)]))
        axes.set_xlabel("seconds from each phase's start", color=MUTED, fontsize=variant.text_pt)
        grid(axes, "x")
        sheet.base_line(axes)
        for index, (number, row) in enumerate(phases):
            y = TOP_IN + (index + (0.56 if variant.narrow else 0.5)) * row_in
            if number == "total":
                axes.axhline(TOP_IN + index * row_in, color=RULE, linewidth=1.0)
            _phase(sheet, axes, number, row, y, judged)
        return sheet.figure

    return draw_both(name, title, caption, "; ".join(words) + ".", draw)


def phase_label(number: str, row: Row) -> str:
    """Return a phase's name with its number: "1  detect the dead broker"."""
    if number == "total":
        return f"total: {row.title}"
    return f"{row.title} ({number})" if number.startswith("part") else f"{number}  {row.title}"


def _latest(row: Row) -> float:
    return max(row.observed or 0.0, row.at_least or 0.0, row.intervals.get("90", (0.0, 0.0))[1])


def _phase(sheet: Sheet, axes: Axes, number: str, row: Row, y: float, judged: bool) -> None:
    variant = sheet.variant
    missed = row.missed and judged
    colour = FAIL if missed else TEXT
    label = phase_label(number, row)
    values = row.with_unit() if "90" not in row.intervals else f"{row.with_unit()} ({row.interval_text()})"
    if variant.narrow:
        sheet.write(0.02, y - 0.33, label, colour, bold=number == "total")
        sheet.write(0.02, y + 0.28, values, colour, bold=missed)
    else:
        name = "\n".join(textwrap.wrap(label, 27))
        sheet.write(0.0, y, name, colour, bold=number == "total")
        sheet.write(sheet.margin_left, y, values, colour, bold=missed)
    marks.box(axes, {level: ends for level, ends in row.intervals.items() if level != "99"}, row.median, y, 0.24)
    if row.observed is None:
        marks.not_observed(axes, axes.get_xlim()[1] * 0.012, y, variant)
    elif missed:
        marks.miss(axes, row.observed, y, variant)
    else:
        marks.dot(axes, row.observed, y, variant, hollow=not judged)
