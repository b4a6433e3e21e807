"""Is the hub steady? Pure judgement over three windows of five seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

WINDOW_S: Final = 5.0
WINDOWS: Final = 3
ACKED_SHARE_MIN: Final = 0.98
TREND_SIGMAS: Final = 3.0
TREND_EVENTS_MIN: Final = 30.0  # a rise smaller than this over the whole stretch is no trend


@dataclass(frozen=True)
class Window:
    """What was seen in one window."""

    planned: int
    acked: int
    failed: int


def problems(windows: Sequence[Window], short_partitions: int, backlog: Sequence[tuple[float, float]]) -> list[str]:
    """Return why the hub is not steady (empty: it is).

    `short_partitions` counts in-sync replica sets that were not full at any sample of the stretch;
    `backlog` holds (time s, events) samples of it.
    """
    found = []
    for index, window in enumerate(windows):
        if window.planned and window.acked < ACKED_SHARE_MIN * window.planned:
            found.append(f"window {index + 1}: {window.acked} of {window.planned} planned events acknowledged")
        if window.failed:
            found.append(f"window {index + 1}: {window.failed} events failed")
    if short_partitions:
        found.append(f"{short_partitions} in-sync replica sets were not full")
    if (rise := backlog_rise(backlog)) is not None:
        found.append(f"the backlog rose by {rise:.0f} events")
    return found


def backlog_rise(backlog: Sequence[tuple[float, float]]) -> float | None:
    """Return the events by which a backlog rose over its stretch when that is a trend, else None.

    Ordinary least squares; a trend is a slope of more than TREND_SIGMAS standard errors that adds up to
    at least TREND_EVENTS_MIN events.
    """
    if len(backlog) < 8:
        return None
    t_s, events = np.array(backlog, dtype=np.float64).T
    t_s = t_s - t_s.mean()
    slope = float((t_s @ (events - events.mean())) / (t_s @ t_s))
    residual = events - events.mean() - slope * t_s
    error = float(np.sqrt(residual @ residual / (len(t_s) - 2) / (t_s @ t_s)))
    rise = slope * float(np.ptp(t_s))
    return rise if slope > TREND_SIGMAS * error and rise > TREND_EVENTS_MIN else None
