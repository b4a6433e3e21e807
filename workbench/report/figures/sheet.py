"""The sheet a figure is drawn on: everything is placed in inches from its upper left corner."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from workbench.report.palette import AXIS, MUTED, PAGE, RULE, TEXT
from workbench.report.svg import to_svg

POINTS_PER_IN: Final = 72.0
MARGIN_SHARE: Final = 0.2  # of the width, at the right, reserved for values
STRIP_IN: Final = 0.36  # height of the strip that says why nothing was judged
CHARACTER_EM: Final = 0.64  # width of a digit of DejaVu Sans; its letters are narrower on average


@dataclass(frozen=True)
class Variant:
    """One of the two sizes of each figure."""

    name: str
    width_in: float
    text_pt: float

    @property
    def line_in(self) -> float:
        """Return the height of one line of text."""
        return self.text_pt * 1.3 / POINTS_PER_IN

    def characters(self, width_in: float) -> int:
        """Return how many characters surely fit into a width."""
        return int(width_in * POINTS_PER_IN / (self.text_pt * CHARACTER_EM))

    @property
    def narrow(self) -> bool:
        """Tell whether this is the phone's size."""
        return self is NARROW


WIDE: Final = Variant("wide", 9.6, 9.6)
NARROW: Final = Variant("narrow", 4.6, 12.5)
VARIANTS: Final = (WIDE, NARROW)


@contextmanager
def drawing() -> Iterator[None]:
    """Draw with matplotlib's own defaults, whatever this machine's settings say."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams["font.family"] = ["DejaVu Sans"]
        matplotlib.rcParams["text.parse_math"] = False
        matplotlib.rcParams["axes.unicode_minus"] = False
        matplotlib.rcParams["hatch.linewidth"] = 0.7
        yield


class Sheet:
    """One figure in one size. `paper` spans all of it in inches, with 0, 0 at the upper left.

    A `note` is shown in a hatched strip above everything else; it does not move the origin.
    """

    def __init__(self, variant: Variant, height_in: float, note: str = "") -> None:
        self.variant = variant
        self.strip_in = STRIP_IN if note else 0.0
        self.height_in = height_in + self.strip_in
        self.figure = Figure(figsize=(variant.width_in, self.height_in))
        self.paper = self.axes(0.0, -self.strip_in, variant.width_in, self.height_in)
        self.paper.set_axis_off()
        self.paper.set(xlim=(0.0, variant.width_in), ylim=(height_in, -self.strip_in), zorder=5)
        if note:
            self._show(note)

    def _show(self, note: str) -> None:
        width = self.variant.width_in
        height = 0.82 * STRIP_IN
        strip = Rectangle(
            (0.01, 0.01 - STRIP_IN), width - 0.02, height, facecolor="none", edgecolor=MUTED, hatch="////", linewidth=0
        )
        self.paper.add_patch(strip)
        text = textwrap.shorten(note, int(1.15 * self.variant.characters(width - 0.4)), placeholder=" ...")
        patch = {"facecolor": PAGE, "edgecolor": "none", "boxstyle": "square,pad=0.2"}
        y = 0.01 - STRIP_IN + height / 2
        self.paper.text(
            width / 2, y, text, color=TEXT, fontsize=self.variant.text_pt, ha="center", va="center", bbox=patch
        )

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Return bare axes at a place given in inches from the upper left corner."""
        whole_width, whole_height = self.variant.width_in, self.height_in
        top += self.strip_in
        place = (left / whole_width, 1.0 - (top + height) / whole_height, width / whole_width, height / whole_height)
        axes = self.figure.add_axes(place)
        axes.set_facecolor("none")
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(
            length=0, labelsize=self.variant.text_pt, labelcolor=MUTED, color=AXIS, pad=0.35 * self.variant.text_pt
        )
        axes.set_axisbelow(True)
        return axes

    def rows(self, left: float, top: float, width: float, height: float) -> Axes:
        """Return axes whose y runs in inches from the sheet's upper edge, without ticks at y."""
        axes = self.axes(left, top, width, height)
        axes.set(ylim=(top + height, top), yticks=[])
        return axes

    def write(
        self,
        x: float,
        y: float,
        text: str,
        colour: str = TEXT,
        bold: bool = False,
        align: str = "left",
        valign: str = "center",
        over: bool = False,
    ) -> None:
        """Write text at a place in inches, anchored by alignment; `over` a patch of the page."""
        weight = "bold" if bold else "normal"
        on_patch = over or self.variant.narrow  # on a phone names and values stand inside the panels
        patch = {"facecolor": PAGE, "edgecolor": "none", "boxstyle": "square,pad=0.12"} if on_patch and text else None
        self.paper.text(
            x,
            y,
            text,
            color=colour,
            fontsize=self.variant.text_pt,
            fontweight=weight,
            ha=align,
            va=valign,
            linespacing=1.2,
            bbox=patch,
        )

    def base_line(self, axes: Axes) -> None:
        """Show the axes' lower edge."""
        axes.spines["bottom"].set(visible=True, color=AXIS, linewidth=0.8)
        axes.tick_params(axis="x", length=3.0)

    @property
    def margin_left(self) -> float:
        """Return where the reserved column of values begins, inches."""
        return self.variant.width_in * (1.0 - MARGIN_SHARE)


def grid(axes: Axes, axis: str) -> None:
    """Draw a light grid along one axis."""
    (axes.xaxis if axis == "x" else axes.yaxis).grid(True, color=RULE, linewidth=0.7)


@dataclass(frozen=True)
class Drawing:
    """A finished figure: its SVG in both sizes and what it shows, in words."""

    name: str
    caption: str
    svgs: Mapping[str, str]  # variant's name -> svg element


def draw_both(name: str, title: str, caption: str, description: str, draw: Callable[[Variant], Figure]) -> Drawing:
    """Draw a figure wide and narrow."""
    with drawing():
        svgs = {
            variant.name: to_svg(draw(variant), f"{name}-{variant.name}", title, description) for variant in VARIANTS
        }
    return Drawing(name, caption, svgs)
