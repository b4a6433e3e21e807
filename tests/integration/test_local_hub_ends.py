"""Two hubs side by side, and every way a hub ends: nothing is left of it, the other one is untouched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench.scenario import PROJECT_ROOT
from workbench.target.local import LocalHub
from workbench.target.local.control import Control
from workbench.target.local.leftovers import processes_of
from workbench.target.local.places import artifacts_directory, hubs_directory

pytestmark = pytest.mark.integration

# Starts a hub that it owns and waits to be killed.
OWNER = """
import sys, time
from pathlib import Path
from workbench.fault import RestartRule
from workbench.target.local import start
from workbench.topology import read_topology
with start(read_topology(Path(sys.argv[1])), seed=1, restart=RestartRule.NONE) as hub:
    print(hub.hub_id, flush=True)
    time.sleep(600)
"""
# A drill's helper whose child has left its session and its parent.
RUNAWAY = "import os,time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork(): os._exit(0)\ntime.sleep(300)\n"

LAUNCH = """
import sys
from pathlib import Path
from workbench.target.local import attach
with attach(sys.argv[1]) as hub:
    hub.launch("runaway", [sys.executable, "-c", sys.argv[2]], environment={}, stdout=hub.directory / "runaway.log")
"""


def gone_within(directory: Path, limit_s: float, left: int = 0) -> bool:
    """Tell whether in time no more than `left` processes of a hub are there."""
    deadline_s = time.monotonic() + limit_s
    while time.monotonic() < deadline_s:
        if len(processes_of(directory)) <= left:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.timeout(240)
def test_a_killed_owner_takes_its_hub_with_it_and_no_other(hub: LocalHub) -> None:
    """SIGKILL of the owner: within 5 s nothing of its hub runs; the hub beside it is whole."""
    manifests = str(PROJECT_ROOT / "manifests" / "base")
    with subprocess.Popen([sys.executable, "-c", OWNER, manifests], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        second = hubs_directory().resolve() / owner.stdout.readline().strip()
        assert Control(second.name).answers()
        assert len(processes_of(second)) > 12
        assert hub.registered_brokers() == {0, 1, 2}
        owner.kill()
        assert gone_within(second, 5.0)
    assert not second.exists()
    assert hub.undo().detail.startswith("every server runs")  # nothing had to be started


@pytest.mark.timeout(240)
def test_down_all_removes_a_hub_whose_supervisor_was_killed(tmp_path: Path) -> None:
    """Supervisor and guardian killed together: servers end with them, `down --all` finds the rest.

    In a cache of its own, in a folder with a space, so that no other hub is meant by "all".
    """
    cache = tmp_path / "a cache"
    (cache / "hub-workbench").mkdir(parents=True)
    (cache / "hub-workbench" / "artifacts").symlink_to(artifacts_directory())
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}

    def workbench(*arguments: str) -> str:
        command = [sys.executable, "-m", "workbench.cli", "hub", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    started = json.loads(workbench("up", "--seed", "3", "--restart", "none", "--json"))
    directory = Path(started["directory"])
    try:
        assert [found["hub"] for found in json.loads(workbench("status", "--json"))["hubs"]] == [started["hub"]]
        assert "started (KafkaServer)" in workbench("logs", "kafka-1", "-n", "100000")
        subprocess.run([sys.executable, "-c", LAUNCH, str(directory), RUNAWAY], env=environment, timeout=60, check=True)
        status = Control(started["hub"])._ask("status")
        os.kill(status["guardian"], signal.SIGSTOP)
        os.kill(status["supervisor"], signal.SIGKILL)
        os.kill(status["guardian"], signal.SIGKILL)
        assert gone_within(directory, 5.0, left=1), "only the runaway survives its supervisor"
        assert json.loads(workbench("status", "--json"))["stale"] == [started["hub"]]
    finally:
        said = workbench("down", "--all")
    assert started["hub"] in said
    assert not processes_of(directory)
    assert not directory.exists()
