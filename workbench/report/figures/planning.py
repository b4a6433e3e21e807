"""A plan's figures: p99 against the rate, what is sustainable with a part gone, and what moves the saturation."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from workbench.metrics.numbers import count, seconds
from workbench.report.figures.sheet import Drawing, Sheet, Variant, draw_both, grid
from workbench.report.palette import AXIS, MUTED, OBJECTIVE, PREDICTED, TINT_90

HEIGHT_IN: Final = 3.2
LEFT_IN: Final = 0.95
NAME_IN: Final = 2.6
TOP_IN: Final = 0.4


@dataclass(frozen=True)
class Point:
    """p99 (s) at a rate (events/s): median and 90 % interval."""

    rate_per_s: float
    median_s: float
    low_s: float
    high_s: float


@dataclass(frozen=True)
class Bar:
    """One line of a figure: a name, two ends (events/s), and the middle."""

    name: str
    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class Dot:
    """A set-up: its cost, its longest outage and p99 (s), and what it is: "front", "recommended" or "as it stands"."""

    cost: float
    outage_s: float | None  # None: without end
    p99_s: float
    what: str


def draw_curve(points: Sequence[Point], bound_s: float, rate_per_s: float) -> Drawing:
    """Return p99 against the rate, with the objective and today's rate dashed."""
    words = "; ".join(f"{count(each.rate_per_s)} events/s: {seconds(each.median_s)}" for each in points)

    def draw(variant: Variant) -> Figure:
        sheet = Sheet(variant, HEIGHT_IN + 0.85)
        axes = sheet.axes(LEFT_IN, 0.1, variant.width_in - LEFT_IN - 0.3, HEIGHT_IN)
        axes.set(yscale="log", xlim=(0.0, 1.05 * points[-1].rate_per_s))
        axes.yaxis.set_major_locator(LogLocator(10.0, (1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g} s"))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.locator_params(axis="x", nbins=4 if variant.narrow else 8)
        axes.set_xlabel("events/s, whole hub", color=MUTED, fontsize=variant.text_pt)
        for side in ("bottom", "left"):
            axes.spines[side].set(visible=True, color=AXIS, linewidth=0.8)
        grid(axes, "y")
        rates = [each.rate_per_s for each in points]
        axes.fill_between(rates, [p.low_s for p in points], [p.high_s for p in points], color=TINT_90, linewidth=0.0)
        axes.plot(rates, [each.median_s for each in points], color=PREDICTED, linewidth=1.8, marker="o", markersize=4)
        axes.axhline(bound_s, color=OBJECTIVE, linewidth=1.2, linestyle=(0, (5, 3)))
        axes.axvline(rate_per_s, color=OBJECTIVE, linewidth=1.2, linestyle=(0, (1, 2)))
        return sheet.figure

    caption = (
        "p99 from the intended send to the committed row against the rate, whole hub, processors alone. Band: 90 % of "
        "the draws. Dashes: the objective. Dots: the rate today."
    )
    return draw_both("saturation", "Saturation", caption, words + ".", draw)


def draw_bars(name: str, title: str, caption: str, bars: Sequence[Bar], rate_per_s: float) -> Drawing:
    """Return one line a bar from its low to its high end with a mark at its middle; dots: the rate today."""
    words = "; ".join(f"{each.name}: {count(each.low)} to {count(each.high)} events/s" for each in bars)

    def draw(variant: Variant) -> Figure:
        row_in = 0.62 if variant.narrow else 0.36
        left = 0.12 if variant.narrow else NAME_IN
        sheet = Sheet(variant, TOP_IN + row_in * len(bars) + 0.55)
        axes = sheet.rows(left, TOP_IN, variant.width_in - left - 0.35, row_in * len(bars))
        axes.set_xlim(0.0, 1.08 * max(each.high for each in bars))
        axes.locator_params(axis="x", nbins=4 if variant.narrow else 8)
        axes.set_xlabel("events/s, whole hub", color=MUTED, fontsize=variant.text_pt)
        grid(axes, "x")
        sheet.base_line(axes)
        axes.axvline(rate_per_s, color=OBJECTIVE, linewidth=1.2, linestyle=(0, (1, 2)))
        for index, each in enumerate(bars):
            _bar(sheet, axes, each, TOP_IN + row_in * (index + 0.5))
        return sheet.figure

    return draw_both(name, title, caption, words + ".", draw)


def _bar(sheet: Sheet, axes: Axes, bar: Bar, y: float) -> None:
    narrow = sheet.variant.narrow
    at = y + 0.12 if narrow else y
    words = textwrap.shorten(bar.name, 34, placeholder=" ...")
    sheet.write(0.12 if narrow else 0.1, y - 0.14 if narrow else y, words)
    axes.plot([bar.low, bar.high], [at, at], color=TINT_90, linewidth=9.0, solid_capstyle="butt")
    axes.plot([bar.middle, bar.middle], [at - 0.09, at + 0.09], color=PREDICTED, linewidth=2.6)


def draw_front(dots: Sequence[Dot], cost: str) -> Drawing:
    """Return cost against the longest outage and against p99, the recommended set-up and the present one marked."""
    shown = [each for each in dots if each.outage_s is not None]
    words = "; ".join(
        f"{each.what}: {each.cost:g}, outage {seconds(each.outage_s)}, p99 {seconds(each.p99_s)}" for each in dots
    )

    def draw(variant: Variant) -> Figure:
        narrow = variant.narrow
        height = HEIGHT_IN - 0.6
        total = 2 * (height + 0.95) if narrow else height + 0.95
        sheet = Sheet(variant, total)
        width = variant.width_in - LEFT_IN - 0.3 if narrow else (variant.width_in - 2 * LEFT_IN - 0.5) / 2
        panels = (
            (LEFT_IN, 0.35, [each.outage_s or 0.0 for each in shown], shown, "longest outage"),
            (
                LEFT_IN if narrow else 2 * LEFT_IN + width + 0.2,
                height + 0.95 + 0.35 if narrow else 0.35,
                [each.p99_s for each in dots],
                dots,
                "p99",
            ),
        )
        for left, top, values, of, name in panels:
            _panel(sheet, (left, top, width, height - 0.35), values, of, (name, cost))
        return sheet.figure

    caption = (
        "Each dot a set-up of the Pareto front. Diamond: recommended. Square: as it stands. An outage without end is "
        "not shown."
    )
    return draw_both("front", "Cost against outage and p99", caption, words + ".", draw)


def _panel(
    sheet: Sheet,
    at: tuple[float, float, float, float],
    values: Sequence[float],
    dots: Sequence[Dot],
    names: tuple[str, str],
) -> None:
    """Draw one panel: cost to the right, seconds upwards from zero."""
    axes = sheet.axes(*at)
    marks = {
        "front": ("o", 5.0, PREDICTED),
        "recommended": ("D", 8.0, PREDICTED),
        "as it stands": ("s", 7.0, OBJECTIVE),
    }
    for value, each in zip(values, dots, strict=True):
        shape, size, colour = marks[each.what]
        filled = colour if each.what == "recommended" else "none"
        axes.plot(
            [each.cost], [value], shape, markersize=size, color=colour, markerfacecolor=filled, markeredgewidth=1.4
        )
    axes.set_ylim(0.0, 1.2 * max([*values, 1e-3]))
    costs = [each.cost for each in dots]
    spread = max(costs) - min(costs) or 0.2 * max(costs)
    axes.set_xlim(min(costs) - 0.1 * spread, max(costs) + 0.1 * spread)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _place: seconds(value)))
    axes.locator_params(axis="x", nbins=4)
    axes.locator_params(axis="y", nbins=5)
    axes.set_xlabel(names[1], color=MUTED, fontsize=sheet.variant.text_pt)
    axes.set_title(names[0], loc="left", color=MUTED, fontsize=sheet.variant.text_pt)
    for side in ("bottom", "left"):
        axes.spines[side].set(visible=True, color=AXIS, linewidth=0.8)
    grid(axes, "y")
