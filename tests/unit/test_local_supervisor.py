"""The supervisor with real processes (sleep), no servers: proofs, restarts, and that nothing survives it."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from workbench.errors import ToolFailed
from workbench.scenario import PROJECT_ROOT
from workbench.target.local.control import Control, SupervisorGone
from workbench.target.local.ending import end_hub
from workbench.target.local.leftovers import directories_in_use, processes_of
from workbench.target.local.places import DIRECTORY_MARK, HUB_MARK
from workbench.target.local.processes import ProcessSpec, ServerStatus

WAIT_S = 20.0
# A helper whose child left its session and its parent: only the hub's mark still tells whose it is.
RUNAWAY = "import os,time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork(): os._exit(0)\ntime.sleep(300)\n"


def until(condition: Callable[[], bool], what: str) -> None:
    """Poll until a condition holds."""
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.02)


class Supervised:
    """A supervisor of its own with a folder whose name has a space."""

    def __init__(self, tmp_path: Path) -> None:
        self.directory = tmp_path / "a cache" / "hub-workbench" / "hubs" / secrets.token_hex(4)
        self.directory.mkdir(parents=True)
        self.marks = {HUB_MARK: self.directory.name, DIRECTORY_MARK: str(self.directory)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workbench.target.local.supervisor", str(self.directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT_ROOT), **self.marks},
            start_new_session=True,
        )
        self.control = Control(self.directory.name)
        until(self.control.answers, "the supervisor answers")

    def run(self, name: str, *argv: str, is_server: bool = True) -> int:
        """Start a process."""
        folder = str(self.directory)
        return self.control.run(
            ProcessSpec(name, argv, {**os.environ, **self.marks}, folder, f"{folder}/{name}.log", is_server=is_server)
        )

    def status(self, name: str) -> ServerStatus:
        """Return a process's status."""
        return next(status for status in self.control.processes() if status.name == name)

    def guardian(self) -> int:
        """Return the guardian's process id."""
        return int(self.control._ask("status")["guardian"])

    def gone_within(self, limit_s: float) -> bool:
        """Tell whether every process and the directory are gone in time."""
        deadline_s = time.monotonic() + limit_s
        while time.monotonic() < deadline_s:
            if not processes_of(self.directory) and not self.directory.exists():
                return True
            time.sleep(0.02)
        return False


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    """Return a running supervisor; whatever is left of it is ended afterwards."""
    one = Supervised(tmp_path)
    yield one
    end_hub(one.directory)
    assert one.process.stdin is not None
    one.process.stdin.close()
    one.process.wait(WAIT_S)


def test_proof_of_a_kill_is_pid_signal_and_moment(supervised: Supervised) -> None:
    """SIGKILL is reaped within a second, after it was sent, with that signal."""
    process_id = supervised.run("victim", "sleep", "300")
    sent_s = supervised.control.signal("victim", signal.SIGKILL, process_id)
    until(lambda: supervised.status("victim").process_id == 0, "reaped")
    (start,) = supervised.status("victim").starts
    assert (start.process_id, start.exit) == (process_id, "SIGKILL")
    assert start.started_s < sent_s <= start.ended_s < sent_s + 1.0


def test_a_signal_for_another_pid_is_refused(supervised: Supervised) -> None:
    """The victim was resolved before: if it is another process by now, nothing is hit."""
    process_id = supervised.run("victim", "sleep", "300")
    with pytest.raises(ToolFailed, match="does not run as process"):
        supervised.control.signal("victim", signal.SIGKILL, process_id + 1)
    assert supervised.status("victim").process_id == process_id


def test_first_restart_is_at_once_and_the_second_after_ten_seconds(supervised: Supervised) -> None:
    """The kubelet's rule applies to servers, whatever their exit was; nothing restarts a helper."""
    supervised.control.restart_rule("kubelet-rules")
    supervised.run("server", "false")
    supervised.run("helper", "true", is_server=False)
    until(lambda: len(supervised.status("server").starts) == 2, "restarted at once")
    until(lambda: supervised.status("server").process_id == 0, "ended again")
    status = supervised.status("server")
    first, second = status.starts
    assert first.exit == second.exit == "exit 1"
    assert second.started_s - first.ended_s < 1.0
    assert status.restart_due_s == pytest.approx(second.ended_s + 10.0)
    helper = supervised.status("helper")
    assert (len(helper.starts), helper.restart_due_s) == (1, None)


def test_a_rule_set_again_begins_with_no_wait(supervised: Supervised) -> None:
    """What a server went through before does not put off its next restart."""
    supervised.control.restart_rule("kubelet-rules")
    process_id = supervised.run("server", "sleep", "300")
    for _ in range(2):
        supervised.control.restart_rule("kubelet-rules")
        supervised.control.signal("server", signal.SIGKILL, process_id)
        until(lambda dead=process_id: supervised.status("server").process_id not in (0, dead), "restarted")
        process_id = supervised.status("server").process_id
        dead, restarted = supervised.status("server").starts[-2:]
        assert restarted.started_s - dead.ended_s < 2.0


