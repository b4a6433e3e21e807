"""How much log a crash recovery reads: by hand, and beside a checkpointer that is played second by second."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import BadInput
from workbench.model.checkpoints import FAST_S, LOG_BYTES_PER_ROW, PAGE_BYTES, WHOLE_PAGES_BYTES, Checkpoints
from workbench.model.parameter import FloatArray
from workbench.units import POSTGRES_BYTES, POSTGRES_S, postgres_setting

LOG_BYTES_PER_S = 300.0 * LOG_BYTES_PER_ROW
SHARES: FloatArray = np.array([0.0, 0.5, 0.85, 0.95])


def played(checkpoints: Checkpoints, log_bytes_per_s: float, pages_per_s: float, until_s: int) -> FloatArray:
    """Return for each second how long ago the log begins that a crash then would read, as the checkpointer goes on."""
    trigger_bytes = checkpoints.wal_max_bytes / (1.0 + checkpoints.completion_target)
    begun_s, counts_from_s, writes_from_s, to_write, written = 0.0, 0.0, -1.0, 0.0, 0.0
    read_s = []
    for tick in range(10 * until_s):
        now_s = tick / 10.0
        if writes_from_s >= 0.0:
            # One page a look, then asleep for 0.1 s, unless it is behind its schedule.
            passed = max(
                (now_s - writes_from_s) / checkpoints.timeout_s,
                log_bytes_per_s * (now_s - writes_from_s) / trigger_bytes,
            )
            written = max(written + 1.0, passed / checkpoints.completion_target * to_write)
            if written >= to_write:
                counts_from_s, writes_from_s = writes_from_s, -1.0
        due = now_s - begun_s >= checkpoints.timeout_s or log_bytes_per_s * (now_s - begun_s) >= trigger_bytes
        if due and writes_from_s < 0.0:
            to_write, written, writes_from_s = pages_per_s * (now_s - begun_s), 0.0, now_s
            begun_s = now_s
        if tick % 10 == 0:
            read_s.append(now_s - counts_from_s)
    return np.array(read_s)


@pytest.mark.parametrize("rows_per_s", [1.0, 20.0, 300.0, 3_000.0])
def test_recoveries_read_as_much_as_beside_a_played_checkpointer(rows_per_s: float) -> None:
    """By time and by size, spread over most of the interval and, where few pages are dirty, over little of it."""
    checkpoints, per_s = Checkpoints(), LOG_BYTES_PER_ROW * rows_per_s
    interval_s = checkpoints.interval_s(per_s)
    seen_s = played(checkpoints, per_s, per_s / PAGE_BYTES, int(12 * interval_s))[int(4 * interval_s) :]
    share = (np.arange(len(seen_s)) + 0.5) / len(seen_s)
    known_s = checkpoints.log_read_s(per_s, (1.0 + share) * interval_s)
    assert np.quantile(seen_s, [0.1, 0.5, 0.9]) == pytest.approx(np.quantile(known_s, [0.1, 0.5, 0.9]), rel=0.05)


def test_a_checkpoint_counts_when_it_is_complete() -> None:
    """270 s after its beginning at 300 rows/s: until then the one before it is where a recovery begins."""
    checkpoints = Checkpoints()
    assert checkpoints.interval_s(LOG_BYTES_PER_S) == 300.0
    assert checkpoints.spread_s(300.0) == 270.0
    ages_s: FloatArray = np.array([100.0, 569.0, 571.0, 869.0, 871.0])
    assert checkpoints.log_read_s(LOG_BYTES_PER_S, ages_s).tolist() == [100.0, 569.0, 271.0, 569.0, 271.0]


def test_much_log_brings_checkpoints_forward() -> None:
    """1 GB of max_wal_size is 565 MB between two of them: at 3,000 rows/s 205 s instead of 300."""
    interval_s = Checkpoints().interval_s(10.0 * LOG_BYTES_PER_S)
    assert interval_s == pytest.approx(2.0**30 / 1.9 / (10.0 * LOG_BYTES_PER_S))
    assert interval_s == pytest.approx(204.8, abs=0.1)


def test_few_dirty_pages_are_written_soon() -> None:
    """A row a second makes some 34 pages dirty in five minutes: 3.4 s, hardly longer than one that does not wait."""
    assert Checkpoints().spread_s(1.0) == pytest.approx(30.0 * LOG_BYTES_PER_ROW / 8192, rel=1e-9)
    assert FAST_S < Checkpoints().spread_s(1.0) < 2.0 * FAST_S


def test_shorter_intervals_read_less_and_write_more() -> None:
    """By hand: 300 s at 300 rows/s is 82.8 MB, and 12 MB of whole pages each time one begins."""
    usual, often = Checkpoints(), Checkpoints(timeout_s=60.0)
    assert usual.log_read_bytes(300.0, np.zeros(1))[0] == pytest.approx(300.0 * LOG_BYTES_PER_S + WHOLE_PAGES_BYTES)
    assert (often.log_read_bytes(300.0, SHARES) < usual.log_read_bytes(300.0, SHARES)).all()
    assert often.log_bytes_per_day(300.0) - usual.log_bytes_per_day(300.0) == pytest.approx(
        86_400.0 * WHOLE_PAGES_BYTES * (1 / 60 - 1 / 300)
    )


def test_settings_are_read_as_postgres_reads_them() -> None:
    """Units as its documentation has them; bare numbers in each setting's own."""
    found = Checkpoints.of(
        {"checkpoint_timeout": "15min", "max_wal_size": "4096", "checkpoint_completion_target": "0.5"}
    )
    assert found == Checkpoints(900.0, 0.5, 2.0**32)
    assert Checkpoints.of({}) == Checkpoints()
    assert postgres_setting("16 kB", POSTGRES_BYTES, "MB") == 16_384.0
    for wrong in ("5 minutes", "-1", "", "1gb"):
        with pytest.raises(BadInput, match="units"):
            postgres_setting(wrong, POSTGRES_S if "m" in wrong else POSTGRES_BYTES, "s" if "m" in wrong else "MB")
