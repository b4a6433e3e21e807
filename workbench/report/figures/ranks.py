"""Ranks: into which tenth of its own prediction each observation fell; even when the intervals are right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matplotlib.figure import Figure

from workbench.report.figures.sheet import Drawing, Sheet, Variant, draw_both, grid
from workbench.report.palette import AXIS, MUTED, PREDICTED, TINT_80

HEIGHT_IN: Final = 2.4
LEFT_IN: Final = 0.7


def draw_ranks(name: str, title: str, caption: str, counts: Sequence[int]) -> Drawing:
    """Return the figure: a bar a tenth, dashes at what is expected."""
    total = sum(counts)
    words = f"Of {total} observations, from the lowest tenth up: {', '.join(map(str, counts))}."

    def draw(variant: Variant) -> Figure:
        sheet = Sheet(variant, HEIGHT_IN + 0.75)
        axes = sheet.axes(LEFT_IN, 0.1, variant.width_in - LEFT_IN - 0.15, HEIGHT_IN)
        axes.bar(range(len(counts)), counts, width=0.86, color=TINT_80, edgecolor=PREDICTED, linewidth=0.9)
        axes.axhline(total / len(counts), color=MUTED, linewidth=1.2, linestyle=(0, (5, 3)))
        axes.set(xlim=(-0.6, len(counts) - 0.4), ylim=(0.0, 1.15 * max(1, *counts)))
        axes.set_xticks(
            [0, len(counts) // 2, len(counts) - 1], ["lowest tenth", "middle", "highest tenth"], color=MUTED
        )
        axes.get_xticklabels()[0].set_horizontalalignment("left")
        axes.get_xticklabels()[-1].set_horizontalalignment("right")
        axes.set_ylabel("observations", color=MUTED, fontsize=variant.text_pt)
        axes.locator_params(axis="y", nbins=4, integer=True)
        axes.spines["bottom"].set(visible=True, color=AXIS, linewidth=0.8)
        grid(axes, "y")
        return sheet.figure

    return draw_both(name, title, caption, words, draw)
