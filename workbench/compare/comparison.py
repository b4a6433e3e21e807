"""The comparison of one run: checks, rows, two verdicts, the third word (clean or not) and the exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from workbench.compare.rows import Row, rows
from workbench.compare.verdicts import Verdict, exit_code_and_reason, judge_prediction, judge_resilience
from workbench.records.folder import FORMAT_VERSION
from workbench.records.prediction import Observation, Prediction
from workbench.scenario.drill_scenario import Scenario

COVERAGE: Final = 0.9


@dataclass(frozen=True)
class Check:
    """One condition of a run that must hold before its numbers may be believed."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Judged:
    """What a run amounts to: the content of comparison.json and the exit code."""

    content: dict[str, Any]
    exit_code: int


def compare(
    scenario: Scenario,
    prediction: Prediction | None,
    observations: Mapping[str, Observation],
    checks: Sequence[Check],
    residue: Verdict,
    stopped: str | None = None,
    noise_floors: Mapping[str, float] | None = None,
) -> Judged:
    """Judge one run. `stopped` names who or what ended it early.

    `residue.word` is clean, not whole, broken or unknown.
    """
    judged_rows = rows(scenario, prediction, observations)
    failed = next((f"{check.name}: {check.detail}" for check in checks if not check.passed), None)
    blocked = f"stopped by {stopped}" if stopped else failed
    resilience = judge_resilience(judged_rows, blocked, residue)
    verdict = judge_prediction(scenario, judged_rows, prediction is not None, blocked)
    code, reason = exit_code_and_reason(scenario, resilience, verdict, residue, stopped)
    inside = [row.inside("90") for row in judged_rows]
    judged = [answer for answer in inside if answer is not None]
    floors = noise_floors or {}
    content = {
        "format": FORMAT_VERSION,
        "metrics": [row.to_json(floors.get(row.metric.name)) for row in judged_rows],
        "checks": [asdict(check) for check in checks],
        "counts": {
            "judged": len(judged),
            "inside_90": sum(judged),
            "expected_inside": round(COVERAGE * len(judged), 1),
            "without_value": sum(1 for row in judged_rows if row.predicted and row.value is None),
        },
        "verdicts": {
            "resilience": _verdict_json(resilience),
            "prediction": _verdict_json(verdict),
            "residue": _verdict_json(residue),
        },
        "exit_code": code,
        "exit_reason": reason,
    }
    return Judged(content, code)


def _verdict_json(verdict: Verdict) -> dict[str, str]:
    return {"verdict": verdict.word, "sentence": verdict.sentence}


__all__ = ["Check", "Judged", "Row", "Verdict", "compare"]
