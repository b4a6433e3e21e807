"""A measured number in few words."""

from __future__ import annotations

from workbench.metrics.numbers import seconds


def value_text(value: float, unit: str) -> str:
    """Return "12 ms", "130 us" or "48 MB/s"."""
    if unit == "bytes/s":
        return f"{value / 1e6:.3g} MB/s"
    if unit == "s" and value < 0.001:
        return f"{value * 1e6:.3g} us"
    return seconds(value)


def span_text(low: float, high: float, unit: str) -> str:
    """Return "10 ms to 15 ms"."""
    return f"{value_text(low, unit)} to {value_text(high, unit)}"
