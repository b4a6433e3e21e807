"""The judgement of a night: a slower hub, a worse model and a broken tool are told apart, and quiet is quiet."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import fisher_exact, permutation_test

from tests.support.made_nights import PHASE, drill, failed, imported, nights
from workbench.compare.changes import MANIFESTS, changes, numbered
from workbench.compare.nights import ALPHA, Cause, MetricNight, judge_night
from workbench.compare.shifts import holm, slower, smallest_visible, stale
from workbench.records.night_drill import KILLED, RUNNING, NightDrill
from workbench.report.night_words import sentence


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
    """Nothing left to judge: 3; inconclusive or stopped alone: 4; one failure beside good drills: 3, else as before."""
    before = nights(1, 12)
    tonight = nights(13, 13)
    broken = [failed(tonight[0]), failed(tonight[1], KILLED, -9), failed(tonight[2], exit_code=6)]
    found, code = judged([*before, *broken])
    assert (found.cause, code, found.drills) == (Cause.TOOL, 3, 0)
    assert math.isnan(found.observed)
    found, code = judged([*before, *(failed(each, exit_code=4) for each in tonight)])
    assert (found.cause, code) == (Cause.INCONCLUSIVE, 4)
    found, code = judged([*before, *(failed(each, RUNNING, None) for each in tonight)])
    assert (found.cause, code) == (Cause.INCONCLUSIVE, 4)
    found, code = judged([*before, *tonight[:2], failed(tonight[2])])
    assert (found.cause, code) == (Cause.AS_BEFORE, 3)


def test_an_interval_that_is_too_wide_hides_no_slower_hub() -> None:
    """Such drills prove nothing of the model and exit with 4; what they saw of the hub counts."""
    late = [replace(each, exit_code=4, prediction="INCONCLUSIVE") for each in nights(13, 15, factor=1.6)]
    found, code = judged([*nights(1, 12), *late])
    assert (found.cause, code, found.drills) == (Cause.HUB, 1, 3)


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


def test_another_question_target_or_machine_is_no_measure() -> None:
    """Earlier drills with another load or fault, of another target or on more cores are left out."""
    others = [replace(each, question="p") for each in nights(1, 3)]
    others += [replace(each, target="kubernetes") for each in nights(4, 6)]
    others += [replace(each, cores=8) for each in nights(7, 9)]
    found, code = judged([*others, *nights(10, 10)])
    assert (found.earlier, code) == (0, 0)
    assert math.isnan(found.change)


def test_imported_drills_count_and_are_no_night() -> None:
    """They are compared with, told apart in the sentence, and never among the nights that are judged."""
    found, _ = judged([*map(imported, nights(1, 9)), *nights(10, 10)])
    assert (found.earlier, found.imported, found.nights) == (27, 27, 1)
    assert "27 drills before (27 of them reference records)" in sentence(found)


def test_a_drill_that_does_not_know_its_question_is_told_by_its_configuration() -> None:
    """One of the same configuration knows; a configuration that nobody knows is compared with its like alone."""
    old = [replace(each, question="", manifests="") for each in nights(1, 6)]
    found, _ = judged([*old, *nights(7, 7)])
    assert (found.earlier, found.nights, found.since, found.within) == (12, 3, (), ())
    found, _ = judged([*(replace(each, configuration="b") for each in old), *nights(7, 7)])
    assert found.earlier == 0
    found, _ = judged([*old, replace(drill(7, 1), question="", manifests="")])
    assert (found.earlier, found.nights) == (12, 3)


def changed(drills: list[NightDrill], **fields: str) -> list[NightDrill]:
    """Return drills of a hub whose manifests are others, or whatever else is named."""
    return [replace(each, **({"manifests": "n", "configuration": "d"} | fields)) for each in drills]


def test_a_slower_hub_is_found_across_a_change_of_its_manifests_which_is_named() -> None:
    """Three drills of one night that are longer than all before; the sentence says since when and where."""
    found, code = judged([*nights(1, 12), *changed(nights(13, 13, factor=1.6, predicted=32.0))])
    assert (found.cause, code, found.earlier, found.nights) == (Cause.HUB, 1, 36, 1)
    assert [(each.night, each.what) for each in found.since] == [("2026-03-13", MANIFESTS)]
    assert found.phase == PHASE
    assert "slower (p = 0." in sentence(found)
    assert "of all tests) since the manifests changed on 2026-03-13; most of it in " in sentence(found)


def test_one_drill_a_night_finds_a_change_in_some_nights() -> None:
    """Everything since the manifests changed is looked at together, up to ten nights; then it is what is usual."""
    before = [drill(night, 1) for night in range(1, 13)]
    late = changed([drill(night, 1, factor=1.6, predicted=32.0) for night in range(13, 25)])
    causes = [judged([*before, *late[: count + 1]])[0].cause for count in range(12)]
    first = causes.index(Cause.HUB)
    assert 2 <= first <= 5
    assert set(causes[first:10]) == {Cause.HUB}
    assert causes[10:] == [Cause.AS_BEFORE, Cause.AS_BEFORE]


def test_a_change_that_does_nothing_is_told_and_is_no_alarm() -> None:
    """What would have shown stands beside it; a new commit of the workbench is named as well."""
    found, code = judged([*nights(1, 12), *changed(nights(13, 14), commit="beef")])
    assert (found.cause, code, found.nights) == (Cause.AS_BEFORE, 0, 3)
    assert "; the manifests and the workbench's commit changed on 2026-03-13" in sentence(found)


def test_without_a_change_a_slower_hub_is_said_to_be_the_hubs_alone() -> None:
    """Nothing that is recorded changed, so the sentence points at what is not recorded."""
    found, _ = judged([*nights(1, 12), *nights(13, 15, factor=1.25)])
    assert "manifests, workbench and calibration are as before" in sentence(found)


def test_changes_are_numbered_by_night_and_thing() -> None:
    """A thing that nobody knows has not changed; a calibration that is named first has."""
    found = changes([*nights(1, 1), *changed(nights(2, 2), calibration="k"), *changed(nights(3, 3), manifests="")])
    assert {place: [each.what for each in here] for place, here in found.items()} == {
        3: [MANIFESTS, "the calibration"],
        6: ["the calibration"],
    }
    flat = [each for here in found.values() for each in here]
    assert numbered(flat) == {
        ("2026-03-02", "the calibration"): 1,
        ("2026-03-02", MANIFESTS): 2,
        ("2026-03-03", "the calibration"): 3,
    }


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
