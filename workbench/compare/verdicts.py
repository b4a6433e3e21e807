"""The two verdicts, each one word and one sentence with number, unit and comparison, and the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from workbench.compare.rows import Row
from workbench.errors import (
    EXIT_INCONCLUSIVE,
    EXIT_MISSED,
    EXIT_STOPPED,
    EXIT_UNDO_UNVERIFIED,
    worst_exit_code,
)
from workbench.metrics.numbers import quantity, stated
from workbench.scenario.drill_scenario import Scenario

PASS: Final = "PASS"
FAIL: Final = "FAIL"
INCONCLUSIVE: Final = "INCONCLUSIVE"
CLEAN: Final = "clean"
BROKEN: Final = "broken"
NOT_WHOLE: Final = "not whole"  # the hub never came back, and is gone: a fact about the hub, and nothing left to mend


@dataclass(frozen=True)
class Verdict:
    """One word and one sentence."""

    word: str
    sentence: str


def judge_resilience(rows: Sequence[Row], blocked: str | None, residue: Verdict) -> Verdict:
    """Did the hub keep the scenario's objectives and come back? `blocked` names the check that failed."""
    judged = [row for row in rows if row.objective is not None]
    if blocked:
        return Verdict(INCONCLUSIVE, f"No verdict: {blocked}.")
    missed = sorted((row for row in judged if row.kept is False), key=_overshoot, reverse=True)
    found = []
    if missed:
        found.append("The hub missed its objective: " + "; ".join(_against_objective(row) for row in missed) + ".")
    if residue.word == NOT_WHOLE:
        found.append(residue.sentence)
    if found:
        return Verdict(FAIL, " ".join(found))
    blind = [row for row in judged if row.kept is None]
    if blind:
        reasons = "; ".join(f"{row.metric.title}: {row.observation.reason}" for row in blind)
        return Verdict(INCONCLUSIVE, f"No verdict: not observed ({reasons}).")
    kept = "; ".join(_against_objective(row) for row in judged[:2])
    return Verdict(PASS, f"Every objective kept: {kept}." if kept else "No objective was set.")


def judge_prediction(scenario: Scenario, rows: Sequence[Row], sealed: bool, blocked: str | None) -> Verdict:
    """Did the primary metrics fall inside the sealed, adjusted 99 % interval?"""
    if not sealed:
        return Verdict(INCONCLUSIVE, "No verdict: no sealed prediction.")
    if blocked:
        return Verdict(INCONCLUSIVE, f"No verdict: {blocked}.")
    primaries = [row for row in rows if row.primary]
    bounds = {primary.metric: primary.width_max for primary in scenario.primary}
    too_wide = [row for row in primaries if _width(row) > bounds[row.metric.name]]
    if too_wide:
        row = too_wide[0]
        widths = (
            f"{quantity(_width(row), row.metric.unit)}, at most {quantity(bounds[row.metric.name], row.metric.unit)}"
        )
        return Verdict(INCONCLUSIVE, f"No verdict: the 90 % interval of {row.metric.title} is too wide ({widths}).")
    missed = [row for row in primaries if row.hit is False]
    if missed:
        return Verdict(FAIL, "We misjudged: " + "; ".join(_misjudged(row) for row in missed) + ".")
    blind = [row for row in primaries if row.hit is None]
    if blind:
        reasons = "; ".join(f"{row.metric.title}: {row.observation.reason or 'not predicted'}" for row in blind)
        return Verdict(INCONCLUSIVE, f"No verdict: a primary metric has no value ({reasons}).")
    return Verdict(PASS, "As predicted: " + "; ".join(_hit(row) for row in primaries) + ".")


def exit_code_and_reason(
    scenario: Scenario, resilience: Verdict, prediction: Verdict, residue: Verdict, stopped: str | None
) -> tuple[int, str]:
    """Return the exit code and why, by the order of precedence of workbench.errors."""
    reasons: dict[int, str] = {}
    if residue.word not in (CLEAN, NOT_WHOLE):
        reasons[EXIT_UNDO_UNVERIFIED] = residue.sentence
    if stopped:
        reasons[EXIT_STOPPED] = f"stopped by {stopped}"
    for name, verdict in (("resilience", resilience), ("prediction", prediction)):
        if verdict.word == INCONCLUSIVE:
            reasons.setdefault(EXIT_INCONCLUSIVE, f"{name}: {verdict.sentence}")
        elif verdict.word != scenario.expect[name].value:
            expected = scenario.expect[name].value
            reasons.setdefault(EXIT_MISSED, f"{name} is {verdict.word}, expected {expected}: {verdict.sentence}")
    code = worst_exit_code(reasons)
    return code, reasons.get(code, "both verdicts are as the scenario expects")


def _width(row: Row) -> float:
    low, high = row.intervals["90"]
    return high - low


def _overshoot(row: Row) -> float:
    value = row.value if row.value is not None else row.observation.at_least or 0.0
    bound = row.objective.at_most if row.objective else 0.0
    return (value - bound) / bound if bound else value


def _value(row: Row) -> str:
    if row.value is not None:
        return row.scale.text(row.value)
    return f"over {row.scale.text(row.observation.at_least)}"


def _bound(row: Row) -> str:
    return f"objective {stated(row.objective.at_most, row.metric.unit)}" if row.objective else "no objective"


def _against_objective(row: Row) -> str:
    return f"{row.metric.title} {_value(row)} ({_bound(row)})"


def _hit(row: Row) -> str:
    low, high = row.intervals["90"]
    if row.inside("90"):
        return f"{row.metric.title} {_value(row)} (predicted {row.scale.spoken(low, high)})"
    wide = row.scale.spoken(*row.bounds)
    return f"{row.metric.title} {_value(row)} (outside the 90 % interval, inside the 99 % one of {wide})"


def _misjudged(row: Row) -> str:
    low, high = row.intervals["90"]
    wide_low, wide_high = row.intervals["99"]
    sealed = row.scale.spoken(wide_low, wide_high)
    return f"{row.metric.title} {_value(row)}; predicted {row.scale.spoken(low, high)} (99 %: {sealed})"
