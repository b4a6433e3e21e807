"""From a matplotlib figure to an SVG that follows the page: variables for colours, unique ids, a description."""

from __future__ import annotations

import io
import re
from html import escape
from typing import Final

import matplotlib
from matplotlib.figure import Figure

from workbench.report.palette import ROLE_OF_HEX

_HEX: Final = re.compile(r"#[0-9a-fA-F]{6}\b")
_LONG: Final = re.compile(r"-?\b[0-9]+\.[0-9]{3,}\b")  # a hundredth of a point is finer than any screen
_PLACES_OF_IDS: Final = (
    (re.compile(r'\bid="([^"]+)"'), r'id="{prefix}\1"'),
    (re.compile(r'\b(?:xlink:)?href="#([^"]+)"'), r'href="#{prefix}\1"'),
    (re.compile(r"url\(#([^)]+)\)"), r"url(#{prefix}\1)"),
)


def to_svg(figure: Figure, name: str, title: str, description: str) -> str:
    """Return the figure as an <svg> element to stand inside a page.

    `name` becomes the prefix of every id. Raises ValueError if a colour outside of the palette is left.
    """
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "hub-workbench"}), io.BytesIO() as buffer:
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        text = buffer.getvalue().decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"| version="[^"]*"', "", text)
    text = _LONG.sub(lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), text)
    for pattern, replacement in _PLACES_OF_IDS:
        text = pattern.sub(replacement.format(prefix=f"{name}-"), text)
    text = _HEX.sub(_variable, text)
    opening = re.match(r"<svg([^>]*)>", text)
    if opening is None:
        raise ValueError(f"figure {name}: no svg element")
    head = f'<svg role="img" class="drawn" aria-labelledby="{name}-title {name}-desc"{opening[1]}>'
    words = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
    return head + words + text[opening.end() :].rstrip() + "\n"


def standalone(svg: str) -> str:
    """Return the same figure as a file of its own; without a page the light colours hold."""
    head = '<svg xmlns="http://www.w3.org/2000/svg"'
    return '<?xml version="1.0" encoding="utf-8"?>\n' + svg.replace("<svg", head, 1)


def _variable(match: re.Match[str]) -> str:
    colour = match[0].lower()
    if colour not in ROLE_OF_HEX:
        raise ValueError(f"{colour} is not a colour of the palette")
    return f"var(--{ROLE_OF_HEX[colour]}, {colour})"
