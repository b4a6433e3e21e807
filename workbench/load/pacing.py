"""The open model: a source's events are sent at their intended times, whatever the hub does.

A source that is late sends at once; nothing is skipped and nothing is shifted. How late it was can be
read from the log (sent minus intended, the slip).
"""

from __future__ import annotations

import time
from typing import Final

import numpy as np

from workbench.errors import ToolFailed
from workbench.load.plan import STOP_POLL_S, BurstWatch, Share, StopWatch
from workbench.load.producer import KafkaWriter

_CHUNK: Final = 4096  # rows turned into Python numbers at a time
_AT_ONCE_MAX: Final = 100  # overdue events sent before other work of the process gets its turn

_Row = tuple[int, int, int, int, float]


class Pacer:
    """Hands a source's share of the schedule to its writer, event by event."""

    def __init__(self, share: Share, writer: KafkaWriter, watch: StopWatch, bursts: BurstWatch | None = None) -> None:
        self._share = share
        self._bursts = bursts
        self._writer = writer
        self._watch = watch
        self._next = 0  # position in the share
        self._chunk: list[_Row] = []
        self._chunk_start = 0

    def step(self) -> float | None:
        """Send what is due; return for how long (s) nothing is, None when nothing planned is left.

        Raises ToolFailed when a burst was asked for too late to be planned.
        """
        self._look_for_a_burst()
        for _ in range(_AT_ONCE_MAX):
            row = self._planned()
            if row is None:
                return None
            wait_s = row[-1] - time.time()
            if wait_s > 0.0:
                return min(wait_s, STOP_POLL_S)
            self._writer.send(*row)
            self._next += 1
        return 0.0

    def finish(self) -> None:
        """Stop now if something planned is left, note that as not sent, and wait for the answers (bounded)."""
        if self._planned() is not None:
            self._watch.now()
        while (row := self._planned()) is not None:
            event_id, _, partition, _, _ = row
            self._writer.skip(event_id, partition)
            self._next += 1
        self._writer.finish()

    def _look_for_a_burst(self) -> None:
        changed = None if self._bursts is None else self._bursts.changed()
        if changed is None:
            return
        done = slice(self._next)
        if not np.array_equal(changed.intended_s[done], self._share.intended_s[done]):
            raise ToolFailed("a burst of the load was asked for later than its events are planned")
        self._share, self._chunk, self._chunk_start = changed, [], self._next

    def _planned(self) -> _Row | None:
        """Return the next event before the stop."""
        row = self._row()
        return None if row is None or row[-1] >= self._watch.stop_s() else row

    def _row(self) -> _Row | None:
        """Return the next event: id, topic, partition, device, intended time; None after the last."""
        index = self._next - self._chunk_start
        if index >= len(self._chunk):
            share, part = self._share, slice(self._next, self._next + _CHUNK)
            ids = share.ids(np.arange(self._next, min(self._next + _CHUNK, len(share)), dtype=np.int64))
            columns = (ids, share.topic[part], share.partition[part], share.device[part], share.intended_s[part])
            self._chunk = list(zip(*(column.tolist() for column in columns), strict=True))
            self._chunk_start, index = self._next, 0
        return self._chunk[index] if self._chunk else None
