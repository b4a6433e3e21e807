"""The guardian: ends a hub whose supervisor is gone, and removes the hub's directory.

A child of the supervisor that only waits for a pipe to close, which the kernel does however the supervisor
ended. Servers started by the supervisor also carry a parent-death signal (prctl(2)), which reaches direct
children only and is lost when a child changes its user; the guardian finds the rest by the hub's mark.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path
from typing import Final

from workbench.target.local.leftovers import end_processes

END_TIMEOUT_S: Final = 4.0


def start(directory: Path) -> tuple[int, int]:
    """Fork the guardian of the hub in `directory`; return its process id and the pipe that keeps it waiting.

    To be called from a process with one thread.
    """
    reader, writer = os.pipe()
    process_id = os.fork()
    if process_id:
        os.close(reader)
        return process_id, writer
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    os.closerange(3, reader)
    os.closerange(reader + 1, os.sysconf("SC_OPEN_MAX"))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # lets go of the pipe from the owner
    os.read(reader, 1)  # nothing is ever written: this returns when the supervisor is gone
    _clean_up(directory)
    os._exit(0)


def _clean_up(directory: Path) -> None:
    left = end_processes(directory, timeout_s=END_TIMEOUT_S, but=(os.getpid(),))
    print(f"{time.time():.3f} guardian cleaned up left={left}", flush=True)
    if not left:
        shutil.rmtree(directory, ignore_errors=True)
