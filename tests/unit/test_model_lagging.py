"""A broker killed while the others have been frozen for a while: what only it had is lost, with acks=1."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.model_cases import a_scenario, parameters_of, setting_and_draws
from workbench.fault import Fault, FaultType, VictimSelector
from workbench.model.course import Course, play
from workbench.model.replication import Model
from workbench.model.setting import service_of
from workbench.model.world import Setting
from workbench.workload import CANARY_WRITES_PER_S

RATE_PER_S = 240.0


def course_of(lag_s: float) -> tuple[Setting, Course]:
    """Return the setting and the course of one replication of broker 1's kill with acks=1."""
    fault = Fault(FaultType.BROKER_KILL, VictimSelector(broker=1), lag_s=lag_s)
    scenario = replace(a_scenario(acks="1"), faults=(fault,))
    setting, draws = setting_and_draws(parameters_of(scenario), scenario)
    return setting, play(setting, draws)


def test_the_frozen_leaders_answer_as_soon_as_they_go_on_and_the_victims_clients_wait_as_ever() -> None:
    """Whom the fault holds, from when on, and until when; without the lag only the victim's partitions are hit."""
    setting, plain = course_of(0.0)
    _, lagging = course_of(5.0)
    led = np.array(setting.leaders) == setting.victim
    assert (lagging.disturbance.begins_s == np.where(led, 0.0, -5.0)).all()
    assert (lagging.disturbance.held_until_s[:, ~led] == 0.0).all()
    assert np.isneginf(plain.disturbance.held_until_s[:, ~led]).all()
    assert lagging.disturbance.held_until_s[:, led] == pytest.approx(plain.disturbance.held_until_s[:, led])


@pytest.mark.parametrize("lag_s", [2.0, 5.0])
def test_as_much_is_lost_as_the_victim_acknowledged_meanwhile(lag_s: float) -> None:
    """The rate times its share of the events times the lag, in the mean of some replications."""
    fault = Fault(FaultType.BROKER_KILL, VictimSelector(broker=1), lag_s=lag_s)
    scenario = replace(a_scenario(acks="1", rate_per_s=RATE_PER_S), faults=(fault,))
    parameters = parameters_of(scenario)
    model = Model.of(parameters, scenario.workload, 3)
    draws = parameters.draws(3, range(12))
    lost = []
    for index in range(12):
        done = model.replicate(index, {name: float(values[index]) for name, values in draws.items()})
        lost.append(done.metrics["acknowledged_records_lost"])
    expected = expected_per_s(model) * lag_s
    assert np.mean(lost) == pytest.approx(expected, rel=0.1)


def expected_per_s(model: Model) -> float:
    """Return how many records a second the victim's partitions get, the canary's included."""
    partitions = model.parameters.value("partitions")
    per_s = [
        RATE_PER_S * model.workload.mix[topic] / partitions[topic] + CANARY_WRITES_PER_S
        for topic in sorted(partitions)
        for _ in range(partitions[topic])
    ]
    return sum(
        each for each, leader in zip(per_s, model.setting.leaders, strict=True) if leader == model.setting.victim
    )


def test_what_the_leader_had_not_read_is_lost_where_nobody_answers() -> None:
    """With acks=0 so much longer before the kill; the steady rows' way is that of acks=1."""
    scenarios = {acks: a_scenario(acks=acks) for acks in ("1", "0")}
    lost_s = {}
    for acks, scenario in scenarios.items():
        setting, draws = setting_and_draws(parameters_of(scenario), scenario)
        disturbance = play(setting, draws).disturbance
        led = np.array(setting.leaders) == setting.victim
        lost_s[acks] = (disturbance.begins_s - disturbance.tail_from_s)[led]
        lag_s = service_of(setting, parameters_of(scenario), draws).replication_lag_s
        assert lag_s == draws["replication_lag_s"]
    assert lost_s["1"] == pytest.approx(0.0)
    assert lost_s["0"] == pytest.approx(draws["unread_s"])
