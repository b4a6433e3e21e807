"""The comparison: intervals, verdicts and exit codes, without any server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from workbench.compare import Check, compare
from workbench.compare.verdicts import BROKEN, CLEAN, NOT_WHOLE, Verdict
from workbench.fault import Fault, FaultType, RestartRule, VictimSelector
from workbench.records.prediction import Observation, Prediction
from workbench.scenario.drill_scenario import Expectation, Objective, PrimaryMetric, Scenario
from workbench.workload import ProfileKind, RateProfile, Workload

CLEAN_RESIDUE = Verdict(CLEAN, "Clean: the undo was verified, 0 processes left.")
PASSED = [Check("baseline steady", True, "three windows")]


def scenario(objective_s: float = 30.0, width_max: float = 7.0, expect: str = "PASS") -> Scenario:
    """Return a broker's loss with one primary metric and two objectives."""
    workload = Workload(RateProfile(ProfileKind.CONSTANT, 300.0), "poisson", {"alerts": 1.0}, 400, 100, "all")
    return Scenario(
        name="broker-loss",
        title="Broker loss",
        path=Path("scenarios/broker-loss.yaml"),
        text="",
        sha256="",
        manifests=Path("manifests/base"),
        workload=workload,
        restart=RestartRule.KUBELET_RULES,
        experiment=Path("experiments/broker-loss.yaml"),
        faults=(Fault(FaultType.BROKER_KILL, VictimSelector(broker=1)),),
        fault_window_s=10.0,
        baseline_s=30.0,
        recovery_timeout_s=180.0,
        objectives=(Objective("kafka_unavailable_s", objective_s), Objective("acknowledged_records_lost", 0.0)),
        primary=(PrimaryMetric("kafka_unavailable_s", width_max),),
        expect={"resilience": Expectation(expect), "prediction": Expectation.PASS},
    )


def prediction(low: float = 13.0, high: float = 19.0) -> Prediction:
    """Return a prediction whose worst silence is uniform between two values."""
    columns: Mapping[str, list[float | None]] = {
        "kafka_unavailable_s": [float(value) for value in np.linspace(low, high, 1000)],
        "acknowledged_records_lost": [0.0] * 1000,
    }
    return Prediction("broker-loss", 1, 1000, columns, {}, {}, [], {})


def observed(silence_s: float | None, lost: float = 0.0, at_least: float | None = None) -> dict[str, Observation]:
    """Return the two observations of a run."""
    return {
        "kafka_unavailable_s": Observation(silence_s, "" if silence_s else "probe timed out", "log", 0.25, at_least),
        "acknowledged_records_lost": Observation(lost, "", "ledger", 0.0),
    }


def test_a_kept_objective_and_a_hit_are_exit_0() -> None:
    """Inside the sealed interval and under the objective: PASS, PASS, exit code 0."""
    judged = compare(scenario(), prediction(), observed(15.0), PASSED, CLEAN_RESIDUE)
    verdicts = judged.content["verdicts"]
    assert (verdicts["resilience"]["verdict"], verdicts["prediction"]["verdict"]) == ("PASS", "PASS")
    assert judged.exit_code == 0
    row = judged.content["metrics"][0]
    assert row["inside_90"] is True
    assert row["error"] == pytest.approx(-1 / 16)
    assert row["objective"] == {"at_most": 30.0, "chance": 1.0, "kept": True}


@pytest.mark.parametrize(
    ("silence_s", "objective_s", "lost", "words"),
    [
        (25.0, 30.0, 0.0, ("PASS", "FAIL")),
        (15.0, 10.0, 0.0, ("FAIL", "PASS")),
        (25.0, 10.0, 0.0, ("FAIL", "FAIL")),
        (15.0, 30.0, 41.0, ("FAIL", "PASS")),
    ],
)
def test_each_verdict_judges_its_own_question(
    silence_s: float, objective_s: float, lost: float, words: tuple[str, str]
) -> None:
    """The hub against its objectives, we against the seal; either miss is exit code 1."""
    judged = compare(scenario(objective_s), prediction(), observed(silence_s, lost), PASSED, CLEAN_RESIDUE)
    verdicts = judged.content["verdicts"]
    assert (verdicts["resilience"]["verdict"], verdicts["prediction"]["verdict"]) == words
    assert judged.exit_code == 1


