"""Subprocesses of a prediction (serving.py): each gets slices of replications over a pipe and answers columns.

They are not multiprocessing's: those import the parent's main module again, which for a drill is most of the
workbench.
"""

from __future__ import annotations

import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Final

from workbench.errors import ToolFailed
from workbench.model.replication import Columns, Model

SLICE_MAX_S: Final = 600.0  # for one slice of replications; usually below a second


def gather(model: Model, slices: Sequence[range], subprocesses: int, done: Callable[[int], None]) -> dict[int, Columns]:
    """Return each slice's columns by its first index; `done` is called with a slice's length as it comes in.

    Raises ToolFailed when a subprocess ends early.
    """
    waiting: queue.SimpleQueue[range] = queue.SimpleQueue()
    arrived: queue.SimpleQueue[tuple[range, Columns] | str] = queue.SimpleQueue()
    for part in slices:
        waiting.put(part)
    workers = [Worker(model) for _ in range(min(subprocesses, len(slices)))]
    try:
        for worker in workers:
            threading.Thread(target=worker.work_off, args=(waiting, arrived), daemon=True).start()
        results: dict[int, Columns] = {}
        for _ in slices:
            answer = arrived.get(timeout=SLICE_MAX_S * len(slices))
            if isinstance(answer, str):
                raise ToolFailed(answer)
            results[answer[0].start] = answer[1]
            done(len(answer[0]))
        return results
    finally:
        for worker in workers:
            worker.end()


class Worker:
    """One subprocess; used by one thread."""

    def __init__(self, model: Model) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workbench.model.serving"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._model = model

    def work_off(
        self, waiting: queue.SimpleQueue[range], arrived: queue.SimpleQueue[tuple[range, Columns] | str]
    ) -> None:
        """Hand over slices until none waits; an early end becomes a sentence in `arrived`."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            pickle.dump(self._model, self._process.stdin)
            while True:
                part = waiting.get_nowait()
                pickle.dump(part, self._process.stdin)
                self._process.stdin.flush()
                arrived.put((part, pickle.load(self._process.stdout)))
        except queue.Empty:
            return
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            arrived.put(f"a subprocess of the prediction ended early: {error or 'see its output above'}")

    def end(self) -> None:
        """End the subprocess: it has nothing to keep."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
