"""Parameters: where each comes from, their file, and the distributions' draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tests.support.model_cases import a_baseline, a_scenario, a_topology, parameters_of
from workbench.errors import BadInput
from workbench.fault import Fault, FaultType, VictimSelector
from workbench.model.batches import Stretch, fit
from workbench.model.cores import LEFT_MIN, left_for_sessions
from workbench.model.measured import line
from workbench.model.parameter import Distribution, Source, empirical, lognormal, triangular, uniform
from workbench.model.parameters import Parameters, merge
from workbench.records.baseline import PipelineWindow
from workbench.target.port import Victim

BACKEND = Fault(FaultType.POSTGRES_BACKEND_KILL, VictimSelector(role="processor-backend"))
VICTIM = Victim("kafka-1", "worker-2", 4711, 1, ("alerts-1",), False)


def test_what_a_recovery_reads_is_measured_and_grows_until_the_fault() -> None:
    """30 MB in 100 s: 10.5 to 60 MB more by then. Not known, it is the prior's; other parts are not asked."""
    scenario = replace(a_scenario(FaultType.POSTGRES_BACKEND_KILL), faults=(BACKEND,))
    known = replace(a_baseline(), recovery_reads_bytes=3e7, checkpoint_age_s=100.0)
    rows = {
        given: merge(scenario, a_topology(), baseline, None).by_name["postgres_redo_bytes"]
        for given, baseline in (("known", known), ("not known", a_baseline()))
    }
    assert rows["known"].source is Source.BASELINE
    assert rows["known"].value.numbers == pytest.approx((4.05e7, 4.8e7, 9e7))
    assert rows["not known"].source is Source.PRIOR


def test_a_recovery_reads_less_once_the_next_checkpoint_is_complete() -> None:
    """120 MB in 400 s: the one that began after 300 s is complete at 570, before the fault in a tenth of the draws."""
    known = replace(a_baseline(), recovery_reads_bytes=1.2e8, checkpoint_age_s=400.0)
    for fault in (BACKEND, Fault(FaultType.POSTGRES_PRIMARY_KILL, VictimSelector(role="primary"))):
        scenario = replace(a_scenario(fault.type), faults=(fault,))
        row = merge(scenario, a_topology(), known, None).by_name["postgres_redo_bytes"]
        reads = np.array(row.value.numbers)
        assert 0.02 < np.mean(reads < 1.2e8) < 0.1
        assert reads.min() == pytest.approx(0.3e6 * 270.0, rel=0.02)
        assert reads.max() == pytest.approx(0.3e6 * 570.0, rel=0.02)
        assert "the next checkpoint" in row.note


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (uniform(2.0, 5.0), stats.uniform(2.0, 3.0)),
        (triangular(1.0, 2.0, 6.0), stats.triang(0.2, 1.0, 5.0)),
        (lognormal(3.0, 0.5), stats.lognorm(0.5, scale=3.0)),
    ],
)
def test_quantiles_are_the_inverse_of_the_distribution(ours: Distribution, theirs: stats.rv_continuous) -> None:
    """Compared with scipy's over the whole range."""
    shares = np.linspace(0.001, 0.999, 200)
    assert np.allclose(ours.quantile(shares), theirs.ppf(shares))


def test_an_empirical_distribution_gives_its_own_values() -> None:
    """Every value equally often, none in between."""
    drawn = empirical((3.0, 1.0, 2.0)).quantile(np.array([0.0, 0.34, 0.67, 0.9999]))
    assert drawn.tolist() == [1.0, 2.0, 3.0, 3.0]


