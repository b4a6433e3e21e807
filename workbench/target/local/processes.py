"""What the supervisor is asked to run and what it tells of it, and their JSON."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from workbench.target.port import ProcessStart


@dataclass(frozen=True)
class ProcessSpec:
    """One process to run: a server, an application or a drill's helper."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]  # the whole environment
    directory: str  # working directory
    stdout: str  # file that standard output and error are appended to
    node: str = ""
    is_server: bool = True  # False: a helper, which no rule restarts
    restarts: bool = True  # False: a server that the restart rule leaves to somebody else
    death_signal: int = signal.SIGKILL  # ends it at once without leaving anything behind

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    @staticmethod
    def from_json(raw: Mapping[str, Any]) -> ProcessSpec:
        """Return the value of a JSON form."""
        return ProcessSpec(**{**raw, "argv": tuple(raw["argv"])})


@dataclass(frozen=True)
class ServerStatus:
    """One process of a hub as the supervisor sees it. Times: epoch seconds."""

    name: str
    node: str
    process_id: int  # 0: not running
    is_server: bool
    restarts: bool  # False: the restart rule leaves it to somebody else
    restart_due_s: float | None  # when the stand-in starts it again; None: no restart is due
    starts: tuple[ProcessStart, ...]  # oldest first

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form; a time that is not known (yet) is null."""
        starts = [
            {**asdict(start), "ended_s": None if math.isnan(start.ended_s) else start.ended_s} for start in self.starts
        ]
        return {**asdict(self), "starts": starts}

    @staticmethod
    def from_json(raw: Mapping[str, Any]) -> ServerStatus:
        """Return the value of a JSON form."""
        starts = tuple(
            ProcessStart(
                process_id=start["process_id"],
                started_s=start["started_s"],
                ended_s=math.nan if start["ended_s"] is None else start["ended_s"],
                exit=start["exit"],
            )
            for start in raw["starts"]
        )
        return ServerStatus(**{**raw, "starts": starts})


def exit_text(wait_status: int) -> str:
    """Return how a process ended, from waitpid's status: "exit 1" or "SIGKILL"."""
    code = os.waitstatus_to_exitcode(wait_status)
    if code >= 0:
        return f"exit {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:  # a real-time signal has no name
        return f"signal {-code}"
