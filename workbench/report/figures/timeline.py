"""The timeline (figure 2): the event ruler and, on the same time axis, four panels over their predicted envelopes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from workbench.metrics.numbers import count, seconds
from workbench.report.curves import Curve
from workbench.report.figures import marks
from workbench.report.figures.panels import PANELS, draw_panel, y_limits
from workbench.report.figures.sheet import Drawing, Sheet, Variant, draw_both
from workbench.report.milestones import Milestone
from workbench.report.palette import FAIL, MUTED, OBSERVED, PREDICTED, TEXT, TINT_50, TINT_90

TWO_COLUMNS_FROM: Final = 6.0  # the last event over the first acknowledgement
FIRST_MINUTE_S: Final = 60.0
HEADING_IN: Final = 0.26


@dataclass(frozen=True)
class TimelineData:
    """All that the figure shows."""

    milestones: Sequence[Milestone]
    curves: Sequence[Curve]
    from_s: float
    to_s: float
    fault: str  # "broker 2 killed"
    undo_s: float | None
    stopped_at_s: float | None  # where an incomplete record ends
    judged: bool
    predicted: bool
    backlog_max: str  # "4,380", "" if it was not observed

    @property
    def spans(self) -> list[tuple[float, float]]:
        """Return the stretches of time shown: one, or "first minute" and "all"."""
        first = next((m.observed for m in self.milestones if m.number == "3" and m.observed), None)
        last = max((m.latest_s for m in self.milestones), default=0.0)
        if first is None or last <= TWO_COLUMNS_FROM * first or self.to_s <= FIRST_MINUTE_S:
            return [(self.from_s, self.to_s)]
        return [(self.from_s, FIRST_MINUTE_S), (self.from_s, self.to_s)]


@dataclass(frozen=True)
class _Layout:
    """Heights in inches."""

    heads: float  # fault and numbers
    ruler_row: float
    key: float
    title: float  # above each panel
    panels: tuple[float, ...]
    gap: float
    axis: float

    def block(self, milestones: int) -> float:
        """Return the height of one whole block."""
        panels = sum(self.panels) + len(self.panels) * (self.title + self.gap)
        return self.heads + self.ruler_row * milestones + self.key + panels + self.axis


_WIDE: Final = _Layout(0.52, 0.3, 0.16, 0.0, (0.98, 0.98, 0.98, 0.62), 0.16, 0.46)
_NARROW: Final = _Layout(0.62, 0.52, 0.42, 0.27, (0.85, 0.85, 0.85, 0.6), 0.1, 0.58)


def draw_timeline(name: str, title: str, caption: str, data: TimelineData, note: str) -> Drawing:
    """Return the figure of a run's course."""
    words = [f"{m.number} {m.title}: {m.text}" for m in data.milestones]
    words += [f"{PANELS[curve.name].title}: highest {_highest(curve, data)}" for curve in data.curves[1:]]

    def draw(variant: Variant) -> Figure:
        layout = _NARROW if variant.narrow else _WIDE
        spans = data.spans
        heading = HEADING_IN if len(spans) == 2 else 0.0
        height = layout.block(len(data.milestones)) + heading
        sheet = Sheet(variant, height * (len(spans) if variant.narrow else 1), note)
        for index, span in enumerate(spans):
            left, right, top = _place(variant, index, len(spans), height)
            if heading:
                sheet.write(left, top + 0.1, ("first minute", "all")[index], TEXT, bold=True)
            _block(sheet, layout, data, span, (left, right), top + heading, first=index == 0 or variant.narrow)
        return sheet.figure

    return draw_both(name, title, caption, "; ".join(words) + ".", draw)


def _highest(curve: Curve, data: TimelineData) -> str:
    """Return a curve's highest value since the fault; of the backlog the metric's exact one."""
    shown = curve.cut(0.0, data.to_s)
    if curve.name == "backlog_events" and data.backlog_max:
        return data.backlog_max
    if shown.peak is None:
        return ""
    return seconds(shown.peak) if curve.name == "ack_s_p99" else count(shown.peak)


