"""The panels of the timeline: one quantity each, observed over its predicted envelope, gaps shown as gaps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from workbench.report.curves import Curve, thin_envelope, thin_line
from workbench.report.figures import marks
from workbench.report.figures.sheet import Sheet, grid
from workbench.report.palette import MUTED, OBSERVED, PREDICTED, TEXT, TINT_50, TINT_90

GAP_S: Final = 1.0  # shorter gaps only break the line
RATE_SHOWN: Final = 4.0  # a rate beyond this many times its usual level leaves the scale
LIMIT_OF_RATE: Final = 3.0


@dataclass(frozen=True)
class Panel:
    """How one curve is shown."""

    title: str  # one line
    lines: str  # the same beside a wide panel
    log: bool = False
    thin: bool = False  # a thin line
    levels: tuple[str, ...] = ("90",)
    gap: str = "no data"  # why there is none, where the hatching has room for it


PANELS: Final[Mapping[str, Panel]] = {
    "acked_per_s": Panel("acknowledged, events/s", "acknowledged,\nevents/s"),
    "ack_s_p99": Panel("acknowledgement time, p99", "acknowledgement\ntime, p99 (log)", True, gap="none acknowledged"),
    "backlog_events": Panel("backlog, events", "backlog, events"),
    "lag_records": Panel("consumer lag, records", "consumer lag,\nrecords", thin=True, levels=("90", "50")),
}


def y_limits(curve: Curve) -> tuple[float, float]:
    """Return the limits of a curve's axis."""
    highest = max(curve.peak or 0.0, curve.envelope_peak)
    if PANELS[curve.name].log:
        edges = [curve.values, *(edge for pair in curve.envelopes.values() for edge in pair)]
        positive = [edge[np.isfinite(edge) & (edge > 0.0)] for edge in edges]
        lowest = min((float(part.min()) for part in positive if len(part)), default=0.001)
        decades = math.floor(math.log10(lowest)), math.ceil(math.log10(max(highest, lowest * 10.0)))
        return 10.0 ** decades[0], 10.0 ** decades[1]
    if curve.name == "acked_per_s":
        usual = usual_level(curve)
        if usual and highest > RATE_SHOWN * usual:
            highest = LIMIT_OF_RATE * usual
    return 0.0, 1.12 * (highest or 1.0)


def usual_level(curve: Curve) -> float:
    """Return a curve's mean before the fault, 0 without data."""
    before = curve.values[curve.grid_s < 0.0]
    before = before[np.isfinite(before)]
    return float(before.mean()) if len(before) else 0.0


def draw_panel(sheet: Sheet, axes: Axes, curve: Curve, limits: tuple[float, float], judged: bool, last: bool) -> None:
    """Draw one curve into its axes; `last` carries the time axis."""
    panel = PANELS[curve.name]
    axes.set_ylim(limits)
    _ticks(axes, panel)
    grid(axes, "y")
    for level in panel.levels:
        if level in curve.envelopes and len(curve.envelope_s):
            _envelope(axes, curve, level)
    _observed(sheet, axes, curve, panel, limits, judged)
    sheet.base_line(axes)
    if last:
        axes.set_xlabel("seconds since the fault", color=MUTED, fontsize=sheet.variant.text_pt)
    else:
        axes.tick_params(axis="x", length=0, labelbottom=False)
    axes.xaxis.set_major_locator(MaxNLocator(5 if sheet.variant.narrow else 8, integer=True))


def _ticks(axes: Axes, panel: Panel) -> None:
    if panel.log:
        axes.set_yscale("log")
        low, high = (round(math.log10(limit)) for limit in axes.get_ylim())
        step = 2 if high - low > 4 else 1
        decades = range(low, high + 1, step)
        axes.set_yticks([10.0**decade for decade in decades], [_decade(decade) for decade in decades])
        axes.set_yticks([], minor=True)
        return
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True, min_n_ticks=2))
    axes.yaxis.set_major_formatter(lambda value, _position: f"{value:,.0f}")


def _decade(decade: int) -> str:
    """Return a power of ten seconds in words: -2 is "10 ms"."""
    return f"{10 ** (decade + 3)} ms" if -3 <= decade < 0 else f"{10.0**decade:g} s"


def _envelope(axes: Axes, curve: Curve, level: str) -> None:
    times, low, high = thin_envelope(curve, level)
    edge, tint = (PREDICTED, TINT_90) if level == "90" else ("none", TINT_50)
    bottom = axes.get_ylim()[0]
    axes.fill_between(
        times,
        np.maximum(low, bottom),
        high,
        where=(np.isfinite(low) & np.isfinite(high)).tolist(),
        facecolor=tint,
        edgecolor=edge,
        linewidth=0.7,
        zorder=1.1 if level == "90" else 1.2,
    )


def _observed(sheet: Sheet, axes: Axes, curve: Curve, panel: Panel, limits: tuple[float, float], judged: bool) -> None:
    middle = math.sqrt(limits[0] * limits[1]) if panel.log else sum(limits) / 2
    low, high = axes.get_xlim()
    per_s = axes.get_position().width * sheet.variant.width_in / (high - low)
    for start, end in curve.gaps(GAP_S):
        marks.hatched(axes, start, end, *limits)
        room = sheet.variant.characters((end - start) * per_s)
        reason = panel.gap if room > len(panel.gap) else "no data" if room > len("no data") else ""
        if reason:
            marks.on_hatch(axes, (start + end) / 2, middle, reason, sheet.variant)
    if len(curve.grid_s) == 0:
        marks.on_hatch(axes, (low + high) / 2, middle, "no data", sheet.variant)
        return
    times, values = thin_line(curve)
    width = 0.9 if panel.thin else marks.LINE_PT if judged else 1.3
    style = "-" if judged else ":"
    axes.plot(times, values, color=OBSERVED, linewidth=width, linestyle=style, zorder=3, solid_joinstyle="round")
    peak = curve.peak
    if peak is not None and peak > limits[1]:
        beyond = curve.grid_s[np.nan_to_num(curve.values) > limits[1]]
        right = (beyond[-1] - low) / (high - low) > 0.6
        x = float(beyond[0] if right else beyond[-1])
        axes.annotate(
            "off scale",
            (x, limits[1]),
            xytext=(-6 if right else 6, -2),
            textcoords="offset points",
            color=TEXT,
            fontsize=sheet.variant.text_pt,
            ha="right" if right else "left",
            va="top",
        )
