"""Strips: the signed error of each phase in each drill, a strip a phase and scenario."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from workbench.metrics.numbers import percent
from workbench.report.figures import marks
from workbench.report.figures.sheet import Drawing, Sheet, Variant, draw_both, grid
from workbench.report.palette import FAIL, MUTED, OBSERVED, PREDICTED, RULE, TEXT

REACH: Final = 1.0  # errors beyond it are drawn at the edge
TOP_IN: Final = 0.1
BOTTOM_IN: Final = 0.6


@dataclass(frozen=True)
class Strip:
    """One phase of one scenario: relative errors of its drills, their median, and the noise floor over the median."""

    scenario: str
    title: str
    errors: Sequence[float]
    median: float
    noise: float


def draw_strips(name: str, title: str, caption: str, strips: Sequence[Strip]) -> Drawing:
    """Return the figure; strips of one scenario stand together."""
    words = [f"{each.scenario}, {each.title}: median {percent(each.median, sign=True)}" for each in strips]

    def draw(variant: Variant) -> Figure:
        heads = len({each.scenario for each in strips})
        row_in = 0.62 if variant.narrow else 0.34
        head_in = 0.4
        sheet = Sheet(variant, TOP_IN + heads * head_in + row_in * len(strips) + BOTTOM_IN)
        left = 0.12 if variant.narrow else 3.3
        height = heads * head_in + row_in * len(strips)
        axes = sheet.rows(left, TOP_IN, variant.width_in - left - (0.12 if variant.narrow else 1.1), height)
        axes.set(xlim=(-1.06 * REACH, 1.06 * REACH), xticks=[-1.0, -0.5, 0.0, 0.5, 1.0])
        axes.set_xticklabels(["-100 %", "-50 %", "0", "+50 %", "+100 %"])
        axes.set_xlabel("observed less predicted, of the predicted median", color=MUTED, fontsize=variant.text_pt)
        grid(axes, "x")
        axes.axvline(0.0, color=PREDICTED, linewidth=0.9, zorder=0.9)
        sheet.base_line(axes)
        y, scenario = TOP_IN, ""
        for each in strips:
            if each.scenario != scenario:
                scenario = each.scenario
                axes.axhline(y + 0.06, color=RULE, linewidth=1.0)
                sheet.write(0.0, y + head_in / 2 + 0.06, scenario, TEXT, bold=True)
                y += head_in
            _strip(sheet, axes, each, y + row_in / 2)
            y += row_in
        return sheet.figure

    return draw_both(name, title, caption, "; ".join(words) + ".", draw)


def _strip(sheet: Sheet, axes: Axes, strip: Strip, y: float) -> None:
    variant = sheet.variant
    value = percent(strip.median, sign=True)
    at = y + 0.14 if variant.narrow else y
    if variant.narrow:
        sheet.write(0.02, y - 0.17, textwrap.shorten(strip.title, 30, placeholder=" ..."))
        sheet.write(variant.width_in - 0.08, y - 0.17, value, bold=True, align="right")
    else:
        sheet.write(0.15, y, textwrap.shorten(strip.title, 36, placeholder=" ..."))
        sheet.write(variant.width_in - 0.95, y, value, bold=True)
    if not math.isnan(strip.noise):
        noise = min(strip.noise, REACH)
        axes.add_patch(Rectangle((-noise, at - 0.1), 2.0 * noise, 0.2, facecolor=RULE, edgecolor="none", zorder=1.5))
    for error in strip.errors:
        if abs(error) > REACH:
            marks.off_scale(axes, math.copysign(REACH, error), at, variant, FAIL, left=error < 0.0)
        else:
            marks.dot(axes, error, at, variant, hollow=True)
    middle = max(-REACH, min(REACH, strip.median))
    axes.plot([middle, middle], [at - 0.13, at + 0.13], color=OBSERVED, linewidth=2.4, zorder=4)
