"""A burst of the load: refused where it contradicts itself, planned, asked for and ended, proved, and modelled."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chaoslib.exceptions import InterruptExecution

from tests.support.model_cases import a_scenario, a_topology, parameters_of, setting_and_draws, with_values
from tests.support.sample_load import sample_plan
from tests.unit.test_load_pacing import Writer, run_overdue
from tests.unit.test_model_parameters import VICTIM, a_baseline
from tests.unit.test_scenario import changed, problems_of, write
from workbench.chaos.load_burst import burst_load, end_burst, proof
from workbench.errors import ToolFailed
from workbench.fault import Fault, FaultType, VictimSelector
from workbench.load.pacing import Pacer
from workbench.load.plan import BurstWatch, LoadPlan, StopWatch
from workbench.model import predict
from workbench.model.course import play
from workbench.model.load_burst import slow_down
from workbench.model.parameters import merge
from workbench.records.baseline import PipelineWindow
from workbench.records.load_burst import NO_BURST, NOTICE_S, LoadBurst, read_burst, write_burst
from workbench.records.prediction import finite
from workbench.records.writes import SEND_DTYPE
from workbench.scenario.drill_scenario import Scenario

BURST = "type: LoadBurst\n    victim: {role: load}"
KILL = "type: BrokerKill\n    victim: {broker: 1}"


@pytest.mark.parametrize(
    ("fault", "key", "bound"),
    [
        (f"{BURST}\n    for_s: 15\n    factor: 1", "faults[0].factor", "above 1 and at most 20"),
        (f"{BURST}\n    for_s: 15\n    factor: 50", "faults[0].factor", "above 1 and at most 20"),
        (f"{BURST}\n    for_s: 15", "faults[0]", "factor (a multiple of the load's rate) with LoadBurst"),
        (
            f"{BURST}\n    factor: 5",
            "faults[0]",
            "for_s (seconds) with BrokerFreeze, NodeFreeze",
        ),
        (f"{KILL}\n    factor: 5", "faults[0]", "factor (a multiple of the load's rate) with LoadBurst"),
        (
            "type: LoadBurst\n    victim: {broker: 1}\n    for_s: 15\n    factor: 5",
            "faults[0]",
            "LoadBurst with a victim of {role: load}",
        ),
    ],
)
def test_a_burst_that_contradicts_itself_is_refused(tmp_path: Path, fault: str, key: str, bound: str) -> None:
    """With one message that names what would be right."""
    (problem,) = problems_of(write(tmp_path, changed((KILL, fault))))
    assert problem.key == key
    assert bound in problem.bound


def bursting(folder: Path, start_s: float, **changes: Any) -> LoadPlan:
    """Return a plan of 20 s that may burst to five times its rate for 4 s."""
    _, plan = sample_plan(folder, start_s, horizon_s=20.0, burst_factor=5.0, burst_s=4.0, **changes)
    return plan


def test_what_a_burst_puts_on_top_leaves_the_usual_schedule_as_it_is(tmp_path: Path) -> None:
    """Every event of the usual schedule is still there; before the burst at the same place in the sequence."""
    plan = bursting(tmp_path, 1000.0, rate_per_s=400.0)
    usual = plan.share(1)
    write_burst(plan.load, LoadBurst(1008.0, 1012.0))
    both = plan.share(1)
    before = int(np.searchsorted(usual.intended_s, 1008.0))
    assert np.array_equal(both.intended_s[:before], usual.intended_s[:before])
    assert set(usual.intended_s) <= set(both.intended_s)
    on_top = np.setdiff1d(both.intended_s, usual.intended_s)
    assert 1008.0 <= on_top.min() <= on_top.max() < 1012.0
    assert len(on_top) == pytest.approx(200.0 * 4.0 * 4.0, rel=0.1)  # one of two workers; four times more, for 4 s
    write_burst(plan.load, LoadBurst(1008.0, 1009.0))
    short = plan.share(1)
    assert set(short.intended_s) == set(usual.intended_s) | {t for t in on_top if t < 1009.0}


def test_a_source_takes_a_burst_up_as_it_goes_on(tmp_path: Path) -> None:
    """What was sent before keeps its id; nothing is sent twice or left out."""
    plan = bursting(tmp_path, time.time() - 5.0, rate_per_s=400.0)
    writer = Writer()
    pacer = Pacer(plan.share(1), writer, StopWatch(plan.load), BurstWatch(plan, 1))  # type: ignore[arg-type]
    run_overdue(pacer)
    sent = len(writer.sent)
    write_burst(plan.load, LoadBurst(time.time() + 0.4, time.time() + 4.4))
    deadline_s = time.monotonic() + 10.0
    while len(writer.sent) < sent + 700 and time.monotonic() < deadline_s:
        run_overdue(pacer)
    share = plan.share(1)
    ids = share.ids(np.arange(len(writer.sent)))
    assert writer.sent == list(zip(ids.tolist(), share.intended_s[: len(ids)].tolist(), strict=True))


def test_a_burst_that_is_asked_for_too_late_ends_the_source(tmp_path: Path) -> None:
    """Its events would take the ids of others that were sent already."""
    plan = bursting(tmp_path, time.time() - 5.0)
    pacer = Pacer(plan.share(1), Writer(), StopWatch(plan.load), BurstWatch(plan, 1))  # type: ignore[arg-type]
    run_overdue(pacer)
    write_burst(plan.load, LoadBurst(plan.start_s + 1.0, plan.start_s + 5.0))
    with pytest.raises(ToolFailed, match="later than its events are planned"):
        for _ in range(100):
            run_overdue(pacer)
            time.sleep(0.01)  # the file is looked for every quarter of a second


def sends(ledger: Path, source: int, sent_s: np.ndarray[Any, Any]) -> None:
    """Write a source's log of these sends."""
    rows = np.zeros(len(sent_s), dtype=SEND_DTYPE)
    rows["sent_s"] = sent_s
    (ledger / f"sends-{source}.bin").write_bytes(rows.tobytes())


