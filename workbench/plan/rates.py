"""From the engine: how long events take at a rate, and the highest rate at which they are not too late.

Each draw of the parameters is played at shares of the rate at which its own processors saturate, so that the
uncertainty of that rate and the shape of the curve stay apart. Nothing is disturbed: no fault, no canary.

Left out: acknowledgements that get slower as the brokers fill up (their times are those of the measured rate).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from workbench import engine
from workbench.engine import NEVER, Disturbance, Fate, Traffic
from workbench.metrics.tables import BoolArray, FloatArray
from workbench.model.setting import service_of, setting_of
from workbench.model.traffic import traffic
from workbench.plan.basis import Basis
from workbench.streams import stream

SHARES: Final = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05)
CONFIRMED_AT: Final = (0.8, 0.95, 1.05)
LASTS_S: Final = 60.0
WARM_UP_S: Final = 10.0
KEPT_UP_SHARE: Final = 0.02  # of the offered events may be more behind at the end than after the warm-up


@dataclass(frozen=True)
class Curve:
    """One row a draw, one column a share: p99 (s), and whether the processors kept up."""

    p99_s: FloatArray
    kept_up: BoolArray

    def share_within(self, p99_s: float) -> FloatArray:
        """Return for each draw the share of its saturation up to which p99 is kept, between shares interpolated."""
        return np.array([_crossing(row, p99_s) for row in np.maximum.accumulate(self.p99_s, axis=1)])


def curve(basis: Basis, processors: int, draws: Sequence[Mapping[str, float]], rates: FloatArray, seed: int) -> Curve:
    """Return p99 at SHARES of `rates`, the saturation of each draw (events/s of the whole hub)."""
    found = [
        [simulate(basis, processors, row, share * rates[index], seed, index) for share in SHARES]
        for index, row in enumerate(draws)
    ]
    return Curve(np.array([[each[0] for each in row] for row in found]), np.array([[e[1] for e in r] for r in found]))


def simulate(
    basis: Basis,
    processors: int,
    draws: Mapping[str, float],
    rate_per_s: float,
    seed: int,
    index: int,
    lasts_s: float = LASTS_S,
) -> tuple[float, bool]:
    """Return p99 (s) from intended send to committed row over `lasts_s`, and whether the backlog stayed."""
    events = _traffic(basis, draws, rate_per_s, seed, index, lasts_s)
    setting = setting_of(basis.parameters, basis.at(rate_per_s))
    fate = engine.run(events, _undisturbed(basis, processors, events), service_of(setting, basis.parameters, draws))
    counted = events.intended_s >= WARM_UP_S
    waited_s = fate.committed_s[counted] - events.intended_s[counted]
    behind = _behind(events, fate, lasts_s) - _behind(events, fate, WARM_UP_S)
    return float(np.quantile(waited_s, 0.99)), bool(behind < KEPT_UP_SHARE * rate_per_s * (lasts_s - WARM_UP_S))


def _traffic(
    basis: Basis, draws: Mapping[str, float], rate_per_s: float, seed: int, index: int, lasts_s: float
) -> Traffic:
    """Return the devices' events alone: the canary is the drills', not the hub's."""
    both = traffic(
        basis.at(rate_per_s),
        {topic.name: topic.partitions for topic in basis.topology.topics},
        int(draws["load_workers"]),
        (0.0, lasts_s),
        0.0,
        basis.parameters.distribution("response_s"),
        basis.parameters.distribution("batch_noise"),
        stream(seed, "plan", "events", index),
    )
    devices = both.client > 0
    return Traffic(
        both.intended_s[devices],
        both.partition[devices],
        both.client[devices],
        both.response_s[devices],
        both.noise[devices],
    )


def _undisturbed(basis: Basis, processors: int, events: Traffic) -> Disturbance:
    partitions = len(basis.topology.partition_labels)
    shape = int(events.client.max(initial=0)) + 1, partitions
    return Disturbance(
        begins_s=np.full(partitions, np.inf),
        held_until_s=np.full(shape, NEVER),
        connection=np.zeros(shape, np.int64),
        head_until_s=np.full(shape, np.inf),
        visible_from_s=np.full(partitions, NEVER),
        fetchable_from_s=np.full(partitions, NEVER),
        tail_from_s=np.full(partitions, np.inf),
        processor=basis.owners(processors),
    )


def _behind(events: Traffic, fate: Fate, at_s: float) -> int:
    """Return how many events are on their way at a time."""
    return int(np.sum(events.intended_s < at_s) - np.sum(fate.committed_s < at_s))


def _crossing(p99_s: FloatArray, bound_s: float) -> float:
    """Return the share at which an ascending row passes a bound; 0 where even the first share is beyond it."""
    beyond = np.flatnonzero(p99_s > bound_s)
    if len(beyond) == 0:
        return 1.0
    first = int(beyond[0])
    if first == 0:
        return 0.0
    low, high = p99_s[first - 1], p99_s[first]
    step = (bound_s - low) / (high - low) * (SHARES[first] - SHARES[first - 1])
    return float(min(1.0, SHARES[first - 1] + step))
