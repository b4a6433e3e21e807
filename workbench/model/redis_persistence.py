"""What Redis still knows after its death, by how it keeps its data, and what its subscribers missed.

An append-only file has a command before it is answered; a process that is killed loses none of them, since the kernel
has them. A machine without power loses what was not on the disk yet: about a second with appendfsync everysec. A
snapshot (RDB) is as old as its fork; Redis makes one when a save point is reached (Redis 6.2 server.c serverCron), and
the file counts when it is complete. Published messages are kept by nobody: who is away misses them (Redis Pub/Sub).

Left out: appendfsync always and no, a file that has to be repaired, a snapshot that fails.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np

from workbench.model.parameter import FloatArray

SAVE_POINTS: Final = ((3600.0, 1.0), (300.0, 100.0), (60.0, 10_000.0))  # s, changes; Redis 6.2 redis.conf
EVERYSEC_S: Final = 1.0  # Redis 6.2 aof.c flushAppendOnlyFile: a flush a second, of what was written by then
SNAPSHOT_BYTES_PER_S: Final = 2.5e8  # 749 MB in 3 s on two cores of a virtual machine


class Persistence(StrEnum):
    """How Redis keeps its data."""

    APPEND_ONLY = "append-only file, everysec"
    SNAPSHOTS = "snapshots"
    NONE = "nothing"


def save_interval_s(changes_per_s: float) -> float:
    """Return how often a snapshot begins at a steady rate of changes. Raises ValueError without any change."""
    if changes_per_s <= 0.0:
        raise ValueError("nothing changes, so nothing is saved")
    return min(max(seconds, changes / changes_per_s) for seconds, changes in SAVE_POINTS)


def lost_s(
    persistence: Persistence, *, power: bool, changes_per_s: float, data_bytes: float, share: FloatArray
) -> FloatArray:
    """Return how many seconds of changes are gone; infinite: all of them.

    `share` (0 to 1) is how much of a period has passed at the loss; `power`: of the machine, else the process dies.
    """
    if persistence is Persistence.NONE:
        return np.full(share.shape, np.inf)
    if persistence is Persistence.APPEND_ONLY:
        return share * (EVERYSEC_S if power else 0.0)
    return data_bytes / SNAPSHOT_BYTES_PER_S + share * save_interval_s(changes_per_s)


def messages_missed(published_per_s: float, away_s: FloatArray) -> FloatArray:
    """Return how many published messages a subscriber misses that cannot be reached for `away_s`."""
    return published_per_s * away_s
