"""Widths: how wide each drill's sealed interval was against how far its median was off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from workbench.report.figures import marks
from workbench.report.figures.sheet import Drawing, Sheet, Variant, draw_both, grid
from workbench.report.palette import AXIS, MUTED

SMALLEST: Final = 0.002  # shares below it are drawn there
HEIGHT_IN: Final = 3.4
LEFT_IN: Final = 0.95


@dataclass(frozen=True)
class Width:
    """One drill's primary metric: width of the 90 % interval and size of the error, both over the median."""

    width: float
    error: float
    inside: bool


def draw_widths(name: str, title: str, caption: str, found: Sequence[Width]) -> Drawing:
    """Return the figure, a mark a drill; both axes are logarithmic."""
    inside = sum(each.inside for each in found)
    words = f"{len(found)} drills, {inside} inside."

    def draw(variant: Variant) -> Figure:
        sheet = Sheet(variant, HEIGHT_IN + 0.85)
        axes = sheet.axes(LEFT_IN, 0.1, variant.width_in - LEFT_IN - 0.2, HEIGHT_IN)
        axes.set(xscale="log", yscale="log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(10.0, (1.0, 3.0)))
            axis.set_major_formatter(FuncFormatter(lambda value, _place: f"{100.0 * value:g} %"))
            axis.set_minor_locator(NullLocator())
        highest = 1.3 * max((max(each.width, each.error) for each in found), default=1.0)
        axes.set(xlim=(0.8 * SMALLEST, highest), ylim=(0.8 * SMALLEST, highest))
        axes.set_xlabel("error of the median", color=MUTED, fontsize=variant.text_pt)
        axes.set_ylabel("width of the 90 % interval", color=MUTED, fontsize=variant.text_pt)
        for side in ("bottom", "left"):
            axes.spines[side].set(visible=True, color=AXIS, linewidth=0.8)
        grid(axes, "x")
        grid(axes, "y")
        for each in found:
            place = max(each.error, SMALLEST), max(each.width, SMALLEST)
            (marks.dot if each.inside else marks.miss)(axes, *place, variant)
        return sheet.figure

    return draw_both(name, title, caption, words, draw)
