"""Conducts a night of fake drills in a process of its own, so that a test can kill it.

night_driver.py FOLDER      FOLDER holds what fake_drill.py needs; the history and the runs go there as well
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workbench.nightly.night import Night, run_night
from workbench.records.history import History, open_history
from workbench.scenario import Suite

NIGHT = "2026-03-14"
FAKE_DRILL = Path(__file__).with_name("fake_drill.py")
DRILLS = {"broker-loss": 2, "redis-loss": 1}


def fit(_drill_s: float) -> None:
    """Find the machine fit."""


def night_of_fakes(
    folder: Path,
    history: History,
    say: Callable[[str], None] = print,
    check: Callable[[float], None] = fit,
    drills: Mapping[str, int] = DRILLS,
    budget_s: float = 3600.0,
    drill_max_s: float = 30.0,
    **more: Any,
) -> Night:
    """Return a night whose drills are fakes."""
    suite = Suite("fakes", "Fakes", budget_s, 21, dict(drills))
    command = (sys.executable, "-S", str(FAKE_DRILL), str(folder))
    runs = folder / "runs"
    runs.mkdir(exist_ok=True)
    logs = folder / "logs"
    return Night(
        suite, NIGHT, history, runs, logs, say, check, command, drill_max_s=drill_max_s, end_s=2.0, well_again_s=0.0,
        **more,
    )  # fmt: skip


if __name__ == "__main__":
    place = Path(sys.argv[1])
    with open_history(place / "history.sqlite") as opened:
        run_night(night_of_fakes(place, opened))
