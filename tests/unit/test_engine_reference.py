"""The compiled path against the event-by-event reference: the same answer and commit for every event."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.model_cases import a_kraft_topology, a_scenario, parameters_of, setting_and_draws
from workbench import engine
from workbench.engine import NEVER, Disturbance, Fate, Outage, Pace, Service, Traffic
from workbench.engine.inputs import BoolArray
from workbench.fault import FaultType, RestartRule
from workbench.model.course import play
from workbench.model.reference import Reference
from workbench.model.setting import service_of

TOLERANCE_S = 1e-6


def random_case(seed: int, events: int | None = None) -> tuple[Traffic, Disturbance, Service]:
    """Return a random configuration: kills and stops, acks of all and of 1, partitions that are out of service."""
    rng = np.random.default_rng(seed)
    clients, partitions, processors = (int(rng.integers(1, high)) for high in (4, 9, 4))
    count = int(rng.integers(200, 900)) if events is None else events
    length_s = float(rng.uniform(3.0, 12.0))
    traffic = Traffic(
        np.sort(rng.uniform(-length_s / 2, length_s, count)),
        rng.integers(0, partitions, count),
        rng.integers(0, clients, count),
        rng.lognormal(np.log(0.004), 0.8, count),
        rng.lognormal(0.0, 0.3, count),
    )
    begins_s = float(rng.choice([0.0, 0.7]))
    back_s = np.where(rng.random(partitions) < 0.8, begins_s + rng.choice([0.5, 2.0, 4.0], partitions), NEVER)
    back_s[rng.random(partitions) < 0.1] = np.inf
    everything = rng.random() < 0.5
    led = rng.random(partitions) < 0.4
    known_s = begins_s + rng.uniform(0.0, 3.0, (clients, 1))
    delayed_s = back_s + rng.choice([0.0, 1.0], partitions)
    disturbance = Disturbance(
        np.full(partitions, begins_s),
        np.where(led, np.maximum(back_s, known_s), delayed_s if everything else NEVER),
        rng.integers(0, 3, (clients, partitions)),
        np.where(led | (rng.random(partitions) < 0.3), NEVER, back_s) + np.zeros((clients, 1)),
        np.full(partitions, NEVER) if everything else back_s,
        np.where(led, begins_s + float(rng.uniform(0.0, 4.0)), NEVER),
        np.where(led & (not everything), begins_s, np.inf),
        rng.integers(-1 if rng.random() < 0.3 else 0, processors, partitions),
        Pace(
            np.array([NEVER, *np.sort(rng.uniform(begins_s, length_s, 3))]),
            rng.uniform(0.5, 3.0, 4),
            rng.uniform(0.5, 3.0, 4),
            rng.choice([1.0, 1.4], 4),
            np.random.default_rng([seed, 1]).uniform(0.7, 2.0, 4),
        ),
    )
    service = Service(
        linger_s=float(rng.choice([0.0, 0.005, 0.05])),
        produce_events_max=int(rng.choice([2, 5, 10_000])),
        request_s=float(rng.uniform(0.001, 0.01)),
        request_event_s=float(rng.uniform(0.0, 1e-4)),
        replication_lag_s=0.0 if everything else float(rng.uniform(0.0, 0.05)),
        fetch_s=float(rng.uniform(0.0, 0.01)),
        batch_events_max=int(rng.choice([3, 20, 500])),
        batch_linger_s=float(rng.uniform(0.001, 0.1)),
        batch_fixed_s=float(rng.uniform(0.001, 0.01)),
        batch_event_s=float(rng.uniform(1e-4, 2e-3)),
        rest_fixed_s=float(rng.uniform(0.0, 0.01)),
        rest_event_s=float(rng.uniform(0.0, 1e-4)),
        saturation_factor=float(rng.uniform(1.0, 2.0)),
        typical_response_s=0.004,
        stamp_lead_s=float(rng.uniform(0.0, 0.01)),
    )
    disturbance = replace(disturbance, outage=random_outage(rng, partitions, processors))
    if seed % 2:  # a leader's own check comes before the controller's
        sooner = np.random.default_rng([seed, 2]).uniform(0.2, 1.0, partitions)
        heads_s = np.where(np.isfinite(back_s), begins_s + sooner * (back_s - begins_s), back_s)
        disturbance = replace(disturbance, head_until_s=np.where(disturbance.head_until_s == NEVER, NEVER, heads_s))
    return traffic, disturbance if everything or rng.random() < 0.5 else lagging(disturbance, led), service


def lagging(disturbance: Disturbance, led: BoolArray) -> Disturbance:
    """Return the same with the other leaders held for a while until the victim dies, and its tail as long."""
    begins_s = np.where(led, disturbance.begins_s, disturbance.begins_s - 1.5)
    return replace(
        disturbance,
        begins_s=begins_s,
        held_until_s=np.where(led, disturbance.held_until_s, disturbance.begins_s),
        head_until_s=np.full(disturbance.held_until_s.shape, NEVER),
        fetchable_from_s=np.where(led, disturbance.fetchable_from_s, disturbance.begins_s),
        tail_from_s=disturbance.tail_from_s - 1.5,
    )


def random_outage(rng: np.random.Generator, partitions: int, processors: int) -> Outage | None:
    """Return an outage of all processors in half of the cases: cut or finished first, other owners afterwards."""
    if rng.random() < 0.5:
        return None
    stops_s = rng.choice([0.0, 0.3, 1.1], processors) + rng.uniform(0.0, 0.2, processors)
    return Outage(
        stops_s,
        rng.random(processors) < 0.5,
        stops_s.max() + 2.0 + rng.uniform(0.0, 2.0, processors),
        rng.integers(-1 if rng.random() < 0.3 else 0, processors, partitions),
        rng.permutation(partitions),
    )


def both_logs(traffic: Traffic, kernels: Fate, reference: Fate) -> str:
    """Return both logs of the first events that differ, side by side."""
    rows = ["row  client partition  intended   kernels: acked visible committed   reference: acked visible committed"]
    columns = ("acked_s", "visible_s", "committed_s")
    for row in range(len(traffic.intended_s)):
        ours = [getattr(kernels, name)[row] for name in columns]
        theirs = [getattr(reference, name)[row] for name in columns]
        if not np.allclose(ours, theirs, rtol=0.0, atol=TOLERANCE_S, equal_nan=True):
            place = f"{row} {traffic.client[row]} {traffic.partition[row]} {traffic.intended_s[row]:.6f}"
            rows.append(" ".join([place, *(f"{value:.7f}" for value in (*ours, *theirs))]))
    return "\n".join(rows[:40])


def kraft_case(index: int, acks: str, restart: RestartRule) -> tuple[Traffic, Disturbance, Service]:
    """Return what a broker's kill in KRaft mode does to traffic: what it only followed goes on before the rest."""
    scenario = a_scenario(FaultType.BROKER_KILL, acks, restart=restart)
    parameters = parameters_of(scenario, a_kraft_topology())
    setting, draws = setting_and_draws(parameters, scenario, index)
    disturbance = play(setting, draws).disturbance
    rng = np.random.default_rng([index, 2])
    count = 1200
    traffic = Traffic(
        np.sort(rng.uniform(-3.0, 18.0, count)),
        rng.integers(0, len(setting.leaders), count),
        rng.integers(0, len(setting.producers), count),
        rng.lognormal(np.log(0.004), 0.8, count),
        rng.lognormal(0.0, 0.3, count),
    )
    return traffic, disturbance, service_of(setting, parameters, draws)


