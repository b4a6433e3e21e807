"""What moves a metric: by how much it changes over the replications as one drawn parameter goes up.

A linear model in the ranks of every drawn parameter, fitted to the prediction's own replications by least squares
(Saltelli et al. 2008, Global Sensitivity Analysis, 1.2.5: standardized rank regression). Left out: effects that
turn round within a parameter's range, and effects of two parameters together; `explained` tells how much that is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from workbench.records.prediction import Prediction, numbers

SHARE: Final = 0.8  # of a parameter's distribution between its 10 and its 90 % point
REPLICATIONS_A_PARAMETER_MIN: Final = 5
ERRORS_MIN: Final = 3.0  # an effect below so many of its standard errors is chance
CONDITION_MIN: Final = 1e-9


@dataclass(frozen=True)
class Driver:
    """One drawn parameter; `change`: of the metric, in its unit, from the parameter's 10 to its 90 % point."""

    parameter: str
    change: float


@dataclass(frozen=True)
class Sensitivity:
    """The drivers of one metric, the strongest first, and which share of its variance they explain together."""

    drivers: tuple[Driver, ...]
    explained: float


def sensitivity(prediction: Prediction, metric: str) -> Sensitivity | None:
    """Return what moves a metric; None where the replications cannot tell or nothing that was drawn moves it."""
    values = numbers(prediction.metrics.get(metric, ()))
    seen = np.isfinite(values)
    names, ranks = _ranks(prediction.parameters, seen)
    replications = int(np.count_nonzero(seen))
    if not names or replications < REPLICATIONS_A_PARAMETER_MIN * len(names) or np.ptp(values[seen]) == 0.0:
        return None
    design = np.column_stack([np.ones(replications), ranks])
    inverse = np.linalg.pinv(design.T @ design, rcond=CONDITION_MIN)
    slopes = inverse @ design.T @ values[seen]
    left = values[seen] - design @ slopes
    variance = float(left @ left) / max(replications - len(slopes), 1)
    errors = np.sqrt(variance * np.diag(inverse))
    found = [
        Driver(name, SHARE * float(slope))
        for name, slope, error in zip(names, slopes[1:], errors[1:], strict=True)
        if abs(slope) > ERRORS_MIN * error
    ]
    if not found:
        return None
    drivers = tuple(sorted(found, key=lambda driver: (-abs(driver.change), driver.parameter)))
    return Sensitivity(drivers, max(0.0, 1.0 - float(np.var(left)) / float(np.var(values[seen]))))


def _ranks(
    parameters: Mapping[str, Sequence[float]], seen: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> tuple[list[str], np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """Return the parameters that vary, and their ranks (replications, parameters) between -0.5 and 0.5."""
    columns = {name: np.asarray(column, dtype=float)[seen] for name, column in sorted(parameters.items())}
    varying = {name: column for name, column in columns.items() if len(column) and np.ptp(column) > 0.0}
    ranks = [np.argsort(np.argsort(column, kind="stable")) / len(column) - 0.5 for column in varying.values()]
    return list(varying), np.array(ranks).T