def _place(variant: Variant, index: int, blocks: int, height: float) -> tuple[float, float, float]:
    if variant.narrow:
        return 0.76, variant.width_in - 0.12, index * height
    left, right = 2.0, 7.48
    if blocks == 1:
        return left, right, 0.0
    width = (right - left - 0.3) / 2
    return left + index * (width + 0.3), left + index * (width + 0.3) + width, 0.0


def _block(
    sheet: Sheet,
    layout: _Layout,
    data: TimelineData,
    span: tuple[float, float],
    sides: tuple[float, float],
    top: float,
    first: bool,
) -> None:
    """Draw ruler and panels of one stretch of time; names and values only beside the first."""
    left, right = sides
    height = layout.block(len(data.milestones))
    crossed = height - layout.axis - layout.gap
    under = sheet.axes(left, top, right - left, crossed)
    under.set(xlim=span, ylim=(crossed, 0.0), zorder=-1)
    under.set_axis_off()
    _verticals(sheet, under, layout, data)
    ruler_height = layout.ruler_row * len(data.milestones)
    ruler = sheet.rows(left, top + layout.heads, right - left, ruler_height)
    ruler.set(xlim=span, xticks=[])
    for index, milestone in enumerate(data.milestones):
        _ruler_row(sheet, ruler, layout, milestone, top + layout.heads + index * layout.ruler_row, data, first)
    y = top + layout.heads + ruler_height + layout.key
    if sheet.variant.narrow:
        _key(sheet, data, 0.04, y - 0.2)
    for index, (curve, panel_height) in enumerate(zip(data.curves, layout.panels, strict=True)):
        y += layout.title
        axes = sheet.axes(left, y, right - left, panel_height)
        axes.set_xlim(span)
        last = index == len(data.curves) - 1
        draw_panel(sheet, axes, curve.cut(*span), y_limits(curve.cut(data.from_s, data.to_s)), data.judged, last)
        if first:
            _panel_words(sheet, curve, data, y, index)
        y += panel_height + layout.gap


def _verticals(sheet: Sheet, under: Axes, layout: _Layout, data: TimelineData) -> None:
    """Draw fault, undo and milestones through every panel, with their heads above."""
    variant = sheet.variant
    low, high = under.get_xlim()
    bottom = under.get_ylim()[0]
    per_s = (under.get_position().width * variant.width_in) / (high - low)
    if data.stopped_at_s is not None and data.stopped_at_s < high:
        marks.hatched(under, max(low, data.stopped_at_s), high, bottom, layout.heads)
        y = layout.heads + layout.ruler_row * len(data.milestones) + 0.06
        right = (high - data.stopped_at_s) * per_s < 1.8
        marks.on_hatch(under, data.stopped_at_s, y, "driver stopped here", variant, "right" if right else "left")
    under.plot([0.0, 0.0], [bottom, 0.2], color=FAIL, linewidth=1.4)
    marks.fault(under, 0.0, 0.14, variant)
    label = f"{data.fault}, t = 0"
    under.text(
        0.1 / per_s, 0.13, label, color=FAIL, fontsize=variant.text_pt, fontweight="bold", ha="left", va="center"
    )
    if data.undo_s is not None and low < data.undo_s < high:
        marks.undo(under, data.undo_s, 0.14, variant)
        if data.undo_s * per_s > len(label) * variant.text_pt * 0.62 / 72.0 + 0.8:
            under.text(
                data.undo_s - 0.1 / per_s, 0.13, "undo", color=TEXT, fontsize=variant.text_pt, ha="right", va="center"
            )
    previous = -9e9
    for milestone in data.milestones:
        if milestone.observed is None or not low < milestone.observed < high:
            continue
        x = milestone.observed
        under.plot([x, x], [bottom, layout.heads - 0.03], color=MUTED, linewidth=0.8, linestyle=":")
        previous = max(x, previous + 0.016 * variant.text_pt / per_s)
        under.text(
            previous,
            layout.heads - 0.12,
            milestone.number,
            color=TEXT,
            fontsize=variant.text_pt,
            ha="center",
            va="center",
        )