@pytest.mark.parametrize(("seed", "events"), [*((seed, None) for seed in range(60)), (60, 40_000), (61, 40_000)])
def test_kernels_and_reference_agree_on_every_event(seed: int, events: int | None) -> None:
    """Acknowledgement, visibility and commit of each event within 1 us, and the same number of lost events.

    The large ones have more events than the kernels look at in one go.
    """
    case = random_case(seed, events)
    assert_agreement(case[0], engine.run(*case), Reference(*case).run())


@pytest.mark.parametrize("index", range(8))
@pytest.mark.parametrize(
    ("acks", "restart"),
    [("all", RestartRule.KUBELET_RULES), ("all", RestartRule.NONE), ("1", RestartRule.KUBELET_RULES)],
)
def test_kernels_and_reference_agree_in_kraft_mode(index: int, acks: str, restart: RestartRule) -> None:
    """The same for the model's own disturbances of a broker's kill, where it comes back and where it stays away."""
    case = kraft_case(index, acks, restart)
    assert_agreement(case[0], engine.run(*case), Reference(*case).run())


def assert_agreement(traffic: Traffic, kernels: Fate, reference: Fate) -> None:
    """Fail with both logs where an event or the number of lost ones differs."""
    for name in ("acked_s", "visible_s", "committed_s"):
        ours, theirs = getattr(kernels, name), getattr(reference, name)
        agree = np.allclose(ours, theirs, rtol=0.0, atol=TOLERANCE_S, equal_nan=True)
        assert agree, f"{name} differ\n{both_logs(traffic, kernels, reference)}"
    assert kernels.lost == reference.lost, both_logs(traffic, kernels, reference)


@pytest.mark.parametrize("column", ["acked_s", "visible_s", "committed_s"])
def test_a_disagreement_prints_both_logs(column: str) -> None:
    """Two microseconds on one event: its row says what either has, and no other event's is there."""
    case = random_case(3)
    fate = engine.run(*case)
    row = int(np.flatnonzero(np.isfinite(fate.committed_s))[5])
    values = getattr(fate, column).copy()
    values[row] += 2.0 * TOLERANCE_S
    with pytest.raises(AssertionError, match=f"{column} differ") as caught:
        assert_agreement(case[0], fate, replace(fate, **{column: values}))
    log = str(caught.value)
    assert f"{getattr(fate, column)[row]:.7f}" in log
    assert f"{values[row]:.7f}" in log
    assert f"{row} {case[0].client[row]} {case[0].partition[row]} {case[0].intended_s[row]:.6f} " in log
    assert sum(line.strip()[:1].isdigit() for line in log.splitlines()) == 1
