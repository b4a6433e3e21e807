"""What must hold of every run of the engine: a broken kernel ends a prediction, it does not bend it.

Time goes forward for each event, from its intended send over the acknowledgement and the high watermark to its row;
what was acknowledged is there or counted as lost; nobody answers for a partition that is out of service, and nobody
writes a row while every processor is cut off. From the first it follows that the backlog is never negative.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from workbench.compilation import compiled
from workbench.engine.inputs import NEVER, Disturbance, Fate, FloatArray, IntArray, Traffic
from workbench.errors import ToolFailed

RULES: Final = (
    "was acknowledged before it was sent",
    "was visible before it was acknowledged",
    "had its row before it was visible",
    "was acknowledged while its partition was out of service",
    "had its row while no processor wrote",
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
        *_nobody_writes(disturbance),
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


def _nobody_writes(disturbance: Disturbance) -> tuple[float, float]:
    """Return from when to when no processor writes: empty unless all of them are cut off."""
    outage = disturbance.outage
    if outage is None or not outage.cuts.all():
        return np.inf, -np.inf
    return float(outage.stops_s.max(initial=-np.inf)), float(outage.resumes_s.min(initial=np.inf))


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
    silent_from_s: float,
    silent_until_s: float,
) -> tuple[int, int, int]:
    """Return the first rule that is broken and the event's row, or (HOLDS, HOLDS), and how many events are lost.

    What never happened is NaN and breaks nothing, but what follows it may not have happened either. Lost is what was
    acknowledged before the fault where the tail is lost, and never became visible.
    """
    lost = 0
    for row in range(len(intended_s)):
        where = partition[row]
        if not np.isnan(acked_s[row]) and acked_s[row] < intended_s[row]:
            return 0, row, lost
        if not np.isnan(visible_s[row]) and not visible_s[row] >= acked_s[row]:
            return 1, row, lost
        if not np.isnan(committed_s[row]) and not committed_s[row] >= visible_s[row]:
            return 2, row, lost
        if silent_from_s < committed_s[row] < silent_until_s:
            return 4, row, lost
        if acked_s[row] >= begins_s[where]:
            until_s, head_s = held_until_s[client[row], where], head_until_s[client[row], where]
            if acked_s[row] < (until_s if head_s == NEVER else min(until_s, head_s)):
                return 3, row, lost
        elif tail_from_s[where] < np.inf and np.isnan(visible_s[row]) and not np.isnan(acked_s[row]):
            lost += 1
    return HOLDS, HOLDS, lost
