"""A small load plan in a folder of its own, for tests of the load."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from workbench.load.plan import LoadPlan
from workbench.records.folder import RunFolder
from workbench.workload import ProfileKind, RateProfile, Workload

PARTITIONS: Final = {"alerts": 6, "event-authentication": 6, "sdc-events": 6, "technical-alerts": 6}
MIX: Final = {"alerts": 0.02, "event-authentication": 0.08, "sdc-events": 0.85, "technical-alerts": 0.05}


def sample_plan(
    folder: Path, start_s: float, horizon_s: float = 10.0, rate_per_s: float = 100.0, **changes: Any
) -> tuple[RunFolder, LoadPlan]:
    """Make a run folder with a space in its path and return it with a plan for it (fields changed by `changes`)."""
    run = RunFolder(folder / "a run")
    run.create()
    profile = RateProfile(ProfileKind.CONSTANT, rate_per_s)
    workload = Workload(profile, "poisson", MIX, event_bytes=400, devices=200, acks="all")
    plan = LoadPlan(
        {"bootstrap.servers": "127.0.0.1:1"}, PARTITIONS, workload, 7, start_s, horizon_s, run.ledger, run.load
    )
    return run, replace(plan, **changes)
