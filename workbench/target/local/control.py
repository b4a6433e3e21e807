"""Asking a hub's supervisor: one request and one answer, each a line of JSON, over its control socket."""

from __future__ import annotations

import json
import os
import socket
import struct
from pathlib import Path
from typing import Any, Final

from workbench.errors import MachineTrouble, ToolFailed
from workbench.target.local.places import control_address
from workbench.target.local.processes import ProcessSpec, ServerStatus

ANSWER_TIMEOUT_S: Final = 5.0
ANSWER_BYTES_MAX: Final = 16 << 20


class SupervisorGone(MachineTrouble):
    """No supervisor answers for this hub."""


class Control:
    """The supervisor of hub `hub_id`. Every method raises SupervisorGone when there is none."""

    def __init__(self, hub_id: str) -> None:
        self._hub_id = hub_id

    def run(self, spec: ProcessSpec) -> int:
        """Start a process and return its id. Raises ToolFailed when it cannot be started."""
        return int(self._ask("run", spec=spec.to_json())["process_id"])

    def start(self, name: str) -> int:
        """Start a known process now unless it runs; return its id."""
        return int(self._ask("start", name=name)["process_id"])

    def signal(self, name: str, signum: int, process_id: int = 0, *, family: bool = False) -> float:
        """Send a signal and return the moment (epoch s) just before; `process_id` must be its id, unless 0.

        With `family` its children get it too, right after it.
        """
        return float(self._ask("signal", name=name, signum=signum, process_id=process_id, family=family)["sent_s"])

    def hold(self, name: str, until_s: float) -> None:
        """Keep the restart rule from starting a server before a moment, epoch s; `start` ends the hold."""
        self._ask("hold", name=name, until_s=until_s)

    def small_disk(self, path: Path) -> None:
        """Mount a small disk at a folder, for all processes that are started from now on. Raises ToolFailed."""
        self._ask("small-disk", path=str(path))

    def supervisor(self) -> int:
        """Return the supervisor's process id."""
        return int(self._ask("status")["supervisor"])

    def processes(self) -> list[ServerStatus]:
        """Return every process, in the order of their first starts."""
        return [ServerStatus.from_json(raw) for raw in self._ask("status")["processes"]]

    def restart_rule(self, rule: str) -> None:
        """Set the rule by which servers are started again after an exit; exits until now no longer count in it."""
        self._ask("restart-rule", rule=rule)

    def detach(self) -> None:
        """Let the hub go on when its owner is gone."""
        self._ask("detach")

    def end(self) -> None:
        """Ask it to end everything; it answers before it does."""
        self._ask("end")

    def answers(self) -> bool:
        """Tell whether there is a supervisor."""
        try:
            self._ask("status")
        except SupervisorGone:
            return False
        return True

    def _ask(self, ask: str, **arguments: Any) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_TIMEOUT_S)
            try:
                connection.connect(control_address(self._hub_id))
                self._check_peer(connection)
                connection.sendall(json.dumps({"ask": ask, **arguments}).encode() + b"\n")
                line = _read_answer(connection)
            except TimeoutError as error:
                raise ToolFailed(f"hub {self._hub_id}: the supervisor did not answer {ask!r} in time") from error
            except OSError as error:
                raise SupervisorGone(f"hub {self._hub_id} is not up ({error.strerror or error})") from error
        if not line:
            raise SupervisorGone(f"hub {self._hub_id}: the supervisor ended before it answered {ask!r}")
        answer: dict[str, Any] = json.loads(line)
        if "refused" in answer:
            raise ToolFailed(f"hub {self._hub_id}: {answer['refused']}")
        return answer

    def _check_peer(self, connection: socket.socket) -> None:
        """Refuse a socket of that name that another user bound."""
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        if struct.unpack("3i", credentials)[1] != os.getuid():
            raise SupervisorGone(f"hub {self._hub_id}: its control socket belongs to another user")


def _read_answer(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n") and len(data) < ANSWER_BYTES_MAX:
        chunk = connection.recv(65_536)
        if not chunk:
            break
        data += chunk
    return data
