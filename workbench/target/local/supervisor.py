"""One process a hub: starts, restarts and ends every server, application and helper of a drill.

`python -m workbench.target.local.supervisor <hub directory>`, a session leader of its own, so that Ctrl-C in
a terminal does not reach the servers. Its standard input is a pipe from its owner: when that closes, however
the owner ended, it ends everything, unless it was detached. A second process, the guardian, holds a pipe to
the supervisor and does the same when the supervisor itself is killed. Asked over a socket (see control.py).

One thread and no locks: all of it runs in one loop that waits for signals, pipes, requests and due restarts.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from workbench.fault import RestartRule
from workbench.target.local import guardian, small_disk
from workbench.target.local.kubelet import KubeletStandIn
from workbench.target.local.leftovers import end_processes
from workbench.target.local.places import control_address
from workbench.target.local.processes import ProcessSpec, ServerStatus, exit_text
from workbench.target.port import ProcessStart

PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
PR_SET_CHILD_SUBREAPER: Final = 36
END_TIMEOUT_S: Final = 4.0  # of everything; an owner's death may take 5 s in all
REQUEST_BYTES_MAX: Final = 1 << 20
REQUEST_TIMEOUT_S: Final = 1.0
STARTS_KEPT: Final = 1_000  # a server's starts kept in memory
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


@dataclass
class _Managed:
    """One process the supervisor looks after."""

    spec: ProcessSpec
    stand_in: KubeletStandIn = field(default_factory=KubeletStandIn)
    running: subprocess.Popen[bytes] | None = None
    due_by_rule_s: float | None = None  # epoch; None: the restart rule has nothing to start
    held_until_s: float = 0.0  # epoch: the restart rule does not start it before
    starts: list[ProcessStart] = field(default_factory=list)

    @property
    def restart_due_s(self) -> float | None:
        """Return when it is started again (epoch s), None where no restart is due."""
        return None if self.due_by_rule_s is None else max(self.due_by_rule_s, self.held_until_s)

    def status(self) -> ServerStatus:
        """Return what is told of it."""
        process_id = self.running.pid if self.running is not None else 0
        return ServerStatus(
            name=self.spec.name,
            node=self.spec.node,
            process_id=process_id,
            is_server=self.spec.is_server,
            restarts=self.spec.restarts,
            restart_due_s=self.restart_due_s,
            starts=tuple(self.starts),
        )


class Refused(Exception):
    """A request that cannot be done; the text is the answer."""


class Supervisor:
    """Runs the processes of the hub in `directory` until it is told to end or its owner is gone."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._managed: dict[str, _Managed] = {}
        self._rule = RestartRule.NONE  # until the hub is up: a server that dies in the start fails the start
        self._ending = False
        self._selector = selectors.DefaultSelector()
        self._guardian = 0
        self._guardian_pipe = -1

    def run(self) -> None:
        """Serve until the end; afterwards nothing of the hub runs and the guardian removes its directory."""
        _LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._guardian, self._guardian_pipe = guardian.start(self._directory)
        self._listen()
        _say("up", pid=os.getpid(), guardian=self._guardian)
        while not self._ending:
            for key, _ in self._selector.select(self._wait_s()):
                key.data()
            self._start_due()
        self._end_all()

    # --- what wakes the loop

    def _listen(self) -> None:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        # Handlers, not SIG_IGN: exec gives children the default action back.
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        self._selector.register(reader, selectors.EVENT_READ, lambda: self._on_signal(reader))
        self._selector.register(sys.stdin, selectors.EVENT_READ, self._on_owner)
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        door.bind(control_address(self._directory.name))
        door.listen(16)
        self._selector.register(door, selectors.EVENT_READ, lambda: self._on_door(door))

    def _wait_s(self) -> float | None:
        due = [managed.restart_due_s for managed in self._managed.values() if managed.restart_due_s is not None]
        return max(0.0, min(due) - time.time()) if due else None

    def _on_signal(self, reader: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(reader, 512)
        self._reap()

    def _on_owner(self) -> None:
        if not os.read(sys.stdin.fileno(), 512):
            _say("owner gone")
            self._end()

    def _end(self) -> None:
        self._ending = True

    def _on_door(self, door: socket.socket) -> None:
        connection, _ = door.accept()
        with connection:
            connection.settimeout(REQUEST_TIMEOUT_S)
            # A caller that went away or stays silent is its own trouble.
            with contextlib.suppress(OSError):
                credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
                if struct.unpack("3i", credentials)[1] == os.getuid():
                    connection.sendall(self._answer(_read_line(connection)))

    def _answer(self, line: bytes) -> bytes:
        try:
            request = json.loads(line)
            answer = self._ANSWERS[request.pop("ask")](self, **request)
        except (Refused, OSError, ValueError, KeyError, TypeError) as error:
            answer = {"refused": f"{type(error).__name__}: {error}"}
        return json.dumps(answer).encode() + b"\n"

    # --- what it can be asked

    def _ask_run(self, spec: dict[str, Any]) -> dict[str, Any]:
        wanted = ProcessSpec.from_json(spec)
        known = self._managed.get(wanted.name)
        if known is not None and known.running is not None:
            raise Refused(f"{wanted.name} is already running")
        managed = self._managed[wanted.name] = _Managed(wanted)
        return {"process_id": self._start(managed)}

    def _ask_start(self, name: str) -> dict[str, Any]:
        managed = self._known(name)
        managed.due_by_rule_s = None
        managed.held_until_s = 0.0
        return {"process_id": managed.running.pid if managed.running is not None else self._start(managed)}

    def _ask_signal(self, name: str, signum: int, process_id: int, family: bool) -> dict[str, Any]:
        managed = self._known(name)
        if managed.running is None or process_id not in (0, managed.running.pid):
            raise Refused(f"{name} does not run as process {process_id}")
        children = psutil.Process(managed.running.pid).children(recursive=True) if family else []
        sent_s = time.time()
        os.kill(managed.running.pid, signum)  # not reaped yet, so the id is still that process's
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):  # ended with its parent
                child.send_signal(signum)
        _say("signal", name=name, pid=managed.running.pid, signal=signum)
        return {"sent_s": sent_s}

    def _ask_hold(self, name: str, until_s: float) -> dict[str, Any]:
        self._known(name).held_until_s = until_s
        return {}

    def _ask_small_disk(self, path: str) -> dict[str, Any]:
        small_disk.mount(Path(path))
        return {}

    def _ask_status(self) -> dict[str, Any]:
        return {
            "supervisor": os.getpid(),
            "guardian": self._guardian,
            "processes": [managed.status().to_json() for managed in self._managed.values()],
        }

    def _ask_restart_rule(self, rule: str) -> dict[str, Any]:
        self._rule = RestartRule(rule)
        for managed in self._managed.values():
            managed.stand_in = KubeletStandIn()
        return {}

    def _ask_detach(self) -> dict[str, Any]:
        if sys.stdin.fileno() in self._selector.get_map():
            self._selector.unregister(sys.stdin)
        return {}

    def _ask_end(self) -> dict[str, Any]:
        self._end()
        return {}

    _ANSWERS: Final[dict[str, Callable[..., dict[str, Any]]]] = {
        "run": _ask_run,
        "start": _ask_start,
        "signal": _ask_signal,
        "hold": _ask_hold,
        "small-disk": _ask_small_disk,
        "status": _ask_status,
        "restart-rule": _ask_restart_rule,
        "detach": _ask_detach,
        "end": _ask_end,
    }

    def _known(self, name: str) -> _Managed:
        if name not in self._managed:
            raise Refused(f"nothing named {name} was started here")
        return self._managed[name]

    # --- processes

    def _start(self, managed: _Managed) -> int:
        spec = managed.spec
        supervisor = os.getpid()

        def in_child() -> None:
            _LIBC.prctl(PR_SET_PDEATHSIG, spec.death_signal, 0, 0, 0)
            if os.getppid() != supervisor:
                os._exit(1)  # the supervisor died before the line above

        with Path(spec.stdout).open("ab") as output:
            started_s = time.time()
            managed.running = subprocess.Popen(
                spec.argv,
                env=dict(spec.environment),
                cwd=spec.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=in_child,  # this process has one thread
            )
        managed.due_by_rule_s = None
        managed.starts = managed.starts[1 - STARTS_KEPT :]
        managed.starts.append(ProcessStart(managed.running.pid, started_s, float("nan"), ""))
        _say("start", name=spec.name, pid=managed.running.pid)
        return managed.running.pid

    def _start_due(self) -> None:
        now_s = time.time()
        for managed in self._managed.values():
            if managed.restart_due_s is not None and managed.restart_due_s <= now_s and not self._ending:
                self._start(managed)

    def _reap(self) -> None:
        """Take every ended child: the proof of a fault is the pid, its signal and this moment."""
        while True:
            try:
                process_id, wait_status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if process_id == 0:
                return
            self._on_exit(process_id, wait_status, time.time())

    def _on_exit(self, process_id: int, wait_status: int, ended_s: float) -> None:
        if process_id == self._guardian and not self._ending:
            _say("guardian died", pid=process_id)
            os.close(self._guardian_pipe)
            self._guardian, self._guardian_pipe = guardian.start(self._directory)
        for managed in self._managed.values():
            if managed.running is None or managed.running.pid != process_id:
                continue
            managed.running.returncode = os.waitstatus_to_exitcode(wait_status)  # Popen must not wait again
            managed.running = None
            begun = managed.starts[-1]
            managed.starts[-1] = ProcessStart(process_id, begun.started_s, ended_s, exit_text(wait_status))
            ruled = managed.spec.is_server and managed.spec.restarts
            if ruled and self._rule is RestartRule.KUBELET_RULES and not self._ending:
                managed.due_by_rule_s = managed.stand_in.restart_due_s(begun.started_s, ended_s)
            _say("exit", name=managed.spec.name, pid=process_id, how=exit_text(wait_status))

    def _end_all(self) -> None:
        _say("ending")
        for managed in self._managed.values():  # the known ones at once, before looking for others
            if managed.running is not None:
                os.kill(managed.running.pid, managed.spec.death_signal)
        mine = (os.getpid(), self._guardian)
        left = end_processes(self._directory, timeout_s=END_TIMEOUT_S, but=mine, between=self._reap)
        _say("ended", left=left)


def _read_line(connection: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n") and len(data) < REQUEST_BYTES_MAX:
        chunk = connection.recv(65_536)
        if not chunk:
            break
        data += chunk
    return data


def _say(what: str, **facts: object) -> None:
    """Write one line to the supervisor's log (its standard output)."""
    text = " ".join(f"{name}={value}" for name, value in facts.items())
    print(f"{time.time():.3f} {what} {text}".rstrip(), flush=True)


if __name__ == "__main__":
    Supervisor(Path(sys.argv[1])).run()