def test_an_expected_miss_is_green() -> None:
    """A scenario that expects its objective to be missed is exit code 0 when it is."""
    judged = compare(scenario(10.0, expect="FAIL"), prediction(), observed(15.0), PASSED, CLEAN_RESIDUE)
    assert judged.exit_code == 0


def test_a_failed_check_makes_both_verdicts_inconclusive() -> None:
    """A run that proves nothing never leans to a verdict."""
    failed = [Check("fault proved effective", False, "broker 1 still answered")]
    judged = compare(scenario(), prediction(), observed(15.0), failed, CLEAN_RESIDUE)
    verdicts = judged.content["verdicts"]
    assert verdicts["resilience"]["verdict"] == verdicts["prediction"]["verdict"] == "INCONCLUSIVE"
    assert "still answered" in verdicts["resilience"]["sentence"]
    assert judged.exit_code == 4


def test_a_prediction_that_cannot_fail_says_nothing() -> None:
    """A 90 % interval wider than width_max is inconclusive even when it holds the observation."""
    judged = compare(scenario(width_max=5.0), prediction(), observed(15.0), PASSED, CLEAN_RESIDUE)
    assert judged.content["verdicts"]["prediction"]["verdict"] == "INCONCLUSIVE"
    assert judged.content["verdicts"]["resilience"]["verdict"] == "PASS"
    assert judged.exit_code == 4


def test_a_clock_that_never_stopped_is_a_miss_not_a_gap() -> None:
    """Still silent after 180 s: the objective and the prediction are missed, though no value is known."""
    judged = compare(scenario(), prediction(), observed(None, at_least=180.0), PASSED, CLEAN_RESIDUE)
    verdicts = judged.content["verdicts"]
    assert (verdicts["resilience"]["verdict"], verdicts["prediction"]["verdict"]) == ("FAIL", "FAIL")
    row = next(row for row in judged.content["metrics"] if row["name"] == "kafka_unavailable_s")
    assert [row[f"inside_{percent}"] for percent in (50, 80, 90, 99)] == [False] * 4


def test_a_clock_stopped_within_the_interval_tells_nothing() -> None:
    """Watched for 12 s where 10 to 20 s are predicted: neither inside nor outside."""
    judged = compare(scenario(), prediction(), observed(None, at_least=12.0), PASSED, CLEAN_RESIDUE)
    row = next(row for row in judged.content["metrics"] if row["name"] == "kafka_unavailable_s")
    assert (row["inside_90"], row["hit"]) == (None, None)


def test_no_value_is_inconclusive() -> None:
    """A probe that timed out gives no verdict."""
    judged = compare(scenario(), prediction(), observed(None), PASSED, CLEAN_RESIDUE)
    assert judged.exit_code == 4


def test_no_seal_is_inconclusive_for_the_prediction_alone() -> None:
    """Without a sealed prediction the hub can still be judged."""
    judged = compare(scenario(), None, observed(15.0), PASSED, CLEAN_RESIDUE)
    verdicts = judged.content["verdicts"]
    assert (verdicts["resilience"]["verdict"], verdicts["prediction"]["verdict"]) == ("PASS", "INCONCLUSIVE")


def test_an_unverified_undo_wins_over_everything() -> None:
    """Exit code 6 comes before all others, and 5 (stopped) before 1."""
    broken = Verdict(BROKEN, "Something may still be broken: broker 1 is down.")
    assert compare(scenario(10.0), prediction(), observed(15.0), PASSED, broken, "a person").exit_code == 6
    assert compare(scenario(10.0), prediction(), observed(15.0), PASSED, CLEAN_RESIDUE, "a person").exit_code == 5


def test_a_hub_of_its_own_that_never_came_back_failed_and_left_nothing_to_mend() -> None:
    """No objective names it, and still the hub is what failed: exit code 1, not the 6 of a hub that stays."""
    never = Verdict(NOT_WHOLE, "The hub did not come back (after 120 s: kafka-1 not running); it is gone.")
    judged = compare(scenario(), prediction(), observed(15.0), PASSED, never)
    verdict = judged.content["verdicts"]["resilience"]
    assert verdict["verdict"] == "FAIL"
    assert "kafka-1 not running" in verdict["sentence"]
    assert "objective" not in verdict["sentence"]
    assert judged.exit_code == 1
    both = compare(scenario(10.0), prediction(), observed(15.0), PASSED, never).content["verdicts"]["resilience"]
    assert "missed its objective" in both["sentence"]
    assert "kafka-1 not running" in both["sentence"]
