"""Looks back on a drill while its servers are still up: ledger, observation and checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench import ledger as ledger_room
from workbench.compare import Check
from workbench.drill.checks import Facts, run_checks
from workbench.drill.experiment import ExperimentOutcome
from workbench.drill.live import collected, probes
from workbench.drill.load_control import LoadControl
from workbench.drill.observation import Recorded, observe
from workbench.drill.progress import Progress
from workbench.errors import Inconclusive
from workbench.fault import Part
from workbench.load.reads import read_table
from workbench.metrics.tables import NAN, Counts
from workbench.records import timeline
from workbench.records.folder import RunFolder, dump_json
from workbench.records.prediction import Observation
from workbench.records.samples import read_samples
from workbench.scenario.drill_scenario import Scenario
from workbench.target.port import DrillHub, Injection, Victim


@dataclass(frozen=True)
class Aftermath:
    """What a drill showed and whether it may be believed."""

    observations: Mapping[str, Observation]
    checks: Sequence[Check]
    ledger_counts: dict[str, Any]


@dataclass(frozen=True)
class Watched:
    """What the conductor knows when watching has ended. Times: epoch seconds."""

    victim: Victim
    injection: Injection | None
    outcome: ExperimentOutcome
    baseline: tuple[float, float]
    watch_end_s: float
    steady_problems: Sequence[str]
    sealed_s: float | None
    clock_step_s: float


def look_back(
    folder: RunFolder,
    hub: DrillHub,
    scenario: Scenario,
    load: LoadControl,
    watched: Watched,
    progress: Progress,
    before: ledger_room.Before = ledger_room.FRESH,
) -> Aftermath:
    """Check the ledger, compute every metric, write observed.json and return the checks.

    Raises Inconclusive when nothing was injected, since no clock has a zero then.
    """
    ended = timeline.first(timeline.read(folder.timeline), "fault-ended")
    books = load.write_summary(watched.baseline)
    summary = ledger_room.check(folder, hub.endpoints, hub.topology, progress.note, before)
    if watched.injection is None:
        raise Inconclusive("nothing was injected: " + "; ".join(watched.outcome.problems))
    part = scenario.faults[0].part
    samples = samples_of(folder, part)
    recorded = Recorded(
        writes=ledger_room.write_table(folder.ledger, hub.topology, watched.injection.injected_s),
        counts=summary.counts(),
        brokers=samples.get("brokers", []),
        partitions=samples["partitions"],
        processors=samples["processors"],
        stores=samples.get("stores", []),
        keepers=samples.get("zookeeper", []),
        part=part,
        injection=watched.injection,
        victim_broker=-1 if watched.victim.broker is None else watched.victim.broker,
        victims=watched.victim.brokers,
        starts=() if part is Part.LOAD else hub.process_starts(watched.victim.watched_server),  # nothing ended
        baseline=watched.baseline,
        load_end_s=load.stop_s or watched.watch_end_s,
        watch_end_s=watched.watch_end_s,
        partition_labels=hub.topology.partition_labels,
        standbys=hub.topology.postgres.replicas - 1,
        metadata_keepers=len(hub.topology.metadata_keepers),
        kraft=hub.topology.kafka.quorum is not None,
        fault_ended_s=NAN if ended is None else ended.t_s,
        failover_steps=hub.failover_steps(),
        reads=read_table(folder.load, watched.injection.injected_s) if scenario.reads else None,
    )
    observations, content = observe(recorded)
    folder.observed_json.write_bytes(dump_json(content))
    facts = Facts(
        watched.injection,
        watched.outcome.problems,
        books,
        watched.steady_problems,
        watched.sealed_s,
        watched.clock_step_s,
        {name: samples[name] for name in probes(part)},
        watched.watch_end_s,
        observations,
    )
    return Aftermath(observations, run_checks(scenario, facts), _counts_json(summary.counts()))


def samples_of(folder: RunFolder, part: Part) -> dict[str, list[dict[str, Any]]]:
    """Return each collector's samples, also of those that may have been blind: the metrics need them as well."""
    return {name: read_samples(folder.observed / f"{name}.jsonl") for name in collected(part)}


def _counts_json(counts: Counts) -> dict[str, Any]:
    return {"lost": counts.acknowledged_lost, "duplicated": counts.duplicated, "unknown": counts.unknown}
