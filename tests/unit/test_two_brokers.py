"""Two of three brokers die at once: refused where it is not that, and modelled as two courses beside each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.model_cases import a_baseline, a_scenario, a_topology, parameters_of, setting_and_draws
from tests.unit.test_scenario import changed, problems_of, write
from workbench.drill.recovery import Recovery
from workbench.engine import NEVER
from workbench.errors import BadInput
from workbench.fault import Fault, FaultType, Part, RestartRule, VictimSelector
from workbench.model import predict
from workbench.model.course import Course, play
from workbench.model.parameters import merge
from workbench.model.second_broker import OWN, SECOND
from workbench.model.two_brokers import back_offs
from workbench.model.world import Setting
from workbench.observe.moments import in_sync_again_s
from workbench.records.prediction import finite
from workbench.scenario import read_with_hub
from workbench.scenario.drill_scenario import Scenario
from workbench.target.port import Victim

KILL = "type: BrokerKill\n    victim: {broker: 1}"
BOTH = Victim("kafka-1,kafka-2", "worker-2", 11, 1, servers=(("kafka-1", 11), ("kafka-2", 12)))


def a_loss(acks: str = "all", restart: RestartRule = RestartRule.KUBELET_RULES) -> Scenario:
    """Return a scenario in which brokers 1 and 2 of three die."""
    fault = Fault(FaultType.TWO_BROKERS_KILL, VictimSelector(brokers=(1, 2)))
    return replace(a_scenario(acks=acks, restart=restart), faults=(fault,))


def played(facts: dict[str, Any] | None = None, **fixed: float) -> tuple[Setting, Course]:
    """Return the setting and the course of one replication, with some draws and facts fixed."""
    setting, draws = setting_and_draws(parameters_of(a_loss()), a_loss())
    setting = replace(setting, **(facts or {}))
    return setting, play(setting, {**draws, **fixed})


@pytest.mark.parametrize(
    ("victim", "bound"),
    [
        ("{brokers: [1, 1]}", "the ids of two different brokers"),
        ("{brokers: [1]}", "the ids of two different brokers"),
        ("{broker: 1}", "TwoBrokersKill with a victim of {brokers: [<id>, <id>]}"),
    ],
)
def test_two_different_brokers_are_named(tmp_path: Path, victim: str, bound: str) -> None:
    """One message says so."""
    (problem,) = problems_of(write(tmp_path, changed((KILL, f"type: TwoBrokersKill\n    victim: {victim}"))))
    assert bound in problem.bound


def test_a_broker_that_the_hub_does_not_have_is_named(tmp_path: Path) -> None:
    """With its place in the list."""
    text = changed((KILL, "type: TwoBrokersKill\n    victim: {brokers: [1, 7]}"))
    with pytest.raises(BadInput) as caught:
        read_with_hub(write(tmp_path, text))
    (problem,) = caught.value.problems
    assert (problem.key, problem.bound) == ("faults[0].victim.brokers[1]", "a broker of the hub: 0 to 2")


@pytest.mark.parametrize(
    ("scenario", "topology", "key"),
    [
        (a_loss("1"), a_topology(), "load.acks"),
        (a_loss(restart=RestartRule.NONE), a_topology(), "restart"),
        (a_loss(), a_topology(replication_factor=1, min_insync_replicas=1), "manifests"),
        (a_loss(), a_topology(replication_factor=3, min_insync_replicas=1), "manifests"),
    ],
)
def test_what_is_not_below_min_isr_is_refused(scenario: Scenario, topology: Any, key: str) -> None:
    """With one replica a partition is simply gone, with acks below all nobody asks for in-sync replicas."""
    with pytest.raises(BadInput, match="two brokers") as caught:
        merge(scenario, topology, None, None)
    assert {problem.key for problem in caught.value.problems} == {key}


def test_writes_wait_for_the_first_broker_to_be_in_sync_again() -> None:
    """Not for the leaders alone, nor for the second broker; a back-off later at most."""
    setting, course = played(second_broker_start_s=30.0)
    moments, held = course.moments, course.disturbance.held_until_s
    assert moments.leaders_moved_s < moments.in_sync_again_s < moments.isr_full_s
    assert held.shape == (len(setting.producers), len(setting.leaders))
    assert (held >= moments.in_sync_again_s - 0.1).all()
    assert (held <= moments.in_sync_again_s + 1.2).all()
    assert (course.disturbance.head_until_s == NEVER).all()
    assert course.awaited_s == (moments.leaders_moved_s, moments.isr_full_s)


def test_the_later_session_decides_when_one_broker_leads_all() -> None:
    """Pings of 0 s and of 6 s ago: the fresher one's session lapses last, whichever broker's it is."""
    lapses = []
    for first_s, second_s in ((0.0, 6.0), (6.0, 0.0), (6.0, 6.0)):
        same = {"zookeeper_forward_s": 0.0, "second_zookeeper_forward_s": 0.0, "zookeeper_tick_phase_s": 0.0}
        pings = {"zookeeper_ping_age_s": first_s, "second_zookeeper_ping_age_s": second_s}
        _, course = played(**same, **pings)
        lapses.append(course.moments.broker_deregistered_s)
    assert lapses[0] == lapses[1] > lapses[2] + 4.0


def test_a_second_victim_that_controls_costs_an_election_more() -> None:
    """As the first one does."""
    pings = {"zookeeper_ping_age_s": 1.0, "second_zookeeper_ping_age_s": 1.0}
    _, plain = played({"second_is_controller": False}, **pings)
    _, controls = played({"second_is_controller": True}, **pings, controller_failover_s=0.5)
    assert controls.moments.leaders_moved_s > plain.moments.leaders_moved_s + 0.3


def test_every_partition_and_client_has_a_back_off_of_its_own() -> None:
    """Spread over the longest one."""
    setting, draws = setting_and_draws(parameters_of(a_loss()), a_loss())
    waits_s = back_offs(setting, {**draws, "producer_backoff_longest_s": 1.0})
    assert ((waits_s >= 0.0) & (waits_s < 1.0)).all()
    assert (np.diff(np.sort(waits_s, axis=1), axis=1) > 0.05).all()


def test_the_second_broker_has_its_own_start_and_its_own_draws() -> None:
    """Measured at the hub's start, or drawn from the same prior by itself."""
    parameters = merge(a_loss(), a_topology(), a_baseline(), BOTH)
    assert parameters.value("victim_broker") == 1
    assert parameters.value("second_broker") == 2
    assert (parameters.value("victim_is_controller"), parameters.value("second_is_controller")) == (False, True)
    assert (parameters.value("broker_start_s"), parameters.value("second_broker_start_s")) == (4.0, 3.5)
    assert parameters.value("second_on_zookeeper_leader") is False
    draws = parameters_of(a_loss()).draws(1, range(50))
    for name in OWN:
        if name in draws:
            assert not np.array_equal(draws[name], draws[SECOND + name]), name


