"""The readers' part of a load: who asks when, and what is made of their log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.sample_load import sample_plan
from workbench.errors import BadInput
from workbench.load.plan import SECRET_VARIABLE, LoadPlan, commands, read_plan, write_stop
from workbench.load.reads import gateway_busy_s, read_table, summarize_reads
from workbench.records.folder import RunFolder
from workbench.records.reads import NO_ANSWER, READ_DTYPE, READ_ROW, READS_FILE, CacheWord, RequestKind
from workbench.workload import Readers

START_S = 1_790_000_000.25


def plan_with_readers(folder: Path, per_s: float = 20.0) -> tuple[RunFolder, LoadPlan]:
    """Return a plan of ten seconds with readers."""
    run, plan = sample_plan(folder, START_S)
    readers = Readers(users=4, requests_per_s=per_s)
    return run, replace(plan, workload=replace(plan.workload, readers=readers), gateway_url="http://127.0.0.1:1")


def test_readers_have_a_process_of_their_own(tmp_path: Path) -> None:
    """The secret reaches it through its environment and never the plan's file, which survives with the readers."""
    run, plan = plan_with_readers(tmp_path)
    path = run.load / "plan.json"
    plan.write(path)
    assert read_plan(path) == plan
    name, argv, environment = commands(path, "hunter2")[-1]
    assert name == "readers"
    assert argv[argv.index("--host") + 1] == plan.gateway_url
    assert environment[SECRET_VARIABLE] == "hunter2"
    assert "hunter2" not in path.read_text()


def test_readers_need_a_gateway(tmp_path: Path) -> None:
    """A plan without its address is refused."""
    run, plan = plan_with_readers(tmp_path)
    with pytest.raises(BadInput) as refused:
        replace(plan, gateway_url="").write(run.load / "plan.json")
    assert [problem.key for problem in refused.value.problems] == ["gateway_url"]


def test_readers_leave_the_writers_schedule_as_it_was(tmp_path: Path) -> None:
    """Their draws come from a stream of their own: Poisson over the horizon, every device in turn by chance."""
    _, plan = plan_with_readers(tmp_path, per_s=400.0)
    _, without = sample_plan(tmp_path, START_S)
    assert np.array_equal(plan.share(1).intended_s, without.share(1).intended_s)
    assert len(without.reads().intended_s) == 0
    reads = plan.reads()
    assert abs(len(reads.intended_s) - 4000) < 5 * np.sqrt(4000)
    gaps_s = np.diff(reads.intended_s)
    assert np.all(gaps_s >= 0.0)
    assert np.std(gaps_s) == pytest.approx(np.mean(gaps_s), rel=0.1)  # exponential
    assert (reads.device.min(), reads.device.max()) == (0, plan.workload.devices - 1)
    assert np.array_equal(plan.reads().intended_s, reads.intended_s)


def test_what_became_of_the_requests(tmp_path: Path) -> None:
    """Counts by status and cache, times from the intended moment, hits in each second; log-ins apart."""
    run, plan = plan_with_readers(tmp_path)
    intended_s = plan.reads().intended_s
    write_stop(run.load, float(intended_s[6]))
    rows = [
        (0.0, 0.1, 200, CacheWord.HIT),
        (0.5, 0.6, 200, CacheWord.MISS),
        (0.0, 1.2, 200, CacheWord.HIT),
        (0.0, 1.3, 503, CacheWord.AWAY),
        (0.0, 3.1, NO_ANSWER, CacheWord.NONE),
    ]
    data = [
        READ_ROW.pack(START_S, START_S + slip_s, START_S + answered_s, 7, status, cache, RequestKind.STATE)
        for slip_s, answered_s, status, cache in rows
    ]
    data.append(READ_ROW.pack(START_S, START_S, START_S + 0.2, -1, 401, CacheWord.NONE, RequestKind.LOGIN))
    assert READ_DTYPE.itemsize == READ_ROW.size
    (run.load / READS_FILE).write_bytes(b"".join(data) + b"cut short")
    summary = summarize_reads(run, plan)
    assert (summary.planned, summary.sent, summary.not_sent) == (6, 5, 1)
    assert summary.by_status == {"0": 1, "200": 3, "503": 1}
    assert summary.by_cache == {"hit": 2, "miss": 1, "away": 0}
    assert summary.logins_by_status == {"401": 1}
    assert summary.answer_s.p50 == pytest.approx(0.6, abs=1e-6)
    assert (summary.slip_s.max, summary.slip_s.p50) == pytest.approx((0.5, 0.0), abs=1e-6)
    assert summary.hit_ratio == pytest.approx(2 / 3)
    assert (summary.t_s, summary.answered_per_s) == ([0.0, 1.0], [2.0, 1.0])
    assert summary.hit_ratio_of_window == [0.5, 1.0]


