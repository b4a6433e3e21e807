"""A broker that the network cuts off, from ZooKeeper, from the other brokers, or from everybody: who waits for what."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tests.support.model_cases import (
    a_baseline,
    a_kraft_topology,
    a_scenario,
    a_topology,
    parameters_of,
    setting_and_draws,
)
from workbench import api
from workbench.engine import NEVER
from workbench.errors import BadInput
from workbench.fault import CUTS, PARTS, Fault, FaultType, Part, VictimSelector
from workbench.model import broker_links, broker_loss, cut_off
from workbench.model.course import Course, play
from workbench.model.parameters import merge
from workbench.model.tcp import connected_again_s, first_words_s, heard_again_s, resends_s
from workbench.model.world import Setting
from workbench.scenario.drill_scenario import Scenario

ZOOKEEPER, BROKERS, ALL = FaultType.CUT_FROM_ZOOKEEPER, FaultType.CUT_FROM_BROKERS, FaultType.CUT_FROM_ALL


def cut(kind: FaultType, for_s: float = 40.0, acks: str = "all") -> Scenario:
    """Return a scenario that cuts broker 1 off for a while."""
    return replace(a_scenario(kind, acks), faults=(Fault(kind, VictimSelector(broker=1), 0.0, for_s),))


def course_of(kind: FaultType, for_s: float = 40.0, **draws: float) -> tuple[Setting, Course, dict[str, float]]:
    """Return the setting, the course and the draws of one replication."""
    scenario = cut(kind, for_s)
    setting, drawn = setting_and_draws(parameters_of(scenario), scenario)
    return setting, play(setting, {**drawn, **draws}), {**drawn, **draws}


def test_tcp_waits_twice_as_long_each_time() -> None:
    """RFC 6298: after 0.2 s, 0.4, 0.8 .. more; a connection's first word each second five times, then likewise."""
    assert list(itertools.islice(resends_s(0.0, 0.2), 5)) == pytest.approx([0.0, 0.2, 0.6, 1.4, 3.0])
    assert list(itertools.islice(first_words_s(50.0), 9)) == [50.0, 51.0, 52.0, 53.0, 54.0, 55.0, 57.0, 61.0, 69.0]
    assert heard_again_s(40.0, 0.217) == pytest.approx(0.217 * 255.0)
    assert heard_again_s(25.0, 0.2) == pytest.approx(25.4)
    assert connected_again_s(40.0, [(31.0, 41.0), (42.0, 62.0)]) == pytest.approx(42.0)
    assert connected_again_s(36.5, [(31.0, 41.0), (42.0, 62.0)]) == pytest.approx(38.0)


def test_cut_from_zookeeper_it_leads_on_until_its_session_ends() -> None:
    """What it leads waits from the controller's change until it has heard of it; what it follows waits for nobody."""
    setting, course, draws = course_of(ZOOKEEPER)
    led = np.array(setting.leaders) == setting.victim
    disturbance, moments = course.disturbance, course.moments
    assert disturbance.begins_s.min() > 12.0
    assert (disturbance.held_until_s[:, led] > moments.broker_registered_s - 0.2).all()
    assert (disturbance.held_until_s[:, ~led] < disturbance.begins_s.max() + 3.0).all()
    assert (disturbance.head_until_s == NEVER).all()
    assert 40.0 < moments.broker_registered_s - draws["session_reopen_s"] < 40.0 + 10.0
    assert moments.isr_full_s > moments.broker_registered_s
    assert np.isnan(moments.registering_process_started_s)


def test_it_reaches_zookeeper_with_the_first_word_after_the_cut() -> None:
    """It hears nothing for two thirds of its session, then tries for a session at a time, asleep between."""
    _, drawn = setting_and_draws(parameters_of(cut(ZOOKEEPER)), cut(ZOOKEEPER))
    drawn |= {f"zookeeper_cut_wait_{turn}": 1.5 for turn in range(cut_off.ATTEMPTS)}
    drawn["zookeeper_ping_age_s"] = 2.0
    assert list(itertools.islice(cut_off.attempts(drawn, 18.0), 2)) == [(11.5, 29.5), (31.0, 49.0)]
    assert connected_again_s(40.0, cut_off.attempts(drawn, 18.0)) == pytest.approx(42.0)


