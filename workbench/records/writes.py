"""The write log: what every producer says of every write, appended as fixed-size binary rows.

Each producer process (canary: source 0, load workers: 1, 2 ..) appends to two files of its own in
`ledger/`: sends-<source>.bin before it hands a write to the client, answers-<source>.bin when the client
reports. 27 + 31 bytes a write. All times are epoch seconds (host-realtime).

A write's id is source << 40 | sequence; the sequence is its position in its source's share of the schedule
(workbench.load.plan), so what was planned is known without any log. The books balance to the unit, for each
source and in sum: planned = sent + not sent, sent = ok + failed + unknown.

- planned: intended before the stop (load/stop.json, or the end of the horizon), and whatever the producer had
  already handed over when it learned of the stop. A source's rows are handed over in order of the sequence.
- sent: has a send row and no NOT_SENT answer.
- not sent: the client refused it (a send row and a NOT_SENT answer, error -184), or it was never handed over
  (a NOT_SENT answer without a send row; neither row where the producer was killed).
- unknown: sent, and its answer is UNKNOWN or there is none.

A write has at most one answer. Rows reach the files at most 0.25 s late, sends before their answers; a
producer that is killed loses those, so a write of its last 0.25 s may be stored in Kafka although the books
say not sent. A row cut short at a file's end is left out by `read_rows`.
"""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[Any]  # a structured array


class Outcome(IntEnum):
    """A write's fate as its producer saw it."""

    UNKNOWN = 0  # sent, never answered or answered ambiguously: may or may not be stored
    OK = 1
    FAILED = 2  # certainly not stored
    NOT_SENT = 3  # never handed to the client (its queue was full, or the worker was too late)


SEND_DTYPE: Final = np.dtype(
    [("id", "<i8"), ("topic", "<i1"), ("partition", "<i2"), ("intended_s", "<f8"), ("sent_s", "<f8")]
)
ANSWER_DTYPE: Final = np.dtype(
    [
        ("id", "<i8"),
        ("outcome", "<i1"),
        ("error", "<i4"),  # librdkafka's error code, 0 for none
        ("partition", "<i2"),  # partition within the topic
        ("offset", "<i8"),  # -1 if unknown
        ("acked_s", "<f8"),  # produce time + the client's own latency of the message; NaN if none
    ]
)
COMMIT_DTYPE: Final = np.dtype([("id", "<i8"), ("committed_s", "<f8")])


def read_rows(paths: list[Path], dtype: np.dtype[Any]) -> Rows:
    """Return the rows of all files, in order; a row cut short at a file's end is left out."""
    parts = []
    for path in paths:
        data = path.read_bytes()
        parts.append(np.frombuffer(data[: len(data) // dtype.itemsize * dtype.itemsize], dtype=dtype))
    return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)


def read_sends(ledger: Path) -> Rows:
    """Return every send of a run, of all sources."""
    return read_rows(sorted(ledger.glob("sends-*.bin")), SEND_DTYPE)


def read_answers(ledger: Path) -> Rows:
    """Return every answer of a run, of all sources."""
    return read_rows(sorted(ledger.glob("answers-*.bin")), ANSWER_DTYPE)


def read_log(ledger: Path) -> tuple[Rows, Rows]:
    """Return every send and every answer of a run that may still be going on: no answer without its send.

    Sends reach their file before their answers, so the answers are read first.
    """
    answers = read_answers(ledger)
    return read_sends(ledger), answers
