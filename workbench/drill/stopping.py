"""What a drill owes its hub at the end: experiment ended, fault undone, and that verified, also when it is stopped."""

from __future__ import annotations

import os
import signal
import time
from typing import Final

from workbench.compare.verdicts import BROKEN, CLEAN, NOT_WHOLE, Verdict
from workbench.target.port import DrillHub

NOTHING_BROKEN: Final = Verdict(CLEAN, "Clean: nothing was broken yet.")
NOT_VERIFIED: Final = Verdict(BROKEN, "Something may still be broken: the undo was stopped before it was verified.")
EXPERIMENT_END_MAX_S: Final = 120.0  # of an experiment, beside its rollback, which may take as long as an undo
POLL_S: Final = 0.2


def experiment_deadline_s(hub: DrillHub) -> float:
    """Return until when (monotonic, s) an experiment that is about to end may still roll back."""
    return time.monotonic() + EXPERIMENT_END_MAX_S + hub.undo_timeout_s


def undo_after_stop(hub: DrillHub, experiment_pid: int) -> Verdict:
    """End the experiment, which must break nothing afterwards, and undo; return what is known of the hub then."""
    deadline_s = experiment_deadline_s(hub)
    told = False
    while hub.running("chaos"):
        if time.monotonic() > deadline_s:
            return Verdict(BROKEN, f"Something may still be broken: the experiment (process {experiment_pid}) goes on.")
        if not told:
            os.kill(experiment_pid, signal.SIGTERM)  # Chaos Toolkit rolls back
            told = True
        time.sleep(POLL_S)
    undone = hub.undo()
    if not undone.verified:
        return Verdict(BROKEN, f"Something may still be broken: {undone.detail}.")
    return Verdict(CLEAN, "Clean: the undo was verified after the stop.")


def not_whole(lacking: str, was_up: bool) -> Verdict:
    """Return what it means that a hub did not become whole: one of the drill's own is gone with all its processes."""
    if was_up:
        return Verdict(BROKEN, f"Something may still be broken: {lacking}.")
    return Verdict(NOT_WHOLE, f"The hub did not come back ({lacking}); it is gone, 0 processes left.")
