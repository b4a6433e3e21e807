"""The exact look at the backlog before a drill's load stops."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from workbench import ledger as ledger_room
from workbench.drill.drained import DrainedCheck
from workbench.metrics.tables import FloatArray
from workbench.records.folder import RunFolder
from workbench.records.writes import ANSWER_DTYPE, COMMIT_DTYPE, SEND_DTYPE, Outcome
from workbench.topology import read_topology

BASE = Path(__file__).parents[2] / "manifests" / "base"
STEP_S = 0.02
USUAL_S = 0.1  # from an event to its row


def a_ledger(folder: Path, intended_s: FloatArray) -> None:
    """Write a producer's logs: every event was sent and acknowledged at once."""
    sends = np.zeros(len(intended_s), SEND_DTYPE)
    answers = np.zeros(len(intended_s), ANSWER_DTYPE)
    for rows in (sends, answers):
        rows["id"] = (1 << 40) + np.arange(len(intended_s))
    sends["intended_s"] = sends["sent_s"] = intended_s
    answers["outcome"], answers["acked_s"] = Outcome.OK, intended_s
    sends.tofile(folder / "sends-1.bin")
    answers.tofile(folder / "answers-1.bin")


@pytest.mark.parametrize(("row_after_s", "drained"), [(USUAL_S, True), (1.5 * USUAL_S, False), (0.5 * USUAL_S, True)])
def test_the_load_goes_on_while_rows_come_later_than_before_the_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row_after_s: float, drained: bool
) -> None:
    """An outage of 10 s, then 20 s of load: drained only if the rows wait no longer than they did in the baseline."""
    now_s = time.time()
    fault_s = now_s - 30.0
    intended_s = np.arange(now_s - 70.0, now_s, STEP_S)
    committed_s = intended_s + np.where(intended_s < fault_s, USUAL_S, row_after_s)
    out = (intended_s >= fault_s) & (intended_s < fault_s + 10.0)
    committed_s[out] = fault_s + 10.0 + row_after_s
    folder = RunFolder(tmp_path)
    folder.ledger.mkdir()
    a_ledger(folder.ledger, intended_s)
    asked = []

    def read_commits(dsn: str, path: Path, since_s: float) -> None:
        asked.append((dsn, since_s))
        rows = np.zeros(len(intended_s), COMMIT_DTYPE)
        rows["id"], rows["committed_s"] = (1 << 40) + np.arange(len(intended_s)), committed_s
        rows[committed_s <= now_s].tofile(path)

    monkeypatch.setattr(ledger_room, "read_commits", read_commits)
    hub = SimpleNamespace(endpoints=SimpleNamespace(postgres_dsn="dsn"), topology=read_topology(BASE))
    baseline = (fault_s - 35.0, fault_s - 5.0)
    check = DrainedCheck(hub, folder, baseline, fault_s, since_s=5.0, reads=False)
    assert check.holds() is drained
    assert check.holds() is False  # not asked again so soon
    assert asked == [("dsn", 5.0)]  # a hub that stays has rows of earlier drills: they are not read each time


def test_where_somebody_reads_the_load_goes_on_until_the_hits_are_back(tmp_path: Path) -> None:
    """Without them Postgres is not even asked: there is nothing of a hub here that could answer."""
    check = DrainedCheck(None, RunFolder(tmp_path), (-35.0, -5.0), time.time(), since_s=0.0, reads=True)  # type: ignore[arg-type]
    assert check.holds() is False
