"""A drill that is stopped on a hub that stays: nothing is broken afterwards, or that is said."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from typing import Any, cast

import pytest

from workbench.compare.verdicts import BROKEN, CLEAN
from workbench.drill.stopping import undo_after_stop
from workbench.target.port import DrillHub, UndoResult

SLEEPS = "import time; time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"


SLOW_ROLLBACK = """import signal, sys, time
def roll_back(*_):
    time.sleep(1.5)
    sys.exit(0)
signal.signal(signal.SIGTERM, roll_back)
print('ready', flush=True)
time.sleep(60)
"""


class Hub:
    """What of a hub is asked here, around a real process in the experiment's place."""

    def __init__(self, program: str, undone: UndoResult) -> None:
        """Start the process."""
        self.experiment = subprocess.Popen([sys.executable, "-S", "-c", program], stdout=subprocess.PIPE)
        self.undone = undone
        self.undo_timeout_s = 0.0
        self.running_at_undo: bool | None = None

    def close(self) -> None:
        """End the process in any case."""
        self.experiment.kill()
        self.experiment.communicate()

    def running(self, name: str) -> bool:
        """Tell whether the experiment runs."""
        assert name == "chaos"
        return self.experiment.poll() is None

    def undo(self) -> UndoResult:
        """Remember whether the experiment could still break something."""
        self.running_at_undo = self.running("chaos")
        return self.undone


@pytest.mark.parametrize(("verified", "word"), [(True, CLEAN), (False, BROKEN)])
def test_the_experiment_ends_before_the_undo_which_is_verified(verified: bool, word: str) -> None:
    """A fault that is still to come must not come afterwards; an undo that fails is something that is broken."""
    with closing(Hub(SLEEPS, UndoResult(verified, "kafka-1 not running"))) as hub:
        residue = undo_after_stop(cast(DrillHub, hub), hub.experiment.pid)
    assert residue.word == word
    assert hub.running_at_undo is False
    assert ("kafka-1 not running" in residue.sentence) is not verified


def test_an_experiment_that_does_not_end_may_break_something_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is deaf to SIGTERM: nothing is undone, since it would not last, and that is said."""
    monkeypatch.setattr("workbench.drill.stopping.EXPERIMENT_END_MAX_S", 0.5)
    with closing(Hub(DEAF, UndoResult(True, ""))) as hub:
        assert cast(Any, hub.experiment.stdout).readline() == b"deaf\n"
        residue = undo_after_stop(cast(DrillHub, hub), hub.experiment.pid)
    assert residue.word == BROKEN
    assert "the experiment (process" in residue.sentence
    assert hub.running_at_undo is None


def test_a_rollback_may_take_as_long_as_an_undo(monkeypatch: pytest.MonkeyPatch) -> None:
    """An experiment that undoes its fault for longer than it may otherwise need is waited for."""
    monkeypatch.setattr("workbench.drill.stopping.EXPERIMENT_END_MAX_S", 0.5)
    with closing(Hub(SLOW_ROLLBACK, UndoResult(True, ""))) as hub:
        hub.undo_timeout_s = 30.0
        assert cast(Any, hub.experiment.stdout).readline() == b"ready\n"
        residue = undo_after_stop(cast(DrillHub, hub), hub.experiment.pid)
    assert residue.word == CLEAN
    assert hub.running_at_undo is False
