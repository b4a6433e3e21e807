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
TREND_SHARE_MIN: Final = 0.03  # of the planned events: a hub that falls behind by less will carry the load


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
    planned = sum(window.planned for window in windows)
    rise = backlog_rise(backlog)
    if rise > TREND_SHARE_MIN * planned:
        found.append(f"the backlog rose by {rise:.0f} of {planned} planned events")
    return found


def backlog_rise(backlog: Sequence[tuple[float, float]]) -> float:
    """Return by how many events a backlog rose over its stretch: its trend line's rise, 0 where there is none.

    Ordinary least squares; a slope within TREND_SIGMAS standard errors of zero is none.
    """
    if len(backlog) < 8:
        return 0.0
    t_s, events = np.array(backlog, dtype=np.float64).T
    t_s = t_s - t_s.mean()
    slope = float((t_s @ (events - events.mean())) / (t_s @ t_s))
    residual = events - events.mean() - slope * t_s
    error = float(np.sqrt(residual @ residual / (len(t_s) - 2) / (t_s @ t_s)))
    return slope * float(np.ptp(t_s)) if slope > TREND_SIGMAS * error else 0.0
