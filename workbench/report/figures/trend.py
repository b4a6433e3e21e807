"""Trend: what each drill of a scenario observed over the nights, over what was predicted for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.compare.changes import changes
from workbench.metrics.numbers import quantity
from workbench.records.night_drill import NightDrill, NightMetric
from workbench.report.figures import marks
from workbench.report.figures.sheet import Drawing, Sheet, Variant, draw_both, grid
from workbench.report.palette import AXIS, MUTED, OBJECTIVE, PREDICTED, RULE, TEXT, TINT_50, TINT_90

HEIGHT_IN: Final = 2.3
DRILLS_MAX: Final = 60
NARROW_MAX: Final = 30  # more would cover each other on a phone
LEFT_IN: Final = 0.85
TOP_IN: Final = 0.45  # for the changes' numbers
LABEL_DRILLS: Final = {"wide": 7, "narrow": 18}  # of DRILLS_MAX, the room that a night's name takes


@dataclass(frozen=True)
class Point:
    """One drill's primary metric; its prediction may be missing, its value too."""

    night: str
    row: NightMetric
    changed: tuple[int, ...] = ()  # numbers of what changed just before this drill


def points(drills: Sequence[NightDrill], metric: str, numbers: Mapping[tuple[str, str], int]) -> list[Point]:
    """Return the last DRILLS_MAX drills of one scenario that have a metric, the earliest first.

    `numbers` are those of the whole page's changes (workbench.compare.changes).
    """
    having = [drill for drill in drills if drill.metric(metric) is not None]
    changed = changes(having)
    found = []
    for place, drill in enumerate(having):
        row = drill.metric(metric)
        if row is not None:
            here = sorted(numbers[change.night, change.what] for change in changed.get(place, ()))
            found.append(Point(drill.night, row, tuple(here)))
    return found[-DRILLS_MAX:]


def draw_trend(name: str, title: str, caption: str, shown: Sequence[Point]) -> Drawing:
    """Return the figure of one metric of one scenario, a mark a drill in the order of time."""
    missed = sum(each.row.inside_90 is False for each in shown)
    last = shown[-1].row
    words = f"{len(shown)} drills, {missed} outside 90 %; the last {quantity(last.seen, last.unit)}."

    def draw(variant: Variant) -> Figure:
        return _draw(variant, shown[-NARROW_MAX:] if variant.narrow else shown)

    return draw_both(name, title, caption, words, draw)


def _draw(variant: Variant, shown: Sequence[Point]) -> Figure:
    """Draw bands, bars, marks, the objective and what parts the nights, from the bottom up."""
    sheet = Sheet(variant, HEIGHT_IN + TOP_IN + 0.45)
    axes = sheet.axes(LEFT_IN, TOP_IN, variant.width_in - LEFT_IN - 0.2, HEIGHT_IN)
    axes.set(xlim=(-0.8, max(9.0, len(shown) - 0.2)))
    axes.set_ylabel(shown[-1].row.unit, color=MUTED, fontsize=variant.text_pt)
    for side in ("bottom", "left"):
        axes.spines[side].set(visible=True, color=AXIS, linewidth=0.8)
    grid(axes, "y")
    _bands(axes, shown)
    _objective(axes, shown)
    _nights(axes, shown, variant)
    for x, each in enumerate(shown):
        if each.row.seen is None:
            marks.not_observed(axes, x, 0.0, variant)
        else:
            (marks.miss if each.row.inside_90 is False else marks.dot)(axes, x, each.row.seen, variant)
    axes.set_ylim(bottom=0.0)
    _changes(axes, shown, variant)
    return sheet.figure


def _bands(axes: Axes, shown: Sequence[Point]) -> None:
    x = np.repeat(np.arange(len(shown)), 2) + np.tile([-0.45, 0.45], len(shown))
    for low, high, tint in ((5, 95, TINT_90), (25, 75, TINT_50)):
        bottom, top = (
            np.repeat([each.row.quantiles.get(percent, np.nan) for each in shown], 2) for percent in (low, high)
        )
        axes.fill_between(x, bottom, top, color=tint, linewidth=0.0)
    for place, each in enumerate(shown):
        if 50 in each.row.quantiles:
            middle = each.row.quantiles[50]
            axes.plot([place - 0.45, place + 0.45], [middle, middle], color=PREDICTED, linewidth=1.6)


def _objective(axes: Axes, shown: Sequence[Point]) -> None:
    bound = shown[-1].row.at_most
    if bound:
        axes.axhline(bound, color=OBJECTIVE, linewidth=1.2, linestyle=(0, (5, 3)))


def _changes(axes: Axes, shown: Sequence[Point], variant: Variant) -> None:
    """Draw a numbered vertical where something changed; of two numbers that are too close one goes a line higher."""
    last_x, upper = -math.inf, False
    room = LABEL_DRILLS[variant.name] / 3 * max(10, len(shown)) / DRILLS_MAX
    for place, each in enumerate(shown):
        if not each.changed or not place:
            continue
        x = place - 0.5
        axes.axvline(x, color=TEXT, linewidth=1.2, linestyle=(0, (1, 2)), zorder=1.5)
        upper = not upper if x - last_x < room else False
        last_x = x
        words = ",".join(map(str, each.changed))
        axes.annotate(
            words,
            (x, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0.0, 2.0 + (1.25 * variant.text_pt if upper else 0.0)),
            textcoords="offset points",
            ha="center",
            va="bottom",
            color=TEXT,
            fontsize=variant.text_pt,
        )


def _nights(axes: Axes, shown: Sequence[Point], variant: Variant) -> None:
    """Separate the nights, and name those that there is room for."""
    starts = [place for place, each in enumerate(shown) if not place or each.night != shown[place - 1].night]
    for start in starts[1:]:
        axes.axvline(start - 0.5, color=RULE, linewidth=1.0, zorder=0.5)
    room = LABEL_DRILLS[variant.name] * max(10, len(shown)) / DRILLS_MAX
    named: list[int] = []
    for start in starts:
        if not named or start - named[-1] >= room:
            named.append(start)
    axes.set_xticks(named)
    axes.set_xticklabels([shown[start].night[5:] for start in named], ha="left")
