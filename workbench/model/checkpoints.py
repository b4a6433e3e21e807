"""Postgres' checkpoints: when they begin and end, and how much of its log a crash recovery has to read.

A timed checkpoint begins checkpoint_timeout after the last one began (PostgreSQL 14 checkpointer.c CheckpointerMain),
sooner where the log since then has reached max_wal_size / (1 + checkpoint_completion_target) (xlog.c
CalculateCheckpointSegments). It writes every page that was dirty when it began, spread over
checkpoint_completion_target of the interval; where there are few it ends sooner, since it sleeps no longer than 0.1 s a
page (checkpointer.c CheckpointWriteDelay). It counts only when it is complete: until then a recovery begins where the
one before it began, so a crash reads the log of 0.9 to 1.9 intervals.

Tried with a checkpoint_timeout of 30 s at 300 rows/s: three checkpoints began 30.0 s apart and were complete 27.1 to
27.3 s later; a crash just before would have read the log of 57.0 s.

The first change to a page after a checkpoint began puts the whole page into the log (full_page_writes), so shorter
intervals make recoveries shorter and the log longer.

Left out: a checkpoint that is asked for (CHECKPOINT, a copy's begin), hubs that write nothing for an interval, which
make none, and what a checkpoint's writes cost the commits meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from workbench.model.parameter import FloatArray
from workbench.units import POSTGRES_BYTES, POSTGRES_S, postgres_setting

PAGE_BYTES: Final = 8192
PAGE_SLEEP_S: Final = 0.1  # PostgreSQL 14 checkpointer.c CheckpointWriteDelay
FAST_S: Final = 2.0  # a checkpoint that is not spread: as fast as the disk takes it; 1.9 s with its 282 MB copied
# 300 events/s of 400 bytes, encrypted (measured, twice): 13 MB in 47 s; 34 MB in the first 80 s after a checkpoint.
LOG_BYTES_PER_ROW: Final = 920.0
WHOLE_PAGES_BYTES: Final = 1.2e7


@dataclass(frozen=True)
class Checkpoints:
    """The settings that decide; the defaults are PostgreSQL 14's."""

    timeout_s: float = 300.0
    completion_target: float = 0.9
    wal_max_bytes: float = 2.0**30

    @staticmethod
    def of(config: Mapping[str, str]) -> Checkpoints:
        """Return the settings of postgres.conf's lines. Raises BadInput for a value that is no number of its unit."""
        return Checkpoints(
            postgres_setting(config.get("checkpoint_timeout", "5min"), POSTGRES_S, "s"),
            float(config.get("checkpoint_completion_target", "0.9")),
            postgres_setting(config.get("max_wal_size", "1GB"), POSTGRES_BYTES, "MB"),
        )

    def interval_s(self, log_bytes_per_s: float) -> float:
        """Return how long (s) after one checkpoint's beginning the next one begins."""
        trigger_bytes = self.wal_max_bytes / (1.0 + self.completion_target)
        return min(self.timeout_s, trigger_bytes / log_bytes_per_s) if log_bytes_per_s > 0.0 else self.timeout_s

    def takes_s(self, log_bytes_per_s: float) -> float:
        """Return how long (s) after its beginning a checkpoint is complete: about as many pages as the log fills."""
        interval_s = self.interval_s(log_bytes_per_s)
        return min(self.completion_target * interval_s, PAGE_SLEEP_S * log_bytes_per_s * interval_s / PAGE_BYTES)

    def log_read_s(self, log_bytes_per_s: float, age_s: FloatArray) -> FloatArray:
        """Return how long ago (s) the log begins that a recovery reads, `age_s` after some checkpoint's beginning.

        That checkpoint is the last complete one, or one before it.
        """
        interval_s = self.interval_s(log_bytes_per_s)
        newer = np.floor((age_s - self.takes_s(log_bytes_per_s)) / interval_s)
        read_s: FloatArray = age_s - interval_s * np.maximum(newer, 0.0)
        return read_s

    def log_read_bytes(self, rows_per_s: float, share: FloatArray) -> FloatArray:
        """Return the bytes that a recovery reads, of a hub that has written for long; `share` (0 to 1) is chance."""
        per_s = LOG_BYTES_PER_ROW * rows_per_s
        interval_s = self.interval_s(per_s)
        read_s = self.log_read_s(per_s, (1.0 + share) * interval_s)
        return per_s * read_s + WHOLE_PAGES_BYTES * np.ceil(read_s / interval_s)

    def spread_s(self, rows_per_s: float) -> float:
        """Return how long (s) a checkpoint of these rows is spread over."""
        return self.takes_s(LOG_BYTES_PER_ROW * rows_per_s)

    def log_bytes_per_day(self, rows_per_s: float) -> float:
        """Return how much log a day's rows make."""
        per_s = LOG_BYTES_PER_ROW * rows_per_s
        return 86_400.0 * (per_s + WHOLE_PAGES_BYTES / self.interval_s(per_s))
