"""The judgement of a night: a slower hub, a worse model and a broken tool are told apart, and quiet is quiet."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import fisher_exact, permutation_test

from tests.support.made_nights import PHASE, drill, failed, imported, nights
from workbench.compare.nights import ALPHA, Cause, MetricNight, judge_night
from workbench.compare.shifts import holm, slower, smallest_visible, stale
from workbench.records.night_drill import KILLED, NightDrill


def judged(drills: list[NightDrill]) -> tuple[MetricNight, int]:
    """Return the one metric of the last night, and the night's exit code."""
    night = judge_night(drills, "s", drills[-1].night, 21)
    (found,) = night.metrics
    return found, night.exit_code


def test_a_quiet_night_is_quiet() -> None:
    """Nothing moved: 0; what could have been seen is said, and less is seen in one night than in three."""
    found, code = judged(nights(1, 12))
    assert (found.cause, code, found.drills, found.earlier, found.nights) == (Cause.AS_BEFORE, 0, 3, 27, 3)
    assert found.visible is not None
    assert 0.05 < found.visible < 0.4
    first, _ = judged(nights(1, 2))
    assert first.visible is None


def test_a_slower_hub_is_found_and_its_phase_named() -> None:
    """A fifth slower for three nights: the hub's, though its predictions miss as well; all of it in the detection."""
    found, code = judged([*nights(1, 12), *nights(13, 15, factor=1.25)])
    assert (found.cause, code) == (Cause.HUB, 1)
    assert found.change == pytest.approx(0.25, abs=0.1)
    assert found.p_slower <= ALPHA
    assert (found.phase, found.phase_change_s > 2.0) == (PHASE, True)


def test_a_faster_hub_is_no_alarm() -> None:
    """The test has one side."""
    found, code = judged([*nights(1, 12), *nights(13, 15, factor=0.9, predicted=18.0)])
    assert (found.cause, code) == (Cause.AS_BEFORE, 0)
    assert found.change < 0.0


def test_a_worse_model_is_no_slower_hub() -> None:
    """Predictions a third too high, observed as before."""
    found, code = judged([*nights(1, 12), *nights(13, 15, predicted=30.0)])
    assert (found.cause, code, found.missed) == (Cause.MODEL, 1, 3)
    assert found.p_slower > 0.5


def test_a_broken_tool_is_neither() -> None:
    """Nothing was left to judge: 3; inconclusive alone: 4; one failure beside good drills: 3, the metric as before."""
    before = nights(1, 12)
    tonight = nights(13, 13)
    broken = [failed(tonight[0]), failed(tonight[1], KILLED, -9), failed(tonight[2], exit_code=6)]
    found, code = judged([*before, *broken])
    assert (found.cause, code, found.drills) == (Cause.TOOL, 3, 0)
    assert math.isnan(found.observed)
    found, code = judged([*before, *(failed(each, exit_code=4) for each in tonight)])
    assert (found.cause, code) == (Cause.INCONCLUSIVE, 4)
    found, code = judged([*before, *tonight[:2], failed(tonight[2])])
    assert (found.cause, code) == (Cause.AS_BEFORE, 3)


def test_an_objective_that_was_missed_is_a_fact() -> None:
    """One drill is enough, where its scenario expects to keep it."""
    missed = replace(drill(13, 3, factor=1.6), exit_code=1, resilience="FAIL", as_expected=False)
    found, code = judged([*nights(1, 12), *nights(13, 13)[:2], missed])
    assert (found.cause, code) == (Cause.OBJECTIVE, 1)
    found, code = judged([*nights(1, 12), *nights(13, 13)[:2], replace(missed, as_expected=True)])
    assert code == 0


def test_one_missed_prediction_is_chance() -> None:
    """A drill that exits with 1 for its prediction alone does not make the night fail."""
    missed = replace(drill(13, 1, predicted=40.0), exit_code=1, prediction="FAIL")
    found, code = judged([*nights(1, 12), missed, *nights(13, 13)[1:]])
    assert (found.cause, code, found.missed) == (Cause.AS_BEFORE, 0, 1)


def test_another_configuration_or_machine_is_no_measure() -> None:
    """Earlier drills of another version, or on more cores, are left out; imported ones count, and are no night."""
    other = [replace(each, configuration="d") for each in nights(1, 6)]
    other += [replace(each, cores=8) for each in nights(7, 9)]
    found, code = judged([*other, *nights(10, 10)])
    assert (found.earlier, code) == (0, 0)
    assert math.isnan(found.change)
    found, _ = judged([*map(imported, nights(1, 9)), *nights(10, 10)])
    assert (found.earlier, found.nights) == (27, 1)


def test_a_rank_tests_p_value_is_that_of_all_permutations() -> None:
    """Against scipy's exact permutation test on the same scores; ties share theirs; nothing to compare is 1."""
    late, early = [9.0, 7.5, 8.0], [5.0, 6.0, 7.0, 8.0, 4.0, 3.0]
    scores = np.cumsum(1.0 / np.arange(9, 0, -1))
    ranked = dict(zip(sorted(early + late), scores, strict=True))
    ranked[8.0] = (scores[6] + scores[7]) / 2.0
    exact = permutation_test(
        ([ranked[value] for value in late], [ranked[value] for value in early]),
        lambda one, _two: float(np.sum(one)),
        alternative="greater",
    )
    assert slower(late, early) == pytest.approx(exact.pvalue, rel=0.35)
    assert slower(early, late) > 0.9
    assert slower([9.0, 9.1], [1.0, 2.0, 3.0]) >= 0.1
    assert slower([], early) == slower(late, []) == 1.0


def test_too_many_misses_are_more_than_promised_and_more_than_before() -> None:
    """Seven of nine after none: stale. Seven of nine after as many: not. Without earlier drills the promise judges."""
    late = [True] * 7 + [False] * 2
    assert stale(late, [False] * 30) < 1e-4
    assert stale(late, late * 3) > 0.5
    assert stale([True, True, True], []) == pytest.approx(0.001)
    before = fisher_exact([[7, 2], [9, 21]], alternative="greater").pvalue
    assert stale(late, [True] * 9 + [False] * 21) == pytest.approx(before)


def test_p_values_are_adjusted_for_their_number() -> None:
    """Holm's example by hand: times 3, 2, 1, never falling."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_what_could_be_seen_shrinks_with_drills_and_grows_with_noise() -> None:
    """Nothing where even the clearest order of so few drills is too likely; one wild drill does not hide the noise."""
    quiet, loud = [10.0, 10.5, 9.5, 10.2, 9.8] * 4, [10.0, 14.0, 7.0, 12.0, 8.0] * 4
    assert smallest_visible(quiet, 1, 0.001) is None
    few, many, noisy = (smallest_visible(*each, 0.001) for each in ((quiet, 3), (quiet, 9), (loud, 9)))
    assert few is not None
    assert many is not None
    assert noisy is not None
    assert many < few < noisy
