"""Ending a hub from outside, and finding hubs whose supervisor died."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import Final

from workbench.errors import MachineTrouble, ToolFailed
from workbench.target.local.control import Control
from workbench.target.local.leftovers import directories_in_use, end_processes, processes_of
from workbench.target.local.places import hubs_directory
from workbench.target.local.record import hub_directories

SUPERVISOR_ENDS_S: Final = 10.0  # supervisor, then guardian
OURSELVES_END_S: Final = 5.0
POLL_S: Final = 0.05


def end_hub(directory: Path) -> None:
    """End every process of a hub, whether its supervisor lives or not, and remove its directory.

    Raises ToolFailed, naming the process ids, when something of it is still there.
    """
    with contextlib.suppress(MachineTrouble):  # no supervisor: what is left is found below
        Control(directory.name).end()
        deadline_s = time.monotonic() + SUPERVISOR_ENDS_S
        while processes_of(directory, but=(os.getpid(),)) and time.monotonic() < deadline_s:
            time.sleep(POLL_S)
    left = end_processes(directory, timeout_s=OURSELVES_END_S, but=(os.getpid(),))
    if left:
        raise ToolFailed(f"hub {directory.name}: processes {left} could not be ended")
    shutil.rmtree(directory, ignore_errors=True)
    if directory.exists():
        raise ToolFailed(f"hub {directory.name}: {directory} could not be removed")


def known_hubs() -> list[Path]:
    """Return the directories of all hubs: up, stale, or removed while processes of theirs still run."""
    return sorted({*hub_directories(), *directories_in_use(hubs_directory().resolve())})
