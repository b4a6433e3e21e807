"""What must hold of every run of the engine: a broken kernel ends a prediction, it does not bend it.

Time goes forward for each event, from its intended send over the acknowledgement and the high watermark to its row;
nobody answers for a partition that is out of service (with acks=all: whose in-sync set is too small), and no processor
writes while it is cut off. From the first it follows that the backlog is never negative.

What arrived has left, is inside or is dropped: an event without a row is counted as lost, or stands before a door that
stays closed for good. None may be forgotten on the way.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from workbench.compilation import compiled
from workbench.engine.inputs import NEVER, BoolArray, Disturbance, Fate, FloatArray, IntArray, Traffic
from workbench.errors import ToolFailed

RULES: Final = (
    "was acknowledged before it was sent",
    "was visible before it was acknowledged",
    "had its row before it was visible",
    "was acknowledged while its partition was out of service",
    "had its row while its processor was cut off",
    "was never acknowledged though its partition came back",
    "was never visible though its high watermark moves",
    "has no row though its partition has a processor",
)
HOLDS: Final = -1  # in place of a rule's index
MISCOUNTED: Final = "the engine lost {found} acknowledged events and counted {counted}"


def check(traffic: Traffic, disturbance: Disturbance, fate: Fate) -> None:
    """Raise ToolFailed with the first event that breaks a rule, or when lost events were miscounted."""
    rule, row, lost = first_breach(
        traffic.intended_s,
        traffic.partition,
        traffic.client,
        fate.acked_s,
        fate.visible_s,
        fate.committed_s,
        disturbance.begins_s,
        disturbance.held_until_s,
        disturbance.head_until_s,
        disturbance.tail_from_s,
        disturbance.visible_from_s,
        *_cut_off(disturbance),
    )
    if rule != HOLDS:
        times = ", ".join(
            f"{name} {values[row]:.6f}"
            for name, values in (
                ("intended", traffic.intended_s),
                ("acknowledged", fate.acked_s),
                ("visible", fate.visible_s),
                ("committed", fate.committed_s),
            )
        )
        place = f"event {row} of client {traffic.client[row]}, partition {traffic.partition[row]}"
        raise ToolFailed(f"the engine broke a rule of its own: {place} {RULES[rule]} (s: {times})")
    if lost != fate.lost:
        raise ToolFailed(MISCOUNTED.format(found=lost, counted=fate.lost))


def _cut_off(disturbance: Disturbance) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Return from when to when no processor may write each partition's rows, and for which all may stay unwritten."""
    before, outage = disturbance.processor, disturbance.outage
    away = (before < 0) | (disturbance.fetchable_from_s == np.inf)
    if outage is None:
        return np.full(len(before), np.inf), np.full(len(before), np.inf), away
    after = outage.processor
    from_s = np.where((before >= 0) & outage.cuts[before], outage.stops_s[before], np.inf)
    until_s = np.where(after >= 0, outage.resumes_s[after], np.inf)
    return from_s, until_s, away | (until_s == np.inf)


@compiled
def first_breach(
    intended_s: FloatArray,
    partition: IntArray,
    client: IntArray,
    acked_s: FloatArray,
    visible_s: FloatArray,
    committed_s: FloatArray,
    begins_s: FloatArray,
    held_until_s: FloatArray,
    head_until_s: FloatArray,
    tail_from_s: FloatArray,
    visible_from_s: FloatArray,
    cut_from_s: FloatArray,
    cut_until_s: FloatArray,
    away: BoolArray,
) -> tuple[int, int, int]:
    """Return the first rule that is broken and the event's row, or (HOLDS, HOLDS), and how many events are lost.

    What never happened is NaN; it breaks a rule where nothing explains it, as `away` does for rows. Lost is what was
    acknowledged before the fault where the tail is lost, and never became visible.
    """
    lost = 0
    for row in range(len(intended_s)):
        where = partition[row]
        sent_s, answered_s, seen_s, written_s = intended_s[row], acked_s[row], visible_s[row], committed_s[row]
        until_s, head_s = held_until_s[client[row], where], head_until_s[client[row], where]
        dropped = np.isnan(seen_s) and answered_s < begins_s[where] and tail_from_s[where] < np.inf
        lost += dropped
        rule = forgotten(
            answered_s, seen_s, written_s, dropped, until_s < np.inf, visible_from_s[where] < np.inf, not away[where]
        )
        if rule == HOLDS:
            rule = untimely(sent_s, answered_s, seen_s, written_s)
        if rule == HOLDS and cut_from_s[where] < written_s < cut_until_s[where]:
            rule = 4
        back_s = until_s if head_s == NEVER else min(until_s, head_s)
        if rule == HOLDS and begins_s[where] <= answered_s < back_s:
            rule = 3
        if rule != HOLDS:
            return rule, row, lost
    return HOLDS, HOLDS, lost


@compiled
def forgotten(
    acked_s: float, visible_s: float, committed_s: float, lost: bool, answers: bool, moves: bool, writes: bool
) -> int:
    """Return the rule that an event breaks which nothing keeps from going on: its partition answers, its mark moves."""
    if np.isnan(acked_s) and answers:
        return 5
    if np.isnan(visible_s) and not np.isnan(acked_s) and not lost and moves:
        return 6
    return 7 if np.isnan(committed_s) and not np.isnan(visible_s) and writes else HOLDS


@compiled
def untimely(intended_s: float, acked_s: float, visible_s: float, committed_s: float) -> int:
    """Return the rule that an event breaks for which time went backwards."""
    if acked_s < intended_s:
        return 0
    if not np.isnan(visible_s) and not visible_s >= acked_s:
        return 1
    return 2 if not np.isnan(committed_s) and not committed_s >= visible_s else HOLDS
