"""Detection time of a killed broker against the closed form of ZooKeeper's timers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.model_cases import a_scenario, a_topology, parameters_of, setting_and_draws
from workbench.model.session import expiry_s
from workbench.model.world import World

REPLICATIONS = 1500
TICK_S = 2.0


def expiries(session_s: float, on_leader: bool) -> np.ndarray:
    """Return many expiry times (s after the kill) of a session with this time-out."""
    scenario, topology = a_scenario(), a_topology(session_s)
    parameters = parameters_of(scenario, topology)
    setting, constants = setting_and_draws(parameters, scenario)
    columns = parameters.draws(1, range(REPLICATIONS))
    setting = replace(setting, session_on_zookeeper_leader=on_leader)
    rows = [
        expiry_s(World(setting, constants | {name: float(column[index]) for name, column in columns.items()}))
        for index in range(REPLICATIONS)
    ]
    return np.array(rows)


@pytest.mark.parametrize(("session_s", "ping_s"), [(6.0, 2.0), (18.0, 6.0), (30.0, 10.0)])
@pytest.mark.parametrize("on_leader", [True, False])
def test_expiry_is_the_timeout_less_the_pings_age_plus_report_plus_tick(
    session_s: float, ping_s: float, on_leader: bool
) -> None:
    """Sum of three uniform phases: mean, variance and bounds; the mean within 4 standard errors."""
    found = expiries(session_s, on_leader)
    report_s = 0.0 if on_leader else TICK_S / 2.0
    mean_s = session_s - ping_s / 2.0 + report_s / 2.0 + TICK_S / 2.0
    variance = (ping_s**2 + report_s**2 + TICK_S**2) / 12.0
    assert abs(found.mean() - mean_s) < 4.0 * np.sqrt(variance / REPLICATIONS)
    assert found.var() == pytest.approx(variance, rel=0.12)
    assert found.min() > session_s - ping_s
    assert found.max() <= session_s + report_s + TICK_S


def test_a_session_beyond_twenty_ticks_is_granted_twenty() -> None:
    """60 s asked for, 40 s granted (ZooKeeper's upper bound), with the longest ping interval of 10 s."""
    found = expiries(60.0, True)
    assert found.min() > 30.0
    assert found.max() <= 42.0


def test_a_doubled_session_shifts_detection_by_the_right_amount() -> None:
    """From 9 s (ping every 3 s) to 18 s (every 6 s): 9 s more less half of 3 s."""
    shift_s = expiries(18.0, False).mean() - expiries(9.0, False).mean()
    assert shift_s == pytest.approx(7.5, abs=0.3)
