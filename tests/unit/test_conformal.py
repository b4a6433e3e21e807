"""Corrected intervals: the quantile, its weights, what it may know, and that it covers what it says."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy.stats import norm

from tests.support.reference_records import record
from workbench.compare.conformal import LEVELS, Residuals, conformal_quantile, prequential, spread_of
from workbench.compare.fidelity import fidelity
from workbench.records.reference import PERCENTS, ReferenceMetric, ReferenceRecord
from workbench.streams import stream

NAME = "kafka_unavailable_s"
_Z = norm.ppf(np.array(PERCENTS) / 100.0)


def lognormal_metric(observed: float | None, median: float = 16.0, sigma: float = 0.1) -> ReferenceMetric:
    """Return a metric that was predicted as lognormal."""
    percentiles = tuple((median * np.exp(sigma * _Z)).tolist())
    return ReferenceMetric(NAME, "s", "metric", True, 0.0, percentiles, {}, observed, None, None, None)


def test_a_spread_has_the_deviations_of_its_logarithm() -> None:
    """Twice sigma above the median is a residual of 2, twice below as well; exp(sigma) up and down."""
    spread = spread_of(lognormal_metric(None))
    assert spread is not None
    assert spread.residual(16.0 * math.exp(0.2)) == pytest.approx(2.0)
    assert spread.residual(16.0 * math.exp(-0.2)) == pytest.approx(2.0)
    assert spread.interval(1.0) == pytest.approx((16.0 * math.exp(-0.1), 16.0 * math.exp(0.1)))


def test_what_reaches_zero_has_no_logarithm() -> None:
    """Nothing lost, nothing predicted: no spread, no correction."""
    zeros = ReferenceMetric("lost", "records", "metric", False, 0.0, (0.0,) * 99, {}, 0.0, None, None, None)
    assert spread_of(zeros) is None
    assert prequential([record(number, zeros) for number in range(30)]) == []


@pytest.mark.parametrize(("level", "groups"), [(0.5, 1), (0.8, 4), (0.9, 9)])
def test_a_level_needs_enough_configurations(level: float, groups: int) -> None:
    """With one fewer there is no quantile, however many drills each has."""
    assert conformal_quantile([[1.0] * 50] * (groups - 1), level) is None
    assert conformal_quantile([[1.0] * 50] * groups, level) == 1.0


def test_the_quantile_of_single_drills_is_the_order_statistic() -> None:
    """The ceil(0.9 (n + 1))-th smallest of n: Vovk's split conformal rank."""
    values = [float(value) for value in range(1, 20)]
    assert conformal_quantile([[value] for value in values], 0.9) == 18.0
    assert conformal_quantile([[value] for value in values], 0.5) == 10.0


def test_each_configuration_has_one_weight() -> None:
    """A hundred good drills of one configuration do not outvote one bad drill of each of three others."""
    assert conformal_quantile([[0.1] * 100, [3.0], [3.0], [3.0]], 0.5) == 3.0
    assert conformal_quantile([[0.1] * 100, [0.1], [0.1], [3.0]], 0.5) == 0.1


def test_the_same_fault_comes_first_where_it_is_enough() -> None:
    """Four configurations of the fault decide 80 %; nine of all are asked for 90 %."""
    earlier = Residuals()
    for number in range(4):
        earlier.add(record(number, lognormal_metric(16.0 * math.exp(0.1)), configuration=f"kill-{number}"))
    for number in range(4, 10):
        earlier.add(
            record(number, lognormal_metric(16.0 * math.exp(0.5)), configuration=f"stop-{number}", fault="BrokerStop")
        )
    assert earlier.deviations(NAME, "BrokerKill", 80) == pytest.approx(1.0)
    assert earlier.deviations(NAME, "BrokerKill", 90) == pytest.approx(5.0)
    assert earlier.deviations(NAME, "PostgresKill", 50) == pytest.approx(5.0)
    assert earlier.deviations("events_late", "BrokerKill", 50) is None


def test_a_record_is_judged_by_what_was_sealed_before_it() -> None:
    """The first has nothing to be judged by; a huge error corrects those after it, not itself."""
    observed = [16.0, 160.0, 100.0]
    judged = prequential([record(number, lognormal_metric(value)) for number, value in enumerate(observed)])
    assert [(each.run_id, each.percent, each.inside) for each in judged] == [("run-1", 50, False), ("run-2", 50, True)]


def drills_of(rng: np.random.Generator, configurations: int, each: int, wrong: float) -> Sequence[ReferenceRecord]:
    """Return drills whose spread the predictions understate by `wrong`, a different factor a configuration."""
    factors = wrong * rng.lognormal(0.0, 0.3, configurations)
    drills = []
    for number, which in enumerate(rng.permutation(np.repeat(np.arange(configurations), each))):
        observed = float(16.0 * np.exp(0.1 * factors[which] * rng.normal()))
        drills.append(record(number, lognormal_metric(observed), configuration=f"configuration-{which}"))
    return drills


def test_corrected_intervals_cover_where_the_sealed_ones_are_too_narrow() -> None:
    """Predictions understate their spread threefold: 90 % hold 42 % of the drills, corrected about 90 %."""
    drills = drills_of(stream(3, "conformal"), 60, 5, 3.0)
    judged = [each for each in prequential(drills) if int(each.run_id.split("-")[1]) >= 100]
    for percent in LEVELS:
        inside = [each.inside for each in judged if each.percent == percent]
        assert len(inside) == 200
        assert abs(np.mean(inside) - percent / 100.0) < 0.09


def test_the_table_counts_corrected_intervals_beside_the_sealed_ones() -> None:
    """Records of an earlier configuration correct the present one, and are not counted with it."""
    earlier = [record(number, lognormal_metric(17.0), configuration=f"old-{number}") for number in range(4)]
    present = [record(number, lognormal_metric(16.5), configuration="new") for number in range(4, 7)]
    (row,) = fidelity([*earlier, *present]).rows
    assert (row.drills, [(each.percent, each.inside, each.judged) for each in row.corrected]) == (
        3,
        [(50, 3, 3), (80, 3, 3), (90, 0, 0)],
    )