def test_a_prediction_loses_nothing_and_is_silent_everywhere() -> None:
    """Longer than any session; the metrics of two brokers' loss have values."""
    found = predict(a_loss(), a_topology(), parameters_of(a_loss()), 1, replications=10, subprocesses=0)
    assert set(found.metrics["acknowledged_records_lost"]) == {0.0}
    assert set(found.metrics["kafka_partitions_hit"]) == {6.0}
    silent, again = (finite(found.metrics[name]) for name in ("kafka_unavailable_s", "below_min_isr_s"))
    assert len(silent) == len(again) == 10
    assert (np.array(silent) > np.array(again) - 0.5).all()
    assert len(finite(found.metrics["pipeline_drain_s"])) == 10


def test_the_samples_tell_when_there_are_enough_replicas_again() -> None:
    """The first look without a partition below min.insync.replicas after one with some."""
    samples = [{"t": float(t), "below": 6 if 15 <= t < 28 else 0} for t in range(40)]
    assert in_sync_again_s(samples, 0.0) == 28.0
    assert np.isnan(in_sync_again_s(samples[:20], 0.0))


class ALiveCluster:
    """A live view of two brokers that come and go; the backlog is calm."""

    def __init__(self) -> None:
        self.there = {0, 1, 2}
        self.led = {1, 2}
        self.short = 24

    def backlog_events(self) -> float:
        """Return a calm backlog."""
        return 10.0

    def registered(self, broker: int) -> bool:
        """Tell whether a broker is registered."""
        return broker in self.there

    def led_by(self, broker: int) -> int:
        """Return how many partitions it leads."""
        return 8 if broker in self.led else 0

    def short_partitions(self) -> int:
        """Return how many in-sync sets are short."""
        return self.short


def test_a_drill_waits_for_both_even_if_one_is_back_before_the_other_is_gone() -> None:
    """Each broker's going and coming is ticked off by itself."""
    live = ALiveCluster()
    recovery = Recovery(live, a_topology(), Part.BROKERS, BOTH, 0.0, (35.0, 40.0), returns=True)  # type: ignore[arg-type]
    assert recovery.update(1.0) == []
    steps: list[tuple[set[int], set[int], int, list[str]]] = [
        ({0, 2}, {2}, 24, ["broker-1-deregistered"]),
        ({0, 1, 2}, {2}, 24, ["broker-1-registered"]),
        ({0, 1}, set(), 24, ["broker-2-deregistered", "leaders-moved"]),
        ({0, 1, 2}, set(), 24, ["broker-2-registered"]),
        ({0, 1, 2}, set(), 0, ["isr-full"]),
    ]
    for place, (there, led, short, marks) in enumerate(steps):
        live.there, live.led, live.short = there, led, short
        assert recovery.update(2.0 + place) == marks
    for look in range(60):
        recovery.update(8.0 + 0.25 * look)
    assert recovery.complete
