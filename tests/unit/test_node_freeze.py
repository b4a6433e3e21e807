"""A node whose servers all go silent for a while: what is refused, and what is modelled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.support.model_cases import a_baseline, a_scenario, setting_and_draws
from tests.unit.test_model_node import the_refusal, the_topology
from workbench.drill.observation import Recorded, moments_of
from workbench.fault import Fault, FaultType, Part, RestartRule, VictimSelector
from workbench.metrics.tables import Counts, WriteTable
from workbench.model import predict
from workbench.model.course import Course, play
from workbench.model.parameters import merge
from workbench.model.world import Setting
from workbench.records.prediction import finite
from workbench.scenario.drill_scenario import Scenario
from workbench.target.port import Injection

FIXED = {
    "zookeeper_ping_age_s": 3.0,
    "zookeeper_forward_s": 0.5,
    "zookeeper_tick_phase_s": 0.0,
    "zookeeper_election_s": 0.6,
    "zookeeper_leader_ping_age_s": 0.4,
    "thaw_s": 0.02,
    "zookeeper_rejoin_s": 0.5,
}


def a_freeze(for_s: float = 28.0, node: str = "worker-2", acks: str = "all") -> Scenario:
    """Return a scenario in which a node's servers are stopped for a while; nothing is started again."""
    fault = Fault(FaultType.NODE_FREEZE, VictimSelector(node=node), 0.0, for_s)
    return replace(a_scenario(acks=acks, restart=RestartRule.NONE), faults=(fault,))


def played(for_s: float = 28.0, **facts: Any) -> tuple[Setting, Course]:
    """Return the setting and one replication's course of worker-2's silence; the draws of FIXED."""
    scenario = a_freeze(for_s)
    setting, draws = setting_and_draws(merge(scenario, the_topology(), None, None), scenario)
    facts = {"session_on_zookeeper_leader": False, "victim_leads_zookeeper": False, **facts}
    setting = replace(setting, **facts)
    return setting, play(setting, {**draws, **FIXED})


def test_looks_at_the_others_come_at_any_moment_of_their_step() -> None:
    """Each waits a second for the silent processor: 1.25 s apart, wherever the first one was."""
    scenario = a_freeze(90.0)
    setting, draws = setting_and_draws(merge(scenario, the_topology(), None, None), scenario)
    setting = replace(setting, session_on_zookeeper_leader=False, victim_leads_zookeeper=False)
    seen_s = []
    for phase_s in (0.0, 0.0625, 0.125, 0.1875):
        draws["poll_processors_phase_s"] = phase_s
        seen_s.append(play(setting, {**draws, **FIXED}).moments.group_whole_s)
    assert max(seen_s) - min(seen_s) > 0.6


def test_a_node_without_a_processor_leaves_the_group_whole() -> None:
    """Nobody stops, and the first look after the fault sees every partition held."""
    _, course = played(victim_processor=-1)
    assert course.disturbance.outage is None
    assert 0.0 <= course.moments.group_whole_s <= 0.25


def test_a_group_goes_on_without_a_processor_that_is_silent_for_longer_than_its_session() -> None:
    """The others have its partitions 45 s after its last word, a heartbeat and a rebalance later, and keep them."""
    setting, course = played(for_s=90.0)
    outage = course.disturbance.outage
    assert outage is not None
    assert outage.stops_s[0] == 0.0
    assert np.isinf(outage.resumes_s[0])
    assert 44.8 <= outage.stops_s[1] <= 48.0
    assert outage.stops_s[1] < outage.resumes_s[1] <= 49.5
    assert set(outage.processor.tolist()) == {1}
    assert not outage.cuts.any()  # a batch that was in Postgres is committed
    assert outage.resumes_s[1] <= course.moments.group_whole_s <= outage.resumes_s[1] + 1.25
    led = np.array(setting.leaders) == setting.victim
    held = course.disturbance.held_until_s
    assert ((held[:, led] > 60.0) & (held[:, led] < 62.0)).all()  # its clients gave it up


def test_a_group_whose_coordinator_is_silent_too_waits_for_whom_that_knew() -> None:
    """Told at once: a session after others lead. Else given up, and whole a session after the old name's last commit.

    Others lead at some 17 s; it is given up at 42 to 45 s, and the last commit comes at 45 to 49 s.
    """
    scenario, baseline = a_freeze(90.0), replace(a_baseline(), group_coordinator=1)
    setting, draws = setting_and_draws(merge(scenario, the_topology(), baseline, None), scenario)
    assert setting.victim_coordinates
    courses = {told: play(setting, {**draws, **FIXED, "coordinator_told": told}) for told in (0.0, 1.0)}
    told, given_up = courses[1.0].disturbance.outage, courses[0.0].disturbance.outage
    assert told is not None
    assert given_up is not None
    assert 61.0 < told.stops_s[1] < told.resumes_s[1] < 69.0
    assert 42.0 <= given_up.stops_s[1] <= 45.0
    assert given_up.resumes_s[1] > 45.0 + 45.0
    for outage in (told, given_up):
        assert set(outage.processor.tolist()) == {1}