@pytest.mark.parametrize(("times", "effective"), [(5, True), (3, False)])
def test_the_producers_own_log_proves_a_burst(tmp_path: Path, times: int, effective: bool) -> None:
    """Against the rate of the stretch before it, the canary apart."""
    before, burst = np.arange(85.0, 100.0, 0.01), np.arange(100.0, 115.0, 0.01 / times)
    sends(tmp_path, 1, np.concatenate([before, burst]))
    sends(tmp_path, 0, np.arange(80.0, 120.0, 0.001))
    found = proof(tmp_path, LoadBurst(100.0, 115.0), 5.0)
    assert found.effective is effective
    assert f"{times:.2f} times the 100 a second of the 15 s before" in found.evidence


def test_nothing_is_asked_of_a_load_that_is_not_there(tmp_path: Path) -> None:
    """The experiment ends with the reason."""
    with pytest.raises(InterruptExecution, match="no load to burst"):
        burst_load(str(tmp_path / "none"), "", 5.0, 5.0)


def test_a_burst_asked_for_late_begins_as_soon_as_the_sources_can_know(tmp_path: Path) -> None:
    """The load hears of it before it begins, and its moment is the one that counts as the fault's."""
    asked_s = time.time()
    with pytest.raises(InterruptExecution, match="0 events sent"):  # nobody sends here
        sends(tmp_path, 1, np.array([asked_s - 1.0]))
        burst_load(str(tmp_path), str(tmp_path), 5.0, 0.5, moment_s=asked_s - 3.0)
    assert read_burst(tmp_path).begin_s == pytest.approx(asked_s + NOTICE_S, abs=0.5)


def test_a_burst_is_ended_early_and_only_once(tmp_path: Path) -> None:
    """The undo can be called at any time."""
    assert end_burst(str(tmp_path))["detail"] == "the load was not asked to burst"
    assert read_burst(tmp_path) == NO_BURST
    now_s = time.time()
    write_burst(tmp_path, LoadBurst(now_s - 5.0, now_s + 60.0))
    assert "early" in end_burst(str(tmp_path))["detail"]
    assert read_burst(tmp_path).end_s == pytest.approx(now_s + NOTICE_S, abs=1.0)
    assert end_burst(str(tmp_path))["detail"] == "the burst was over"


