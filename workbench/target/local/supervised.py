"""What every hub with a supervisor shares: a drill's helpers run under it and end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import workbench
from workbench.errors import ToolFailed
from workbench.target.local.control import Control
from workbench.target.local.ending import end_hub
from workbench.target.local.places import DIRECTORY_MARK, HUB_MARK
from workbench.target.local.processes import ProcessSpec, ServerStatus

SUPERVISOR_EXITS_S: Final = 10.0
SUPERVISOR_TIMEOUT_S: Final = 30.0
POLL_S: Final = 0.02


def start_supervisor(directory: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start the supervisor of a hub's directory; what it was given ends when the returned process's input closes."""
    marks = {HUB_MARK: directory.name, DIRECTORY_MARK: str(directory)}
    path = str(Path(workbench.__file__).resolve().parents[1])
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "workbench.target.local.supervisor", str(directory)],
            stdin=subprocess.PIPE,  # the owner's pipe
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "PYTHONPATH": path, **marks},
            start_new_session=True,
        )


def wait_for_supervisor(control: Control, supervisor: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the supervisor answers. Raises ToolFailed with its words when it does not."""
    deadline_s = time.monotonic() + SUPERVISOR_TIMEOUT_S
    while not control.answers():
        if supervisor.poll() is not None or time.monotonic() > deadline_s:
            raise ToolFailed(f"the hub's supervisor did not start:\n{log.read_text(errors='replace')}")
        time.sleep(POLL_S)


class Supervised:
    """A hub whose helpers run under a supervisor. As a context manager it ends with its owner's block.

    One that is only attached to lets go.
    """

    def __init__(self, directory: Path, supervisor: subprocess.Popen[bytes] | None, *, owned: bool) -> None:
        self.hub_id = directory.name
        self.directory = directory
        self.control = Control(self.hub_id)
        self._supervisor = supervisor
        self._owned = owned

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._owned:
            self.close()
        else:
            self.disconnect()

    def close(self) -> None:
        """End every process under the supervisor and remove its directory; raises ToolFailed when one is left."""
        self.close_connections()
        end_hub(self.directory)
        self._let_go()

    def disconnect(self) -> None:
        """Close this object's connections and leave the hub as it is (an owned one ends with its owner)."""
        self.close_connections()
        if not self._owned:
            self._let_go()

    def close_connections(self) -> None:
        """Close every connection; the next question opens new ones."""
        raise NotImplementedError

    def _let_go(self) -> None:
        """Be done with the supervisor as a child process: reap it if it has ended, else leave it to init."""
        if self._supervisor is None:
            return
        if self._supervisor.stdin is not None:
            self._supervisor.stdin.close()
        try:
            self._supervisor.wait(timeout=0.0 if not self._owned else SUPERVISOR_EXITS_S)
        except subprocess.TimeoutExpired:
            self._supervisor.returncode = 0  # detached on purpose: no warning that it still runs
        self._supervisor = None

    def launch(self, name: str, argv: Sequence[str], *, environment: Mapping[str, str], stdout: Path) -> int:
        """Start a drill's helper under the supervisor, which ends it and its children with the hub; return its id."""
        marks = {HUB_MARK: self.hub_id, DIRECTORY_MARK: str(self.directory)}
        spec = ProcessSpec(
            name=name,
            argv=tuple(argv),
            environment={**os.environ, **environment, **marks},
            directory=str(Path.cwd()),
            stdout=str(stdout),
            is_server=False,
        )
        return self.control.run(spec)

    def running(self, name: str) -> bool:
        """Tell whether a process under the supervisor runs."""
        return self._status(name).process_id != 0

    def exit_code(self, name: str) -> int | None:
        """Return how the last run of a process ended: its exit code, minus the signal's number, None while it runs."""
        text = self._status(name).starts[-1].exit
        if not text:
            return None
        kind, _, number = text.partition(" ")
        return int(number) if kind == "exit" else -int(number or signal.Signals[kind])

    def signal(self, name: str, signum: int) -> None:
        """Send a signal to a process. Raises ToolFailed when it does not run."""
        self.control.signal(name, signum)

    def _status(self, name: str) -> ServerStatus:
        for status in self.control.processes():
            if status.name == name:
                return status
        raise ToolFailed(f"hub {self.hub_id} has no process named {name}")
