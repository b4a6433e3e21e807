"""run.json: who, what, when and with what; written when a run starts, again when it ends."""

from __future__ import annotations

import datetime
import platform
import subprocess
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil

from workbench.records.folder import FORMAT_VERSION, RunFolder, dump_json, new_run_id, writable, write_durably
from workbench.scenario import PROJECT_ROOT
from workbench.scenario.drill_scenario import Scenario
from workbench.topology.hub import HubTopology

LIBRARIES: Final = ("chaostoolkit-lib", "confluent-kafka", "kazoo", "locust", "numba", "numpy", "psycopg", "simpy")
GIT_TIMEOUT_S: Final = 10.0


def new_run_folder(out: Path, kind: str) -> RunFolder:
    """Make the folder of a run that begins now, among those of its kind. Raises BadInput where it cannot."""
    folder = RunFolder(writable(out) / kind / new_run_id(datetime.datetime.now(datetime.UTC)))
    folder.create()
    return folder


def utc_text(epoch_s: float) -> str:
    """Return an epoch time as ISO 8601 in UTC, to the millisecond."""
    moment = datetime.datetime.fromtimestamp(epoch_s, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class RunRecord:
    """The content of run.json; `set` changes and writes it, durably."""

    def __init__(self, folder: RunFolder, content: dict[str, Any]) -> None:
        self.folder = folder
        self.content = content

    def set(self, **values: Any) -> None:
        """Change top-level values and write the file."""
        self.content.update(values)
        write_durably(self.folder.run_json, dump_json(self.content))


def begin(
    folder: RunFolder, run_id: str, scenario: Scenario, topology: HubTopology, seed: int, command: str
) -> RunRecord:
    """Make the run folder and write its run.json, marked incomplete."""
    folder.create()
    record = RunRecord(folder, {})
    record.set(
        format=FORMAT_VERSION,
        run_id=run_id,
        complete=False,
        scenario=scenario_json(scenario),
        manifests_sha256=topology.manifests_sha256,
        seed=seed,
        git=git_state(),
        versions={"Python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        utc_start=utc_text(datetime.datetime.now(datetime.UTC).timestamp()),
        utc_end=None,
        settings=effective_settings(scenario),
        target={"name": "local", "stand_ins": [], "host": host_json()},
        victim=None,
        fault=None,
        fault_s=None,
        sealed_s=None,
        seal_sha256=None,
        not_modelled=[],
        calibration=None,
        command=command,
        verdicts=None,
        exit_code=None,
    )
    return record


def scenario_json(scenario: Scenario) -> dict[str, Any]:
    """Return the scenario's part of run.json; its path is relative to the project where it can be."""
    return {
        "name": scenario.name,
        "title": scenario.title,
        "path": relative(scenario.path),
        "text": scenario.text,
        "sha256": scenario.sha256,
        "objectives": [asdict(objective) for objective in scenario.objectives],
        "primary": [asdict(primary) for primary in scenario.primary],
        "expect": {name: expected.value for name, expected in scenario.expect.items()},
    }


def effective_settings(scenario: Scenario) -> dict[str, Any]:
    """Return the settings in force, for the record and for the first output of a drill."""
    return {
        "manifests": relative(scenario.manifests),
        "experiment": relative(scenario.experiment),
        "restart": scenario.restart.value,
        "load": asdict(scenario.workload),
        "faults": [asdict(fault) for fault in scenario.faults],
        "fault_window_s": scenario.fault_window_s,
        "baseline_s": scenario.baseline_s,
        "recovery_timeout_s": scenario.recovery_timeout_s,
    }


def relative(path: Path) -> str:
    """Return a path relative to the project, or only its name when it lies elsewhere."""
    return str(path.relative_to(PROJECT_ROOT)) if path.is_relative_to(PROJECT_ROOT) else path.name


def host_json() -> dict[str, Any]:
    """Return what machine this is, without its name."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cores": psutil.cpu_count() or 0,
        "memory_bytes": psutil.virtual_memory().total,
    }


def git_state() -> dict[str, Any]:
    """Return the project's commit and whether its tree is clean; "unknown" outside a repository."""
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain")
    return {"commit": commit or "unknown", "clean": None if changes is None else changes == ""}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=GIT_TIMEOUT_S, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
