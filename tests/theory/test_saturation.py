"""The rate at which the processors saturate: the closed form, and what the engine does below and above it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workbench.model.parameter import lognormal, prior
from workbench.model.parameters import Parameters
from workbench.plan.answering import draws_of
from workbench.plan.basis import Basis, basis_of
from workbench.plan.question import DEFAULT_QUESTION, read_question
from workbench.plan.rates import simulate
from workbench.plan.stations import BROKERS, POSTGRES, PROCESSORS, saturation_per_s, states

SERVICE_S = 0.01


def deterministic() -> Basis:
    """Return a hub whose processors take 10 ms an event, one event a batch, whoever else is busy: M/D/1 each."""
    basis = basis_of("broker-loss", None)
    fixed = {
        "batch_events_max": 1.0,
        "batch_linger_s": 0.0,
        "batch_fixed_share": 0.0,
        "steady_batch_events": 1.0,
        "steady_batch_s": SERVICE_S,
        "steady_busy": 0.5,
        "saturated_batch_events": 2.0,
        "saturated_batch_s": 2.0 * SERVICE_S,
        "saturated_busy": 0.5,
        "saturated_speed_up": 1.0,
        "batch_rest_s": 0.0,
        "batch_rest_event_s": 0.0,
        "database_cores": 0.396,
        "victim_cores": 0.198,
        "taken_over_share": 0.4,
    }
    rows = {name: prior(value, "", "stated by the test") for name, value in fixed.items()}
    noise = prior(lognormal(1.0, 1e-9), "", "stated by the test")
    parameters = Parameters({**basis.parameters.by_name, **rows, "batch_noise": noise})
    return replace(basis, parameters=parameters, measured_at_per_s=396.0)


def test_stations_saturate_where_the_operational_laws_say() -> None:
    """Capacity over demand: c / (D share) for processors, limit / (U / X) for cores, and less with a broker gone."""
    basis, question = deterministic(), read_question(DEFAULT_QUESTION)
    draws = draws_of(basis, 1, 1)[0]
    whole, broker, _, one, *_ = states(basis)
    found = saturation_per_s(basis, question, whole, draws)
    assert found[PROCESSORS] == pytest.approx(1.0 / SERVICE_S / basis.largest_share(2))
    assert found[POSTGRES] == pytest.approx(2.0 / 0.001)
    assert found[BROKERS] == pytest.approx(2.0 / 0.0005)
    assert saturation_per_s(basis, question, broker, draws)[BROKERS] == pytest.approx(2.0 / (0.0005 * 1.2))
    assert saturation_per_s(basis, question, one, draws)[PROCESSORS] == pytest.approx(1.0 / SERVICE_S)


def test_the_engine_keeps_up_below_the_rate_and_not_above() -> None:
    """At 0.8 the backlog stays, at 1.2 it grows; p99 at 0.8 has the size that M/D/1's tail says."""
    basis, question = deterministic(), read_question(DEFAULT_QUESTION)
    draws = draws_of(basis, 1, 1)[0]
    rate = saturation_per_s(basis, question, states(basis)[0], draws)[PROCESSORS]
    p99_s, kept_up = simulate(basis, 2, draws, 0.8 * rate, seed=1, index=0)
    assert kept_up
    # P(W > t) of M/D/1 decays as exp(-theta t), 0.8 (exp(theta s) - 1) = theta s: theta s = 0.43 (Cramer and Lundberg).
    assert 5 * SERVICE_S < p99_s < 25 * SERVICE_S
    assert not simulate(basis, 2, draws, 1.2 * rate, seed=1, index=0)[1]
