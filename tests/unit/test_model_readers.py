"""The model of the readers: who is answered from where, who is refused, and what is left alone without readers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.support.model_cases import a_scenario, a_topology
from workbench.fault import Fault, FaultType, StoredData, VictimSelector
from workbench.metrics.catalogue import READER_METRICS
from workbench.metrics.tables import ReadTable
from workbench.model import predict
from workbench.model.parameter import uniform
from workbench.model.parameters import merge
from workbench.model.part_priors import READERS
from workbench.model.readers import play, waits_s
from workbench.scenario.drill_scenario import Scenario
from workbench.streams import stream
from workbench.workload import Readers

SERVES_S = 0.5
PER_S = 50.0
FOUR = Readers(4, PER_S)
DRAWS = {
    "fault_after_load_start_s": 120.0,
    "redis_file_bytes": 0.0,
    "gateway_postgres_s": 0.005,
    "gateway_hit_s": 0.002,
}


def a_loss(data: StoredData = StoredData.LOST, readers: Readers | None = FOUR) -> Scenario:
    """Return a scenario that kills Redis beside these readers of 50 devices."""
    scenario = a_scenario()
    fault = Fault(FaultType.REDIS_KILL, VictimSelector(role="redis"), data=data)
    return replace(scenario, faults=(fault,), workload=replace(scenario.workload, readers=readers))


def reads(**draws: float) -> ReadTable:
    """Return the reads of one replication, a hit taking 1 ms."""
    rng = stream(1, "case")
    return play(a_loss().workload, {**DRAWS, **draws}, SERVES_S, 60.0, uniform(0.001, 0.001 + 1e-9), rng)


def test_after_a_loss_each_user_is_refused_once_and_each_device_missed_once() -> None:
    """The first requests of the four users fail; in a minute each of the 50 devices is one miss, then hits."""
    table = reads()
    after = table.intended_s >= SERVES_S
    refused = np.flatnonzero(~table.answered)
    assert refused.tolist() == np.flatnonzero(after)[:4].tolist()
    assert np.count_nonzero(table.answered & ~table.hit & after) == 50
    assert not table.hit[(table.intended_s >= 0.0) & ~after].any()  # Redis is away: Postgres answers
    assert table.hit[(table.intended_s >= -60.0) & (table.intended_s < 0.0)].all()


def test_a_redis_that_kept_its_file_still_knows_devices_and_sessions() -> None:
    """Nobody is refused, and what was known before is a hit again at once."""
    table = reads(redis_file_bytes=3e6)
    assert table.answered.all()
    assert table.hit[table.intended_s >= SERVES_S].all()


def test_work_from_postgres_delays_whoever_comes_after() -> None:
    """Three arrivals at once and a fourth later: each waits for the work before it, idle time is not saved up."""
    waits = waits_s(np.array([0.0, 0.0, 0.0, 5.0]), np.array([1.0, 0.0, 1.0, 1.0]))
    assert waits.tolist() == [0.0, 1.0, 1.0, 0.0]


def test_only_a_loss_of_redis_with_readers_has_their_metrics() -> None:
    """Without readers, and of another part's loss with readers, neither metrics nor parameters are there."""
    without, other = a_loss(readers=None), replace(a_loss(), faults=a_scenario().faults)
    for scenario in (a_loss(), without, other):
        parameters = merge(scenario, a_topology(), None, None)
        found = predict(scenario, a_topology(), parameters, seed=1, replications=2, subprocesses=0)
        expected = READER_METRICS["Redis"] if scenario.reads else set()
        assert found.metrics.keys() & READER_METRICS["Redis"] == expected
        assert parameters.by_name.keys() & READERS.keys() == (READERS.keys() if scenario.reads else set())


def test_readers_leave_the_rest_of_a_prediction_as_it_is() -> None:
    """Draws of their own: what happens to Redis and to the rows' silence is the same with and without them."""
    found = []
    for readers in (FOUR, None):
        scenario = a_loss(readers=readers)
        parameters = merge(scenario, a_topology(), None, None)
        found.append(predict(scenario, a_topology(), parameters, seed=1, replications=3, subprocesses=0).metrics)
    for name in ("redis_down_s", "redis_caught_up_s", "kafka_unavailable_s", "commit_steady_s_p99"):
        assert found[0][name] == found[1][name]
    assert all(value is not None and value > 0.0 for value in found[0]["cache_refilled_s"])