def test_readers_that_never_started_have_sent_nothing(tmp_path: Path) -> None:
    """Without a log everything planned is not sent, and nothing was answered."""
    run, plan = plan_with_readers(tmp_path)
    summary = summarize_reads(run, plan)
    assert summary.planned == summary.not_sent == len(plan.reads().intended_s) > 0
    assert np.isnan(summary.hit_ratio)
    assert summary.t_s == []


def a_log(load: Path, rows: list[tuple[float, float, float, int, CacheWord]]) -> None:
    """Write requests for states: intended, sent and answered (s after the start), status and X-Cache."""
    data = [
        READ_ROW.pack(START_S + intended_s, START_S + sent_s, START_S + done_s, 7, status, word, RequestKind.STATE)
        for intended_s, sent_s, done_s, status, word in rows
    ]
    data.append(READ_ROW.pack(START_S, START_S, START_S + 0.2, -1, 200, CacheWord.NONE, RequestKind.LOGIN))
    load.mkdir(exist_ok=True)
    (load / READS_FILE).write_bytes(b"".join(data))


def test_a_read_is_answered_when_its_state_or_that_there_is_none_was_told(tmp_path: Path) -> None:
    """200 and 404 are answers, a hit only the first from Redis; log-ins are no reads; times count from the fault."""
    words = [
        (200, CacheWord.HIT),
        (200, CacheWord.AWAY),
        (404, CacheWord.MISS),
        (401, CacheWord.NONE),
        (503, CacheWord.MISS),
    ]
    a_log(tmp_path, [(1.0, 1.0, 1.5, status, word) for status, word in words])
    table = read_table(tmp_path, START_S + 1.0)
    assert table.answered.tolist() == [True, True, True, False, False]
    assert table.hit.tolist() == [True, False, False, False, False]
    assert (table.intended_s[0], table.answered_s[0]) == (0.0, 0.5)
    assert len(read_table(tmp_path / "nobody", START_S).intended_s) == 0


def test_what_the_gateway_takes_is_told_while_requests_wait_for_it(tmp_path: Path) -> None:
    """Answers 8 ms apart, 12 ms where Postgres is asked: 8 and 4 ms; what comes in time afterwards does not count."""
    rng = np.random.default_rng(1)
    misses = rng.random(400) < 0.4
    done_s = np.cumsum(np.where(misses, 0.012, 0.008))
    words = [CacheWord.MISS if miss else CacheWord.HIT for miss in misses]
    late = [(0.0, 1.0, 1.0 + at_s, 200, word) for at_s, word in zip(done_s.tolist(), words, strict=True)]
    in_time = [(20.0 + at_s, 20.0 + at_s, 20.5 + at_s, 200, CacheWord.HIT) for at_s in range(20)]
    a_log(tmp_path, late + in_time)
    assert gateway_busy_s(tmp_path) == pytest.approx((0.008, 0.004), rel=1e-3)
    a_log(tmp_path, in_time + late)  # nobody had to wait at first
    assert gateway_busy_s(tmp_path) == pytest.approx((0.008, 0.004), rel=1e-3)
    a_log(tmp_path, late[:100])
    assert gateway_busy_s(tmp_path) == ()
