"""Whole predictions: reproducible to the byte, sensitive by the right amount, and sane for every fault."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tests.support.model_cases import a_scenario, a_topology, parameters_of, with_values
from workbench.errors import BadInput
from workbench.fault import FaultType, RestartRule
from workbench.model import NOT_MODELLED, predict
from workbench.model.parameters import Parameters
from workbench.records.prediction import CURVES, Prediction, finite, interval, median

REPLICATIONS = 40


def prediction(parameters: Parameters | None = None, session_s: float = 18.0, **scenario: object) -> Prediction:
    """Return a small prediction in this process."""
    case, topology = a_scenario(**scenario), a_topology(session_s)  # type: ignore[arg-type]
    return predict(case, topology, parameters or parameters_of(case, topology), 7, REPLICATIONS, subprocesses=0)


def test_the_number_of_subprocesses_does_not_change_a_byte() -> None:
    """In this process, in one and in two subprocesses; and parameters that went through their file."""
    case, topology = a_scenario(), a_topology()
    parameters = parameters_of(case, topology)
    again = Parameters.from_json(parameters.to_json())
    here = predict(case, topology, parameters, 3, 30, subprocesses=0).to_bytes()
    assert predict(case, topology, parameters, 3, 30, subprocesses=1).to_bytes() == here
    assert predict(case, topology, again, 3, 30, subprocesses=2).to_bytes() == here
    assert predict(case, topology, parameters, 4, 30, subprocesses=0).to_bytes() != here


def test_a_replication_does_not_depend_on_how_many_there_are() -> None:
    """The first ten of forty are the ten of ten."""
    case, topology = a_scenario(), a_topology()
    parameters = parameters_of(case, topology)
    few, many = (predict(case, topology, parameters, 3, count, subprocesses=0) for count in (10, REPLICATIONS))
    for name, values in few.metrics.items():
        assert np.array_equal(np.array(values), np.array(many.metrics[name][:10]), equal_nan=True), name


def test_a_doubled_session_moves_the_silence_by_the_session_less_the_pings() -> None:
    """9 to 18 s: 7.5 s more at the median (theory of the mean; same seed, so the phases are the same)."""
    shift_s = median(prediction(session_s=18.0).metrics["kafka_unavailable_s"]) - median(
        prediction(session_s=9.0).metrics["kafka_unavailable_s"]
    )
    assert shift_s == pytest.approx(7.5, abs=0.6)


def test_a_killed_broker_silences_every_partition_until_its_session_expires() -> None:
    """acks=all, three copies on three brokers: silence is detection and a little, for all six partitions."""
    found = prediction().metrics
    assert min(finite(found["kafka_partitions_hit"])) == 6.0
    low, high = interval(found["kafka_unavailable_s"], 90.0)
    assert 14.0 < low < high < 23.5
    assert high - low < 7.0
    detect, silent = np.array(found["broker_detect_s"]), np.array(found["kafka_unavailable_s"])
    assert (silent > detect - 0.3).all()
    assert set(finite(found["acknowledged_records_lost"])) == {0.0}


def test_a_refused_registration_costs_the_restart_rules_wait() -> None:
    """A broker that starts in 3 s finds its session alive, and comes back after 10 s or 10 and 20 s of waiting."""
    parameters = with_values(
        parameters_of(),
        broker_start_s=3.0,
        start_again_factor=1.0,
        broker_start_cpu_s=2.4,  # of 3 s: what drains beside it does not slow it
        short_tasks_cores=0.2,
        victim_cores=0.2,
        database_cores=0.2,
        broker_start_threads=2.0,
        log_recovery_partition_s=0.0,
        log_load_partition_s=0.0,
        node_exists_exit_s=0.5,
        kubelet_relist_s=0.0,
        restart_notice_s=0.1,
    )
    found = prediction(parameters)
    down_s = finite(found.metrics["broker_down_s"])
    second, third = 0.1 + 3.0 + 0.5 + 10.1 + 3.0, 0.1 + 3.0 + 0.5 + 10.1 + 3.0 + 0.5 + 20.1 + 3.0
    near = [min(abs(each - second), abs(each - third)) for each in down_s]
    assert max(near) < 0.25
    detect_s = np.array(found.metrics["broker_detect_s"])
    assert ((np.array(found.metrics["broker_down_s"]) > 20.0) == (detect_s > second)).mean() > 0.95


def test_without_a_restart_the_redundancy_never_comes_back() -> None:
    """Metrics of the return have no value; the others are as with a restart."""
    found = prediction(restart=RestartRule.NONE)
    for name in ("isr_full_s", "broker_down_s", "broker_rejoin_s", "catch_up_s"):
        assert len(finite(found.metrics[name])) == 0
    assert len(finite(found.metrics["kafka_unavailable_s"])) == REPLICATIONS


def test_a_stopped_broker_is_hardly_noticed() -> None:
    """SIGTERM: leaders move first, so no partition is silent for much longer than a follower's back-off of 1 s."""
    found = prediction(fault=FaultType.BROKER_STOP)
    low, high = interval(found.metrics["kafka_unavailable_s"], 90.0)
    assert 0.9 < low < high < 2.0
    assert interval(found.metrics["broker_detect_s"], 90.0)[1] < 6.5
    assert set(finite(found.metrics["acknowledged_records_lost"])) == {0.0}


