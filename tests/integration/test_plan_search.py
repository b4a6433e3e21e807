"""A plan's search on real Dask processes: killed and started again, stopped by Ctrl-C, on a scheduler of its own."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from workbench.errors import EXIT_AS_EXPECTED, EXIT_STOPPED
from workbench.waiting import happens

QUESTION = """
title: Small?
scenario: broker-loss
rate_per_s: 300
"on": "2027-01-01"
growth: {per_year: 0.25}
objectives: {p99_s: 1.0, disk_days_min: 30, loss: {after: one broker gone, records: 0}}
search:
  set_ups: 6
  worker_cpu_cores: [4, 8]
  worker_disk_gb: [300, 1000]
  processors: [2, 3]
"""
HELD = """
import signal
from workbench.plan.search.tasks import DaskCrew

def held():
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])

with DaskCrew(2) as crew:
    print(*crew._connect().run(held).values())
"""
DEADLINE_S = 240.0
POLL_S = 0.05
FIRST = 2  # of its assessments are there well before a search's end
SCRIPTS = Path(sys.executable).parent


def _command(tmp_path: Path, out: str, *more: str) -> list[str]:
    question = tmp_path / "question.yaml"
    question.write_text(QUESTION)
    options = ["--played", "2", "--json", "--out", str(tmp_path / out), *more]
    return [str(SCRIPTS / "workbench"), "plan", str(question), *options]


def _answer(tmp_path: Path, out: str, *more: str) -> tuple[dict[str, Any], str]:
    """Return what a search finds and what it told."""
    done = subprocess.run(
        _command(tmp_path, out, *more), capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert done.returncode == EXIT_AS_EXPECTED, done.stderr
    return json.loads(done.stdout)["search"], done.stderr


def _kept(file: Path) -> int:
    if not file.exists():
        return 0
    with sqlite3.connect(file) as database:
        tables = database.execute("SELECT name FROM sqlite_master").fetchall()
        return int(database.execute("SELECT count(*) FROM assessment").fetchone()[0]) if tables else 0


def _started(tmp_path: Path, out: str) -> subprocess.Popen[str]:
    """Start a search in a process group of its own and wait for its first assessments."""
    process = subprocess.Popen(
        ["env", "--default-signal=INT", *_command(tmp_path, out, "--workers", "1")],  # a shell's job would ignore it
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    file = tmp_path / out / "assessments.sqlite"
    assert happens(lambda: _kept(file) >= FIRST or process.poll() is not None, DEADLINE_S, POLL_S)
    assert process.poll() is None
    return process


@pytest.fixture(name="expected", scope="module")
def _expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the search finds on two workers of its own, undisturbed."""
    return _answer(tmp_path_factory.mktemp("undisturbed"), "whole", "--workers", "2")[0]


@pytest.fixture(name="scheduler")
def _scheduler(tmp_path: Path) -> Iterator[str]:
    """Yield the address of a Dask scheduler of its own with one worker, on loopback."""
    file = tmp_path / "scheduler.json"
    of_all = ["--scheduler-file", str(file), "--no-dashboard"]
    commands = (
        ["scheduler", "--host", "127.0.0.1", "--port", "0", *of_all],
        ["worker", "--host", "127.0.0.1", "--nthreads", "1", "--local-directory", str(tmp_path), *of_all],
    )
    started = [
        subprocess.Popen([str(SCRIPTS / "dask"), *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        assert happens(file.exists, DEADLINE_S, POLL_S)
        yield json.loads(file.read_text())["address"]
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(timeout=DEADLINE_S)


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_a_killed_search_goes_on_and_finds_the_same(tmp_path: Path, expected: dict[str, Any]) -> None:
    """SIGKILL in the middle leaves no process; started again with another number of workers it finds the same."""
    process = _started(tmp_path, "killed")
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait(timeout=DEADLINE_S)
    assert process.stderr is not None
    process.stderr.close()
    assert happens(lambda: not any(each.is_running() for each in family), DEADLINE_S, POLL_S)
    found, told = _answer(tmp_path, "killed", "--workers", "1")
    assert found == expected
    assert "assessments are kept from before" in told
    assert expected["recommended"]["set_up"]["worker_disk_gb"] == 1000.0
    assert {each.name for each in (tmp_path / "killed" / "change").iterdir()} >= {"kustomization.yaml"}


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_ctrl_c_keeps_what_was_found(tmp_path: Path) -> None:
    """SIGINT to all of its processes, as a terminal sends it: code 5, one sentence, no traceback."""
    process = _started(tmp_path, "stopped")
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == EXIT_STOPPED, told
    assert "the same command goes on" in told
    assert "Traceback" not in told


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_workers_hold_ctrl_c_back() -> None:
    """Whatever the terminal sends them: the first process that Python spawns would have let it through again."""
    done = subprocess.run(
        [sys.executable, "-c", HELD], capture_output=True, text=True, timeout=DEADLINE_S, check=True
    )  # fmt: skip
    assert done.stdout.split() == ["True", "True"]


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_a_scheduler_of_its_own_finds_the_same(tmp_path: Path, scheduler: str, expected: dict[str, Any]) -> None:
    """Workers that were started by hand, reached through their scheduler's address."""
    found, _ = _answer(tmp_path, "remote", "--scheduler", scheduler)
    assert found == expected


@pytest.mark.integration
def test_a_scheduler_that_is_not_there_is_said(tmp_path: Path) -> None:
    """Exit code 3 and the address."""
    command = _command(tmp_path, "nowhere", "--scheduler", "tcp://127.0.0.1:9")
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 3
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in done.stderr
