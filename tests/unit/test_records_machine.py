"""What the machine's host took away from a run, and where it is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from tests.support.reference_records import metric, percentiles, record
from tests.support.sample_run import write_sample
from workbench.compare.fidelity import fidelity
from workbench.records import timeline
from workbench.records.folder import RunFolder
from workbench.records.machine import stolen_percent
from workbench.report.belief import warnings
from workbench.report.record import read_record


def a_run(folder: Path, *steal_percent: float) -> RunFolder:
    """Return a run whose baseline began at 10 s and whose load ended at 20 s, with one sample a second from 8 s on."""
    run = RunFolder(folder)
    run.create()
    timeline.append(run.timeline, "baseline", 14.0, start_s=10.0, end_s=13.0)
    timeline.append(run.timeline, "load-stopped", 20.0)
    lines = [orjson.dumps({"t": 8.0 + index, "steal_percent": each}) for index, each in enumerate(steal_percent)]
    blind = orjson.dumps({"t": 11.5, "blind": "no answer"})
    (run.observed / "machine.jsonl").write_bytes(b"\n".join([*lines, blind, b'{"t": 12.0, "steal_pe']))
    return run


def test_only_the_stretch_that_is_measured_and_watched_counts(tmp_path: Path) -> None:
    """Mean over the samples in it; blind ones and a line cut short are left out."""
    assert stolen_percent(a_run(tmp_path / "run", 90.0, 90.0, 10.0, 20.0, 30.0)) == pytest.approx(20.0)


def test_a_run_that_nobody_looked_at_says_nothing(tmp_path: Path) -> None:
    """No sample, or no such stretch."""
    run = a_run(tmp_path / "run", 1.0)
    assert stolen_percent(run) is None
    assert stolen_percent(RunFolder(tmp_path / "nothing")) is None


def test_a_page_warns_of_a_machine_that_was_not_alone(tmp_path: Path) -> None:
    """Above a twentieth of its time."""
    run = read_record(write_sample(tmp_path / "run", "pass-pass"))
    for stolen, warned in ((None, False), (4.0, False), (31.4, True)):
        found = [line for line in warnings(replace(run, stolen_percent=stolen)) if "31 %" in line]
        assert bool(found) is warned


def test_the_table_counts_disturbed_drills_and_keeps_them() -> None:
    """They are scored as all others: nobody may leave out what went wrong."""
    drills = [record(number, metric(15.0, percentiles(15.0, 5.0))) for number in (1, 2)]
    records = [drills[0], replace(drills[1], stolen_percent=12.0)]
    table = fidelity(records)
    assert table.disturbed == 1
    assert {row.drills for row in table.rows} == {2}
