"""Numbers as people read them: the same in sentence, table, figure, Markdown, terminal and JUnit.

At most three significant digits; seconds to 0.1, milliseconds below one second; counts exact with
thousands commas.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
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


def stated(value: float, unit: str) -> str:
    """Return a bound as a person stated it, with its unit: "30 s", "500 ms", "0 records"."""
    if unit == "s":
        return f"{value:g} s" if value >= 1.0 else seconds(value)
    return f"{count(value)} {unit}"


def span(low: float, high: float, unit: str) -> str:
    """Return "11.6 to 20.9 s", both ends in one unit."""
    if unit == "s" and max(abs(low), abs(high)) >= 0.9995:
        digits = 1 if max(abs(low), abs(high)) < 100 else 0
        return f"{low:.{digits}f} to {high:.{digits}f} s"
    if unit == "s":
        return f"{low * 1000:.0f} to {high * 1000:.0f} ms"
    return f"{count(low)} to {count(high)} {unit}"


def percent(share: float, sign: bool = False) -> str:
    """Return a share as whole percent: "40 %", with `sign` "+40 %"."""
    if math.isnan(share):
        return MISSING
    return f"{share * 100:+.0f} %" if sign else f"{share * 100:.0f} %"


def chance(share: float) -> str:
    """Return a probability in whole percent, never a certainty: "99 %", "> 99 %", "< 1 %"."""
    if share > 0.99:
        return "> 99 %"
    if share < 0.01:
        return "< 1 %"
    return f"{share * 100:.0f} %"


@dataclass(frozen=True)
class Scale:
    """How every number of one row is written: one unit, one number of decimals, never finer than the probe."""

    unit: str  # as shown: "s", "ms", "events"
    factor: float  # shown = value * factor
    decimals: int
    step: float  # shown numbers are multiples of it

    def bare(self, value: float | None) -> str:
        """Return the number without its unit: "14.9"; "no value" for none."""
        if value is None or math.isnan(value):
            return MISSING
        shown = round(value * self.factor / self.step) * self.step
        return f"{round(shown, self.decimals) + 0.0:,.{self.decimals}f}"

    def text(self, value: float | None) -> str:
        """Return the number with its unit: "14.9 s"."""
        bare = self.bare(value)
        return bare if bare == MISSING else f"{bare} {self.unit}"

    def span(self, low: float, high: float) -> str:
        """Return an interval for a table or a figure, without its unit: "11.6-20.9"."""
        return f"{self.bare(low)}-{self.bare(high)}"

    def spoken(self, low: float, high: float) -> str:
        """Return an interval for a sentence: "11.6 to 20.9 s", or one number where both ends are the same."""
        if self.bare(low) == self.bare(high):
            return self.text(low)
        return f"{self.bare(low)} to {self.bare(high)} {self.unit}"


def scale(unit: str, values: Sequence[float | None], resolution: float = 0.0) -> Scale:
    """Return how a row is written that holds `values` (in `unit`), observed with `resolution` (same unit)."""
    largest = max((abs(value) for value in values if value is not None and math.isfinite(value)), default=0.0)
    if unit != "s":
        return Scale(unit, 1.0, 0, 1.0)
    if largest == 0.0 or largest >= 0.9995:
        decimals = 1 if 0.0 < largest < 100 else 0
        return Scale("s", 1.0, decimals, 10.0**-decimals)
    probe_step_ms = 10.0 ** round(math.log10(resolution * 1000.0)) if resolution > 0.0 else 0.1
    decimals = 1 if largest < 0.01 and probe_step_ms < 1.0 else 0
    return Scale("ms", 1000.0, decimals, max(10.0**-decimals, probe_step_ms))