def a_burst(factor: float = 5.0, rate_per_s: float = 60.0) -> Scenario:
    """Return a scenario whose load bursts for 15 s."""
    fault = Fault(FaultType.LOAD_BURST, VictimSelector(role="load"), for_s=15.0, factor=factor)
    return replace(a_scenario(rate_per_s=rate_per_s), faults=(fault,))


def test_what_gathers_is_what_is_offered_less_what_is_written() -> None:
    """60 events/s and the canary's 24; five times the devices' is 324; the processors write 84 * (1 + 1 / 0.5)."""
    scenario = a_burst()
    parameters = with_values(parameters_of(scenario), calibration_burst_slows=1.0)
    setting, draws = setting_and_draws(parameters, scenario)
    course = play(setting, {**draws, "drain_per_silent_s": 0.5})
    assert course.gathered_s == pytest.approx(15.0 * (324.0 - 252.0) / 84.0)
    assert course.moments.burst_ended_s == 15.0
    assert course.disturbance.outage is None
    assert course.disturbance.pace.from_s[3] == pytest.approx(15.0 + 0.5 * course.gathered_s)


def test_a_batch_is_slower_in_proportion_to_what_is_on_top() -> None:
    """Measured beside four times the load."""
    assert slow_down(4.0, 1.6) == pytest.approx(1.6)
    assert slow_down(7.0, 1.6) == pytest.approx(2.2)
    assert slow_down(1.0, 1.6) == 1.0


@pytest.mark.parametrize(("factor", "grows"), [(1.5, False), (5.0, True)])
def test_a_saturated_hub_is_predicted_to_fall_behind(factor: float, grows: bool) -> None:
    """The backlog peaks at the growth over the whole burst where the processors are saturated, at a batch if not."""
    scenario = a_burst(factor, rate_per_s=150.0)
    fixed = {"steady_batch_events": 10.0, "steady_batch_s": 0.02, "steady_busy": 0.5, "calibration_burst_slows": 1.0}
    fixed |= {"saturated_batch_events": 500.0, "saturated_batch_s": 2.0, "saturated_busy": 1.0}
    parameters = with_values(parameters_of(scenario), saturated_speed_up=1.0, **fixed)
    found = predict(scenario, a_topology(), parameters, 1, replications=10, subprocesses=0)
    peaks, drains = (finite(found.metrics[name]) for name in ("pipeline_backlog_events_max", "pipeline_drain_s"))
    assert len(peaks) == len(drains) == 10
    if grows:  # 774 events a second offered, some 500 a second written
        assert np.median(peaks) == pytest.approx(15.0 * (774.0 - 500.0), rel=0.25)
        assert min(drains) > 3.0
    else:
        assert max(peaks) < 400.0
    assert set(found.metrics["acknowledged_records_lost"]) == {0.0}


def test_the_calibration_bursts_end_tells_how_slow_a_burst_is() -> None:
    """Only where its batches were as full as the drain's; else the prior stays."""
    scenario, baseline = a_burst(), a_baseline()
    full = PipelineWindow(14.0, 20.0, 4000.0, 8.0, 12.0, 12.5, 2.0)
    drain = PipelineWindow(20.0, 40.0, 20000.0, 40.0, 40.0, 41.0, 2.0)
    prior = parameters_of(scenario).value("calibration_burst_slows")
    for end, mode in ((full, 1.5), (baseline.burst_end, None)):
        measured = replace(baseline, drain=drain, burst_end=end)
        found = merge(scenario, a_topology(), measured, replace(VICTIM, broker=None, server="load"))
        value = found.distribution("calibration_burst_slows")
        assert value.numbers[1] == mode if mode else value == prior
        assert found.distribution("burst_response_s").values[0] == pytest.approx(0.005)
