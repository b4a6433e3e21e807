"""Numbers as people read them: the same in sentence, table, figure, Markdown, terminal and JUnit.

At most three significant digits; seconds to 0.1, milliseconds below one second; counts exact with
thousands commas.
"""

from __future__ import annotations

import math
from typing import Final

MISSING: Final = "no value"


def seconds(value: float | None) -> str:
    """Return "14.9 s", "152 s" or "320 ms"; "0 s" for nothing."""
    if value is None or math.isnan(value):
        return MISSING
    if value == 0:
        return "0 s"
    if abs(value) < 0.9995:
        milliseconds = value * 1000.0
        return f"{milliseconds:.0f} ms" if abs(milliseconds) >= 10 else f"{milliseconds:.1f} ms"
    return f"{value:.1f} s" if abs(value) < 100 else f"{value:.0f} s"


def count(value: float | None) -> str:
    """Return "4,380"."""
    if value is None or math.isnan(value):
        return MISSING
    return f"{value:,.0f}"


def quantity(value: float | None, unit: str) -> str:
    """Return a value with its unit: seconds as `seconds`, everything else as a count with the unit's name."""
    if unit == "s":
        return seconds(value)
    if value is None or math.isnan(value):
        return MISSING
    return f"{count(value)} {unit}"


def span(low: float, high: float, unit: str) -> str:
    """Return "11.6 to 20.9 s", both ends in one unit."""
    if unit == "s" and max(abs(low), abs(high)) >= 0.9995:
        digits = 1 if max(abs(low), abs(high)) < 100 else 0
        return f"{low:.{digits}f} to {high:.{digits}f} s"
    if unit == "s":
        return f"{low * 1000:.0f} to {high * 1000:.0f} ms"
    return f"{count(low)} to {count(high)} {unit}"


def percent(share: float) -> str:
    """Return a share as whole percent: "+40 %" has its sign added by the caller."""
    return f"{share * 100:.0f} %"


def chance(share: float) -> str:
    """Return a probability in whole percent, never a certainty: "99 %", "> 99 %", "< 1 %"."""
    if share > 0.99:
        return "> 99 %"
    if share < 0.01:
        return "< 1 %"
    return f"{share * 100:.0f} %"
