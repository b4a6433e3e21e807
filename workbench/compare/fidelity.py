"""How good sealed predictions were, over many drills: errors, coverage, widths, and against whom.

Every figure is prequential: a drill's prediction and its competitors know only what was sealed or observed
before it. Two competitors answer the same question without a model: persistence says "as the last drill", the
empirical one gives the distribution of all earlier drills. A scenario's drills count while it and its manifests are
as in the latest one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

import numpy as np
import scoringrules
from scipy.stats import binom, binomtest

from workbench.compare.conformal import LEVELS, prequential
from workbench.compare.families import JUDGED_MIN, LEVEL, FamilyFidelity, families
from workbench.compare.noise import noise_floor
from workbench.metrics.belonging import PARTS
from workbench.metrics.catalogue import BY_NAME
from workbench.metrics.tables import FloatArray
from workbench.model.discrepancy import FITTED_TO
from workbench.records.machine import DISTURBED_PERCENT
from workbench.records.reference import INTERVALS, PERCENTS, ReferenceMetric, ReferenceRecord, scored

UNSCORED_SHARE_MAX: Final = 0.10
SAFE_CHANCE: Final = 0.9  # an objective predicted to be kept with at least this chance, and missed: false-safe
EARLIER_MIN: Final = 2  # drills before one, for the competitors to have an answer
LATEST: Final = 30  # drills: about a day of them
FAILS_BELOW: Final = 0.015  # chance of so few inside, were the intervals right: 2 of 5, 6 of 10, 14 of 20
_LEVELS: Final = np.array(PERCENTS) / 100.0


@dataclass(frozen=True)
class Coverage:
    """How often the observed value lay inside the sealed interval of `percent`, with its exact 90 % interval."""

    percent: int
    inside: int
    judged: int

    @property
    def share(self) -> float:
        """Return the share inside."""
        return self.inside / self.judged if self.judged else math.nan

    @property
    def interval_90(self) -> tuple[float, float]:
        """Return the Clopper-Pearson interval of the share."""
        if not self.judged:
            return math.nan, math.nan
        found = binomtest(self.inside, self.judged).proportion_ci(0.90, method="exact")
        return float(found.low), float(found.high)


@dataclass(frozen=True)
class Crps:
    """Mean continuous ranked probability score, in the metric's unit: the smaller the better. NaN of no drill.

    All three over the same drills: those with EARLIER_MIN drills before them.
    """

    drills: int
    model: float
    persistence: float
    earlier: float


@dataclass(frozen=True)
class Fidelity:
    """One metric of one scenario over its drills. Errors are relative: (observed - median) / median."""

    scenario: str
    metric: str
    unit: str
    kind: str
    primary: bool
    drills: int
    observed_median: float
    predicted_median: float
    error_of_medians: float
    error_median: float  # of the errors' sizes
    error_p90: float
    error_worst: float
    coverage: tuple[Coverage, ...]
    corrected: tuple[Coverage, ...]  # of the intervals corrected by earlier records (conformal.py)
    width_90: float  # median width of the sealed 90 % interval
    noise_floor: float  # of the observed median
    crps: Crps
    false_safe: int


@dataclass(frozen=True)
class Missed:
    """A primary metric outside its sealed 90 % interval, and the phase that carried most of it."""

    run_id: str
    scenario: str
    metric: str
    observed: float
    predicted: float
    phase: str  # "" when no phase went the same way
    phase_error: float  # observed - predicted median, s


@dataclass(frozen=True)
class Failing:
    """A primary metric of a scenario whose sealed 90 % intervals held too rarely to be right."""

    scenario: str
    metric: str
    inside: int
    judged: int


@dataclass(frozen=True)
class Table:
    """What all records of a folder say."""

    families: tuple[FamilyFidelity, ...]
    latest: tuple[FamilyFidelity, ...]  # of the LATEST drills alone, where there are more: by the models of today
    held_out: tuple[FamilyFidelity, ...]  # of the scenarios alone that no prior was fitted to
    held_out_scenarios: tuple[str, ...]
    failing: tuple[Failing, ...]
    rows: tuple[Fidelity, ...]
    missed: tuple[Missed, ...]
    sealed: int
    superseded: int  # of another configuration than their scenario's latest
    unscored: Mapping[str, int]  # reason -> seals
    disturbed: int  # drills of which the machine's host took over DISTURBED_PERCENT away

    @property
    def sound(self) -> bool:
        """Tell whether few enough seals were left unscored for the rows to mean anything."""
        return sum(self.unscored.values()) <= UNSCORED_SHARE_MAX * self.sealed


def fidelity(records: Sequence[ReferenceRecord]) -> Table:
    """Return the table of some records, ordered by their seals' time."""
    present = of_latest_configuration(records)
    counted = scored(present)
    held_out = [record for record in counted if record.scenario not in FITTED_TO]
    corrected = _corrected_coverage(scored(records), {record.run_id for record in counted})
    reasons = [record.unscored for record in present if record.unscored]
    names = list(dict.fromkeys((record.scenario, row.name) for record in counted for row in record.metrics))
    rows = [_row(counted, *name, corrected.get(name, ())) for name in sorted(names, key=_place)]
    return Table(
        families=families(counted),
        latest=families(counted[-LATEST:]) if len(counted) > LATEST else (),
        held_out=families(held_out),
        held_out_scenarios=tuple(sorted({record.scenario for record in held_out})),
        failing=failing(counted),
        rows=tuple(row for row in rows if row is not None),
        missed=tuple(_missed(counted)),
        sealed=len(present),
        superseded=len(records) - len(present),
        unscored={reason: reasons.count(reason) for reason in dict.fromkeys(reasons)},
        disturbed=sum((record.stolen_percent or 0.0) > DISTURBED_PERCENT for record in counted),
    )


