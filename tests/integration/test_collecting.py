"""A collection of real drills that is told to end: the drill under way ends with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.waiting import wait_for
from workbench.errors import EXIT_STOPPED
from workbench.target.local.ending import known_hubs

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def test_sigterm_ends_the_drill_under_way_too(tmp_path: Path) -> None:
    """Nobody would wait for a drill whose collection is gone: it would load the machine beside whatever comes next."""
    before = set(known_hubs())
    argv = [sys.executable, "-m", "workbench.cli", "fidelity", "collect", "broker-loss:1", "--seed", "1"]
    folders = ["--out", str(tmp_path / "runs"), "--reference", str(tmp_path / "records")]
    with subprocess.Popen([*argv, *folders], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as collection:
        drills: list[psutil.Process] = []

        def hub_is_being_started() -> bool:
            drills[:] = psutil.Process(collection.pid).children()
            return bool(drills) and set(known_hubs()) > before

        wait_for(hub_is_being_started, 60.0, "a drill starts its hub")
        collection.terminate()
        said = collection.communicate(timeout=120.0)[0]
    assert collection.returncode == EXIT_STOPPED, said
    assert "SIGTERM" in said
    wait_for(lambda: not any(drill.is_running() for drill in drills), 5.0, "the drill has ended")
    assert set(known_hubs()) <= before