def _ruler_row(
    sheet: Sheet, ruler: Axes, layout: _Layout, milestone: Milestone, top: float, data: TimelineData, first: bool
) -> None:
    variant = sheet.variant
    y = top + (0.72 if variant.narrow else 0.5) * layout.ruler_row
    low, high = ruler.get_xlim()
    shown = {level: (max(low, a), min(high, b)) for level, (a, b) in milestone.intervals.items() if a < high}
    middle = milestone.median if milestone.median is not None and milestone.median < high else None
    marks.box(ruler, shown, middle, y, 0.2)
    if milestone.observed is not None and milestone.observed <= high:
        inside = milestone.intervals.get("90")
        missed = data.judged and inside is not None and not inside[0] <= milestone.observed <= inside[1]
        if missed:
            marks.miss(ruler, milestone.observed, y, variant)
        else:
            marks.dot(ruler, milestone.observed, y, variant, hollow=not data.judged)
    elif milestone.observed is None:
        marks.not_observed(ruler, high - 0.02 * (high - low), y, variant)
    if not first:
        return
    label = f"{milestone.number}  {milestone.title}"
    if variant.narrow:
        sheet.write(0.04, y - 0.23, label, TEXT)
        sheet.write(variant.width_in - 0.06, y - 0.23, milestone.text, TEXT, align="right")
    else:
        sheet.write(0.0, y, label, TEXT)
        sheet.write(sheet.margin_left, y, milestone.text, TEXT)


def _panel_words(sheet: Sheet, curve: Curve, data: TimelineData, y: float, index: int) -> None:
    panel = PANELS[curve.name]
    variant = sheet.variant
    if variant.narrow:
        sheet.write(0.04, y - 0.13, panel.title, TEXT)
    else:
        sheet.write(0.0, y + 0.02, panel.lines, TEXT, valign="top")
    if variant.narrow:
        return
    if index == 0:
        _key(sheet, data, sheet.margin_left, y + 0.12)
        return
    highest = _highest(curve, data)
    if highest:
        sheet.write(sheet.margin_left, y + 0.12, f"highest {highest}", TEXT)
    if curve.name == "lag_records" and curve.envelopes:
        _sample_box(sheet, sheet.margin_left, y + 0.12 + variant.line_in * 1.25, inner=True)
        sheet.write(sheet.margin_left + 0.4, y + 0.12 + variant.line_in * 1.25, "50 and 90 %", TEXT)


def _key(sheet: Sheet, data: TimelineData, x: float, y: float) -> None:
    """Draw real samples of the line and the envelope."""
    variant = sheet.variant
    style = "-" if data.judged else ":"
    sheet.paper.plot([x, x + 0.3], [y, y], color=OBSERVED, linewidth=marks.LINE_PT, linestyle=style)
    sheet.write(x + 0.4, y, "observed", TEXT)
    if variant.narrow:
        x += 1.55
    else:
        y += variant.line_in * 1.25
    if not data.predicted:
        sheet.write(x, y, "no sealed prediction", MUTED)
        return
    _sample_box(sheet, x, y, inner=False)
    sheet.write(x + 0.4, y, "predicted 90 %", TEXT)


def _sample_box(sheet: Sheet, x: float, y: float, inner: bool) -> None:
    sheet.paper.add_patch(Rectangle((x, y - 0.07), 0.3, 0.14, facecolor=TINT_90, edgecolor=PREDICTED, linewidth=0.8))
    if inner:
        sheet.paper.add_patch(Rectangle((x + 0.01, y - 0.035), 0.28, 0.07, facecolor=TINT_50, edgecolor="none"))
