"""The readers' log: what became of every request at the gateway, appended as fixed-size binary rows.

One file, load/reads.bin, 40 bytes a request. All times are epoch seconds (host-realtime). A row is written when
the answer is there or has been given up, so a process that is killed loses the requests under way.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

import numpy as np

READS_FILE: Final = "reads.bin"
NO_ANSWER: Final = 0  # in place of a status


class RequestKind(IntEnum):
    """What was asked."""

    STATE = 0
    LOGIN = 1


class CacheWord(IntEnum):
    """What the header X-Cache said."""

    NONE = 0
    HIT = 1
    MISS = 2
    AWAY = 3


READ_DTYPE: Final = np.dtype(
    [
        ("intended_s", "<f8"),  # of a log-in: when it was sent, since only a refusal leads to it
        ("sent_s", "<f8"),
        ("answered_s", "<f8"),  # or given up
        ("device", "<i8"),  # -1 for a log-in
        ("status", "<i4"),  # of HTTP, NO_ANSWER for none
        ("cache", "<i2"),
        ("kind", "<i2"),
    ]
)
# The same bytes, for the process that writes them one by one.
READ_ROW: Final = struct.Struct("<dddqihh")
