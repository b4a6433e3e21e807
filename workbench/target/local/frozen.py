"""Which processes the kernel has stopped, and letting them go on."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterable
from typing import Final

import psutil

from workbench.errors import ToolFailed
from workbench.waiting import happens

STATE_TIMEOUT_S: Final = 5.0  # until the kernel shows what a signal did
STATE_POLL_S: Final = 0.01


def is_frozen(process_id: int) -> bool:
    """Tell whether the kernel has stopped a process (SIGSTOP)."""
    try:
        return bool(psutil.Process(process_id).status() == psutil.STATUS_STOPPED)
    except psutil.NoSuchProcess:
        return False


def all_frozen(processes: Iterable[psutil.Process]) -> bool:
    """Tell whether every one of these processes is stopped."""
    return all(is_frozen(each.pid) for each in processes)


def freeze(process: psutil.Process) -> bool:
    """Stop a process; tell whether the kernel has stopped it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.suspend()
    return happens(lambda: is_frozen(process.pid), STATE_TIMEOUT_S, STATE_POLL_S)


def let_go_on(processes: Iterable[psutil.Process]) -> None:
    """Let every process go on that still is there."""
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.resume()


def thaw_children(process_id: int) -> None:
    """Let every stopped child of a server go on. Raises ToolFailed when one stays stopped."""
    with contextlib.suppress(psutil.NoSuchProcess):
        stopped = [each for each in psutil.Process(process_id).children(recursive=True) if is_frozen(each.pid)]
        let_go_on(stopped)
        if not happens(lambda: not any(is_frozen(each.pid) for each in stopped), STATE_TIMEOUT_S, STATE_POLL_S):
            raise ToolFailed(f"a child of process {process_id} is stopped in spite of {signal.SIGCONT.name}")