def of_latest_configuration(records: Sequence[ReferenceRecord]) -> list[ReferenceRecord]:
    """Return the records whose scenario and manifests are as in the latest record of that scenario."""
    latest = {record.scenario: record.configuration for record in records}
    return [record for record in records if record.configuration == latest[record.scenario]]


def _place(name: tuple[str, str]) -> tuple[str, int]:
    """Order by scenario, then as the catalogue does."""
    order = list(BY_NAME)
    return name[0], order.index(name[1]) if name[1] in order else len(order)


def _corrected_coverage(
    records: Sequence[ReferenceRecord], shown: Set[str]
) -> dict[tuple[str, str], tuple[Coverage, ...]]:
    """Return by scenario and metric how often corrected intervals held; earlier versions' records correct as well."""
    answers: dict[tuple[str, str], dict[int, list[bool]]] = defaultdict(lambda: {percent: [] for percent in LEVELS})
    for each in prequential(records):
        if each.run_id in shown:
            answers[each.scenario, each.metric][each.percent].append(each.inside)
    return {
        name: tuple(Coverage(percent, sum(inside), len(inside)) for percent, inside in by_level.items())
        for name, by_level in answers.items()
    }


def _row(
    records: Sequence[ReferenceRecord], scenario: str, metric: str, corrected: tuple[Coverage, ...]
) -> Fidelity | None:
    """Return one row; None without a drill that has both a predicted and an observed value."""
    rows = [
        row
        for record in records
        if record.scenario == scenario
        for row in record.metrics
        if row.name == metric and row.percentiles and row.observed is not None
    ]
    if not rows:
        return None
    observed = np.array([row.observed for row in rows], dtype=np.float64)
    medians = np.array([row.predicted(50) for row in rows])
    sizes = np.abs(_errors(observed, medians))
    sizes = sizes[np.isfinite(sizes)]
    middle, expected = float(np.median(observed)), float(np.median(medians))
    return Fidelity(
        scenario=scenario,
        metric=metric,
        unit=rows[0].unit,
        kind=rows[0].kind,
        primary=rows[0].primary,
        drills=len(rows),
        observed_median=middle,
        predicted_median=expected,
        error_of_medians=float(_errors(np.array([middle]), np.array([expected]))[0]),
        error_median=_percentile(sizes, 50.0),
        error_p90=_percentile(sizes, 90.0),
        error_worst=_percentile(sizes, 100.0),
        coverage=tuple(coverage(rows, percent) for percent in INTERVALS),
        corrected=corrected,
        width_90=float(np.median([row.predicted(95) - row.predicted(5) for row in rows])),
        noise_floor=noise_floor(observed.tolist(), metric),
        crps=_crps(rows),
        false_safe=sum((row.chance_kept or 0.0) >= SAFE_CHANCE and row.kept is False for row in rows),
    )


