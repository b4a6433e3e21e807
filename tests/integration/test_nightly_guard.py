"""A real drill of a night that a stop condition ends: what the guard reads of it is real, and its fault is undone."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from workbench.errors import EXIT_STOPPED, Stopped
from workbench.nightly.guard import HubGuard
from workbench.nightly.night import Night, run_night
from workbench.records import timeline
from workbench.records.folder import RunFolder, load_json
from workbench.records.history import open_history
from workbench.records.night_drill import RUNNING
from workbench.scenario import StopConditions, Suite
from workbench.target.local.ending import known_hubs

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

SCENARIO = "broker-loss-session-6s"  # for some seconds nothing is acknowledged
# Stricter than any real hub's: nine of ten events over 4 s are acknowledged, but not while a broker's session lapses.
STRICT = StopConditions(None, (), {}, 0.0, 0.9, 4.0, 100, 60.0, 60.0)


def test_a_stop_condition_ends_a_real_drill_which_undoes_its_fault(tmp_path: Path) -> None:
    """The share of acknowledged events is read from the drill's own writes; 5, undo verified, no hub of it left."""
    suite = Suite("guarded", "T", 1800.0, 21, {SCENARIO: 1})
    before = set(known_hubs())
    runs = tmp_path / "runs"
    runs.mkdir()
    with open_history(tmp_path / "history.sqlite") as history:
        night = Night(
            suite, "2026-03-14", history, runs, tmp_path / "logs", print, lambda _drill_s: None, guard=HubGuard(STRICT)
        )  # fmt: skip
        begun_s = time.monotonic()
        with pytest.raises(Stopped, match=r"stop condition acknowledged events: \d+% of \d+ s, at least 90% needed"):
            run_night(night)
        assert time.monotonic() - begun_s < 800.0
        assert [drill.state for drill in history.drills()] == [RUNNING]
    (path,) = runs.glob("*/*/run.json")
    run = load_json(path)
    assert run["exit_code"] == EXIT_STOPPED
    kinds = [entry.kind for entry in timeline.read(RunFolder(path.parent).timeline)]
    assert kinds.index("stopped") > 0
    assert run["verdicts"]["residue"]["verdict"] == "clean"
    assert set(known_hubs()) <= before
