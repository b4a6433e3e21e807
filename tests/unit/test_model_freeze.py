"""A broker that is frozen for a while: who waits for it, and until when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.model_cases import a_baseline, a_scenario, a_topology, parameters_of, setting_and_draws
from workbench.errors import BadInput
from workbench.fault import Fault, FaultType, VictimSelector
from workbench.model.course import Course, play
from workbench.model.parameters import merge
from workbench.model.world import Setting
from workbench.scenario.drill_scenario import Scenario
from workbench.target.port import Victim
from workbench.workload import ClientLibrary


def freeze(for_s: float, acks: str = "all") -> Scenario:
    """Return a scenario that freezes broker 1 for a while."""
    fault = Fault(FaultType.BROKER_FREEZE, VictimSelector(broker=1), 0.0, for_s)
    return replace(a_scenario(FaultType.BROKER_FREEZE, acks), faults=(fault,))


def course_of(for_s: float) -> tuple[Setting, Course, dict[str, float]]:
    """Return the setting, the course and the draws of one replication."""
    scenario = freeze(for_s)
    setting, draws = setting_and_draws(parameters_of(scenario), scenario)
    return setting, play(setting, draws), draws


def test_clients_of_the_frozen_leader_wait_for_its_thaw_and_the_others_do_not() -> None:
    """What it led is held until it has thawed and heard who leads; what it followed, until it left the in-sync sets."""
    setting, course, _ = course_of(25.0)
    led = np.array(setting.leaders) == setting.victim
    held = course.disturbance.held_until_s
    assert (held[:, led] > 25.0).all()
    assert (held[:, ~led] < 24.0).all()
    assert (held[:, ~led] > course.moments.broker_deregistered_s - 0.2).all()


def test_a_frozen_broker_comes_back_without_a_start() -> None:
    """It registers a session's reopening after its thaw, and catches up; no process started."""
    _, course, draws = course_of(25.0)
    moments = course.moments
    assert moments.broker_registered_s == pytest.approx(25.0 + draws["session_reopen_s"], abs=0.11)
    assert moments.isr_full_s > moments.broker_registered_s
    assert np.isnan(moments.registering_process_started_s)


def test_a_longer_freeze_holds_its_partitions_longer_and_no_others() -> None:
    """Ten seconds more of silence are ten more for its clients."""
    (setting, short, _), (_, long, _) = course_of(25.0), course_of(35.0)
    led = np.array(setting.leaders) == setting.victim
    longer_s = long.disturbance.held_until_s - short.disturbance.held_until_s
    assert longer_s[:, led] == pytest.approx(10.0)
    assert longer_s[:, ~led] == pytest.approx(0.0)


def test_clients_give_up_a_leader_that_stays_silent() -> None:
    """After a minute without an answer they ask others who leads: a freeze of any length costs them no more."""
    (setting, ninety, draws), (_, longer, _) = course_of(90.0), course_of(120.0)
    led = np.array(setting.leaders) == setting.victim
    held_s = ninety.disturbance.held_until_s[:, led]
    looks_s = draws[f"client_phase_{setting.producers[0]}"]
    assert held_s == pytest.approx(60.0 + looks_s + draws["client_resends_s"] + draws["metadata_round_s"])
    assert longer.disturbance.held_until_s[:, led] == pytest.approx(held_s)
    assert (ninety.disturbance.fetchable_from_s[led] > 60.5).all()
    assert ninety.moments.broker_registered_s > 90.0


def test_a_java_client_gives_up_in_half_the_time() -> None:
    """Its requests may take 30 s. A freeze that ends before costs it what it costs everybody."""
    scenario = freeze(90.0)
    java = replace(scenario, workload=replace(scenario.workload, library=ClientLibrary.JAVA))
    setting, draws = setting_and_draws(parameters_of(java), java)
    led = np.array(setting.leaders) == setting.victim
    held_s = play(setting, draws).disturbance.held_until_s[:, led]
    assert held_s == pytest.approx(30.0 + draws["client_resends_s"] + draws["metadata_round_s"])
    assert play(replace(setting, freeze_s=25.0), draws).disturbance.held_until_s[:, led].max() < 28.0


def test_a_coordinator_is_not_frozen_for_as_long_as_its_group_waits() -> None:
    """The event processors would give it up; below that it does not matter who coordinates, nor far above."""
    scenario = freeze(60.0)
    baseline = replace(a_baseline(), group_coordinator=1)
    victim = Victim("kafka-1", "worker-2", 4711, 1, (), False)
    with pytest.raises(BadInput, match="ends while the group's session does"):
        merge(scenario, a_topology(), baseline, victim)
    merge(freeze(25.0), a_topology(), baseline, victim)
    merge(scenario, a_topology(), replace(baseline, group_coordinator=0), victim)


def test_the_group_of_a_silent_coordinator_waits_for_the_members_that_it_was() -> None:
    """Given up a session after its last heartbeat, whole two and a heartbeat's time-out after it; then read again."""
    baseline = replace(a_baseline(), group_coordinator=1)
    victim = Victim("kafka-1", "worker-2", 4711, 1, (), False)
    scenario = freeze(90.0)
    setting, draws = setting_and_draws(merge(scenario, a_topology(), baseline, victim), scenario)
    draws = {**draws, "coordinator_told": 0.0}
    course = play(setting, {**draws, "drain_per_silent_s": 0.0})
    outage = course.disturbance.outage
    assert outage is not None
    assert outage.stops_s == pytest.approx(45.0 - draws["coordinator_heard_s"])
    known_s = 45.0 - draws["coordinator_heard_s"] + 3.0 + draws["heartbeat_scan_s"] + 45.0 + draws["group_again_s"]
    assert outage.resumes_s == pytest.approx(known_s, abs=0.11)
    later = play(setting, {**draws, "drain_per_silent_s": 0.25}).disturbance.outage
    assert later is not None
    others = np.mean(np.array(setting.leaders) != setting.victim)
    assert later.resumes_s - outage.resumes_s == pytest.approx(others * outage.stops_s * 0.2)
    assert course.resumed_s >= outage.resumes_s.max()
    assert play(setting, {**draws, "coordinator_told": 1.0}).disturbance.outage is None  # they keep their places


@pytest.mark.parametrize(("for_s", "acks", "place"), [(15.0, "all", "faults[0].for_s"), (25.0, "1", "load.acks")])
def test_what_the_model_leaves_out_is_refused(for_s: float, acks: str, place: str) -> None:
    """A freeze that the session outlives, and a thawed leader's own acknowledgements."""
    with pytest.raises(BadInput) as caught:
        parameters_of(freeze(for_s, acks))
    assert [problem.key for problem in caught.value.problems] == [place]