def test_cut_from_the_brokers_nobody_is_given_up_and_every_write_waits_for_its_end() -> None:
    """Of each connection the one request that its leader had begun goes on sooner, where a leader drops the victim."""
    setting, course, _ = course_of(BROKERS)
    led = np.array(setting.leaders) == setting.victim
    held, heads = course.disturbance.held_until_s, course.disturbance.head_until_s
    assert (held >= 40.0).all()
    assert (held < 49.0).all()
    assert ((heads[:, ~led] > 30.0) & (heads[:, ~led] <= held[:, ~led])).all()
    assert np.isnan(course.moments.broker_deregistered_s)
    assert course.moments.isr_full_s >= held.max()


def test_a_controller_that_is_cut_off_is_told_of_no_smaller_set() -> None:
    """So not even a connection's first request goes on before the end."""
    scenario = cut(BROKERS)
    setting, draws = setting_and_draws(parameters_of(scenario), scenario)
    course = play(replace(setting, victim_is_controller=True), draws)
    assert (course.disturbance.head_until_s == course.disturbance.held_until_s).all()


def test_a_short_cut_ends_with_the_next_resend() -> None:
    """Before a fetcher gives its leader up its open connection goes on; nothing was dropped from a set by then."""
    _, course, draws = course_of(BROKERS, 20.0, tcp_first_resend_s=0.2)
    assert course.disturbance.held_until_s == pytest.approx(25.4)
    assert course.moments.isr_full_s < 25.4 + 0.11
    first_s, _ = next(broker_links.attempts(draws, "to_0"))
    assert first_s >= draws["replica_socket_timeout_s"]


def test_cut_from_everybody_its_clients_hear_of_it_by_tcp() -> None:
    """What it follows goes on when its session is over, as after a freeze; its clients resend after 51 s and more."""
    setting, course, _ = course_of(ALL)
    led = np.array(setting.leaders) == setting.victim
    held = course.disturbance.held_until_s
    assert (held[:, ~led] < 24.0).all()
    assert (held[:, led] > 51.0).all()


def test_a_leaders_own_check_frees_only_what_had_more_than_its_follower() -> None:
    """A session of 40 s: leaders look after 30 to 45 s, and only each connection's one request goes on then."""
    scenario = a_scenario()
    setting, draws = setting_and_draws(parameters_of(scenario, a_topology(session_s=40.0)), scenario)
    world = broker_loss.run(setting, draws)
    course = broker_loss.course_of(world)
    led = np.array(setting.leaders) == setting.victim
    checked_s, gone_s = min(world.shrunk_by_leader_s.values()), world.moments["deregistered"]
    assert 30.0 < checked_s < gone_s
    assert course.disturbance.head_until_s[:, ~led].min() == checked_s
    assert (course.disturbance.held_until_s > gone_s).all()


@pytest.mark.parametrize(
    ("scenario", "place"),
    [
        (cut(ZOOKEEPER, 15.0), "faults[0].for_s"),
        (cut(ALL, 55.0), "faults[0].for_s"),
        (cut(BROKERS, 55.0), "faults[0].for_s"),
        (cut(ZOOKEEPER, acks="1"), "load.acks"),
    ],
)
def test_what_the_model_leaves_out_is_refused(scenario: Scenario, place: str) -> None:
    """A cut that the session outlives, one that outlasts the clients' time-outs, and what it acknowledges by itself."""
    with pytest.raises(BadInput) as caught:
        parameters_of(scenario)
    assert [problem.key for problem in caught.value.problems] == [place]


def test_a_group_whose_coordinator_is_cut_off_from_it_is_refused() -> None:
    """It is known when the hub is up, before the fault; of a cut from ZooKeeper alone the group does not notice."""
    topology, baseline = a_topology(), replace(a_baseline(), group_coordinator=1)
    with pytest.raises(BadInput) as caught:
        merge(cut(ALL), topology, baseline, None)
    assert [problem.key for problem in caught.value.problems] == ["faults[0].victim"]
    assert merge(cut(ZOOKEEPER), topology, baseline, None)


@pytest.mark.parametrize("kind", CUTS)
def test_neither_kraft_nor_the_embedded_hub_has_it(kind: FaultType) -> None:
    """One sentence each says why, before anything is started."""
    with pytest.raises(BadInput, match="KRaft"):
        parameters_of(cut(kind), a_kraft_topology())
    name = {ALL: "broker-cut-off", ZOOKEEPER: "broker-cut-from-zookeeper", BROKERS: "broker-cut-from-brokers"}[kind]
    with pytest.raises(BadInput, match="--target kubernetes"):
        api.drill(name)


def test_only_a_cut_from_the_brokers_leaves_the_session_alone() -> None:
    """It has a part, and with it phases and a recovery, of its own."""
    assert [PARTS[kind] for kind in CUTS] == [Part.BROKER, Part.BROKER, Part.BROKER_LINKS]
