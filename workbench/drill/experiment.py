"""Runs the scenario's Chaos Toolkit file as a subprocess and reads its journal.

Chaos Toolkit's exit code is not enough: it is 0 when an injection or a rollback failed and when the
baseline was not met (chaoslib 1.45.1). The journal decides.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.records.folder import RunFolder, load_json
from workbench.scenario.drill_scenario import Scenario
from workbench.target.port import Victim


@dataclass(frozen=True)
class ExperimentOutcome:
    """What the journal says. `problems` is empty when the fault was done and watched for as long as it should be."""

    baseline_met: bool
    injected: bool
    recovered: bool
    undone: bool
    problems: tuple[str, ...]


def chaos_command(
    scenario: Scenario, victim: Victim, hub: tuple[str, str], moment_s: float, folder: RunFolder, journal: Path
) -> list[str]:
    """Return the command line that does the scenario's fault to the resolved victim.

    `hub` is the target's name and the id by which an experiment finds the hub there.
    """
    fault = scenario.faults[0]
    variables = {
        "target": hub[0],
        "hub": hub[1],
        "timeline": str(folder.timeline),
        "load": str(folder.load),
        "ledger": str(folder.ledger),
        "fault": fault.type.value,
        "server": victim.server,
        "uids": victim.uids,
        "breaks": ",".join(fault.breaks),
        "moment_s:float": repr(moment_s + fault.at_s),
        "recovery_timeout_s:float": repr(scenario.recovery_timeout_s),
        "for_s:float": repr(fault.for_s),
        "lag_s:float": repr(fault.lag_s),
        "data": fault.data.value,
        "factor:float": repr(fault.factor),
    }
    chaos = str(Path(sys.executable).with_name("chaos"))
    settings = str(journal.with_name("settings.yaml"))
    command = [chaos, "--no-version-check", "--no-log-file", "--settings", settings, "run"]
    command += ["--journal-path", str(journal), "--rollback-strategy", "always"]
    for name, value in variables.items():
        command += ["--var", f"{name}={value}"]
    return [*command, str(scenario.experiment)]


def read_outcome(journal: Path) -> ExperimentOutcome:
    """Return what a journal says; a missing journal (a killed run) is a failure of everything."""
    if not journal.exists():
        return ExperimentOutcome(False, False, False, False, ("Chaos Toolkit left no journal",))
    content = load_json(journal)
    before = (content.get("steady_states") or {}).get("before") or {}
    baseline_met = bool(before.get("steady_state_met"))
    actions = [item for item in content.get("run", []) if item["activity"]["type"] == "action"]
    probes = [item for item in content.get("run", []) if item["activity"]["type"] == "probe"]
    rollbacks = content.get("rollbacks", [])
    problems = [] if baseline_met else ["the experiment's steady state was not met before the fault"]
    # A probe that broke off ended the wait for the recovery, so the undo came too early; one that says no did not.
    # Whether the rollback brought the hub back is no question of this run's numbers: the undo's verification tells.
    problems += [_problem(item) for item in [*actions, *probes] if item.get("status") != "succeeded"]
    problems += [] if actions else ["nothing was injected"]
    return ExperimentOutcome(
        baseline_met,
        bool(actions) and all(item.get("status") == "succeeded" for item in actions),
        bool(probes) and all(item.get("status") == "succeeded" and item.get("output") is True for item in probes),
        bool(rollbacks) and all(item.get("status") == "succeeded" for item in rollbacks),
        tuple(problems),
    )


def _problem(item: dict[str, Any]) -> str:
    exception = item.get("exception") or ["no reason given"]
    return f"{item['activity']['name']}: {str(exception[-1]).strip()}"