def test_only_the_frozen_processors_events_wait_for_it() -> None:
    """Nobody takes its partitions over: it goes on with them. The other one never stops."""
    setting, course = played()
    outage = course.disturbance.outage
    assert outage is not None
    assert setting.victim_processor == 0
    assert outage.stops_s.tolist() == [0.0, np.inf]
    assert outage.resumes_s[0] == pytest.approx(28.02)
    assert outage.processor.tolist() == list(setting.processors_of_partition)
    assert course.moments.group_whole_s == pytest.approx(28.02)
    assert course.moments.zookeeper_whole_s == pytest.approx(28.52, abs=0.11)


def test_producers_wait_as_for_a_broker_that_is_frozen_alone() -> None:
    """What it led is held until it goes on, what it followed until it left the in-sync sets; no process started."""
    setting, course = played()
    led = np.array(setting.leaders) == setting.victim
    held = course.disturbance.held_until_s
    assert (held[:, led] > 28.0).all()
    assert (held[:, ~led] < 22.0).all()
    assert np.isnan(course.moments.registering_process_started_s)
    assert course.moments.broker_registered_s > 28.0


def test_a_silent_zookeeper_leader_is_given_up_before_the_session_starts_afresh() -> None:
    """Expiry at a tick after -3 + 0.5 + 18 s, or after 4 - 0.4 + 0.6 + 18 s: later than when it is killed."""
    _, follower = played(zookeeper_of_broker={1: 3})
    _, leader = played(victim_leads_zookeeper=True, zookeeper_of_broker={1: 3})
    assert 16.0 <= follower.moments.broker_deregistered_s < 17.0
    assert 24.0 <= leader.moments.broker_deregistered_s < 25.0


@pytest.mark.parametrize(
    ("scenario", "key", "bound"),
    [
        (a_freeze(for_s=25.0), "faults[0].for_s", "at least 28"),
        (a_freeze(for_s=40.0), "faults[0].for_s", "below 39"),
        (a_freeze(for_s=50.0), "faults[0].for_s", "at least 54"),
        (a_freeze(node="worker-1"), "faults[0].victim.node", "without postgres-1 and redis-0"),
        (a_freeze(acks="1"), "load.acks", "all, where a broker goes silent"),
    ],
)
def test_what_is_not_covered_is_refused(scenario: Scenario, key: str, bound: str) -> None:
    """With the bound, before anything starts."""
    problem = the_refusal(scenario)
    assert problem.key == key
    assert bound in problem.bound


def test_a_zookeeper_server_that_answers_as_it_wakes_does_not_serve_yet() -> None:
    """The question that waited in its socket is not counted; the first one asked after the node goes on is.

    The processor's answer that waited is: it has kept its partitions all the time.
    """
    answered = [(99.0, 99.1, 3), (127.5, 128.01, 3), (128.02, 128.05, 2), (128.4, 128.45, 3)]
    recorded = Recorded(
        writes=WriteTable(*(np.empty(0, kind) for kind in (int, int, float, float, float, bool))),
        counts=Counts(),
        brokers=[{"t": 116.0, "registered": [0, 2]}, {"t": 128.6, "registered": [0, 1, 2]}],
        partitions=[{"t": 116.2, "led_by": {"0": 3, "2": 3}, "short": 6}, {"t": 129.0, "led_by": {}, "short": 0}],
        processors=[{"asked": 127.6, "t": 128.01, "assigned": 6}],
        stores=[],
        keepers=[{"asked": asked, "t": t, "serving": [1, 2, 3][:count]} for asked, t, count in answered],
        injection=Injection(FaultType.NODE_FREEZE, "worker-2", 1, "SIGSTOP", 100.0, 100.1, True, ""),
        part=Part.FROZEN_NODE,
        victim_broker=1,
        victims=(1,),
        starts=(),
        baseline=(50.0, 80.0),
        load_end_s=140.0,
        watch_end_s=140.0,
        partition_labels=("alerts-0",) * 6,
        standbys=2,
        metadata_keepers=3,
        fault_ended_s=128.0,
    )
    moments = moments_of(recorded)
    assert moments.zookeeper_whole_s == pytest.approx(28.45)
    assert moments.group_whole_s == pytest.approx(28.01)
    assert (moments.broker_deregistered_s, moments.broker_registered_s) == pytest.approx((16.0, 28.6))
    assert moments.isr_full_s == pytest.approx(29.0)


def test_a_prediction_has_the_metrics_of_a_frozen_node() -> None:
    """The silence is in both gaps, nothing is lost, and nothing was started or failed over."""
    scenario, topology = a_freeze(), the_topology()
    found = predict(scenario, topology, merge(scenario, topology, None, None), 1, replications=10, subprocesses=0)
    for name in ("kafka_unavailable_s", "pipeline_unavailable_s"):
        assert (finite(found.metrics[name]) > 27.0).all(), name
    for name in ("isr_full_s", "group_rebalance_s", "zookeeper_whole_s", "pipeline_drain_s"):
        assert len(finite(found.metrics[name])) == 10, name
    for name in ("broker_start_s", "standbys_connected_s", "postgres_down_s"):
        assert len(finite(found.metrics.get(name, ()))) == 0, name
    assert set(found.metrics["acknowledged_records_lost"]) == {0.0}
