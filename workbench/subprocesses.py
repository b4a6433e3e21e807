"""Python subprocesses of one program: it imports what it needs once, is forked, and each fork answers one pipe.

They are not multiprocessing's: those import the parent's main module again, which for a drill is most of the workbench.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO, Final, Self, cast

PREDICTION: Final = "workbench.model.serving"  # the program that a prediction shares its replications out to
PREDICTION_COUNT: Final = 2
# One thread each: numpy's own would make a fork unsafe. The C library keeps what was freed instead of giving it back,
# which else costs a page fault for each 4 KiB of every column, time and again (mallopt(3)).
ENVIRONMENT: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
}


class Subprocesses:
    """`count` forks of `python -m module NUMBER..`, one a pipe; they are ready sooner the sooner this is made."""

    def __init__(self, module: str = PREDICTION, count: int = PREDICTION_COUNT) -> None:
        pairs = [socket.socketpair() for _ in range(count)]
        numbers = [theirs.fileno() for _, theirs in pairs]
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, numbers)],
            stdin=subprocess.DEVNULL,
            pass_fds=numbers,
            env={**os.environ, **ENVIRONMENT},
            process_group=0,
        )
        for _, theirs in pairs:
            theirs.close()
        self.pipes: Sequence[BinaryIO] = [_pipe(ours) for ours, _ in pairs]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.end()

    def end(self) -> None:
        """End all of them: they have nothing to keep."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in self.pipes:
            with suppress(OSError):  # what was not sent yet has nobody to go to
                pipe.close()


def fork_for_each(numbers: Sequence[int]) -> BinaryIO | None:
    """Return, in a fork for each number, the pipe of that number; in the process itself None once all forks ended.

    A fork ends when its pipe does, so each keeps no other open.
    """
    for number in numbers:
        if os.fork() == 0:
            for other in numbers:
                if other != number:
                    os.close(other)
            return _pipe(socket.socket(fileno=number))
    for number in numbers:
        os.close(number)
    for _ in numbers:
        os.wait()
    return None


def _pipe(end: socket.socket) -> BinaryIO:
    """Return a socket as a file, which alone keeps it open."""
    with end:
        return cast(BinaryIO, end.makefile("rwb"))