def _errors(observed: FloatArray, medians: FloatArray) -> FloatArray:
    """Return relative errors; 0 where both are 0, NaN where only the predicted median is."""
    errors = np.full(len(observed), math.nan)
    errors[(medians == 0.0) & (observed == 0.0)] = 0.0
    some = medians != 0.0
    errors[some] = (observed[some] - medians[some]) / medians[some]
    return errors


def _percentile(values: FloatArray, percent: float) -> float:
    return float(np.percentile(values, percent)) if len(values) else math.nan


def coverage(rows: Iterable[ReferenceMetric], percent: int) -> Coverage:
    """Return how often the sealed interval of `percent` held, of the rows that were judged."""
    answers = [row.inside[percent] for row in rows if percent in row.inside]
    return Coverage(percent, sum(answers), len(answers))


def _crps(rows: Sequence[ReferenceMetric]) -> Crps:
    """Return the scores of model and competitors; `rows` are in the seals' order."""
    values = [float(row.observed or 0.0) for row in rows]
    scores = [
        (
            float(scoringrules.crps_quantile(value, np.array(row.percentiles), _LEVELS)),
            abs(value - values[place - 1]),
            float(scoringrules.crps_ensemble(value, np.array(values[:place]))),
        )
        for place, (value, row) in enumerate(zip(values, rows, strict=True))
        if place >= EARLIER_MIN
    ]
    model, persistence, earlier = np.mean(scores, axis=0) if scores else (math.nan, math.nan, math.nan)
    return Crps(len(scores), float(model), float(persistence), float(earlier))


def failing(records: Sequence[ReferenceRecord]) -> tuple[Failing, ...]:
    """Return the primary metrics whose intervals would hold so rarely with a chance below FAILS_BELOW, were they right.

    Of at least JUDGED_MIN drills; one-sided binomial test.
    """
    found = []
    names = dict.fromkeys((each.scenario, row.name) for each in records for row in each.metrics if row.primary)
    for scenario, metric in names:
        rows = (row for each in records if each.scenario == scenario for row in each.metrics if row.name == metric)
        held = coverage(rows, LEVEL)
        if held.judged >= JUDGED_MIN and binom.cdf(held.inside, held.judged, LEVEL / 100.0) < FAILS_BELOW:
            found.append(Failing(scenario, metric, held.inside, held.judged))
    return tuple(found)


def _missed(records: Sequence[ReferenceRecord]) -> list[Missed]:
    found = []
    for record in records:
        for row in record.metrics:
            if row.primary and row.inside.get(90) is False and row.observed is not None:
                median = row.predicted(50)
                phase, error = _carrier(record, row.name, row.observed - median)
                found.append(Missed(record.run_id, record.scenario, row.name, row.observed, median, phase, error))
    return found


def _carrier(record: ReferenceRecord, metric: str, miss: float) -> tuple[str, float]:
    """Return the phase of a metric whose own error went furthest the way of the miss."""
    parts = PARTS.get(metric, ())
    errors = {
        row.name: row.observed - row.predicted(50)
        for row in record.metrics
        if row.name in parts and row.observed is not None and row.percentiles
    }
    same_way = {name: error for name, error in errors.items() if error * miss > 0.0}
    if not same_way:
        return "", math.nan
    worst = max(same_way, key=lambda name: abs(same_way[name]))
    return worst, same_way[worst]