def test_with_acks_of_one_only_the_victims_partitions_are_silent() -> None:
    """Two of six partitions wait for a new leader; a few acknowledged records may be lost; rows still wait."""
    found = prediction(acks="1").metrics
    assert set(finite(found["kafka_partitions_hit"])) == {2.0}
    assert interval(found["acknowledged_records_lost"], 90.0)[1] <= 3.0
    assert median(found["pipeline_backlog_events_max"]) > 0.8 * 60.0 * median(found["broker_detect_s"])


def test_too_few_replicas_left_keep_writes_waiting_for_the_broker() -> None:
    """min.insync.replicas equal to the copies: silence lasts until the sets are full again."""
    case, topology = a_scenario(), a_topology(replication_factor=3, min_insync_replicas=3)
    found = predict(case, topology, parameters_of(case, topology), 7, REPLICATIONS, subprocesses=0).metrics
    gap_s = np.array(found["kafka_unavailable_s"]) - np.array(found["isr_full_s"])
    assert np.abs(gap_s).max() < 1.5


def test_the_prediction_holds_every_row_and_every_curve() -> None:
    """Columns of one length, spans of every partition, five percentiles in order, progress to the end."""
    case, topology = a_scenario(), a_topology()
    seen: list[tuple[int, int]] = []
    found = predict(
        case, topology, parameters_of(case, topology), 7, 30, 0, lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (30, 30)
    assert {len(values) for values in found.metrics.values()} == {30}
    assert {len(values) for values in found.parameters.values()} == {30}
    assert set(found.silent_spans) == set(topology.partition_labels)
    assert set(found.envelopes) == set(CURVES)
    assert found.envelope_grid_s[0] == -15.0
    backlog = [np.array(found.envelopes["backlog_events"][str(percent)]) for percent in (5, 25, 50, 75, 95)]
    for low, high in pairwise(backlog):
        assert (low <= high).all()
    assert len(NOT_MODELLED) > 3


def test_parameters_of_another_version_are_refused() -> None:
    """A parameters.json that lacks a row is no reason to guess."""
    rows = {name: row for name, row in parameters_of().by_name.items() if name != "isr_rejoin_s"}
    with pytest.raises(BadInput, match="isr_rejoin_s"):
        predict(a_scenario(), a_topology(), Parameters(rows), 1, 10, 0)


def test_parameters_of_other_manifests_are_refused() -> None:
    """A prediction mixes nothing: the partitions must be the topology's."""
    parameters = with_values(parameters_of(), victim_is_controller=True)
    rows = dict(parameters.by_name)
    rows["leader_of_partition"] = rows["victim_broker"].__class__(
        {"other-0": 1}, "", rows["victim_broker"].source, "nowhere"
    )
    with pytest.raises(BadInput):
        predict(a_scenario(), a_topology(), Parameters(rows), 1, 10, 0)
