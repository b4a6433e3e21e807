"""Parameters that a calibration gives in place of priors (workbench.records.calibration)."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.errors import BadInput, Problem
from workbench.model.parameter import Parameter, Source, lognormal
from workbench.records.calibration import CalibrationFile, Measurement


def calibrated(
    file: CalibrationFile, priors: Mapping[str, Parameter], known: Mapping[str, Parameter]
) -> dict[str, Parameter]:
    """Return the rows of `priors` that the calibration measured, by name.

    `known` holds every prior of every part. Raises BadInput for a parameter that no model has, or in another unit.
    """
    used = [each for each in file.content.measurements if each.parameter]
    problems = [problem for each in used for problem in _strange(file.name, each, known)]
    if problems:
        raise BadInput(f"calibration {file.name} is of another version", problems)
    return {each.parameter: _parameter(file.name, each, priors) for each in used if each.parameter in priors}


def _strange(name: str, each: Measurement, known: Mapping[str, Parameter]) -> list[Problem]:
    prior = known.get(each.parameter)
    if prior is None:
        return [Problem(name, each.name, each.parameter, "no model has this parameter")]
    if prior.unit != each.unit:
        return [Problem(name, each.name, repr(each.unit), f"the model's unit is {prior.unit!r}")]
    return []


def _parameter(name: str, each: Measurement, priors: Mapping[str, Parameter]) -> Parameter:
    origin = f"{name}: {len(each.samples)} samples, {each.how}"
    value = lognormal(each.fit.median, each.fit.sigma)
    return Parameter(value, each.unit, Source.CALIBRATION, origin, priors[each.parameter].note)
