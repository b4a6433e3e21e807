"""Subprocesses of a prediction: they end with whoever started them, and an early end is told."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from tests.support.model_cases import a_scenario, a_topology, parameters_of
from tests.support.waiting import wait_for
from workbench.errors import ToolFailed
from workbench.model import predict
from workbench.subprocesses import Subprocesses

END_S = 60.0


def of_group(group: int) -> list[int]:
    """Return the processes of a process group that have not ended."""
    found = []
    for each in psutil.process_iter(["status"]):
        with suppress(ProcessLookupError):
            if os.getpgid(each.pid) == group and each.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(each.pid)
    return found


def test_an_early_end_is_a_tool_that_failed() -> None:
    """A program that serves nobody: its pipes end, and the prediction says so."""
    case, topology = a_scenario(), a_topology()
    with Subprocesses("workbench.errors", 2) as ended, pytest.raises(ToolFailed, match="ended early"):
        predict(case, topology, parameters_of(case, topology), 1, 30, ended)


def test_nobody_is_left_after_the_end() -> None:
    """The program and its forks are gone, ready or not, and a second end finds nothing to do."""
    before = set(psutil.Process().children())
    with Subprocesses(count=2) as started:
        (program,) = set(psutil.Process().children()) - before
        assert program.pid in of_group(program.pid)
    started.end()
    wait_for(lambda: not of_group(program.pid), END_S, "the end of the program and its forks")


def test_forks_end_with_whoever_started_them() -> None:
    """A parent that dies without a word closes the pipes, which each fork notices."""
    program = (
        "import os, psutil; from workbench.subprocesses import Subprocesses; started = Subprocesses(count=2); "
        "print(psutil.Process().children()[0].pid, flush=True); os._exit(3)"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3
    wait_for(lambda: not of_group(int(done.stdout)), END_S, "the end of the forks")
