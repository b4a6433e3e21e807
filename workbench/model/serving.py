"""The subprocesses of a prediction: `python -m workbench.model.serving NUMBER..`, started by workbench.subprocesses.

Each reads a model and then slices from its pipe and writes each slice's columns to it (pickles, from and to its own
parent only), until the pipe ends.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
from typing import BinaryIO, Final

import psutil

from workbench.engine.__main__ import compile_all
from workbench.model.replication import run_slice
from workbench.subprocesses import fork_for_each

NICENESS: Final = 5  # on two cores full of a loaded hub: a quarter of a core where they contend; 15 got none


def serve(pipe: BinaryIO) -> None:
    """Work until the pipe ends."""
    try:
        model = pickle.load(pipe)
        while True:
            pickle.dump(run_slice(model, pickle.load(pipe)), pipe)
            pipe.flush()
    except (EOFError, ConnectionError):
        return


def step_back() -> None:
    """Give way to everything else: predicting must not disturb the hub."""
    os.nice(max(0, NICENESS - os.nice(0)))
    if psutil.LINUX:
        psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)


if __name__ == "__main__":
    step_back()
    compile_all()
    gc.freeze()  # what was imported stays: the collector need not look at it after each replication
    mine = fork_for_each([int(number) for number in sys.argv[1:]])
    if mine is not None:
        serve(mine)
