"""The processors' batch server against queueing formulas, with a confidence interval over replications."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.engine_cases import committed
from workbench.model.batch_spread import EVENTS, SteadyRows, above_median
from workbench.model.batches import BatchTime

REPLICATIONS = 12
CUSTOMERS = 40_000
WARM_UP = 5_000
SERVICE_S = 0.01
T_99 = 3.106  # Student's t, 11 degrees of freedom, two-sided 99 %


def mean_wait_s(utilization: float, noise_sigma: float, seed: int) -> float:
    """Return the mean wait in queue of one replication: Poisson arrivals, one processor, batches of one."""
    rng = np.random.default_rng(seed)
    arrivals_s = np.cumsum(rng.exponential(SERVICE_S / utilization, CUSTOMERS))
    noise = rng.lognormal(-(noise_sigma**2) / 2.0, noise_sigma, CUSTOMERS) if noise_sigma else np.ones(CUSTOMERS)
    wait_s = committed(arrivals_s, noise, SERVICE_S) - arrivals_s - SERVICE_S * noise
    return float(wait_s[WARM_UP:].mean())


@pytest.mark.parametrize("utilization", [0.3, 0.6, 0.8])
@pytest.mark.parametrize("noise_sigma", [0.0, 0.6])
def test_wait_follows_pollaczek_and_khinchine(utilization: float, noise_sigma: float) -> None:
    """M/D/1 and M/G/1: Wq = rho s (1 + cv^2) / (2 (1 - rho)), inside the 99 % interval over replications."""
    squared_variation = np.exp(noise_sigma**2) - 1.0
    theory_s = utilization * SERVICE_S * (1.0 + squared_variation) / (2.0 * (1.0 - utilization))
    waits_s = np.array([mean_wait_s(utilization, noise_sigma, seed) for seed in range(REPLICATIONS)])
    half_width_s = T_99 * waits_s.std(ddof=1) / np.sqrt(REPLICATIONS)
    assert abs(waits_s.mean() - theory_s) < half_width_s
    assert half_width_s < 0.12 * theory_s


@pytest.mark.parametrize("utilization", [0.3, 0.6, 0.8])
def test_wait_with_exponential_services_is_that_of_mm1(utilization: float) -> None:
    """M/M/1: Wq = rho s / (1 - rho), inside the 99 % interval over replications."""
    theory_s = utilization * SERVICE_S / (1.0 - utilization)
    waits_s = np.empty(REPLICATIONS)
    for seed in range(REPLICATIONS):
        rng = np.random.default_rng(1000 + seed)
        arrivals_s = np.cumsum(rng.exponential(SERVICE_S / utilization, CUSTOMERS))
        factor = rng.exponential(1.0, CUSTOMERS)
        waits_s[seed] = (committed(arrivals_s, factor, SERVICE_S) - arrivals_s - SERVICE_S * factor)[WARM_UP:].mean()
    half_width_s = T_99 * waits_s.std(ddof=1) / np.sqrt(REPLICATIONS)
    assert abs(waits_s.mean() - theory_s) < half_width_s


@pytest.mark.parametrize("batch_events_max", [1, 20, 500])
def test_littles_law_holds(batch_events_max: int) -> None:
    """As many events inside, on average over time, as arrive in the mean time that one is inside: L = lambda W."""
    rng = np.random.default_rng(3)
    per_s, batch_s = 60.0, 0.012
    arrivals_s = np.cumsum(rng.exponential(1.0 / per_s, CUSTOMERS))
    noise = rng.lognormal(-0.08, 0.4, CUSTOMERS)
    done_s = committed(
        arrivals_s, noise, 1e-4, linger_s=0.05, events_max=batch_events_max, fixed_s=batch_s, rest_fixed_s=0.001
    )
    looks_s = np.linspace(arrivals_s[WARM_UP], arrivals_s[-WARM_UP], 400_000)
    inside = np.searchsorted(arrivals_s, looks_s, side="right") - np.searchsorted(np.sort(done_s), looks_s, "right")
    kept = slice(WARM_UP, CUSTOMERS - WARM_UP)
    arriving_per_s = (CUSTOMERS - 2 * WARM_UP) / (looks_s[-1] - looks_s[0])
    assert inside.mean() == pytest.approx(arriving_per_s * (done_s - arrivals_s)[kept].mean(), rel=0.01)


def test_a_saturated_server_works_at_its_full_batches_rate() -> None:
    """Everything waits from the start: throughput is n / (a + b n) of full batches, to the last one's rounding."""
    count, full, fixed_s, event_s = 50_000, 500, 0.01, 0.0004
    committed_s = committed(
        np.zeros(count),
        np.ones(count),
        event_s,
        linger_s=0.05,
        events_max=full,
        fixed_s=fixed_s,
        rest_fixed_s=0.002,
        rest_event_s=1e-5,
    )
    batch_s = fixed_s + event_s * full + 0.002 + 1e-5 * full
    assert committed_s.max() == pytest.approx(count / full * batch_s, rel=0.01)