def test_the_file_keeps_every_parameter_and_gives_the_same_bytes() -> None:
    """Through JSON and back, with and without a baseline."""
    measured = merge(a_scenario(), a_topology(), a_baseline(), VICTIM)
    for parameters in (parameters_of(), measured):
        data = parameters.to_json()
        again = Parameters.from_json(data)
        assert again.to_json() == data
        assert dict(again.by_name) == dict(parameters.by_name)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'{"format": 99, "parameters": {}}', b'{"format":1,"parameters":{"a":{}}}']
)
def test_another_file_is_refused(data: bytes) -> None:
    """No parameters.json, another format, a row without its source."""
    with pytest.raises(BadInput):
        Parameters.from_json(data)


def test_every_parameter_says_its_source() -> None:
    """Origin in words, a known source, a unit or a name."""
    for name, row in merge(a_scenario(), a_topology(), a_baseline(), VICTIM).by_name.items():
        assert row.origin, name
        assert row.source in Source, name


def test_what_the_run_measured_replaces_the_priors() -> None:
    """Broker start, acknowledgement times, batch times; who leads and where the session is."""
    parameters = merge(a_scenario(), a_topology(), a_baseline(), VICTIM)
    prior = parameters_of()
    for name in ("broker_start_s", "broker_ready_s", "response_s", "request_s", "steady_batch_s", "saturated_busy"):
        assert prior.by_name[name].source is Source.PRIOR
        assert parameters.by_name[name].source is Source.BASELINE
    assert parameters.number("broker_start_s") == 4.0
    assert parameters.value("leader_of_partition")["alerts-1"] == 1
    assert parameters.value("victim_session_on_zookeeper_leader") is True
    assert prior.value("victim_session_on_zookeeper_leader") is None
    assert parameters.distribution("response_s").numbers[0] == pytest.approx(0.001)


def test_what_rows_wait_for_followers_is_no_part_of_their_batch() -> None:
    """With acks=1 a record is acknowledged before it is visible: of the baseline's rows that time is taken off."""
    steady = PipelineWindow(30.0, 60.0, 2500.0, 250.0, 25.0, 25.25, 2.0)
    baseline = replace(a_baseline(), steady=steady, commit_s=(0.03,) * 5000)
    every, one = (merge(a_scenario(acks=acks), a_topology(), baseline, VICTIM) for acks in ("all", "1"))
    lag_s = one.distribution("replication_lag_s").median
    assert one.number("commit_stamp_lead_s") - every.number("commit_stamp_lead_s") == pytest.approx(lag_s, abs=1e-6)
    none = merge(a_scenario(acks="0"), a_topology(), baseline, VICTIM)
    assert none.number("commit_stamp_lead_s") - every.number("commit_stamp_lead_s") == pytest.approx(lag_s, abs=1e-6)


def test_a_victim_that_controls_is_noted() -> None:
    """The controller's election comes on top of its session's end."""
    victim = replace(VICTIM, is_controller=True)
    assert merge(a_scenario(), a_topology(), a_baseline(), victim).value("victim_is_controller") is True


def test_the_batch_line_goes_through_both_windows() -> None:
    """10 events in 5 ms and 50 events in 25 ms leave no fixed part; 50 in 15 ms leave 2.5 ms."""
    steady = PipelineWindow(0.0, 1.0, 100.0, 10.0, 0.05, 0.06, 2.0)
    burst = PipelineWindow(0.0, 1.0, 500.0, 10.0, 0.25, 0.3, 2.0)
    assert line(steady, burst, 0.05, 0.25) == pytest.approx((0.0, 0.0005))
    assert line(steady, burst, 0.05, 0.15) == pytest.approx((0.0025, 0.00025))


def test_a_measured_drain_is_believed_more_than_the_burst() -> None:
    """Batches beside the usual load say more of a later drain than those beside four times of it."""
    drain = PipelineWindow(20.0, 30.0, 6000.0, 12.0, 19.0, 19.5, 2.0)
    parameters = merge(a_scenario(), a_topology(), replace(a_baseline(), drain=drain), VICTIM)
    assert parameters.number("saturated_batch_events") == 500.0
    assert parameters.number("saturated_batch_s") == pytest.approx(19.0 / 12.0, abs=1e-5)
    assert parameters.number("saturated_busy") == pytest.approx(0.975)
    assert parameters.by_name["saturated_speed_up"].source is Source.BASELINE


