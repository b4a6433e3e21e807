"""Reliability: how often sealed intervals held against how often they should, a panel a scenario."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binomtest

from workbench.compare.fidelity import Coverage
from workbench.report.figures import marks
from workbench.report.figures.sheet import Drawing, Sheet, Variant, draw_both, grid
from workbench.report.palette import AXIS, MUTED, OBSERVED, TEXT

ENOUGH: Final = 20  # drills, to judge a scenario
TOP_IN: Final = 0.62  # above each panel: its name and its count
NARROW_TOP_IN: Final = 1.05  # there the name takes two lines
NARROW_NAME: Final = 13  # characters of one of them
BOTTOM_IN: Final = 0.62
KEY_IN: Final = 0.4


@dataclass(frozen=True)
class Panel:
    """One scenario: how often each sealed interval held, of primary metrics and of all."""

    title: str
    drills: int
    primary: Sequence[Coverage]
    every: Sequence[Coverage]


def draw_reliability(name: str, title: str, caption: str, panels: Sequence[Panel]) -> Drawing:
    """Return the figure; a panel of fewer than ENOUGH drills has hollow points."""
    words = [
        f"{panel.title}, {panel.drills} drills: "
        + ", ".join(f"{each.inside} of {each.judged} in {each.percent} %" for each in panel.primary)
        for panel in panels
    ]

    def draw(variant: Variant) -> Figure:
        columns = 2 if variant.narrow else 4
        rows = -(-len(panels) // columns)
        side = (variant.width_in - 0.5) / columns - 0.5
        above = NARROW_TOP_IN if variant.narrow else TOP_IN
        height = above + side + BOTTOM_IN
        sheet = Sheet(variant, KEY_IN + rows * height)
        _key(sheet)
        for index, panel in enumerate(panels):
            left = 0.55 + (index % columns) * (side + 0.5)
            top = KEY_IN + (index // columns) * height + above
            lines = textwrap.wrap(panel.title, NARROW_NAME if variant.narrow else 24)[:2]
            sheet.write(left, (top - above + top - 0.36) / 2.0, "\n".join(lines), TEXT, bold=True)
            sheet.write(left, top - 0.2, f"{panel.drills} drills", MUTED)
            _panel(sheet.axes(left, top, side, side), panel, variant)
        return sheet.figure

    return draw_both(name, title, caption, "; ".join(words) + ".", draw)


def _key(sheet: Sheet) -> None:
    """Say what the marks are."""
    marks.dot(sheet.paper, 0.1, 0.16, sheet.variant)
    sheet.write(0.26, 0.16, "primary metric")
    marks.square(sheet.paper, 1.9, 0.16, sheet.variant)
    sheet.write(2.06, 0.16, "all metrics")


def _panel(axes: Axes, panel: Panel, variant: Variant) -> None:
    axes.set(xlim=(40.0, 104.0), ylim=(-4.0, 104.0), xticks=[50, 80, 99], yticks=[0, 50, 100])
    grid(axes, "y")
    for side in ("bottom", "left"):
        axes.spines[side].set(visible=True, color=AXIS, linewidth=0.8)
    axes.set_xlabel("should hold, %", color=MUTED, fontsize=variant.text_pt)
    axes.plot([40.0, 100.0], [40.0, 100.0], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    for each in panel.every:
        if each.judged:
            marks.square(axes, each.percent, 100.0 * each.share, variant)
    for each in panel.primary:
        if each.judged:
            ends = binomtest(each.inside, each.judged).proportion_ci(0.90, method="wilson")
            bar = [100.0 * ends.low, 100.0 * ends.high]
            axes.plot([each.percent, each.percent], bar, color=OBSERVED, linewidth=1.2, zorder=4)
            marks.dot(axes, each.percent, 100.0 * each.share, variant, hollow=panel.drills < ENOUGH)
