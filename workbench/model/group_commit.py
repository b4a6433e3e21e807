"""Group commit: how long a commit takes where several sessions share the flushes of Postgres' log.

A backend that commits waits until the log is on the disk up to its own record. One of them flushes at a time,
everything that was written by then; who comes meanwhile waits, and finds itself done or is in the next flush
(PostgreSQL 14 xlog.c XLogFlush, commit_delay 0). So sessions that commit one after another are a closed queueing
network of two stations: the cores, shared by all who compute (processor sharing), and the disk, whose service takes
all who wait at its beginning (a gated batch). Scored against commits over 2, 4 and 8 connections by `workbench
calibrate`.

Left out: what standbys and the log's senders compute for each commit on the same cores, synchronous standbys,
commit_delay, a record that waits for room in wal_buffers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.metrics.tables import FloatArray


@dataclass(frozen=True)
class GroupCommit:
    """A Postgres and who commits on it. Times in s."""

    own_s: float  # computing of one transaction, its client's included, without the flush
    flush_s: FloatArray  # measured ones; each flush takes one of them
    cores: float

    def commits_s(self, sessions: int, count: int, rng: np.random.Generator) -> FloatArray:
        """Return how long each of `count` commits takes, of so many sessions that commit one after another."""
        left_s = np.full(sessions, self.own_s)  # of the computing; infinite: it waits for a flush
        began_s = np.zeros(sessions)
        flushes = rng.choice(self.flush_s, count + 1).tolist()  # each has a commit at least, and one is under way
        now_s, flushed_s, found = 0.0, np.inf, list[float]()
        in_flush = np.zeros(sessions, np.bool_)
        while len(found) < count:
            computing = int(np.count_nonzero(np.isfinite(left_s)))
            speed = min(1.0, self.cores / max(computing, 1))
            next_s = now_s + left_s.min() / speed
            step_s = min(next_s, flushed_s) - now_s
            left_s -= step_s * speed
            now_s += step_s
            if next_s <= flushed_s:
                left_s[np.argmin(left_s)] = np.inf
            else:
                found.extend((now_s - began_s[in_flush]).tolist())
                began_s[in_flush], left_s[in_flush] = now_s, self.own_s
                in_flush[:], flushed_s = False, np.inf
            if np.isinf(flushed_s) and np.isinf(left_s).any():
                in_flush, flushed_s = np.isinf(left_s), now_s + flushes.pop()
        return np.array(found[:count])
