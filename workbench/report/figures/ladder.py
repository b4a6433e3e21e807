"""The ladder (figure 1): a row a metric, observed over predicted median, on one logarithmic scale."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from workbench.report.figures import marks
from workbench.report.figures.sheet import Drawing, Sheet, Variant, draw_both, grid
from workbench.report.palette import FAIL, MUTED, OBJECTIVE, OBSERVED, PREDICTED, TEXT, TINT_50, TINT_80, TINT_90
from workbench.report.row import Row

RATIO_DEFAULT: Final = 2.0
RATIO_MAX: Final = 8.0
TICKS: Final = (0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0, 8.0)


@dataclass(frozen=True)
class _Layout:
    """Where the parts of a ladder lie, inches."""

    left: float
    width: float
    top: float
    row: float
    bottom: float
    name_characters: int

    def middle(self, index: int, narrow: bool) -> float:
        """Return the y of a row's box."""
        return self.top + (index + 0.5) * self.row - (0.02 if narrow else -0.03)


_WIDE: Final = _Layout(2.62, 4.86, 0.44, 0.62, 0.46, 30)
_WIDE_DENSE: Final = _Layout(2.62, 4.86, 0.44, 0.44, 0.46, 30)  # no third line of text
_NARROW: Final = _Layout(0.08, 4.42, 0.62, 1.06, 0.56, 44)


def draw_ladder(name: str, title: str, caption: str, rows: Sequence[Row], judged: bool, note: str) -> Drawing:
    """Return the ladder of the rows, which must all be predicted, in the order given."""
    words = [
        f"{row.title}: predicted {row.scale.text(row.median)} ({row.interval_spoken()}), observed {row.with_unit()}, "
        f"{row.place(judged)}"
        for row in rows
    ]

    def draw(variant: Variant) -> Figure:
        airy = any(row.objective is not None or row.outside or row.observed is None for row in rows)
        layout = _NARROW if variant.narrow else _WIDE if airy else _WIDE_DENSE
        sheet = Sheet(variant, layout.top + len(rows) * layout.row + layout.bottom, note)
        axes = sheet.rows(layout.left, layout.top, layout.width, len(rows) * layout.row)
        _scale(sheet, axes, rows)
        _key(sheet, layout, rows, judged)
        for index, row in enumerate(rows):
            _row(sheet, axes, layout, row, index, judged)
        return sheet.figure

    return draw_both(name, title, caption, "; ".join(words) + ".", draw)


def _scale(sheet: Sheet, axes: Axes, rows: Sequence[Row]) -> None:
    ratios = [1.0 / RATIO_DEFAULT, RATIO_DEFAULT]
    for row in rows:
        if row.median:
            ends = [*row.intervals["90"], *([] if row.observed is None else [row.observed])]
            ratios += [min(max(end / row.median, 1.0 / RATIO_MAX), RATIO_MAX) for end in ends]
    low, high = min(ratios) / 1.06, max(ratios) * 1.06
    axes.set(xscale="log", xlim=(low, high))
    ticks = [tick for tick in TICKS if low <= tick <= high]
    if high / low > 6.0:
        ticks = [tick for tick in ticks if tick not in (0.75, 1.5)]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("observed / predicted median", color=MUTED, fontsize=sheet.variant.text_pt)
    grid(axes, "x")
    axes.axvline(1.0, color=PREDICTED, linewidth=0.9, zorder=0.9)
    sheet.base_line(axes)


def _key(sheet: Sheet, layout: _Layout, rows: Sequence[Row], judged: bool) -> None:
    """Draw real samples of the marks that occur, above the first row."""
    variant, paper = sheet.variant, sheet.paper
    y = 0.16
    x = layout.left
    for index, (level, tint) in enumerate((("90", TINT_90), ("80", TINT_80), ("50", TINT_50))):
        inset = 0.1 * index
        edge = PREDICTED if level == "90" else "none"
        sheet_box = (x + inset, y - 0.08), 0.62 - 2 * inset, 0.16
        paper.add_patch(Rectangle(*sheet_box, facecolor=tint, edgecolor=edge, linewidth=0.9))
    paper.plot([x + 0.31, x + 0.31], [y - 0.08, y + 0.08], color=PREDICTED, linewidth=2.6)
    sheet.write(x + 0.7, y, "predicted 50, 80, 90 %")
    if variant.narrow:
        x, y = x + 0.06, y + variant.line_in + 0.06
    else:
        x += 2.5
    marks.dot(paper, x, y, variant, hollow=not judged)
    sheet.write(x + 0.12, y, "observed")
    x += 1.3 if variant.narrow else 0.95
    if judged and any(row.missed for row in rows):
        marks.miss(paper, x, y, variant)
        sheet.write(x + 0.12, y, "miss")
        x += 0.85 if variant.narrow else 0.62
    if any(row.objective is not None for row in rows):
        marks.objective(paper, x, y, variant)
        sheet.write(x + 0.12, y, "objective", OBJECTIVE)