@pytest.mark.parametrize("sigma", [0.2, 0.5, 0.8])
def test_the_spread_of_batches_is_found_again(sigma: float) -> None:
    """What events of a server with this spread see gives the spread back, from a sample of its own."""
    rng = np.random.default_rng(11)
    per_s, batch_s, events = 200.0, 0.03, 17.0
    arrivals_s = np.cumsum(rng.exponential(1.0 / per_s, CUSTOMERS))
    noise = rng.lognormal(-(sigma**2) / 2.0, sigma, CUSTOMERS)
    rows_s = committed(arrivals_s, noise, 0.8 * batch_s / events, linger_s=0.05, events_max=500, fixed_s=0.2 * batch_s)
    time = BatchTime(0.2 * batch_s, 0.8 * batch_s / events, 1.0)
    at_once = np.zeros(EVENTS)
    found = SteadyRows(per_s, 1, time, 0.0, 0.05).spread_with(above_median(rows_s - arrivals_s), at_once)
    assert found == pytest.approx(sigma, abs=0.06)


def test_a_baseline_gets_its_own_times_back() -> None:
    """Two processors that slow each other, slow acknowledgements before slow batches: one spread gives p50 to p99.

    Acknowledgements and batches are drawn apart in the model, so the spread is a little larger than the batches' own.
    """
    rng, half, per_s = np.random.default_rng(5), CUSTOMERS // 2, 200.0
    time, rest_s = BatchTime(0.0015, 0.0004, 2.5), 0.0017
    slow = rng.lognormal(-0.02, 0.2, CUSTOMERS // 100).repeat(100)  # spells of a hundred events
    ack_s = 0.01 * slow * rng.lognormal(0.0, 0.5, CUSTOMERS)
    arrivals_s = np.concatenate([np.cumsum(rng.exponential(1.0 / per_s, half)) for _ in range(2)])
    noise = slow * rng.lognormal(-0.02, 0.2, CUSTOMERS)
    rows_s = committed(
        arrivals_s,
        noise,
        time.event_s,
        edges=(0, half, CUSTOMERS),
        linger_s=0.05,
        events_max=500,
        fixed_s=time.fixed_s,
        rest_fixed_s=rest_s,
        saturation_factor=time.contention,
    )
    commit_s = ack_s + rows_s - arrivals_s
    rows = SteadyRows(per_s, 2, time, rest_s, 0.05)
    found_s = ack_s + rows.waits_s(rows.spread_with(above_median(commit_s), ack_s))
    wanted_s, got_s = (np.percentile(each, [50.0, 95.0, 99.0]) for each in (commit_s, found_s))
    assert got_s == pytest.approx(wanted_s, rel=0.05)


def test_two_busy_processors_slow_each_other() -> None:
    """Both saturated from the start: every batch but the first of all starts while the other is busy."""
    count = 1000
    queued_s, noise = np.zeros(2 * count), np.ones(2 * count)
    alone, together = (
        committed(
            queued_s,
            noise,
            0.001,
            edges=(0, count, 2 * count),
            linger_s=0.05,
            events_max=100,
            saturation_factor=factor,
        )
        for factor in (1.0, 1.5)
    )
    assert alone.max() == pytest.approx(1.0)
    assert together.max() == pytest.approx(1.5, rel=0.1)
