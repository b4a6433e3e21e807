"""One subprocess of a prediction: `python -m workbench.model.serving`, started by workers.py.

Reads a model and then slices from standard input and writes each slice's columns to standard output (pickles,
from and to its own parent only), until the input ends.
"""

from __future__ import annotations

import os
import pickle
import sys
from typing import Final

import psutil

from workbench.model.replication import run_slice

NICENESS: Final = 5  # on two cores full of a loaded hub: a quarter of a core where they contend; 15 got none


def serve() -> None:
    """Work until standard input ends."""
    step_back()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    model = pickle.load(source)
    while True:
        try:
            part = pickle.load(source)
        except EOFError:
            return
        pickle.dump(run_slice(model, part), sink)
        sink.flush()


def step_back() -> None:
    """Give way to everything else: predicting must not disturb the hub."""
    os.nice(max(0, NICENESS - os.nice(0)))
    if psutil.LINUX:
        psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)


if __name__ == "__main__":
    serve()
