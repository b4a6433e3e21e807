"""The hub's pace after a fault: quicker with a broker less, slower while it comes back, then as before."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.model_cases import a_scenario, parameters_of, setting_and_draws
from workbench.engine import Pace
from workbench.fault import FaultType, RestartRule
from workbench.model.course import play

BUSY = {"machine_cores": 2.0, "short_tasks_cores": 1.0, "victim_cores": 0.3, "database_cores": 0.2}


def pace(scenario_of: dict[str, object], **draws: float) -> tuple[Pace, float, float]:
    """Return the pace of a kill on a busy machine, when the broker registered and when its sets were full (s)."""
    scenario = a_scenario(**scenario_of)  # type: ignore[arg-type]
    setting, drawn = setting_and_draws(parameters_of(scenario), scenario)
    course = play(setting, {**drawn, **BUSY, **draws})
    return course.disturbance.pace, course.moments.broker_registered_s, course.moments.isr_full_s


def at(pace: Pace, t_s: float) -> tuple[float, float]:
    """Return the factors on requests and batches at a time."""
    place = np.flatnonzero(pace.from_s <= t_s)[-1]
    return float(pace.response[place]), float(pace.batch[place])


def spread_at(pace: Pace, t_s: float) -> float:
    """Return the exponent at a time."""
    return float(pace.spread[np.flatnonzero(pace.from_s <= t_s)[-1]])


def test_a_hub_without_the_victim_is_quicker_until_it_starts_again() -> None:
    """With nobody to restart it, everything that follows the drain is quicker than the baseline."""
    found, _, _ = pace({"restart": RestartRule.NONE}, fewer_followers_gain=0.2)
    response, batch = at(found, 100.0)
    assert batch < 1.0
    assert response == batch * 0.8
    assert at(found, -1.0) == (1.0, 1.0)


def test_a_hub_is_slow_while_the_victim_starts_and_warms_up_and_then_as_before() -> None:
    """First everything waits for the cores, then requests for the cold follower; 5 s after that all is over."""
    draws = {"broker_start_threads": 2.0, "broker_warm_up_threads": 0.3, "crowded_spread": 1.5}
    found, registered_s, full_s = pace({}, broker_warm_up_s=5.0, cold_follower_factor=3.0, **draws)
    starting, cold = at(found, registered_s - 0.3), at(found, full_s + 1.0)
    assert starting[1] > cold[1] > 1.0
    assert cold[0] == pytest.approx(3.0 * cold[1])
    moments_s = (-1.0, registered_s - 0.3, full_s + 1.0, full_s + 6.0)
    assert [spread_at(found, t_s) for t_s in moments_s] == [1.0, 1.5, 1.5, 1.0]
    assert at(found, full_s + 6.0) == (1.0, 1.0)


def test_with_acks_1_requests_wait_for_cores_alone() -> None:
    """No follower answers for them: where nothing drains, requests and batches are as slow as each other."""
    found, _, _ = pace({"acks": "1"})
    assert found.response.tolist() == found.batch.tolist()


def test_requests_share_the_cores_with_a_drain() -> None:
    """The database sessions always run then; batches that are not full have the pace of a hub without it."""
    found, _, _ = pace({"restart": RestartRule.NONE}, drain_per_silent_s=0.5)
    assert found.response[-2] > found.response[-1]
    assert found.batch[-2] == found.batch[-1]


def test_a_stop_slows_nothing_before_the_victim_is_gone() -> None:
    """A broker that is stopped in good order serves until then."""
    found, _, _ = pace({"fault": FaultType.BROKER_STOP})
    assert found.from_s[1] > 0.0
