"""What moves a prediction: known models, chance, and what cannot be told."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.records.prediction import Prediction
from workbench.report.sensitivity import sensitivity
from workbench.streams import stream

COUNT = 1000


def prediction(metric: np.ndarray, **parameters: np.ndarray) -> Prediction:
    """Return a prediction of one metric with these draws."""
    columns = {name: column.tolist() for name, column in parameters.items()}
    values = [None if np.isnan(value) else float(value) for value in metric]
    return Prediction("case", 1, len(values), {"silence_s": values}, columns, {}, [], {})


def test_effects_of_a_linear_model_are_found_in_its_unit() -> None:
    """4 s over a uniform parameter's whole range is 3.2 s between its 10 and its 90 % point; noise moves nothing."""
    rng = stream(5, "sensitivity")
    age, timer, noise = (rng.random(COUNT) for _ in range(3))
    found = sensitivity(prediction(16.0 - 4.0 * age + timer, age=age, timer=timer, noise=noise), "silence_s")
    assert found is not None
    assert [each.parameter for each in found.drivers] == ["age", "timer"]
    assert [each.change for each in found.drivers] == pytest.approx([-3.2, 0.8], abs=0.05)
    assert found.explained > 0.999


def test_what_they_do_not_explain_is_told() -> None:
    """Half of the variance is chance that no parameter carries."""
    rng = stream(6, "sensitivity")
    age = rng.normal(size=COUNT)
    found = sensitivity(prediction(age + rng.normal(size=COUNT), age=age), "silence_s")
    assert found is not None
    assert found.explained == pytest.approx(0.5, abs=0.08)


def test_replications_without_a_value_are_left_out() -> None:
    """A recovery that never came in some replications."""
    age = stream(7, "sensitivity").random(COUNT)
    metric = np.where(age < 0.2, np.nan, 10.0 + age)
    found = sensitivity(prediction(metric, age=age), "silence_s")
    assert found is not None
    assert found.drivers[0].change == pytest.approx(0.8 * 0.8, abs=0.01)


@pytest.mark.parametrize("case", ["constant metric", "constant parameter", "too few", "chance", "unknown metric"])
def test_nothing_is_said_where_nothing_can_be_told(case: str) -> None:
    """No value moves, no parameter does, too few replications for the parameters, or only chance."""
    rng = stream(8, "sensitivity")
    age = np.full(COUNT, 2.0) if case == "constant parameter" else rng.random(COUNT)
    metric = np.full(COUNT, 3.0) if case == "constant metric" else rng.random(COUNT)
    if case == "too few":
        metric = np.where(np.arange(COUNT) < 4, age, np.nan)
    name = "backlog" if case == "unknown metric" else "silence_s"
    assert sensitivity(prediction(metric, age=age), name) is None
