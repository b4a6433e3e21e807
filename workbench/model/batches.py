"""The processors' database time, from two measured stretches to any batch.

A batch of n events takes (a + b n), times c while another processor is busy: they share the machine's cores,
and encrypting an event is all computing. Measured are the mean batch and its time in the steady stretch and in
a saturated one, each with the share of time a processor was busy; a is drawn, b and c follow. Where the
saturated stretch is the calibration burst, brokers and load work four times as hard in it, so its times are
divided by a drawn speed-up first.

Left out: checkpoints, and that the cores also slow down when one processor alone works against the load.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

CONTENTION_MAX: Final = 4.0
EVENT_S_MIN: Final = 1e-6
HALVINGS: Final = 40


@dataclass(frozen=True)
class Stretch:
    """A measured stretch: mean events and time (s) of a batch, and the share of time a processor was busy."""

    events: float
    batch_s: float
    busy: float


@dataclass(frozen=True)
class BatchTime:
    """Time (s) of a batch: (fixed + event * n), times `contention` while another processor is busy."""

    fixed_s: float
    event_s: float
    contention: float


OF_BATCHES: Final = (
    *(f"{stretch}_{what}" for stretch in ("steady", "saturated") for what in ("batch_events", "batch_s", "busy")),
    "batch_fixed_share",
    "saturated_speed_up",
)  # the parameters that batch_time reads


def batch_time(draws: Mapping[str, float]) -> BatchTime:
    """Return one draw's database time of a batch; `draws` are values of the parameters by their names."""
    steady, saturated = (
        Stretch(draws[f"{name}_batch_events"], draws[f"{name}_batch_s"], draws[f"{name}_busy"])
        for name in ("steady", "saturated")
    )
    return fit(steady, saturated, draws["batch_fixed_share"], draws["saturated_speed_up"])


def fit(steady: Stretch, saturated: Stretch, fixed_share: float, speed_up: float) -> BatchTime:
    """Return the batch time through both stretches.

    `fixed_share` is the part of a steady batch's time that does not depend on its events. Where no contention up
    to CONTENTION_MAX makes saturated batches slow enough, the fixed part is less than that; where even none
    makes them cheap enough, it is more.
    """
    target_s = saturated.batch_s / speed_up
    for share in (fixed_share, fixed_share / 2.0, fixed_share / 4.0, 0.0):
        if _at(saturated, _alone(steady, share, CONTENTION_MAX)) >= target_s:
            break
    if _at(saturated, _alone(steady, share, 1.0)) >= target_s:
        slope_s = min((target_s - steady.batch_s) / (saturated.events - steady.events), target_s / saturated.events)
        slope_s = max(slope_s, EVENT_S_MIN) if saturated.events > steady.events else target_s / saturated.events
        return BatchTime(max(0.0, target_s - slope_s * saturated.events), slope_s, 1.0)
    low, high = 1.0, CONTENTION_MAX
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        if _at(saturated, _alone(steady, share, middle)) < target_s:
            low = middle
        else:
            high = middle
    return _alone(steady, share, high)


def _alone(steady: Stretch, fixed_share: float, contention: float) -> BatchTime:
    """Return the batch time that gives the steady stretch, with this contention and fixed part."""
    alone_s = steady.batch_s / (1.0 + (contention - 1.0) * steady.busy)
    return BatchTime(fixed_share * alone_s, (1.0 - fixed_share) * alone_s / steady.events, contention)


def _at(stretch: Stretch, time: BatchTime) -> float:
    """Return the mean time (s) of a stretch's batches: the other processor is busy for a share of them."""
    slowed = 1.0 + (time.contention - 1.0) * stretch.busy
    return (time.fixed_s + time.event_s * stretch.events) * slowed
