"""The backlog after a silence against the fluid limit: it drains in backlog / (service rate - arrival rate)."""

from __future__ import annotations

import numpy as np
import pytest

from workbench import engine
from workbench.engine import NEVER, Disturbance, Service, Traffic

PER_S = 400.0
SILENT_S = 20.0


@pytest.mark.parametrize("service_per_s", [800.0, 1200.0, 4000.0])
def test_drain_time_follows_the_fluid_limit(service_per_s: float) -> None:
    """One partition silent for 20 s, evenly paced arrivals, one processor of known rate; 3 % and one batch off."""
    intended_s = np.arange(-5.0, 90.0, 1.0 / PER_S)
    count = len(intended_s)
    zeros = np.zeros(count, dtype=np.int64)
    full, batch_s = 100, 100.0 / service_per_s
    silent = np.array([SILENT_S])
    fate = engine.run(
        Traffic(intended_s, zeros, zeros, np.full(count, 0.002), np.ones(count)),
        Disturbance(
            begins_s=np.zeros(1),
            held_until_s=silent[:, None],
            connection=np.zeros((1, 1), np.int64),
            head_until_s=np.full((1, 1), NEVER),
            visible_from_s=np.array([NEVER]),
            fetchable_from_s=np.array([NEVER]),
            tail_from_s=np.full(1, np.inf),
            processor=np.zeros(1, np.int64),
        ),
        Service(0.005, 10_000, 0.003, 0.0, 0.0, 0.001, full, 0.0, 0.0, batch_s / full, 0.0, 0.0, 1.0, 0.004, 0.0),
    )
    after = intended_s > SILENT_S
    sojourn_s = fate.committed_s - intended_s
    late = np.flatnonzero(after & (sojourn_s > 0.1 + batch_s))
    drained_s = float(fate.committed_s[late[-1]])
    theory_s = PER_S * SILENT_S / (service_per_s - PER_S)
    assert drained_s - SILENT_S == pytest.approx(theory_s, rel=0.03, abs=batch_s + 0.15)


def test_every_event_is_acknowledged_and_committed_once_and_in_order() -> None:
    """Checker: nothing is lost, nothing held is overtaken, nothing happens before its cause."""
    rng = np.random.default_rng(3)
    count, partitions, clients = 20_000, 6, 3
    traffic = Traffic(
        np.sort(rng.uniform(-10.0, 40.0, count)),
        rng.integers(0, partitions, count),
        rng.integers(0, clients, count),
        rng.lognormal(np.log(0.004), 0.6, count),
        np.ones(count),
    )
    held = np.full((clients, partitions), 15.0) + rng.uniform(0.0, 1.0, (clients, 1))
    nothing = np.full(partitions, NEVER)
    disturbance = Disturbance(
        np.zeros(partitions),
        held,
        np.zeros((clients, partitions), np.int64),
        np.full(held.shape, NEVER),
        nothing,
        nothing,
        np.full(partitions, np.inf),
        np.arange(partitions) % 2,
    )
    fate = engine.run(
        traffic,
        disturbance,
        Service(0.005, 10_000, 0.003, 5e-6, 0.0, 0.001, 500, 0.05, 0.002, 0.0005, 0.001, 1e-5, 1.3, 0.004, 0.001),
    )
    assert np.isfinite(fate.committed_s).all()
    assert (fate.acked_s > traffic.intended_s).all()
    assert (fate.committed_s > fate.visible_s).all()
    assert not ((fate.acked_s > 0.02) & (fate.acked_s < 15.0)).any()
    for client in range(clients):
        for partition in range(partitions):
            mine = (traffic.client == client) & (traffic.partition == partition)
            held = mine & (traffic.intended_s > 0.0) & (traffic.intended_s < 15.0)
            assert (np.diff(fate.acked_s[held]) >= 0.0).all()
