"""From a drill's run folder, or a reference record, to what the history keeps of it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from workbench.compare.reference import CONFIGURATION_DIGITS, INCOMPLETE, configuration_of, record_of
from workbench.errors import EXIT_AS_EXPECTED, EXIT_INCONCLUSIVE, EXIT_MISSED, BadInput
from workbench.records.folder import RunFolder, load_json
from workbench.records.night_drill import DONE, IMPORTED, NightDrill, night_metric
from workbench.records.reference import ReferenceRecord
from workbench.records.runs_index import IndexedRun, read_index
from workbench.scenario import find_scenario, question_of, read_with_hub

NIGHTS_A_DAY_MAX: Final = 99
OVER: Final = (EXIT_AS_EXPECTED, EXIT_MISSED, EXIT_INCONCLUSIVE)  # of a night that did what fitted its time
HALF_DAY_S: Final = 43_200.0
LOG_TAIL: Final = 300  # characters of a log's last line that explain a failure


def night_of(epoch_s: float) -> str:
    """Return the night a moment belongs to: the day on which it began, from noon to noon UTC."""
    return datetime.datetime.fromtimestamp(epoch_s - HALF_DAY_S, datetime.UTC).date().isoformat()


def night_to_do(nights: Mapping[str, int | None], epoch_s: float) -> str:
    """Return the night that a suite started at a moment does: today's that is not over, or the next one of today.

    `nights`: exit code by night, as History.nights gives them. One that was killed, stopped or ended by trouble is not
    over. Of a day's further nights the name ends in ".02", ".03" and so on. Raises BadInput after NIGHTS_A_DAY_MAX.
    """
    day = night_of(epoch_s)
    for number in range(1, NIGHTS_A_DAY_MAX + 1):
        night = day if number == 1 else f"{day}.{number:02d}"
        if nights.get(night) not in OVER:
            return night
    raise BadInput(f"{NIGHTS_A_DAY_MAX} nights of this suite on {day}: name another --history")


def sealed_run(out: Path, drill: NightDrill) -> IndexedRun | None:
    """Return the run that a drill sealed, None where it did not get so far."""
    found = [
        run
        for run in read_index(out)
        if (run.scenario, run.seed) == (drill.scenario, drill.seed) and run.sealed_s >= drill.started_s
    ]
    return found[-1] if found else None


def with_outcome(drill: NightDrill, run: IndexedRun | None, log: Path) -> NightDrill:
    """Return a drill that has ended, with what its folder says; without a seal its log's last line says why."""
    record = None if run is None else record_of(run)
    if run is None or run.run is None or record is None:
        return replace(drill, reason=_last_line(log))
    folder = RunFolder(run.folder)
    comparison = load_json(folder.comparison_json) if folder.comparison_json.exists() else {}
    verdicts = {name: each["verdict"] for name, each in comparison.get("verdicts", {}).items()}
    expected = run.run["scenario"]["expect"].get("resilience")
    resilience = verdicts.get("resilience", "")
    bounds = {row["name"]: (row["objective"] or {}).get("at_most") for row in comparison.get("metrics", ())}
    host = run.run["target"]["host"]
    return replace(
        _of_record(drill, record, bounds),
        resilience=resilience,
        prediction=verdicts.get("prediction", ""),
        as_expected=resilience == expected if resilience in ("PASS", "FAIL") else None,
        reason=_last_line(log) if record.unscored == INCOMPLETE else record.unscored or _not_judged(comparison),
        system=str(host.get("system", "")),
        versions={name: str(version) for name, version in run.run["versions"].items()},
        folder=str(run.folder),
    )


def ended_by_itself(run: IndexedRun | None) -> int | None:
    """Return the exit code of a drill that ended in order while nobody was waiting for it, None of any other."""
    if run is None or run.run is None or not run.run["complete"]:
        return None
    code = run.run["exit_code"]
    return int(code) if code in (EXIT_AS_EXPECTED, EXIT_MISSED, EXIT_INCONCLUSIVE) else None


def imported(record: ReferenceRecord, repeat: int) -> NightDrill:
    """Return a reference record as a drill of the night on which it was sealed."""
    drill = NightDrill(
        IMPORTED, night_of(record.sealed_s), record.scenario, repeat, record.seed, record.sealed_s, DONE
    )  # fmt: skip
    missed = any(row.kept is False for row in record.metrics)
    code = EXIT_INCONCLUSIVE if record.unscored else EXIT_MISSED if missed else EXIT_AS_EXPECTED
    now = scenario_now(record.scenario)
    found = _of_record(
        drill, record, now.bounds if now is not None and record.configuration == now.configuration else {}
    )
    return replace(found, exit_code=code, reason=record.unscored, ended_s=record.sealed_s)


def _of_record(drill: NightDrill, record: ReferenceRecord, bounds: Mapping[str, float | None]) -> NightDrill:
    return replace(
        drill,
        run_id=record.run_id,
        target=record.target,
        configuration=record.configuration,
        question=record.question,
        manifests=record.manifests,
        commit=record.commit,
        calibration=record.calibration,
        cores=record.cores,
        stolen_percent=record.stolen_percent,
        metrics=tuple(night_metric(row, bounds.get(row.name)) for row in record.metrics),
    )


@dataclass(frozen=True)
class ScenarioNow:
    """A scenario of today; fields as in NightDrill, and its objectives' bounds, which a record does not have."""

    configuration: str
    question: str
    manifests: str
    bounds: Mapping[str, float]


@cache
def scenario_now(name: str) -> ScenarioNow | None:
    """Return a scenario as it is now, None where it was renamed or is gone."""
    try:
        scenario, topology = read_with_hub(find_scenario(name))
    except BadInput:
        return None
    return ScenarioNow(
        configuration_of(scenario.sha256, topology.manifests_sha256),
        question_of(scenario.text),
        topology.manifests_sha256[:CONFIGURATION_DIGITS],
        {each.metric: each.at_most for each in scenario.objectives},
    )


def _not_judged(comparison: Mapping[str, Any]) -> str:
    return str(comparison["exit_reason"]) if comparison.get("exit_code") == EXIT_INCONCLUSIVE else ""


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    words = [line.strip() for line in lines if line.strip()]
    return words[-1][:LOG_TAIL] if words else "it said nothing"
