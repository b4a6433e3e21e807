"""In which order a night's drills are done: the most informative first, since time may run out."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from workbench.records.night_drill import DONE, NightDrill, NightMetric
from workbench.scenario import Suite

DRILL_S: Final = 240.0  # of a scenario that no night has timed; from seal to seal collected drills took 150 to 330 s


@dataclass(frozen=True)
class Planned:
    """One drill to do. Its seed is made of night and repeat, so no two drills of a scenario share one in a suite."""

    scenario: str
    repeat: int
    seed: int
    expected_s: float


def plan(suite: Suite, night: str, earlier: Sequence[NightDrill]) -> list[Planned]:
    """Return a night's drills: every scenario once, then twice and so on; `earlier` are the nights before, by time."""
    names = sorted(suite.drills, key=lambda name: -informative(name, earlier))
    first_seed = int(re.sub(r"\D", "", night)) * 100
    return [
        Planned(name, repeat, first_seed + repeat, _expected_s(name, earlier))
        for repeat in range(1, max(suite.drills.values()) + 1)
        for name in names
        if repeat <= suite.drills[name]
    ]


def informative(scenario: str, earlier: Sequence[NightDrill]) -> float:
    """Return how much is to be learnt from a scenario: its last drill's widest interval or largest miss.

    Both relative to the predicted median. Infinite for a scenario of which no drill is known to prove anything.
    """
    last = next((drill for drill in reversed(earlier) if drill.scenario == scenario and drill.metrics), None)
    if last is None:
        return math.inf
    return max((_unknown(row) for row in last.metrics if row.primary and row.quantiles), default=math.inf)


def _unknown(row: NightMetric) -> float:
    middle = row.quantiles[50]
    if middle <= 0.0:
        return math.inf
    error = abs(row.observed - middle) if row.observed is not None and row.inside_90 is False else 0.0
    return max(row.quantiles[95] - row.quantiles[5], error) / middle


def _expected_s(scenario: str, earlier: Sequence[NightDrill]) -> float:
    took = [
        drill.ended_s - drill.started_s
        for drill in earlier
        if drill.scenario == scenario and drill.state == DONE and drill.ended_s is not None
    ]
    took = [each for each in took if each > 0.0]  # an imported one has no length
    return median(took) if took else DRILL_S
