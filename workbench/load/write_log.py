"""The appending side of the write log (rows as workbench.records.writes defines them)."""

from __future__ import annotations

import struct
from collections import deque
from pathlib import Path
from typing import Final

from workbench.records.writes import Outcome

LOG_FLUSH_S: Final = 0.25  # most that a killed producer loses of its log

# The same bytes as SEND_DTYPE and ANSWER_DTYPE; packing a row this way takes under a microsecond.
_SEND: Final = struct.Struct("<qbhdd")
_ANSWER: Final = struct.Struct("<qbihqd")
_NAN: Final = float("nan")


class WriteLog:
    """One source's two files. `sent` and `answered` only append to memory, from any thread; `flush` writes."""

    def __init__(self, ledger: Path, source: int) -> None:
        """Make the files; FileExistsError if the source already has some, since ids must not repeat."""
        self._sends: deque[bytes] = deque()
        self._answers: deque[bytes] = deque()
        self._sends_file = (ledger / f"sends-{source}.bin").open("xb")
        self._answers_file = (ledger / f"answers-{source}.bin").open("xb")

    def sent(self, event_id: int, topic: int, partition: int, intended_s: float, sent_s: float) -> None:
        """Note a write that is about to be handed to the client."""
        self._sends.append(_SEND.pack(event_id, topic, partition, intended_s, sent_s))

    def answered(
        self, event_id: int, outcome: Outcome, error: int, partition: int, offset: int = -1, acked_s: float = _NAN
    ) -> None:
        """Note what became of a write."""
        self._answers.append(_ANSWER.pack(event_id, outcome, error, partition, offset, acked_s))

    def flush(self) -> None:
        """Append what was noted so far to the files, sends before their answers (one thread at a time)."""
        answers, sends = _drain(self._answers), _drain(self._sends)
        for file, data in ((self._sends_file, sends), (self._answers_file, answers)):
            if data:
                file.write(data)
                file.flush()

    def close(self) -> None:
        """Flush and close, also when flushing fails."""
        with self._sends_file, self._answers_file:
            self.flush()


def _drain(rows: deque[bytes]) -> bytes:
    """Take what is in the queue now (appending goes on meanwhile)."""
    return b"".join(rows.popleft() for _ in range(len(rows)))
