"""The report's figures: no label touches another or leaves its sheet, wide and narrow, whatever the verdicts."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cache
from html import unescape

import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from tests.support.rendered_samples import Samples
from tests.support.sample_run import CASES
from workbench.report.figures import sheet

TOUCH_PT = 0.5
TEXT_PT_MIN = {"wide": 9.0, "narrow": 12.0}  # 12 CSS px at 921 and 336 px
_PLACE = r'(?:x="([-0-9.]+)" y="([-0-9.]+)"|transform="translate\(([-0-9.]+) ([-0-9.]+)\)")'
_TEXT = re.compile(rf'<text style="([^"]*)" {_PLACE}[^>]*>([^<]*)</text>')
_SIZE = re.compile(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"')


@dataclass(frozen=True)
class Label:
    """One line of text of a figure and the box its letters fill, points from the upper left corner."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    def touches(self, other: Label) -> bool:
        """Tell whether two labels share more than a hair."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > TOUCH_PT and down > TOUCH_PT


@cache
def extents(text: str, size: float, bold: bool) -> tuple[float, float, float]:
    """Return width, height above and depth below the base line of a text in DejaVu Sans."""
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    box = TextPath((0, 0), text, size=size, prop=font).get_extents()
    return float(box.x1), float(box.y1), float(-box.y0)


def labels(svg: str) -> list[Label]:
    """Return every text that a figure draws."""
    found = []
    for style, x, y, moved_x, moved_y, raw in _TEXT.findall(svg):
        text = unescape(raw).strip()
        size = re.search(r"font-size: ([0-9.]+)px", style)
        if not text:
            continue
        assert size is not None
        width, above, below = extents(text, float(size[1]), "font-weight: 700" in style)
        anchor = re.search(r"text-anchor: (\w+)", style)
        share = {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor[1] if anchor else "start"]
        left, base = float(x or moved_x) - share * width, float(y or moved_y)
        found.append(Label(text, left, base - above, left + width, base + below))
    return found


@pytest.mark.parametrize("name", CASES)
def test_no_label_touches_another(rendered: Samples, name: str) -> None:
    """In every figure of the run, in both sizes, all texts stand apart and inside the sheet."""
    problems = []
    drawn = sorted(rendered[name].figures.glob("*.svg"))
    assert drawn
    for path in drawn:
        svg = path.read_text(encoding="utf-8")
        found = labels(svg)
        assert len(found) == svg.count("<text ")
        edge = _SIZE.search(svg)
        assert edge is not None
        for label in found:
            beyond = max(label.right - float(edge[1]), label.bottom - float(edge[2]), -label.left, -label.top)
            if beyond > 1.0:
                problems.append(f"{path.stem}: {label.text!r} is cut")
        for one, other in itertools.combinations(found, 2):
            if one.touches(other):
                problems.append(f"{path.stem}: {one.text!r} touches {other.text!r}")
    assert not problems, "\n".join(problems)


def test_text_is_large_enough() -> None:
    """At the width each size is shown with, no text is smaller than 12 CSS pixels."""
    for variant in sheet.VARIANTS:
        assert variant.text_pt >= TEXT_PT_MIN[variant.name]
    shown_px = 336.0  # a phone of 360 px less its padding
    assert sheet.NARROW.text_pt * shown_px / (sheet.NARROW.width_in * sheet.POINTS_PER_IN) >= 12.0
