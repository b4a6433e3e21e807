"""One metric of a run: predicted, observed, where it fell; and how its numbers are written."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from workbench.metrics.catalogue import Metric
from workbench.metrics.numbers import Scale, chance, scale, stated
from workbench.records.prediction import interval, median

LEVELS: Final = ("50", "80", "90", "99")
Interval = tuple[float, float]


@dataclass(frozen=True)
class Objective:
    """The hub keeps it when the metric is at most `at_most`."""

    at_most: float
    chance: float | None  # the sealed prediction's, 0 .. 1
    kept: bool | None


@dataclass(frozen=True)
class Row:
    """One metric. None where there is no value; `median` is None without a sealed prediction."""

    name: str
    title: str
    unit: str
    definition: str
    kind: str  # "metric" or "phase"
    primary: bool
    median: float | None
    intervals: Mapping[str, Interval]  # of LEVELS; empty without a prediction
    observed: float | None
    at_least: float | None  # the clock was still running when watching ended
    reason: str
    resolution: float
    error: float | None
    inside: Mapping[str, bool | None]
    hit: bool | None  # primary: inside its adjusted 99 % interval
    wide: bool
    noise_floor: float | None
    objective: Objective | None

    @cached_property
    def scale(self) -> Scale:
        """Return how this row's numbers are written, everywhere."""
        shown = [self.median, self.observed, self.at_least, *self.intervals.get("90", ())]
        return scale(self.unit, shown, self.resolution)

    @property
    def missed(self) -> bool:
        """Tell whether the observation fell outside the 90 % interval (or is known to end beyond it)."""
        return self.outside and abs(self.overshoot) > self.resolution

    @property
    def outside(self) -> bool:
        """Tell whether it fell outside, be it by less than its probe can tell."""
        return self.inside.get("90") is False or (self.observed is None and self.hit is False)

    @property
    def objective_missed(self) -> bool:
        """Tell whether the hub missed the objective on this metric."""
        return self.objective is not None and self.objective.kept is False

    @property
    def overshoot(self) -> float:
        """Return by how much the observation lies outside the 90 % interval: above it positive, below negative."""
        value = self.observed if self.observed is not None else self.at_least
        if value is None or "90" not in self.intervals:
            return 0.0
        low, high = self.intervals["90"]
        return value - high if value > high else min(0.0, value - low)

    @property
    def overshoot_widths(self) -> float:
        """Return the overshoot's size in widths of the 90 % interval."""
        if "90" not in self.intervals:
            return 0.0
        low, high = self.intervals["90"]
        return abs(self.overshoot) / max(high - low, self.resolution, 1e-9)

    def place(self, judged: bool) -> str:
        """Return where the observation fell, in words."""
        if self.median is None:
            return "not predicted"
        if self.observed is None and self.at_least is None:
            return "not observed" if self.reason in ("", "not observed") else f"no value: {self.reason}"
        if self.missed:
            side = "above" if self.overshoot > 0 else "below"
            words = f"{self.scale.text(abs(self.overshoot))} {side} 90 %"
            words = words if self.observed is not None else f"at least {words}"
            if not judged:
                return f"{words}, not judged"
            return f"MISS, {words}" + (", inside 99 %" if self.inside.get("99") else "")
        if self.observed is None:
            return f"no value: {self.reason}"
        if self.outside:
            return "outside 90 %, by less than its probe can tell"
        if self.inside.get("90") is None:
            return "not compared"
        low, high = self.intervals["90"]
        if low == high == self.observed:
            words = "as predicted"
        else:
            words = f"inside {next(level for level in LEVELS if self.inside.get(level))} %"
        return words + (", wide" if self.wide else "") + ("" if judged else ", not judged")

    def error_text(self) -> str:
        """Return (observed - median) in whole percent of the median: "+40 %"; "-" where there is none."""
        if self.error is None or self.observed is None or self.median is None:
            return "-"
        if self.noise_floor is not None and abs(self.observed - self.median) < self.noise_floor:
            return "within noise"
        whole = round(self.error * 100.0)
        return f"{whole:+,d} %" if whole else "0 %"

    def observed_text(self) -> str:
        """Return the observed number without its unit; "over 120" while the clock was still running."""
        if self.observed is None and self.at_least is not None:
            return f"over {self.scale.bare(self.at_least)}"
        return "-" if self.observed is None else self.scale.bare(self.observed)

    def with_unit(self) -> str:
        """Return the observed number with its unit; "not observed" where there is none."""
        text = self.observed_text()
        return "not observed" if text == "-" else f"{text} {self.scale.unit}"

    def signed(self, change: float) -> str:
        """Return a difference with its sign and unit: "+1.3 s"."""
        return f"{'+' if change > 0 else '-'}{self.scale.text(abs(change))}"

    @property
    def axis_title(self) -> str:
        """Return what an axis of this metric's values is called."""
        return f"{self.title}, {'seconds' if self.unit == 's' else self.unit}"

    def interval_text(self, level: str = "90") -> str:
        """Return an interval as "11.6-20.9"; "-" without a prediction."""
        return self.scale.span(*self.intervals[level]) if level in self.intervals else "-"

    def interval_spoken(self, level: str = "90") -> str:
        """Return an interval as "11.6 to 20.9 s"."""
        return self.scale.spoken(*self.intervals[level]) if level in self.intervals else "no prediction"

    def bound_text(self) -> str:
        """Return the objective's bound with its unit: "30 s", "0 records"; "" without an objective."""
        return "" if self.objective is None else stated(self.objective.at_most, self.unit)

    def objective_text(self) -> str:
        """Return objective, chance given and outcome: "<= 30 s, 99 %: kept"; "-" without an objective."""
        if self.objective is None:
            return "-"
        given = "" if self.objective.chance is None else f", {chance(self.objective.chance)}"
        kept = {True: "kept", False: "MISSED", None: "no verdict"}[self.objective.kept]
        sign = "≤ " if self.objective.at_most else ""
        return f"{sign}{self.bound_text()}{given}: {kept}"


