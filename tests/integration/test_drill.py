"""Whole drills on real servers, and what is left when their driver is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from tests.support.waiting import wait_for
from workbench.records import timeline
from workbench.records.folder import RunFolder, load_json
from workbench.scenario import PROJECT_ROOT
from workbench.scenario.form import BASELINE_S_MIN
from workbench.streams import stream

pytestmark = pytest.mark.integration

SCENARIO = "broker-loss-session-6s"  # the shortest: a dead broker is noticed after about seven seconds
WHOLE_DRILL_MAX_S = 480
GONE_WITHIN_S = 5.0


def workbench(*arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    """Run the command line as a person does."""
    command = [sys.executable, "-m", "workbench.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)


def at_half_the_load(folder: Path) -> Path:
    """Return SCENARIO at a load that leaves room on two cores and with the shortest baseline there is."""
    content = yaml.safe_load((PROJECT_ROOT / "scenarios" / f"{SCENARIO}.yaml").read_text())
    content["load"]["profile"]["rate_per_s"] /= 2.0
    content["baseline_s"] = BASELINE_S_MIN
    path = folder / f"{SCENARIO}.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def run_folder(out: Path) -> RunFolder:
    """Return the one run of an output folder."""
    (found,) = out.glob("*/*/run.json")
    return RunFolder(found.parent)


def processes_of(hub_id: str) -> list[psutil.Process]:
    """Return every living process that carries a hub's mark in its environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("HUB_WORKBENCH_HUB") == hub_id and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.mark.timeout(WHOLE_DRILL_MAX_S + 120)
def test_a_whole_drill_predicts_seals_breaks_and_compares(tmp_path: Path) -> None:
    """One command; the folder then holds a seal older than the fault, a ledger that lost nothing and both verdicts."""
    out = tmp_path / "out of the way"
    scenario = at_half_the_load(tmp_path)
    done = workbench("drill", str(scenario), "--seed", "3", "--out", str(out), timeout_s=WHOLE_DRILL_MAX_S)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    folder = run_folder(out)
    run, comparison = load_json(folder.run_json), load_json(folder.comparison_json)
    assert run["complete"] is True
    assert run["exit_code"] == done.returncode
    assert run["sealed_s"] < run["fault_s"]
    assert all(check["passed"] for check in comparison["checks"]), comparison["checks"]
    assert comparison["verdicts"]["resilience"]["verdict"] == "PASS"
    assert comparison["verdicts"]["residue"]["verdict"] == "clean"
    silence = next(row for row in comparison["metrics"] if row["name"] == "kafka_unavailable_s")
    assert 3.0 < silence["observed"] < 30.0
    ledger = load_json(folder.ledger / "summary.json")
    assert ledger["lost"] == ledger["duplicated"] == ledger["missing_in_postgres"] == 0
    assert ledger["ok"] > 10_000
    kinds = [entry.kind for entry in timeline.read(folder.timeline)]
    wanted = ["hub-ready", "load-started", "baseline", "sealed", "steady-again", "fault-injected", "fault-effective"]
    assert [kind for kind in kinds if kind in wanted] == wanted

    page = (folder.root / "report.html").read_bytes()
    assert workbench("report", str(folder.root)).returncode == 0
    assert (folder.root / "report.html").read_bytes() == page, "rendering again gave other bytes"
    again = workbench("predict", "--from", str(folder.root))
    assert again.returncode == 0, again.stdout + again.stderr
    hub_id = next(entry.data["hub"] for entry in timeline.read(folder.timeline) if entry.kind == "hub-ready")
    assert processes_of(hub_id) == []


@pytest.mark.timeout(300)
def test_a_killed_driver_leaves_nothing_running(tmp_path: Path) -> None:
    """SIGKILL at a moment drawn after the hub is ready: everything is gone in 5 s, the folder renders as incomplete."""
    command = [sys.executable, "-m", "workbench.cli", "drill", SCENARIO, "--out", str(tmp_path)]
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: any(tmp_path.glob("*/*/timeline.jsonl")), 60, "the run's folder")
        folder = run_folder(tmp_path)
        wait_for(lambda: timeline.first(timeline.read(folder.timeline), "load-started") is not None, 120, "the load")
        ready = timeline.first(timeline.read(folder.timeline), "hub-ready")
        assert ready is not None
        assert len(processes_of(ready.data["hub"])) > 10
        end_s = time.monotonic() + stream(1, "kill-the-driver").uniform(0.0, 10.0)
        wait_for(lambda: time.monotonic() > end_s, 30, "the drawn moment")
    finally:
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait()
    wait_for(lambda: processes_of(ready.data["hub"]) == [], GONE_WITHIN_S, "the end of every process")
    assert workbench("report", str(folder.root)).returncode == 0
    assert "incomplete" in (folder.root / "report.md").read_text().lower()
    assert load_json(folder.run_json)["complete"] is False
