"""Partitions (figure 4): when each was silent, observed and predicted, and who led it before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from workbench.report.figures import marks
from workbench.report.figures.sheet import Drawing, Sheet, Variant, draw_both, grid
from workbench.report.palette import FAIL, MUTED, OBSERVED, PREDICTED, TEXT
from workbench.report.row import Interval

PARTITIONS_MAX: Final = 24
ROW_IN: Final = 0.28
TOP_IN: Final = 0.34
BOTTOM_IN: Final = 0.56


@dataclass(frozen=True)
class SilentPartition:
    """One partition's longest silence, seconds since the fault."""

    label: str
    start_s: float
    end_s: float
    predicted_start: Interval | None  # 90 %
    predicted_end: Interval | None
    leaders: str  # "2 to 0"

    @property
    def length_s(self) -> float:
        """Return how long it was silent."""
        return self.end_s - self.start_s


def draw_partitions(
    name: str,
    title: str,
    caption: str,
    partitions: Sequence[SilentPartition],
    quiet: str,
    judged: bool,
    note: str,
) -> Drawing:
    """Return the figure of the longest silences, at most PARTITIONS_MAX, in the order given; `quiet` names them."""
    shown = partitions[:PARTITIONS_MAX]
    words = [f"{part.label}: {part.start_s:.1f} to {part.end_s:.1f} s, leader {part.leaders}" for part in shown]

    def draw(variant: Variant) -> Figure:
        row_in = 0.34 if variant.narrow else ROW_IN
        sheet = Sheet(variant, TOP_IN + row_in * len(shown) + BOTTOM_IN, note)
        left = 2.05 if variant.narrow else 2.0
        right = variant.width_in - 0.8 if variant.narrow else 7.48
        axes = sheet.rows(left, TOP_IN, right - left, row_in * len(shown))
        ends = [max(part.end_s, (part.predicted_end or (0.0, 0.0))[1]) for part in shown]
        axes.set_xlim(min(-1.0, *(part.start_s for part in shown)), 1.04 * max(ends))
        axes.set_xlabel("seconds since the fault", color=MUTED, fontsize=variant.text_pt)
        axes.xaxis.set_major_locator(MaxNLocator(4 if variant.narrow else 8, integer=True))
        grid(axes, "x")
        sheet.base_line(axes)
        axes.axvline(0.0, color=FAIL, linewidth=1.2, zorder=1.5)
        marks.fault(axes, 0.0, TOP_IN - 0.06, variant)
        heading = variant.width_in if variant.narrow else sheet.margin_left
        sheet.write(heading, 0.13, "leader" if variant.narrow else f"{quiet}, leader", MUTED, align=_side(variant))
        for index, part in enumerate(shown):
            _partition(sheet, axes, part, TOP_IN + (index + 0.5) * row_in, judged)
        return sheet.figure

    return draw_both(name, title, caption, "; ".join(words) + ".", draw)


def _side(variant: Variant) -> str:
    return "right" if variant.narrow else "left"


def _partition(sheet: Sheet, axes: Axes, part: SilentPartition, y: float, judged: bool) -> None:
    variant = sheet.variant
    sheet.write(0.0, y, part.label if not variant.narrow else _short(part.label), TEXT)
    for ends in (part.predicted_start, part.predicted_end):
        if ends is not None:
            _bracket(axes, ends, y)
    style = "-" if judged else ":"
    axes.plot(
        [part.start_s, part.end_s],
        [y, y],
        color=OBSERVED,
        linewidth=4.5 if judged else 2.5,
        linestyle=style,
        solid_capstyle="butt",
    )
    text = part.leaders if variant.narrow else f"{part.length_s:.1f} s, {part.leaders}"
    sheet.write(variant.width_in if variant.narrow else sheet.margin_left, y, text, TEXT, align=_side(variant))


def _short(label: str) -> str:
    """Shorten a long topic's name: "event-authentication-5" becomes "event-authenti..-5"."""
    topic, _, number = label.rpartition("-")
    return label if len(label) <= 19 else f"{topic[: 16 - len(number)]}..-{number}"


def _bracket(axes: Axes, ends: Interval, y: float) -> None:
    low, high = ends
    half = 0.085
    axes.plot([low, high], [y, y], color=PREDICTED, linewidth=0.9, zorder=3)
    for x in (low, high):
        axes.plot([x, x], [y - half, y + half], color=PREDICTED, linewidth=1.4, zorder=3)