@pytest.mark.parametrize(("fixed_share", "speed_up"), [(0.1, 1.0), (0.3, 1.4), (0.5, 1.0)])
def test_batch_times_go_through_both_stretches(fixed_share: float, speed_up: float) -> None:
    """The fitted time, averaged over the other processor's busy share, gives both measurements back."""
    steady, saturated = Stretch(16.0, 0.027, 0.37), Stretch(300.0, 0.81, 0.92)
    time = fit(steady, saturated, fixed_share, speed_up)
    for stretch, batch_s in ((steady, 0.027), (saturated, 0.81 / speed_up)):
        alone_s = time.fixed_s + time.event_s * stretch.events
        assert alone_s * (1.0 + (time.contention - 1.0) * stretch.busy) == pytest.approx(batch_s, rel=1e-6)
    assert time.contention > 1.0


def test_large_batches_that_are_cheap_need_no_contention() -> None:
    """300 events in 90 ms after 16 in 27 ms: a large fixed part explains it."""
    time = fit(Stretch(16.0, 0.027, 0.37), Stretch(300.0, 0.09, 0.92), 0.2, 1.0)
    assert time.contention == 1.0
    assert time.fixed_s + 300.0 * time.event_s == pytest.approx(0.09)


def test_windows_too_close_give_a_line_through_the_origin() -> None:
    """Without a burst there is no slope to measure."""
    window = PipelineWindow(0.0, 1.0, 100.0, 10.0, 0.05, 0.06, 2.0)
    assert line(window, window, 0.05, 0.05) == pytest.approx((0.0, 0.0005))


def test_draws_belong_to_parameter_and_index() -> None:
    """Asking for some replications, in any order, gives what asking for all gives."""
    parameters = parameters_of()
    everything = parameters.draws(5, range(20))
    some = parameters.draws(5, [17, 3])
    for name, column in everything.items():
        assert some[name].tolist() == [column[17], column[3]]


def test_two_faults_are_not_covered() -> None:
    """The model says so instead of predicting half of it."""
    scenario = a_scenario()
    with pytest.raises(BadInput, match="one fault"):
        parameters_of(replace(scenario, faults=scenario.faults * 2))


@pytest.mark.parametrize("drains", [True, False])
def test_saturated_processors_have_the_cores_that_the_usual_load_leaves(drains: bool) -> None:
    """Of 2 cores the load, brokers and all else kept 1.15 busy beside the saturated ones, and keep 0.7 usually.

    Of these 0.62 of the victim's 0.3 are less when it is gone. It is the same whichever stretch was saturated.
    """
    busy = {"kafka-1": 0.5, "postgres-1": 0.5, "event-processor-0": 0.06, "event-processor-1": 0.04}
    usual = {**a_baseline().server_cores, "event-processor-0": 0.2, "event-processor-1": 0.1}
    window = PipelineWindow(20.0, 30.0, 5000.0, 10.0, 9.0, 10.0, 2.0)
    baseline = replace(a_baseline(), drain=window if drains else None, server_cores=usual, server_cores_saturated=busy)
    speed_up = merge(a_scenario(), a_topology(), baseline, VICTIM).distribution("saturated_speed_up")
    assert speed_up.numbers[1] == pytest.approx((2.0 - (0.7 - 0.62 * 0.3)) / (2.0 - 1.15) * 1.05, abs=1e-3)


def test_no_session_has_more_than_a_core() -> None:
    """One processor on an idle machine of four cores; and where others want all of them, a quarter of one is left."""
    assert left_for_sessions(4.0, 0.5, 1) == 1.0
    assert left_for_sessions(2.0, 2.3, 2) == LEFT_MIN
