"""What an answer stands on: the hub, its load and the model's parameters, from priors or from a kept run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from workbench.errors import BadInput
from workbench.metrics.tables import IntArray
from workbench.model.parameter import Parameter, Source
from workbench.model.parameters import Parameters, merge
from workbench.model.part_priors import every_prior
from workbench.model.stated import from_manifests
from workbench.records.folder import RunFolder, load_json
from workbench.scenario import find_scenario, read_with_hub
from workbench.topology import HubTopology
from workbench.workload import CANARY_WRITES_PER_S, ProfileKind, RateProfile, Workload

# Kafka message format 2: a batch's header has 61 bytes, a record's fields and key about 20; at some hundred events/s
# over many partitions a batch holds about one record.
KAFKA_RECORD_BYTES: Final = 81.0
NEEDED: Final = ("database_cores", "victim_cores", "batch_rest_s", "batch_noise", "response_s")


@dataclass(frozen=True)
class Basis:
    """The fixed part of an answer."""

    topology: HubTopology
    manifests: Path
    workload: Workload
    parameters: Parameters
    measured_at_per_s: float  # the rate (canary included) that the parameters' cores are of
    source: str

    @property
    def record_bytes(self) -> float:
        """Return the bytes of one record in a broker's log."""
        return self.workload.event_bytes + KAFKA_RECORD_BYTES

    @property
    def copies_bytes(self) -> float:
        """Return the bytes that all brokers together write an event."""
        shares = self.workload.mix
        return self.record_bytes * sum(shares.get(t.name, 0.0) * t.replication_factor for t in self.topology.topics)

    def owners(self, processors: int) -> IntArray:
        """Return the processor of each flat partition, as an even spread gives it."""
        return np.arange(len(self.topology.partition_labels)) % max(1, processors)

    def largest_share(self, processors: int) -> float:
        """Return the largest share of the events that one of so many processors gets."""
        shares = np.concatenate(
            [np.full(t.partitions, self.workload.mix.get(t.name, 0.0) / t.partitions) for t in self.topology.topics]
        )
        return float(np.bincount(self.owners(processors), shares).max())

    def at(self, rate_per_s: float) -> Workload:
        """Return the load at a constant rate."""
        return replace(self.workload, profile=RateProfile(ProfileKind.CONSTANT, rate_per_s))


def measured(basis: Basis) -> dict[str, Parameter]:
    """Return what a run measured of its hub in place of priors, whatever the hub: nothing without a run."""
    known, sources = every_prior(), (Source.BASELINE, Source.CALIBRATION)
    return {name: row for name, row in basis.parameters.by_name.items() if name in known and row.source in sources}


def basis_of(scenario_name: str, run: Path | None) -> Basis:
    """Return the basis of a scenario's hub and load; with a run, of the parameters that it measured.

    Raises BadInput for a run without parameters.
    """
    scenario, topology = read_with_hub(find_scenario(scenario_name))
    workload, source = scenario.workload, "priors: published values, no measurement of this hub"
    parameters = merge(scenario, topology, None, None)
    measured_rate = workload.profile.rate_per_s
    if run is not None:
        folder = RunFolder(run)
        if not folder.parameters_json.exists():
            raise BadInput(f"{run} holds no parameters: its drill ended before the prediction")
        parameters = Parameters.from_json(folder.parameters_json.read_bytes())
        if missing := [name for name in NEEDED if name not in parameters.by_name]:
            raise BadInput(f"{run} holds no {', '.join(missing)}: a run of another version")
        measured_rate = float(load_json(folder.run_json)["settings"]["load"]["profile"]["rate_per_s"])
        parameters = Parameters({**parameters.by_name, **from_manifests(topology)})
        source = f"measured by run {run.name}"
    measured_at_per_s = measured_rate + CANARY_WRITES_PER_S * len(topology.partition_labels)
    return Basis(topology, scenario.manifests, workload, parameters, measured_at_per_s, source)
