"""Processes in namespaces of their own, and commands run inside of them, by util-linux's unshare and nsenter.

No namespace gets a name or a mount on the machine: each lives as long as its process 1, so nothing of it can be left
behind, however that ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from workbench.errors import ToolFailed

START_TIMEOUT_S: Final = 20.0
END_TIMEOUT_S: Final = 20.0
COMMAND_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.02
NODE_INIT: Final = "workbench.target.throwaway.node_init"


@dataclass(frozen=True)
class Init:
    """Process 1 of a process namespace, as this machine numbers it."""

    process_id: int
    created_s: float  # epoch; tells it from a later process of the same id

    @property
    def lives(self) -> bool:
        """Tell whether it still runs."""
        try:
            process = psutil.Process(self.process_id)
            return process.create_time() == self.created_s and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def namespace(self, kind: str) -> str:
        """Return the path of its namespace: "net", "mnt" or "pid"."""
        return f"/proc/{self.process_id}/ns/{kind}"

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"process_id": self.process_id, "created_s": self.created_s}


def start_init(plan: Path, log: Path, within: Init | None = None, keeps: Sequence[int] = ()) -> Init:
    """Start a process 1 for `plan` in new process, network and mount namespaces; return it.

    Its process namespace is made inside that of `within`, so that it ends with it. `keeps` are open files it inherits.
    Raises ToolFailed when it does not start.
    """
    inside = ["nsenter", f"--pid={within.namespace('pid')}"] if within is not None else []
    fresh = ["unshare", "--pid", "--net", "--mount", "--uts", "--ipc", "--fork", "--mount-proc"]
    program = [sys.executable, "-m", NODE_INIT, str(plan)]
    with log.open("ab") as output:
        subprocess.run(
            ["setsid", "--fork", *inside, *fresh, *program],  # nobody's child: it outlives this process
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=tuple(keeps),
            timeout=START_TIMEOUT_S,
            check=True,
        )
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s:
        found = _first_of_its_namespace(plan)
        if found is not None:
            return found
        time.sleep(POLL_S)
    raise ToolFailed(f"a node's first process did not start: {_last_line(log)}")


def kill(init: Init) -> None:
    """End process 1, and with it everything in its namespace; return when it is gone. Raises ToolFailed if it stays."""
    if not init.lives:
        return
    os.kill(init.process_id, signal.SIGKILL)
    deadline_s = time.monotonic() + END_TIMEOUT_S
    while init.lives:  # the kernel first ends every other process of the namespace
        if time.monotonic() > deadline_s:
            raise ToolFailed(f"process {init.process_id} did not end within {END_TIMEOUT_S:.0f} s")
        time.sleep(POLL_S)


def run_in(init: Init, argv: Sequence[str], kinds: Sequence[str] = ("net",)) -> str:
    """Run a command inside some of the namespaces of `init` and return its output. Raises ToolFailed with its error."""
    entering = [f"--{_OPTIONS[kind]}={init.namespace(kind)}" for kind in kinds]
    return run(["nsenter", *entering, *argv])


def run(argv: Sequence[str]) -> str:
    """Run a command on this machine and return its output. Raises ToolFailed with what it said."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=True)
    except subprocess.CalledProcessError as error:
        raise ToolFailed(f"{' '.join(argv)} failed: {error.stderr.strip() or error.stdout.strip()}") from error
    except subprocess.TimeoutExpired as error:
        raise ToolFailed(f"{' '.join(argv)} did not end within {COMMAND_TIMEOUT_S:.0f} s") from error
    return done.stdout


_OPTIONS: Final = {"net": "net", "mnt": "mount", "pid": "pid"}


def _first_of_its_namespace(plan: Path) -> Init | None:
    """Return the process that runs `plan` and is process 1 of its own namespace."""
    for process in psutil.process_iter(["cmdline", "create_time"]):
        if [NODE_INIT, str(plan)] == (process.info["cmdline"] or [])[-2:]:
            with contextlib.suppress(OSError):  # ended meanwhile
                numbers = Path(f"/proc/{process.pid}/status").read_text().split("NSpid:")[1].splitlines()[0].split()
                if len(numbers) > 1 and numbers[-1] == "1":
                    return Init(process.pid, process.info["create_time"])
    return None


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
