"""The marks of every figure: a shape and a colour for each of predicted, observed, objective, fault and miss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from workbench.report.figures.sheet import Variant
from workbench.report.palette import (
    FAIL,
    MUTED,
    OBJECTIVE,
    OBSERVED,
    PAGE,
    PREDICTED,
    TEXT,
    TINT_50,
    TINT_80,
    TINT_90,
)

LINE_PT: Final = 1.7
TINTS: Final = (("90", TINT_90), ("80", TINT_80), ("50", TINT_50))
Interval = tuple[float, float]


def dot_pt(variant: Variant) -> float:
    """Return a dot's diameter in points."""
    return 0.85 * variant.text_pt


def box(axes: Axes, intervals: Mapping[str, Interval], median: float | None, y: float, height: float) -> None:
    """Draw predicted intervals as one outlined box of nested tints, the median as a bar."""
    for level, tint in TINTS:
        if level not in intervals:
            continue
        low, high = intervals[level]
        edge = PREDICTED if level == "90" else "none"
        axes.add_patch(
            Rectangle((low, y - height / 2), high - low, height, facecolor=tint, edgecolor=edge, linewidth=0.9)
        )
    if "90" in intervals:
        low, high = intervals["90"]
        axes.add_patch(
            Rectangle((low, y - height / 2), high - low, height, fill=False, edgecolor=PREDICTED, linewidth=0.9)
        )
    if median is not None:
        axes.plot([median, median], [y - height / 2, y + height / 2], color=PREDICTED, linewidth=2.6, zorder=3)


def dot(axes: Axes, x: float, y: float, variant: Variant, hollow: bool = False) -> None:
    """Draw one observed value: a filled dot with a ring, hollow when nothing was judged."""
    face, edge = (PAGE, OBSERVED) if hollow else (OBSERVED, PAGE)
    _marker(axes, x, y, "o", dot_pt(variant), face, edge)


def miss(axes: Axes, x: float, y: float, variant: Variant) -> None:
    """Draw one observed value that missed: a red diamond with a ring."""
    _marker(axes, x, y, "D", dot_pt(variant), FAIL, PAGE)


def objective(axes: Axes, x: float, y: float, variant: Variant) -> None:
    """Draw an objective's bound as an open triangle."""
    _marker(axes, x, y, "^", dot_pt(variant), PAGE, OBJECTIVE)


def not_observed(axes: Axes, x: float, y: float, variant: Variant) -> None:
    """Draw that there is no observation: an open square."""
    _marker(axes, x, y, "s", 0.85 * dot_pt(variant), PAGE, MUTED)


def off_scale(axes: Axes, x: float, y: float, variant: Variant, colour: str, left: bool = False) -> None:
    """Draw that a value lies beyond the axis: an arrow head at its edge."""
    _marker(axes, x, y, "<" if left else ">", 1.15 * dot_pt(variant), colour, PAGE)


def predicted_end(axes: Axes, x: float, y: float, variant: Variant, hollow: bool) -> None:
    """Draw one end of what a prediction spans: a blue dot."""
    _marker(axes, x, y, "o", 0.7 * variant.text_pt, PAGE if hollow else PREDICTED, PREDICTED)


def square(axes: Axes, x: float, y: float, variant: Variant) -> None:
    """Draw a share of all metrics: an open blue square."""
    _marker(axes, x, y, "s", 0.6 * variant.text_pt, PAGE, PREDICTED)


def fault(axes: Axes, x: float, y: float, variant: Variant) -> None:
    """Draw the fault's head: a filled red triangle."""
    _marker(axes, x, y, "v", dot_pt(variant), FAIL, FAIL)


def undo(axes: Axes, x: float, y: float, variant: Variant) -> None:
    """Draw the undo's head: an open triangle."""
    _marker(axes, x, y, "v", dot_pt(variant), PAGE, TEXT)


def hatched(axes: Axes, low: float, high: float, bottom: float, top: float) -> None:
    """Hatch a rectangle (axes' own coordinates): there is no data here."""
    axes.add_patch(
        Rectangle(
            (low, bottom), high - low, top - bottom, facecolor="none", edgecolor=MUTED, hatch="////", linewidth=0.0
        )
    )


def on_hatch(axes: Axes, x: float, y: float, text: str, variant: Variant, align: str = "center") -> None:
    """Write text over hatching, on a patch of the page."""
    patch = {"facecolor": PAGE, "edgecolor": "none", "boxstyle": "square,pad=0.15"}
    axes.text(x, y, text, color=MUTED, fontsize=variant.text_pt, ha=align, va="center", bbox=patch, zorder=6)


def _marker(axes: Axes, x: float, y: float, shape: str, size_pt: float, face: str, edge: str) -> None:
    axes.plot(
        [x],
        [y],
        linestyle="none",
        marker=shape,
        markersize=size_pt,
        markerfacecolor=face,
        markeredgecolor=edge,
        markeredgewidth=1.3,
        zorder=5,
        clip_on=False,
    )
