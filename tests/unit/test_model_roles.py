"""The roles of the control events, each on its own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from tests.support.model_cases import a_scenario, parameters_of, setting_and_draws
from workbench.fault import FaultType, VictimSelector
from workbench.model.course import play
from workbench.model.kubelet import wait_s
from workbench.model.predicting import percentiles
from workbench.model.world import Setting, next_on_grid


def test_the_restart_rule_is_the_kubelets() -> None:
    """10, 20, 40 .. at most 300 s from the second start on."""
    assert [wait_s(start, {}) for start in range(2, 9)] == [10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]


def test_a_kubelet_looks_again_when_it_syncs_the_pod() -> None:
    """10 s are over at the second look, since the liveness probe's tick between them set it anew."""
    drawn = {"kubelet_relist_s": 0.0, "kubelet_requeue_s": 13.3, "liveness_tick_s": 8.8}
    assert wait_s(2, drawn) == pytest.approx(22.1)  # measured: 22.9 s, with what a start takes
    assert wait_s(2, drawn | {"liveness_tick_s": 14.0}) == pytest.approx(13.3)  # it came too late to matter
    assert wait_s(3, drawn) == pytest.approx(22.1)  # over 20 s already
    assert wait_s(4, drawn) == pytest.approx(22.1 + 2 * 13.3)  # the first look after 40 s


@pytest.mark.parametrize(("t_s", "expected_s"), [(0.0, 0.5), (0.5, 2.5), (17.9, 18.5), (-3.0, -1.5)])
def test_a_timer_fires_strictly_after(t_s: float, expected_s: float) -> None:
    """Every 2 s at phase 0.5: a session touched on a tick lives to the next one (ExpiryQueue)."""
    assert next_on_grid(t_s, 2.0, 0.5) == expected_s


def test_phases_follow_each_other() -> None:
    """Deregistered, leaders moved, registered, sets full; clients after the leaders."""
    setting, draws = setting_and_draws(parameters_of(), a_scenario())
    course = play(setting, draws)
    moments = course.moments
    assert 0.0 < moments.broker_deregistered_s <= moments.leaders_moved_s
    assert moments.broker_deregistered_s <= moments.broker_registered_s < moments.isr_full_s
    assert moments.registering_process_started_s < moments.broker_registered_s
    held = course.disturbance.held_until_s
    assert (held >= moments.broker_deregistered_s - 0.2).all()


def test_a_broker_that_leads_nothing_silences_as_much() -> None:
    """No leader has to move, which is seen at once; every partition waits for its session all the same."""
    scenario = a_scenario()
    fault = replace(scenario.faults[0], victim=VictimSelector(role="leads-nothing"))
    scenario = replace(scenario, faults=(fault,))
    setting, draws = setting_and_draws(parameters_of(scenario), scenario)
    assert setting.victim not in setting.leaders
    course = play(setting, draws)
    assert 0.0 <= course.moments.leaders_moved_s <= 0.1
    assert (course.disturbance.held_until_s >= course.moments.broker_deregistered_s - 0.2).all()


def test_a_controller_that_dies_costs_an_election_more() -> None:
    """The same draws with the victim as controller: leaders move later by the fail-over."""
    setting, draws = setting_and_draws(parameters_of(), a_scenario())
    plain = play(replace(setting, victim_is_controller=False), draws).moments
    controls = play(replace(setting, victim_is_controller=True), draws).moments
    later_s = controls.leaders_moved_s - plain.leaders_moved_s
    # Sets shrink first then; a poll of 0.1 s sees the moment.
    shrinks_s = draws["controller_partition_s"] * setting.followed + draws["leader_and_isr_s"]
    assert draws["controller_failover_s"] - 0.11 < later_s < draws["controller_failover_s"] + shrinks_s + 0.11
    assert controls.broker_deregistered_s == plain.broker_deregistered_s


def test_leaders_drop_a_silent_follower_themselves_after_the_lag_limit() -> None:
    """A session of 40 s: partitions led elsewhere go on after 30 to 45 s, those of the victim wait longer."""
    setting, draws = setting_and_draws(parameters_of(), a_scenario())
    slow = {**draws, "zookeeper_ping_age_s": 0.0}
    course = play(replace(setting, session_s=60.0, victim_is_controller=False), slow)
    held = course.disturbance.held_until_s
    led = np.array([leader == setting.victim for leader in setting.leaders])
    assert (held[:, ~led] > 30.0).all()
    assert (course.disturbance.head_until_s[:, ~led] <= 45.0).all()
    assert (held[:, led] > 60.0).all()


