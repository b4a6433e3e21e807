"""The write log's appending side and its live reader."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from workbench.load.live import LiveCounts
from workbench.load.write_log import WriteLog
from workbench.records.writes import Outcome, read_answers, read_log, read_sends


def test_rows_come_back_as_they_were_noted(tmp_path: Path) -> None:
    """The packed bytes are the bytes of SEND_DTYPE and ANSWER_DTYPE, field by field."""
    log = WriteLog(tmp_path, 3)
    log.sent(3 << 40 | 7, 2, 5, 1.7e9, 1.7e9 + 0.25)
    log.answered(3 << 40 | 7, Outcome.OK, 0, 5, 123456789012, 1.7e9 + 0.5)
    log.answered(3 << 40 | 8, Outcome.FAILED, -190, 4)
    log.close()
    assert read_sends(tmp_path).tolist() == [(3 << 40 | 7, 2, 5, 1.7e9, 1.7e9 + 0.25)]
    acknowledged, failed = read_answers(tmp_path)
    assert acknowledged.tolist() == (3 << 40 | 7, 1, 0, 5, 123456789012, 1.7e9 + 0.5)
    assert failed.tolist()[:5] == (3 << 40 | 8, 2, -190, 4, -1)
    assert np.isnan(failed["acked_s"])


def test_nothing_is_in_the_file_before_a_flush_and_a_torn_row_is_left_out(tmp_path: Path) -> None:
    """Noting never writes; a file cut at any byte still gives its whole rows."""
    log = WriteLog(tmp_path, 1)
    for sequence in range(3):
        log.sent(sequence, 0, 0, 1.0, 2.0)
    assert len(read_sends(tmp_path)) == 0
    log.flush()
    path = tmp_path / "sends-1.bin"
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        assert read_sends(tmp_path)["id"].tolist() == list(range(cut * 3 // len(whole)))
    log.close()


def test_a_log_read_while_it_grows_has_no_answer_without_its_send(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write is sent and answered between the two files being read, whichever comes first."""
    log = WriteLog(tmp_path, 1)
    read_bytes, sequences = Path.read_bytes, iter(range(10))

    def read_while_it_grows(path: Path) -> bytes:
        data = read_bytes(path)
        sequence = next(sequences)
        log.sent(sequence, 0, 0, 1.0, 2.0)
        log.answered(sequence, Outcome.OK, 0, 0, sequence, 2.5)
        log.flush()
        return data

    monkeypatch.setattr(Path, "read_bytes", read_while_it_grows)
    for _ in range(2):
        sends, answers = read_log(tmp_path)
        assert set(answers["id"]) <= set(sends["id"])
    log.close()


def test_a_source_never_continues_an_old_log(tmp_path: Path) -> None:
    """Ids must not repeat, so a second process of a source is refused."""
    WriteLog(tmp_path, 1).close()
    with pytest.raises(FileExistsError):
        WriteLog(tmp_path, 1)


def test_live_counts_follow_the_growing_logs(tmp_path: Path) -> None:
    """Each look reads on from the last; refused writes are not counted as sent."""
    live = LiveCounts(tmp_path)
    assert live.look().sent == 0
    log = WriteLog(tmp_path, 1)
    now_s = time.time()
    for sequence in range(10):
        log.sent(sequence, 0, 0, now_s, now_s)
        log.answered(sequence, Outcome.OK, 0, 0, sequence, now_s - 1.0)
    log.flush()
    first = live.look()
    assert (first.sent, first.acked, first.failed) == (10, 10, 0)
    assert first.acked_per_s == 10.0
    log.sent(10, 0, 0, now_s, now_s)
    log.answered(10, Outcome.NOT_SENT, -184, 0)
    log.answered(11, Outcome.NOT_SENT, 0, 0)
    log.sent(12, 0, 0, now_s, now_s)
    log.answered(12, Outcome.FAILED, -190, 0)
    log.close()
    second = live.look()
    assert (second.sent, second.acked, second.failed) == (11, 10, 1)
