"""What moves it (figure 6): how a metric changes as each drawn parameter goes from its 10 to its 90 % point."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.report.figures import marks
from workbench.report.figures.sheet import Drawing, Sheet, Variant, draw_both, grid
from workbench.report.palette import MUTED, PREDICTED, TEXT
from workbench.report.row import Row

MEASURED: Final = ("baseline", "calibration")
ROWS_MAX: Final = 8
TOP_IN: Final = 0.42
BOTTOM_IN: Final = 0.5
ROOM: Final = 1.12  # of the longest line


@dataclass(frozen=True)
class Mover:
    """One parameter: its name in words, the metric's change in its unit, and where the parameter comes from."""

    title: str
    change: float
    source: str

    @property
    def measured(self) -> bool:
        """Tell whether this hub was measured for it."""
        return self.source in MEASURED


def draw_movers(
    name: str, title: str, caption: str, row: Row, movers: Sequence[Mover], sources: Mapping[str, str], note: str
) -> Drawing:
    """Return the figure of one metric; `movers` strongest first, at most ROWS_MAX are shown."""
    shown = movers[:ROWS_MAX]
    words = [f"{each.title} {row.signed(each.change)} ({sources.get(each.source, each.source)})" for each in shown]

    def draw(variant: Variant) -> Figure:
        height = 0.78 if variant.narrow else 0.4
        sheet = Sheet(variant, TOP_IN + len(shown) * height + BOTTOM_IN, note)
        left, width = (0.1, variant.width_in - 0.2) if variant.narrow else (3.3, variant.width_in - 3.3 - 2.05)
        axes = sheet.rows(left, TOP_IN, width, len(shown) * height)
        _scale(sheet, axes, row, shown)
        _key(sheet, left)
        for index, mover in enumerate(shown):
            _mover(sheet, axes, row, mover, TOP_IN + (index + 0.5) * height)
        return sheet.figure

    return draw_both(name, title, caption, f"{row.title}: " + "; ".join(words) + ".", draw)


def _scale(sheet: Sheet, axes: Axes, row: Row, shown: Sequence[Mover]) -> None:
    middle = row.median or 0.0
    reach = ROOM * max(abs(each.change) for each in shown) / 2.0
    axes.set(xlim=(middle - reach, middle + reach))
    axes.set_xlabel(row.axis_title, color=MUTED, fontsize=sheet.variant.text_pt)
    axes.locator_params(axis="x", nbins=5)
    grid(axes, "x")
    axes.axvline(middle, color=PREDICTED, linewidth=0.9, zorder=0.9)
    sheet.base_line(axes)


def _key(sheet: Sheet, left: float) -> None:
    """Say what the two dots are."""
    y, x = 0.16, left + 0.06
    for measured, word, step in ((True, "measured", 1.25), (False, "not measured here", 0.0)):
        marks.predicted_end(sheet.paper, x, y, sheet.variant, hollow=not measured)
        sheet.write(x + 0.14, y, word)
        x += step


def _mover(sheet: Sheet, axes: Axes, row: Row, mover: Mover, y: float) -> None:
    variant, middle = sheet.variant, row.median or 0.0
    ends = (middle - mover.change / 2.0, middle + mover.change / 2.0)
    at = y + 0.16 if variant.narrow else y
    axes.plot(ends, (at, at), color=PREDICTED, linewidth=marks.LINE_PT)
    for end in ends:
        marks.predicted_end(axes, end, at, variant, hollow=not mover.measured)
    value = row.signed(mover.change)
    if variant.narrow:
        sheet.write(0.1, y - 0.17, textwrap.shorten(mover.title, 30, placeholder=" ..."), TEXT)
        sheet.write(variant.width_in - 0.1, y - 0.17, value, TEXT, bold=True, align="right")
        return
    sheet.write(0.0, y, textwrap.shorten(mover.title, 36, placeholder=" ..."), TEXT)
    x = variant.width_in - 1.9
    sheet.write(x, y, value, TEXT, bold=True)
    sheet.write(x + 0.95, y, mover.source, MUTED)