def test_a_stopped_broker_holds_nothing_for_longer_than_a_followers_back_off() -> None:
    """Leaders move and sets shrink before it goes; some followers back off for a second; nothing is lost."""
    stop = a_scenario(FaultType.BROKER_STOP)
    setting, draws = setting_and_draws(parameters_of(stop), stop)
    course = play(setting, draws)
    led = np.array([leader == setting.victim for leader in setting.leaders])
    held = course.disturbance.held_until_s
    arrives_s = max(draws["controller_partition_s"] * setting.followed, draws["leader_and_isr_s"])
    latest_s = arrives_s + 0.5 * draws["leader_and_isr_s"] + 1.0
    assert (held - course.disturbance.begins_s)[:, ~led].max() == pytest.approx(latest_s)
    assert (held - course.disturbance.begins_s < latest_s + 0.2).all()
    assert np.isinf(course.disturbance.tail_from_s).all()


def test_one_survivors_followers_always_back_off() -> None:
    """The last to handle the controller's change: its partitions replicate a second after the others' at most."""
    setting, draws = setting_and_draws(parameters_of(), a_scenario())
    for last, overlap in ((0.1, 0.99), (0.9, 0.99), (0.1, 0.0)):
        delays = replication_delays_s(setting, {**draws, "epoch_last_share": last, "epoch_overlap_share": overlap})
        assert len(delays) == (1 if overlap == 0.0 else 2)
        assert 0.8 < delays[-1] < 1.0


@pytest.mark.parametrize(
    ("backoff_s", "wait_s", "change_s", "delay_s"),
    [
        (1.0, 0.5, 0.06, 0.97),  # one pause, counted from when the first broker had handled the change
        (0.1, 0.5, 0.06, 0.47),  # a short pause ends with the request for the other partitions
        (0.1, 0.1, 0.06, 0.07),
        (0.1, 0.1, 0.3, 0.05),  # refused, paused and refused again until the last broker has handled it
    ],
)
def test_a_follower_asks_again_until_both_brokers_have_handled_the_change(
    backoff_s: float, wait_s: float, change_s: float, delay_s: float
) -> None:
    """In rounds of the back-off or, where nothing else is written, of the longest wait of a fetch."""
    setting, draws = setting_and_draws(parameters_of(), a_scenario())
    drawn = {"replica_fetch_backoff_s": backoff_s, "replica_fetch_wait_s": wait_s, "leader_and_isr_s": change_s}
    assert replication_delays_s(setting, {**draws, **drawn})[-1] == pytest.approx(delay_s)


def replication_delays_s(setting: Setting, draws: Mapping[str, float]) -> list[float]:
    """Return by how much (s) held requests wait longer than those in flight, partitions led by survivors, ascending."""
    course = play(setting, draws)
    led = np.array([leader == setting.victim for leader in setting.leaders])
    waits_s = course.disturbance.held_until_s[0, ~led] - course.disturbance.head_until_s[0, ~led]
    return sorted({round(float(each), 6) for each in waits_s})


def test_clients_find_new_leaders_at_their_own_timers() -> None:
    """Each client within its one-second timer, not all at once."""
    setting, draws = setting_and_draws(parameters_of(), a_scenario())
    course = play(setting, draws)
    led = [index for index, leader in enumerate(setting.leaders) if leader == setting.victim]
    known_s = course.disturbance.held_until_s[:, led[0]]
    assert known_s.max() - known_s.min() < 1.0
    assert known_s.min() > course.moments.leaders_moved_s - 0.1


def test_percentiles_leave_missing_values_out() -> None:
    """As numpy's nanpercentile, and NaN where nothing is left."""
    rng = np.random.default_rng(5)
    values = rng.normal(size=(50, 8))
    values[rng.random(values.shape) < 0.3] = math.nan
    values[:, 3] = math.nan
    found = percentiles(values, (5, 50, 95))
    kept = [index for index in range(8) if index != 3]
    assert np.allclose(found[:, kept], np.nanpercentile(values[:, kept], (5, 50, 95), axis=0))
    assert np.isnan(found[:, 3]).all()