def test_a_held_server_is_not_started_before_its_time_but_by_hand(supervised: Supervised) -> None:
    """The hold outlasts the rule's wait, may be moved to and fro while the server is down, and ends with a start."""
    supervised.control.restart_rule("kubelet-rules")
    supervised.run("server", "sleep", "300")
    later_s = time.time() + 300.0
    supervised.control.hold("server", later_s)
    supervised.control.signal("server", signal.SIGKILL)
    until(lambda: supervised.status("server").restart_due_s is not None, "its restart is due")
    for moved_s in (later_s, later_s + 50.0, later_s - 100.0):
        supervised.control.hold("server", moved_s)
        assert supervised.status("server").restart_due_s == pytest.approx(moved_s)
    supervised.control.start("server")
    supervised.control.signal("server", signal.SIGKILL)
    until(lambda: supervised.status("server").restart_due_s is not None, "its restart is due again")
    due_s = supervised.status("server").restart_due_s
    assert due_s is not None
    assert due_s < later_s - 200.0
    with pytest.raises(ToolFailed, match="nothing named"):
        supervised.control.hold("nobody", later_s)


def test_without_a_rule_a_server_stays_down_until_it_is_started(supervised: Supervised) -> None:
    """Starting it again is idempotent."""
    supervised.run("server", "sleep", "300")
    supervised.control.signal("server", signal.SIGTERM)
    until(lambda: supervised.status("server").process_id == 0, "ended")
    assert supervised.status("server").restart_due_s is None
    process_id = supervised.control.start("server")
    assert supervised.control.start("server") == process_id
    assert [start.exit for start in supervised.status("server").starts] == ["SIGTERM", ""]


def test_a_program_that_is_not_there_is_refused(supervised: Supervised) -> None:
    """The supervisor goes on."""
    with pytest.raises(ToolFailed, match="no-such-program"):
        supervised.run("server", "/no-such-program")
    assert supervised.control.answers()


def test_owner_gone_nothing_left(supervised: Supervised) -> None:
    """The pipe closes when an owner dies in any way; runaway grandchildren go too, and the directory."""
    supervised.run("server", "sleep", "300")
    supervised.run("helper", sys.executable, "-c", RUNAWAY, is_server=False)
    until(lambda: len(processes_of(supervised.directory)) == 5, "supervisor, guardian, server, helper, runaway")
    assert supervised.process.stdin is not None
    supervised.process.stdin.close()
    assert supervised.gone_within(5.0)


def test_a_detached_hub_outlives_its_owner_and_ends_when_asked(supervised: Supervised) -> None:
    """Only the request ends it then."""
    process_id = supervised.run("server", "sleep", "300")
    supervised.control.detach()
    assert supervised.process.stdin is not None
    supervised.process.stdin.close()
    assert supervised.status("server").process_id == process_id
    supervised.control.end()
    assert supervised.gone_within(5.0)
    with pytest.raises(SupervisorGone):
        supervised.control.processes()


def test_supervisor_killed_nothing_left(supervised: Supervised) -> None:
    """SIGKILL of the supervisor: the kernel ends its children, the guardian the rest."""
    supervised.run("server", "sleep", "300")
    supervised.run("helper", sys.executable, "-c", RUNAWAY, is_server=False)
    until(lambda: len(processes_of(supervised.directory)) == 5, "all run")
    supervised.process.kill()
    assert supervised.gone_within(5.0)


def test_a_killed_guardian_is_replaced(supervised: Supervised) -> None:
    """There is always one."""
    first = supervised.guardian()
    os.kill(first, signal.SIGKILL)
    until(lambda: supervised.guardian() != first, "a new guardian")
    supervised.process.kill()
    assert supervised.gone_within(5.0)


def test_supervisor_and_guardian_killed_leave_what_ending_a_hub_finds(supervised: Supervised) -> None:
    """Children die with their parent; a runaway and the directory are left for `hub down`."""
    server = supervised.run("server", "sleep", "300")
    supervised.run("helper", sys.executable, "-c", RUNAWAY, is_server=False)
    until(lambda: len(processes_of(supervised.directory)) == 5, "all run")
    os.kill(supervised.guardian(), signal.SIGSTOP)  # or it would see the supervisor's end
    guardian = supervised.guardian()
    supervised.process.kill()
    os.kill(guardian, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(server) or psutil.Process(server).status() == "zombie", "server ended")
    until(lambda: len(processes_of(supervised.directory)) == 1, "only the runaway is left")
    assert supervised.directory in directories_in_use(supervised.directory.parent)
    end_hub(supervised.directory)
    assert supervised.gone_within(1.0)
