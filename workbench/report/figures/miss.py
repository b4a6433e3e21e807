"""The miss (figure 5): 50 dots of 2 % of the replications each, stacked over seconds, and the observation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.records.prediction import finite
from workbench.report.figures import marks
from workbench.report.figures.sheet import Drawing, Sheet, Variant, draw_both
from workbench.report.palette import FAIL, MUTED, OBJECTIVE, OBSERVED, PREDICTED, TEXT, TINT_50
from workbench.report.row import Row

DOTS: Final = 50
HEIGHT_IN: Final = 2.4
TOP_IN: Final = 0.4
PLOT_IN: Final = 1.15
OBJECTIVE_SHOWN: Final = 1.8  # an objective farther away than this many ranges is only named


def dots(column: Sequence[float | None]) -> list[float]:
    """Return the quantiles that stand for 2 % of the replications each; empty without values."""
    values = finite(column)
    if len(values) == 0:
        return []
    return [float(value) for value in np.percentile(values, (np.arange(DOTS) + 0.5) / DOTS * 100.0)]


def sooner(column: Sequence[float | None], value: float) -> int:
    """Return how many of the 50 dots lie below a value."""
    return sum(1 for dot in dots(column) if dot < value)


def draw_miss(
    name: str, title: str, caption: str, row: Row, column: Sequence[float | None], judged: bool, note: str
) -> Drawing:
    """Return the figure of one metric: its replications, its observation and its objective."""
    values = dots(column)
    description = (
        f"{row.title}: predicted {row.scale.text(row.median)} ({row.interval_spoken()}), observed {row.with_unit()}. "
        + caption
    )

    def draw(variant: Variant) -> Figure:
        sheet = Sheet(variant, HEIGHT_IN, note)
        axes = sheet.axes(0.15, TOP_IN, variant.width_in - 0.3, PLOT_IN)
        axes.set(yticks=[], xlim=_limits(row, values))
        axes.set_xlabel(row.axis_title, color=MUTED, fontsize=variant.text_pt)
        axes.xaxis.set_tick_params(pad=22)
        _stack(axes, values, variant.width_in - 0.3)
        sheet.base_line(axes)
        axes.tick_params(axis="x", length=0.0)
        _observation(axes, row, variant, judged)
        _objective(sheet, axes, row)
        return sheet.figure

    return draw_both(name, title, caption, description, draw)


def _limits(row: Row, values: Sequence[float]) -> tuple[float, float]:
    shown = [*values, *([] if row.observed is None else [row.observed])]
    low, high = min(shown), max(shown)
    reach = (high - low) or max(1.0, abs(high))
    if row.objective is not None and row.objective.at_most <= high + OBJECTIVE_SHOWN * reach:
        high = max(high, row.objective.at_most)
        low = min(low, row.objective.at_most)
    reach = (high - low) or max(1.0, abs(high))
    return low - 0.07 * reach, high + 0.07 * reach


def _stack(axes: Axes, values: Sequence[float], width_in: float) -> None:
    """Stack the dots in columns as wide as a dot; the dot shrinks until the highest column fits.

    Where too many dots share one value even then, they stand beside each other.
    """
    low, high = axes.get_xlim()
    per_in = (high - low) / width_in
    for size_in in np.arange(0.28, 0.08, -0.01):
        columns: dict[int, int] = {}
        for value in values:
            column = math.floor((value - low) / (size_in * per_in))
            columns[column] = columns.get(column, 0) + 1
        if max(columns.values()) * size_in <= PLOT_IN:
            break
    axes.set_ylim(0.0, PLOT_IN)
    levels = int(PLOT_IN / size_in)
    x, y = [], []
    for column, number in columns.items():
        beside = math.ceil(number / levels)
        for index in range(number):
            x.append(low + (column + 0.5 + index % beside - (beside - 1) / 2) * size_in * per_in)
            y.append((index // beside + 0.5) * size_in)
    axes.plot(
        x,
        y,
        linestyle="none",
        marker="o",
        markersize=0.86 * size_in * 72.0,
        markerfacecolor=TINT_50,
        markeredgecolor=PREDICTED,
        markeredgewidth=0.8,
    )


def _observation(axes: Axes, row: Row, variant: Variant, judged: bool) -> None:
    if row.observed is None:
        return
    y = -0.13
    missed = row.missed and judged
    (marks.miss if missed else marks.dot)(axes, row.observed, y, variant)
    low, high = axes.get_xlim()
    right = (row.observed - low) / (high - low) > 0.5
    words = f"observed {row.with_unit()}" + (", MISS" if missed else "")
    axes.annotate(
        words,
        (row.observed, y),
        xytext=(-8 if right else 8, 0),
        textcoords="offset points",
        color=FAIL if missed else OBSERVED,
        fontsize=variant.text_pt,
        fontweight="bold",
        ha="right" if right else "left",
        va="center",
        annotation_clip=False,
    )


def _objective(sheet: Sheet, axes: Axes, row: Row) -> None:
    sheet.write(0.15, 0.14, "50 dots, each 2 % of the simulated drills", TEXT)
    if row.objective is None:
        return
    low, high = axes.get_xlim()
    at_most = row.objective.at_most
    shown = low <= at_most <= high
    words = f"objective {row.bound_text()}" + ("" if shown else " >")
    x, align = sheet.variant.width_in - 0.15, "right"
    y = 0.14 + (sheet.variant.line_in if shown or sheet.variant.narrow else 0.0)
    if shown:
        axes.axvline(at_most, color=OBJECTIVE, linewidth=1.3, linestyle="-.")
        share = (at_most - low) / (high - low)
        x = 0.15 + share * (sheet.variant.width_in - 0.3)
        align = "right" if share > 0.75 else "left" if share < 0.25 else "center"
    sheet.write(x, y, words, OBJECTIVE, align=align)
