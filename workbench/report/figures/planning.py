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