def _row(sheet: Sheet, axes: Axes, layout: _Layout, row: Row, index: int, judged: bool) -> None:
    variant = sheet.variant
    y = layout.middle(index, variant.narrow)
    height = 0.25 if not variant.narrow else 0.27
    _labels(sheet, axes, layout, row, y, judged)
    if not row.median:
        words = f"predicted {row.scale.bare(row.median)} ({row.interval_text()}), observed {row.observed_text()}"
        missed = row.missed and judged
        words += ", MISS" if missed else ""
        sheet.write(layout.left + 0.06, y, words, FAIL if missed else TEXT, bold=missed, over=True)
        return
    low, high = axes.get_xlim()
    ratios = {
        level: (max(ends[0] / row.median, low), min(ends[1] / row.median, high))
        for level, ends in row.intervals.items()
        if level != "99"
    }
    marks.box(axes, ratios, 1.0, y, height)
    if row.objective is not None and low <= row.objective.at_most / row.median <= high:
        marks.objective(
            axes, row.objective.at_most / row.median, y + height / 2 + (0.02 if variant.narrow else 0.07), variant
        )
    _observed(sheet, axes, row, y, height, judged)


def _observed(sheet: Sheet, axes: Axes, row: Row, y: float, height: float, judged: bool) -> None:
    variant = sheet.variant
    low, high = axes.get_xlim()
    value = row.observed if row.observed is not None else row.at_least
    if value is None or not row.median:
        marks.not_observed(axes, low * (high / low) ** 0.02, y, variant)
        if variant.narrow or row.place(judged) == "not observed":
            return
        reason = textwrap.shorten(row.place(judged), variant.characters(4.0), placeholder=" ...")
        axes.text(low, y - height / 2 - 0.04, reason, color=MUTED, fontsize=variant.text_pt, ha="left", va="bottom")
        return
    ratio = value / row.median
    if row.observed is None or not low <= ratio <= high:
        edge = min(max(ratio, low), high)
        marks.off_scale(axes, edge, y, variant, FAIL if row.missed and judged else OBSERVED)
        ratio = edge
    elif row.missed and judged:
        marks.miss(axes, ratio, y, variant)
    else:
        marks.dot(axes, ratio, y, variant, hollow=not judged)
    if row.missed and judged and not variant.narrow:  # a phone has no room for it beside the name
        share = math.log(ratio / low) / math.log(high / low)
        align = "left" if share < 0.2 else "right" if share > 0.8 else "center"
        axes.text(
            ratio,
            y - height / 2 - 0.04,
            f"MISS {row.signed(row.overshoot)}",
            color=FAIL,
            fontsize=variant.text_pt,
            fontweight="bold",
            ha=align,
            va="bottom",
        )


def _labels(sheet: Sheet, axes: Axes, layout: _Layout, row: Row, y: float, judged: bool) -> None:
    variant = sheet.variant
    missed = row.missed and judged
    colour = FAIL if missed or row.objective_missed else TEXT
    name = "\n".join(textwrap.wrap(row.title, layout.name_characters))
    objective_words = ""
    if row.objective is not None:
        off_scale = bool(row.median) and row.objective.at_most > axes.get_xlim()[1] * (row.median or 0.0)
        bound = row.bound_text() if row.unit == "s" else row.bound_text().split()[0]
        objective_words = f"objective {bound}" + (" >" if off_scale else "")
    if variant.narrow:
        sheet.write(layout.left, y - 0.36, name, colour, bold=row.primary)
        values = _values(row, variant, bool(objective_words), judged)
        line, second = (y + 0.29, y + 0.29 + variant.line_in) if missed and objective_words else (y + 0.35, y + 0.35)
        sheet.write(
            layout.left, line, f"{values}, MISS {row.signed(row.overshoot)}" if missed else values, colour, bold=missed
        )
        sheet.write(variant.width_in - 0.08, second, objective_words, OBJECTIVE, align="right")
        return
    sheet.write(0.0, y, name, colour, bold=row.primary)
    lines = [(row.with_unit(), colour, missed), (f"({row.interval_text()})", MUTED, False)]
    if objective_words:
        lines.append((objective_words, OBJECTIVE, False))
    for index, (text, line_colour, bold) in enumerate(lines):
        offset = (index - (len(lines) - 1) / 2) * variant.line_in
        sheet.write(sheet.margin_left, y + offset, text, line_colour, bold)


def _values(row: Row, variant: Variant, beside_objective: bool, judged: bool) -> str:
    """Return a phone's line under a box: the values, or why there is none."""
    if row.with_unit() == "not observed" and row.place(judged) != "not observed":
        return textwrap.shorten(
            row.place(judged), variant.characters(2.6 if beside_objective else 4.4), placeholder=" ..."
        )
    return f"{row.with_unit()} ({row.interval_text()})"
