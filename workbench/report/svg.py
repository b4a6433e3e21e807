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
_ID: Final = re.compile(r' id="([^"]+)"')
_REFERENCE: Final = re.compile(r'(?:xlink:)?(href="|url\()#([^")]+)')
_STYLE: Final = re.compile(r"\s*<defs>\s*<style.*?</defs>", re.DOTALL)  # its rule would hold for the whole page
_NO_ROTATION: Final = re.compile(r' transform="rotate\(-?0 [^"]*"')


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
    text = _with_own_ids(_NO_ROTATION.sub("", _STYLE.sub("", text)), name)
    text = re.sub(r" ?\n *", "\n", text).replace("\nL ", "L")  # the lines of a path without their indentation
    text = _HEX.sub(_variable, text)
    opening = re.match(r"<svg([^>]*)>", text)
    if opening is None:
        raise ValueError(f"figure {name}: no svg element")
    joins = 'stroke-linejoin="round" stroke-linecap="butt"'
    head = f'<svg role="img" class="drawn" {joins} aria-labelledby="{name}-title {name}-desc"{opening[1]}>'
    words = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
    return head + words + text[opening.end() :].rstrip() + "\n"


def _with_own_ids(text: str, name: str) -> str:
    """Prefix the ids that are referred to with the figure's name and drop all others."""
    wanted = {match[2] for match in _REFERENCE.finditer(text)}
    text = _ID.sub(lambda match: f' id="{name}-{match[1]}"' if match[1] in wanted else "", text)
    return _REFERENCE.sub(rf"\1#{name}-\2", text)


def standalone(svg: str) -> str:
    """Return the same figure as a file of its own; without a page the light colours hold."""
    head = '<svg xmlns="http://www.w3.org/2000/svg"'
    return '<?xml version="1.0" encoding="utf-8"?>\n' + svg.replace("<svg", head, 1)


def _variable(match: re.Match[str]) -> str:
    colour = match[0].lower()
    if colour not in ROLE_OF_HEX:
        raise ValueError(f"{colour} is not a colour of the palette")
    return f"var(--{ROLE_OF_HEX[colour]}, {colour})"
