"""Replications shared out to subprocesses (serving.py): each gets slices of them over a pipe and answers columns."""

from __future__ import annotations

import pickle
import queue
import threading
from collections.abc import Callable, Sequence
from typing import BinaryIO, Final

from workbench.errors import ToolFailed
from workbench.model.replication import Columns, Model
from workbench.subprocesses import Subprocesses

SLICE_MAX_S: Final = 600.0  # for one slice of replications; usually below a second

Waiting = queue.SimpleQueue[range]
Arrived = queue.SimpleQueue[tuple[range, Columns] | str]


def gather(
    model: Model, slices: Sequence[range], subprocesses: Subprocesses, done: Callable[[int], None]
) -> dict[int, Columns]:
    """Return each slice's columns by its first index; `done` is called with a slice's length as it comes in.

    Raises ToolFailed when a subprocess ends early.
    """
    waiting, arrived = Waiting(), Arrived()
    for part in slices:
        waiting.put(part)
    for pipe in subprocesses.pipes[: len(slices)]:
        threading.Thread(target=_work_off, args=(model, pipe, waiting, arrived), daemon=True).start()
    results: dict[int, Columns] = {}
    for _ in slices:
        answer = arrived.get(timeout=SLICE_MAX_S * len(slices))
        if isinstance(answer, str):
            raise ToolFailed(answer)
        results[answer[0].start] = answer[1]
        done(len(answer[0]))
    return results


def _work_off(model: Model, pipe: BinaryIO, waiting: Waiting, arrived: Arrived) -> None:
    """Hand slices to one subprocess until none waits; an early end becomes a sentence in `arrived`."""
    try:
        pickle.dump(model, pipe)
        while True:
            part = waiting.get_nowait()
            pickle.dump(part, pipe)
            pipe.flush()
            arrived.put((part, pickle.load(pipe)))
    except queue.Empty:
        return
    except (EOFError, OSError, pickle.UnpicklingError) as error:
        arrived.put(f"a subprocess of the prediction ended early: {error or 'see its output above'}")