def row_from_comparison(raw: Mapping[str, Any], sealed: bool) -> Row:
    """Return a row of comparison.json; without a seal that holds its prediction is left out."""
    predicted = raw.get("predicted") or {}
    has_prediction = sealed and predicted.get("median") is not None
    intervals = {
        level: (float(predicted[f"interval_{level}"][0]), float(predicted[f"interval_{level}"][1]))
        for level in LEVELS
        if has_prediction and None not in (predicted.get(f"interval_{level}") or [None])
    }
    objective = raw.get("objective")
    if objective:
        given = objective.get("chance") if sealed else None
        objective = Objective(float(objective["at_most"]), given, objective.get("kept"))
    return Row(
        name=raw["name"],
        title=raw["title"],
        unit=raw["unit"],
        definition=raw.get("definition", ""),
        kind=raw.get("kind", "metric"),
        primary=raw.get("role") == "primary",
        median=float(predicted["median"]) if has_prediction else None,
        intervals=intervals,
        observed=raw.get("observed"),
        at_least=raw.get("at_least"),
        reason=raw.get("reason") or "",
        resolution=float(raw.get("resolution") or 0.0),
        error=raw.get("error") if has_prediction else None,
        inside={level: raw.get(f"inside_{level}") if has_prediction else None for level in LEVELS},
        hit=raw.get("hit", raw.get("inside_99")) if has_prediction else None,
        wide=has_prediction and bool(raw.get("wide")),
        noise_floor=raw.get("noise_floor"),
        objective=objective or None,
    )


def without_outcome(row: Row) -> Row:
    """Return the row of a run whose resilience has no verdict: it never says that an objective was kept."""
    return row if row.objective is None else replace(row, objective=replace(row.objective, kept=None))


def row_without_comparison(metric: Metric, column: Sequence[float | None] | None, observed: Mapping[str, Any]) -> Row:
    """Return a row of a run that was never compared: what was predicted and what was observed, unjudged."""
    middle = math.nan if column is None else median(column)
    found = observed.get(metric.name) or {}
    levels = ("50", "80", "90")
    return Row(
        name=metric.name,
        title=metric.title,
        unit=metric.unit,
        definition=metric.definition,
        kind=metric.kind,
        primary=False,
        median=None if math.isnan(middle) else middle,
        intervals={level: interval(column or (), float(level)) for level in levels if not math.isnan(middle)},
        observed=found.get("value"),
        at_least=found.get("at_least"),
        reason=found.get("reason") or "not observed",
        resolution=metric.resolution,
        error=None,
        inside={},
        hit=None,
        wide=False,
        noise_floor=None,
        objective=None,
    )


def in_table_order(rows: Sequence[Row]) -> list[Row]:
    """Return the rows as tables and ladder show them: objective missed, MISS (worst first), not observed, the rest."""

    def rank(numbered: tuple[int, Row]) -> tuple[int, float, int]:
        index, row = numbered
        if row.objective_missed:
            return 0, 0.0, index
        if row.missed:
            return 1, -row.overshoot_widths, index
        return (2, 0.0, index) if row.observed is None else (3, 0.0, index)

    return [row for _, row in sorted(enumerate(rows), key=rank)]
