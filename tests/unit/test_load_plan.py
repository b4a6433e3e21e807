"""The load plan: its file, its shares of the schedule, its commands and its stop file."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.sample_load import sample_plan
from workbench.errors import BadInput
from workbench.load.plan import (
    PLAN_VARIABLE,
    SOURCE_VARIABLE,
    StopWatch,
    commands,
    read_plan,
    read_stop,
    write_counts,
    write_stop,
)
from workbench.streams import stream
from workbench.workload import SOURCE_SHIFT, schedule

START_S = 1_790_000_000.25


def test_a_plan_survives_its_file(tmp_path: Path) -> None:
    """What is written is read back, and draws the same schedule."""
    run, plan = sample_plan(tmp_path, START_S, calibration_burst=True)
    path = run.load / "plan.json"
    plan.write(path)
    again = read_plan(path)
    assert again == plan
    assert np.array_equal(again.share(2).intended_s, plan.share(2).intended_s)


def test_all_problems_of_a_plan_are_told_at_once(tmp_path: Path) -> None:
    """Values that cannot be carried out are refused together, on writing and on reading."""
    run, plan = sample_plan(tmp_path, START_S)
    workload = replace(plan.workload, acks="most", event_bytes=20, devices=0, mix={"nowhere": 1.0})
    wrong = replace(plan, workload=workload, workers=0, horizon_s=math.inf, partitions={"alerts": 0})
    with pytest.raises(BadInput) as refused:
        wrong.write(run.load / "plan.json")
    keys = {problem.key for problem in refused.value.problems}
    assert keys == {
        "partitions",
        "workload.mix",
        "workload.acks",
        "workload.event_bytes",
        "workload.devices",
        "workers",
        "horizon_s",
    }


def test_a_damaged_file_is_bad_input(tmp_path: Path) -> None:
    """Missing and mistyped fields are told at once."""
    run, plan = sample_plan(tmp_path, START_S)
    path = run.load / "plan.json"
    plan.write(path)
    raw = json.loads(path.read_text())
    del raw["client"]
    raw["seed"] = "seven"
    path.write_text(json.dumps(raw))
    with pytest.raises(BadInput) as refused:
        read_plan(path)
    assert {problem.key for problem in refused.value.problems} == {"client", "seed"}


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_shares_together_are_the_schedule(tmp_path: Path, workers: int) -> None:
    """Worker w of n takes rows i % n == w of the one schedule that the model draws too."""
    _, plan = sample_plan(tmp_path, START_S, workers=workers)
    whole = schedule(plan.workload, plan.partitions, stream(plan.seed, "load"), 0.0, plan.horizon_s)
    shares = [plan.share(source) for source in plan.sources[1:]]
    assert sum(len(share) for share in shares) == len(whole.intended_s)
    for worker, share in enumerate(shares):
        assert np.array_equal(share.intended_s, START_S + whole.intended_s[worker::workers])
        assert np.array_equal(share.device, whole.device[worker::workers])
        ids = share.ids(np.arange(len(share)))
        assert set(ids >> SOURCE_SHIFT) == {worker + 1}


def test_a_hub_that_had_events_gets_ids_of_their_own(tmp_path: Path) -> None:
    """Those of each source begin after everything that any load wrote there before, also beside a burst."""
    _, plan = sample_plan(tmp_path, START_S, first_sequence=1000)
    share = plan.share(1)
    assert share.ids(np.arange(2)).tolist() == [(1 << 40) + 1000, (1 << 40) + 1001]
    assert share.merged_with(share).ids(np.arange(1)).tolist() == [(1 << 40) + 1000]


def test_the_canary_is_source_zero(tmp_path: Path) -> None:
    """The canary's share holds its own schedule; its device is the partition."""
    _, plan = sample_plan(tmp_path, START_S)
    share = plan.share(0)
    assert len(share) == 24 * 4 * 10
    assert np.array_equal(share.device, share.partition)
    assert share.ids(np.arange(3)).tolist() == [0, 1, 2]


def test_commands_start_master_workers_and_canary(tmp_path: Path) -> None:
    """Every command is a list that keeps a path with a space whole; each worker knows its source."""
    run, plan = sample_plan(tmp_path, START_S)
    path = run.load / "plan.json"
    plan.write(path)
    started = commands(path)
    assert [name for name, _, _ in started] == ["locust-master", "locust-worker-1", "locust-worker-2", "canary"]
    assert all(environment[PLAN_VARIABLE] == str(path) for _, _, environment in started)
    assert [environment.get(SOURCE_VARIABLE) for _, _, environment in started] == [None, "1", "2", None]
    master = started[0][1]
    assert str(run.load / "locust") in master
    ports = {argv[argv.index(option) + 1] for _, argv, _ in started for option in argv if option.endswith("-port")}
    assert len(ports) == 1


def test_the_stop_file_is_seen(tmp_path: Path) -> None:
    """No file means no stop; a stop by hand is never put off by the file."""
    run, _ = sample_plan(tmp_path, START_S)
    assert read_stop(run.load) == math.inf
    assert StopWatch(run.load).stop_s() == math.inf
    write_stop(run.load, START_S)
    watch = StopWatch(run.load)
    assert watch.stop_s() == START_S
    watch.now()
    assert watch.stop_s() == START_S


def test_counts_are_written_with_their_source(tmp_path: Path) -> None:
    """The counts file names its source."""
    run, _ = sample_plan(tmp_path, START_S)
    write_counts(run.load, 2, {"planned": 5, "sent": 5})
    assert json.loads((run.load / "counts-2.json").read_text()) == {"source": 2, "planned": 5, "sent": 5}


def test_nothing_but_the_locustfile_imports_locust() -> None:
    """Importing Locust patches a process; the rest of the load must not."""
    modules = "plan, pacing, producer, canary, summary, live, bodies, write_log"
    patching = "{'locust', 'gevent'} & sys.modules.keys()"
    code = f"import sys; from workbench.load import {modules}; sys.exit(bool({patching}))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0
