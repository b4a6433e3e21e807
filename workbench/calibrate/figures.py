"""A figure of fits: for each quantity the prior, the fit and every sample, on one logarithmic axis."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.calibrate.fitting import NORMAL_90
from workbench.calibrate.words import value_text
from workbench.records.calibration import Fit, Measurement
from workbench.report.figures import marks
from workbench.report.figures.sheet import Drawing, Sheet, Variant, draw_both, grid
from workbench.report.palette import MUTED, OBJECTIVE, OBSERVED, TEXT

TOP_IN: Final = 0.42
BOTTOM_IN: Final = 0.6
DOTS_MAX: Final = 40  # of many samples as many, evenly over their ranks
ROOM: Final = 1.25  # beyond the outermost mark, as a factor


def interval_90(fit: Fit) -> tuple[float, float]:
    """Return the central 90 % interval of the fitted distribution."""
    reach = math.exp(NORMAL_90 * fit.sigma)
    return fit.median / reach, fit.median * reach


def draw_fits(name: str, title: str, caption: str, shown: Sequence[Measurement]) -> Drawing:
    """Return the figure of measurements that have one unit."""
    words = [f"{each.title}: {value_text(each.fit.median, each.unit)}, {len(each.samples)} samples" for each in shown]

    def draw(variant: Variant) -> Figure:
        row_in = 0.74 if variant.narrow else 0.42
        height = row_in * len(shown)
        sheet = Sheet(variant, TOP_IN + height + BOTTOM_IN)
        left, width = (0.12, variant.width_in - 0.24) if variant.narrow else (3.0, variant.width_in - 4.15)
        axes = sheet.rows(left, TOP_IN, width, height)
        _scale(axes, variant, shown)
        sheet.base_line(axes)
        _key(sheet, left)
        for index, each in enumerate(shown):
            _row(sheet, axes, each, TOP_IN + (index + 0.5) * row_in)
        return sheet.figure

    return draw_both(name, title, caption, "; ".join(words) + ".", draw)


def _scale(axes: Axes, variant: Variant, shown: Sequence[Measurement]) -> None:
    ends = [end for each in shown for end in (*interval_90(each.fit), min(each.samples), max(each.samples))]
    ends += [end for each in shown if each.prior for end in (each.prior.low, each.prior.high)]
    axes.set(xlim=(min(ends) / ROOM, max(ends) * ROOM), xscale="log")
    unit = shown[0].unit
    axes.minorticks_off()
    low, high = math.ceil(math.log10(min(ends) / ROOM)), math.floor(math.log10(max(ends) * ROOM))
    step = 2 if variant.narrow and high - low > 4 else 1
    ticks = [10.0**power for power in range(low, high + 1, step)]
    ticks = ticks if len(ticks) > 1 else [min(ends), max(ends)]
    axes.set_xticks(ticks, [value_text(tick, unit) for tick in ticks])
    grid(axes, "x")


def _key(sheet: Sheet, left: float) -> None:
    """Say what box, dashed line and rings are."""
    y, x = 0.16, left + 0.05
    marks.box(sheet.paper, {"90": (x, x + 0.3)}, x + 0.15, y, 0.16)
    sheet.write(x + 0.38, y, "fit, 90 %")
    x += 1.45 if sheet.variant.narrow else 1.25
    sheet.paper.plot((x, x + 0.3), (y, y), color=OBJECTIVE, linewidth=1.5, linestyle="--")
    sheet.write(x + 0.38, y, "prior")
    x += 1.1 if sheet.variant.narrow else 1.0
    marks.dot(sheet.paper, x, y, sheet.variant, hollow=True)
    sheet.write(x + 0.15, y, "samples")


def _row(sheet: Sheet, axes: Axes, each: Measurement, y: float) -> None:
    variant = sheet.variant
    value = value_text(each.fit.median, each.unit)
    at = y + 0.17 if variant.narrow else y
    if variant.narrow:
        sheet.write(0.02, y - 0.18, textwrap.shorten(each.title, 34, placeholder=" ..."))
        sheet.write(variant.width_in - 0.08, y - 0.18, value, TEXT, bold=True, align="right")
    else:
        sheet.write(0.0, y, textwrap.shorten(each.title, 36, placeholder=" ..."))
        sheet.write(variant.width_in - 1.0, y, value, TEXT, bold=True)
    marks.box(axes, {"90": interval_90(each.fit)}, each.fit.median, at, 0.2)
    if each.prior is not None:
        axes.plot((each.prior.low, each.prior.high), (at + 0.15,) * 2, color=OBJECTIVE, linewidth=1.5, linestyle="--")
        axes.plot(
            [each.prior.median], [at + 0.15], marker="|", markersize=8, markeredgecolor=OBJECTIVE, color=OBJECTIVE
        )
    ranked = sorted(each.samples)
    step = max(1, math.ceil(len(ranked) / DOTS_MAX))
    dots = ranked[::step]
    axes.plot(
        dots,
        [at] * len(dots),
        marker="o",
        markersize=3.6,
        linestyle="none",
        color=MUTED,
        markerfacecolor="none",
        markeredgecolor=OBSERVED,
        zorder=4,
    )
