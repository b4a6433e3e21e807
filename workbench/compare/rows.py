"""One row of the comparison a metric: predicted intervals, observed value, error and where it fell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workbench.metrics.catalogue import BY_NAME, Metric
from workbench.metrics.numbers import Scale, scale
from workbench.records.prediction import Observation, Prediction, finite, interval, lies_inside, median
from workbench.scenario.drill_scenario import Objective, Scenario

VERDICT_PERCENT: Final = 99.0  # of the prediction's verdict, before it is shared among the primary metrics
RESOLUTIONS: Final = 3.0  # no verdict is finer than this many times the metric's resolution
WIDE: Final = 2.0  # an interval wider than this many medians proves little


@dataclass(frozen=True)
class Row:
    """One metric, judged."""

    metric: Metric
    primary: bool
    predicted_median: float
    intervals: Mapping[str, tuple[float, float]]  # "50", "80", "90", "99" (the last one adjusted)
    observation: Observation
    objective: Objective | None
    chance: float | None  # share of the replications that keep the objective

    @property
    def value(self) -> float | None:
        """Return the observed value, None if there is none."""
        return self.observation.value

    @property
    def predicted(self) -> bool:
        """Tell whether the model gave this metric any value."""
        return not math.isnan(self.predicted_median)

    @property
    def scale(self) -> Scale:
        """Return how this row's numbers are written, in sentences as in tables and figures."""
        shown = [self.value, self.observation.at_least, self.predicted_median, *self.intervals["90"]]
        return scale(self.metric.unit, shown, self.observation.resolution)

    def inside(self, percent: str) -> bool | None:
        """Tell whether the observation fell inside an interval; None when there is nothing to judge.

        What had not come when watching ended, beyond the interval's end, fell outside.
        """
        return self._lies_inside(self.intervals[percent]) if self.predicted else None

    @property
    def bounds(self) -> tuple[float, float]:
        """Return what the verdict judges by: the 99 % interval, never finer than the resolution."""
        slack = RESOLUTIONS * self.metric.resolution
        low, high = self.intervals["99"]
        return min(low, self.predicted_median - slack), max(high, self.predicted_median + slack)

    @property
    def hit(self) -> bool | None:
        """Tell the prediction's verdict on this metric: whether the observation lies between `bounds`."""
        return self._lies_inside(self.bounds) if self.predicted else None

    @property
    def kept(self) -> bool | None:
        """Tell whether the objective was kept; None without an objective or without a value."""
        return None if self.objective is None else self._lies_inside((-math.inf, self.objective.at_most))

    def _lies_inside(self, ends: tuple[float, float]) -> bool | None:
        return lies_inside(self.value, self.observation.at_least, ends)

    @property
    def error(self) -> float | None:
        """Return (observed - median) / median; None at median 0 or without a value."""
        if self.value is None or not self.predicted or self.predicted_median == 0:
            return None
        return (self.value - self.predicted_median) / self.predicted_median

    @property
    def wide(self) -> bool:
        """Tell whether the 90 % interval is so wide that inside proves little."""
        low, high = self.intervals["90"]
        return self.predicted and high - low > WIDE * abs(self.predicted_median) and high > low

    def to_json(self, noise_floor: float | None) -> dict[str, Any]:
        """Return the row of comparison.json."""
        objective = None
        if self.objective is not None:
            objective = {"at_most": self.objective.at_most, "chance": self.chance, "kept": self.kept}
        return {
            "name": self.metric.name,
            "title": self.metric.title,
            "unit": self.metric.unit,
            "definition": self.metric.definition,
            "kind": self.metric.kind,
            "role": "primary" if self.primary else "other",
            "predicted": {
                "median": _number(self.predicted_median),
                **{
                    f"interval_{percent}": [_number(low), _number(high)]
                    for percent, (low, high) in self.intervals.items()
                },
            },
            "observed": self.value,
            "at_least": self.observation.at_least,
            "reason": self.observation.reason,
            "resolution": self.observation.resolution,
            "error": self.error,
            "inside_50": self.inside("50"),
            "inside_80": self.inside("80"),
            "inside_90": self.inside("90"),
            "inside_99": self.inside("99"),
            "hit": self.hit,
            "wide": self.wide,
            "noise_floor": noise_floor,
            "objective": objective,
        }


def rows(scenario: Scenario, prediction: Prediction | None, observations: Mapping[str, Observation]) -> list[Row]:
    """Return one row a metric that was predicted, observed or has an objective, in catalogue order."""
    primaries = {primary.metric for primary in scenario.primary}
    objectives = {objective.metric: objective for objective in scenario.objectives}
    adjusted = 100.0 - (100.0 - VERDICT_PERCENT) / max(1, len(primaries))
    result = []
    for name, metric in BY_NAME.items():
        values: Sequence[float | None] = prediction.metrics.get(name, ()) if prediction else ()
        observation = observations.get(name, Observation(None, "not observed", "", metric.resolution))
        if not len(finite(values)) and observation.value is None and name not in objectives:
            continue
        objective = objectives.get(name)
        levels = {"50": 50.0, "80": 80.0, "90": 90.0, "99": adjusted}
        result.append(
            Row(
                metric,
                name in primaries,
                median(values),
                {label: interval(values, percent) for label, percent in levels.items()},
                observation,
                objective,
                _chance(values, objective),
            )
        )
    return result


def _chance(values: Sequence[float | None], objective: Objective | None) -> float | None:
    """Share of the replications that keep an objective; one without a value did not keep it."""
    if objective is None or not values:
        return None
    return sum(1 for value in values if value is not None and value <= objective.at_most) / len(values)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
