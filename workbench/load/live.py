"""Live figures for a drill's progress line, read from the growing write logs; cheap enough to ask every second."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from workbench.load.write_log import LOG_FLUSH_S
from workbench.records.writes import ANSWER_DTYPE, SEND_DTYPE, Outcome, Rows

RATE_WINDOW_S: Final = 1.0
_DELAY_S: Final = 2.0 * LOG_FLUSH_S  # by then an acknowledgement is in its file


@dataclass(frozen=True)
class LiveView:
    """Counts so far, canary included. `acked_per_s`: over the last second that is fully written."""

    sent: int
    acked: int
    failed: int
    acked_per_s: float


class LiveCounts:
    """Reads what was added to a ledger's logs since the last look."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._read_bytes: dict[Path, int] = {}
        self._sent = 0
        self._acked = 0
        self._failed = 0
        self._recent_acked_s = np.empty(0)

    def look(self) -> LiveView:
        """Read on and return the counts so far."""
        for path in sorted(self._ledger.glob("sends-*.bin")):
            self._sent += len(self._added(path, SEND_DTYPE))
        for path in sorted(self._ledger.glob("answers-*.bin")):
            self._count(self._added(path, ANSWER_DTYPE))
        end_s = time.time() - _DELAY_S
        self._recent_acked_s = self._recent_acked_s[self._recent_acked_s >= end_s - RATE_WINDOW_S]
        in_window = int(np.count_nonzero(self._recent_acked_s < end_s))
        return LiveView(self._sent, self._acked, self._failed, in_window / RATE_WINDOW_S)

    def _count(self, answers: Rows) -> None:
        """Add these answers. A refused write has a send row but was not sent (error set); a skipped one has none."""
        outcome = answers["outcome"]
        acked = outcome == Outcome.OK
        self._acked += int(np.count_nonzero(acked))
        self._failed += int(np.count_nonzero(outcome == Outcome.FAILED))
        self._sent -= int(np.count_nonzero((outcome == Outcome.NOT_SENT) & (answers["error"] != 0)))
        self._recent_acked_s = np.concatenate([self._recent_acked_s, answers["acked_s"][acked]])

    def _added(self, path: Path, dtype: np.dtype[Any]) -> Rows:
        """Return the whole rows added since the last look."""
        start = self._read_bytes.get(path, 0)
        with path.open("rb") as file:
            file.seek(start)
            data = file.read()
        whole = len(data) // dtype.itemsize * dtype.itemsize
        self._read_bytes[path] = start + whole
        return np.frombuffer(data[:whole], dtype=dtype)
