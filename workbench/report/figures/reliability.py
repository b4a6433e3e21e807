"""Reliability: how often sealed intervals held against how often they should, a panel a scenario."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binomtest

from workbench.report.figures.sheet import Drawing, Sheet, Variant, draw_both, grid
from workbench.report.palette import AXIS, MUTED, OBSERVED, PAGE, PREDICTED, TEXT

ENOUGH: Final = 20  # drills, to judge a scenario
TOP_IN: Final = 0.62  # above each panel: its name and its count
NARROW_TOP_IN: Final = 1.05  # there the name takes two lines
NARROW_NAME: Final = 13  # characters of one of them
BOTTOM_IN: Final = 0.62
KEY_IN: Final = 0.4


@dataclass(frozen=True)
class Panel:
    """One scenario: by nominal percent how many of how many intervals held, of primary metrics and of all."""

    title: str
    drills: int
    primary: Sequence[tuple[int, int, int]]  # percent, inside, judged
    every: Sequence[tuple[int, int, int]]


def draw_reliability(name: str, title: str, caption: str, panels: Sequence[Panel]) -> Drawing:
    """Return the figure; a panel of fewer than ENOUGH drills has hollow points."""
    words = [
        f"{panel.title}, {panel.drills} drills: "
        + ", ".join(f"{inside} of {judged} in {percent} %" for percent, inside, judged in panel.primary)
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
    for x, shape, size, words in ((0.1, "o", 0.85, "primary metric"), (1.9, "s", 0.6, "all metrics")):
        sheet.paper.plot(
            [x],
            [0.16],
            linestyle="none",
            marker=shape,
            markersize=size * sheet.variant.text_pt,
            markerfacecolor=PAGE if shape == "s" else OBSERVED,
            markeredgecolor=PREDICTED if shape == "s" else OBSERVED,
        )
        sheet.write(x + 0.16, 0.16, words)


def _panel(axes: Axes, panel: Panel, variant: Variant) -> None:
    axes.set(xlim=(40.0, 104.0), ylim=(-4.0, 104.0), xticks=[50, 80, 99], yticks=[0, 50, 100])
    grid(axes, "y")
    for side in ("bottom", "left"):
        axes.spines[side].set(visible=True, color=AXIS, linewidth=0.8)
    axes.set_xlabel("should hold, %", color=MUTED, fontsize=variant.text_pt)
    axes.plot([40.0, 100.0], [40.0, 100.0], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    for percent, inside, judged in panel.every:
        if judged:
            axes.plot(
                [percent],
                [100.0 * inside / judged],
                linestyle="none",
                marker="s",
                markersize=0.6 * variant.text_pt,
                markerfacecolor=PAGE,
                markeredgecolor=PREDICTED,
                zorder=3,
            )
    for percent, inside, judged in panel.primary:
        if judged:
            _point(axes, percent, inside, judged, panel.drills < ENOUGH, variant)


def _point(axes: Axes, percent: int, inside: int, judged: int, hollow: bool, variant: Variant) -> None:
    """Draw one share with its Wilson interval (90 %)."""
    ends = binomtest(inside, judged).proportion_ci(0.90, method="wilson")
    axes.plot([percent, percent], [100.0 * ends.low, 100.0 * ends.high], color=OBSERVED, linewidth=1.2, zorder=4)
    axes.plot(
        [percent],
        [100.0 * inside / judged],
        linestyle="none",
        marker="o",
        markersize=0.8 * variant.text_pt,
        markerfacecolor=PAGE if hollow else OBSERVED,
        markeredgecolor=OBSERVED,
        zorder=5,
        clip_on=False,
    )
