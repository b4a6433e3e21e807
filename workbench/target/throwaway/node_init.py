"""Process 1 of a cluster's or a node's own process namespace: sets the node up, runs its services, reaps.

`python -m workbench.target.throwaway.node_init <file>`, see NodePlan. When it is killed the kernel kills every process
of the namespace with it: the node's containers too, however they were started. That is a node's power-off.
A service that ends is started again after RESTART_S, as a node's service manager would.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

INTERFACE_WAIT_S: Final = 30.0
RESTART_S: Final = 1.0
POLL_S: Final = 0.02
LOOK_S: Final = 0.2  # how often a service is looked for whose need is not there yet


@dataclass(frozen=True)
class Service:
    """One program of a node that is always to run."""

    name: str
    argv: Sequence[str]
    log: str  # its output is appended to this file
    needs: Sequence[str] = ()  # paths that must exist first
    environment: Mapping[str, str] = field(default_factory=dict)  # beside this process's own
    keeps: Sequence[int] = ()  # open files it is handed


@dataclass(frozen=True)
class NodePlan:
    """What process 1 does, in the order of the fields."""

    interface: str = ""  # waited for
    commands: Sequence[Sequence[str]] = ()  # each must succeed
    kernel: Mapping[str, str] = field(default_factory=dict)  # path below /proc/sys -> value
    services: Sequence[Service] = ()

    def to_json(self) -> bytes:
        """Return the JSON form."""
        return json.dumps(asdict(self), indent=1).encode()

    @staticmethod
    def from_json(text: bytes) -> NodePlan:
        """Return the value of a JSON form."""
        raw = json.loads(text)
        return NodePlan(**{**raw, "services": [Service(**service) for service in raw["services"]]})


class NodeInit:
    """The loop of process 1."""

    def __init__(self, plan: NodePlan) -> None:
        self._plan = plan
        self._running: dict[int, Service] = {}
        self._due: list[tuple[float, Service]] = [(0.0, service) for service in plan.services]  # monotonic s

    def run(self) -> None:
        """Set up, then serve until killed. Raises OSError or CalledProcessError when the set-up fails."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._set_up()
        while True:
            self._start_due()
            ready, _, _ = select.select([reader], [], [], LOOK_S if self._due else None)
            if ready:
                os.read(reader, 512)
                self._reap()

    def _set_up(self) -> None:
        deadline_s = time.monotonic() + INTERFACE_WAIT_S
        while self._plan.interface and not _has_interface(self._plan.interface):
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"no interface {self._plan.interface} after {INTERFACE_WAIT_S:.0f} s")
            time.sleep(POLL_S)
        for command in self._plan.commands:
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        for name, value in self._plan.kernel.items():
            (Path("/proc/sys") / name).write_text(value)
        _say("set up")

    def _start_due(self) -> None:
        now_s = time.monotonic()
        for due in list(self._due):
            due_s, service = due
            if due_s <= now_s and all(Path(need).exists() for need in service.needs):
                self._due.remove(due)
                self._start(service)

    def _start(self, service: Service) -> None:
        with Path(service.log).open("ab") as output:
            process = subprocess.Popen(
                service.argv,
                env={**os.environ, **service.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=tuple(service.keeps),
                start_new_session=True,
            )
        self._running[process.pid] = service
        process.returncode = 0  # reaped below, never by Popen
        _say(f"started {service.name} as {process.pid}")

    def _reap(self) -> None:
        """Take every ended child; what lost its parent becomes a child of process 1 and is taken as well."""
        with contextlib.suppress(ChildProcessError):
            while True:
                process_id, status = os.waitpid(-1, os.WNOHANG)
                if process_id == 0:
                    return
                service = self._running.pop(process_id, None)
                if service is not None:
                    _say(f"{service.name} ended: {os.waitstatus_to_exitcode(status)}")
                    self._due.append((time.monotonic() + RESTART_S, service))


def _has_interface(name: str) -> bool:
    try:
        socket.if_nametoindex(name)
    except OSError:
        return False
    return True


def _say(text: str) -> None:
    print(f"{time.time():.3f} {text}", flush=True)


if __name__ == "__main__":
    NodeInit(NodePlan.from_json(Path(sys.argv[1]).read_bytes())).run()
