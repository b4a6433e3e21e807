"""The colours of every page and figure: one role each, for light and for dark.

A figure is drawn with the light colours; `workbench.report.svg` then replaces each by its CSS variable, so
that one SVG serves light, dark and paper. Beside its colour every role has a shape of its own (outline, dash,
triangle, diamond), because in grey some of these colours meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Colour:
    """One role: its CSS variable's name, its colour on a light and on a dark page, and in forced colours."""

    role: str
    light: str
    dark: str
    forced: str  # CSS system colour


COLOURS: Final = (
    Colour("page", "#ffffff", "#10151a", "Canvas"),
    Colour("panel", "#f4f6f8", "#1a2128", "Canvas"),
    Colour("text", "#1b2127", "#e8edf2", "CanvasText"),
    Colour("muted", "#56606b", "#a3aeb9", "CanvasText"),  # INCONCLUSIVE and "no data" too
    Colour("axis", "#66707b", "#8793a0", "CanvasText"),
    Colour("rule", "#d5dbe1", "#323b45", "GrayText"),
    Colour("predicted", "#0a5aa8", "#86c0ff", "LinkText"),
    Colour("tint-90", "#e3eefa", "#15293d", "Canvas"),
    Colour("tint-80", "#c3dbf3", "#1b3c5d", "Canvas"),
    Colour("tint-50", "#97c1ea", "#245482", "Canvas"),
    Colour("observed", "#14181c", "#fbfcfd", "CanvasText"),
    Colour("objective", "#8f5406", "#dcbb2a", "CanvasText"),
    Colour("fail", "#8a0e0a", "#fc827d", "CanvasText"),  # fault and MISS too
    Colour("pass", "#17533f", "#82ec8c", "CanvasText"),
)
LIGHT: Final[Mapping[str, str]] = {colour.role: colour.light for colour in COLOURS}
ROLE_OF_HEX: Final[Mapping[str, str]] = {colour.light: colour.role for colour in COLOURS}

PAGE: Final = LIGHT["page"]
TEXT: Final = LIGHT["text"]
MUTED: Final = LIGHT["muted"]
AXIS: Final = LIGHT["axis"]
RULE: Final = LIGHT["rule"]
PREDICTED: Final = LIGHT["predicted"]
TINT_90: Final = LIGHT["tint-90"]
TINT_80: Final = LIGHT["tint-80"]
TINT_50: Final = LIGHT["tint-50"]
OBSERVED: Final = LIGHT["observed"]
OBJECTIVE: Final = LIGHT["objective"]
FAIL: Final = LIGHT["fail"]


def css_variables(theme: str) -> str:
    """Return the declarations of every role for "light", "dark" or "forced"."""
    return " ".join(f"--{colour.role}: {getattr(colour, theme)};" for colour in COLOURS)
