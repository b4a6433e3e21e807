"""What actions share: the bound of a moment to wait for, and entries in a drill's timeline."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from chaoslib.exceptions import InterruptExecution

from workbench.records import timeline as timeline_records

LATEST_START_S: Final = 120.0  # a moment further away than this is a mistake


def check_moment(moment_s: float, at_s: float) -> None:
    """Raise InterruptExecution where `moment_s` + `at_s` (epoch seconds; of 0: from now) is too far away."""
    wait_s = moment_s + at_s - time.time() if moment_s else at_s
    if wait_s > LATEST_START_S:
        raise InterruptExecution(f"the fault's moment is {wait_s:.0f} s away; at most {LATEST_START_S:.0f} s")


def append(timeline: str, kind: str, t_s: float | None, **data: Any) -> None:
    """Append an entry to the timeline, where there is one."""
    if timeline:
        timeline_records.append(Path(timeline), kind, t_s, **data)
