"""Every number a prediction uses, with its source; parameters.json of a run folder.

A prediction is a function of scenario, manifests, these parameters and the seed. What the drill knows of its
hub at the seal (who leads, who controls, where the victim's session is) is therefore in here as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from workbench.errors import BadInput
from workbench.fault import KAFKA_PARTS, NODE_PARTS, Part
from workbench.model import covered, kubelet, stated
from workbench.model.checkpoints import Checkpoints
from workbench.model.client_library import library_rows
from workbench.model.cut_facts import cut_network
from workbench.model.disk_full import full_disk
from workbench.model.measured import beside_a_burst, measured, measured_reads, measured_recovery
from workbench.model.parameter import Distribution, FloatArray, Parameter, parameter_from_dict
from workbench.model.part_priors import every_prior, priors_of
from workbench.model.quorum_facts import zookeeper_connection
from workbench.model.second_broker import second_broker
from workbench.model.silent_coordinator import silent_coordinator
from workbench.model.silent_ensemble import silent_ensemble
from workbench.records.folder import FORMAT_VERSION, dump_json
from workbench.streams import stream

if TYPE_CHECKING:  # a prediction's subprocesses import this module: they need neither YAML nor pydantic
    from workbench.records.baseline import Baseline
    from workbench.records.calibration import CalibrationFile
    from workbench.scenario.drill_scenario import Scenario
    from workbench.target.port import Victim
    from workbench.topology.hub import HubTopology

PER_EVENT: Final = frozenset(
    {"response_s", "burst_response_s", "batch_noise", "read_hit_s"}
)  # drawn anew for every request, not once a replication


@dataclass(frozen=True)
class Parameters:
    """The parameters by name, in the order of their names."""

    by_name: Mapping[str, Parameter]

    def value(self, name: str) -> Any:
        """Return a parameter's value as it stands. Raises KeyError for an unknown name."""
        return self.by_name[name].value

    def number(self, name: str) -> float:
        """Return a parameter that is one number. Raises KeyError for an unknown name."""
        return float(self.by_name[name].value)

    def distribution(self, name: str) -> Distribution:
        """Return a parameter that is a distribution. Raises KeyError for an unknown name."""
        value = self.by_name[name].value
        if not isinstance(value, Distribution):
            raise KeyError(f"{name} is not a distribution")
        return value

    def draws(self, seed: int, indices: Sequence[int]) -> dict[str, FloatArray]:
        """Return what the replications of these indices draw of every uncertain parameter, one column each.

        Replication i takes the i-th number of a stream that belongs to the parameter, so neither the number of
        replications nor another parameter shifts a draw.
        """
        wanted = np.asarray(indices, dtype=np.int64)
        count = int(wanted.max(initial=-1)) + 1
        return {
            name: parameter.value.quantile(stream(seed, "model", "parameter", name).random(count)[wanted])
            for name, parameter in self.by_name.items()
            if isinstance(parameter.value, Distribution) and name not in PER_EVENT
        }

    def to_json(self) -> bytes:
        """Return the file's bytes; equal parameters give equal bytes."""
        rows = {name: parameter.to_dict() for name, parameter in self.by_name.items()}
        return dump_json({"format": FORMAT_VERSION, "parameters": rows})

    @staticmethod
    def from_json(data: bytes) -> Parameters:
        """Return the parameters of a file's bytes. Raises BadInput for anything else."""
        try:
            raw = orjson.loads(data)
            if raw["format"] != FORMAT_VERSION:
                raise BadInput(f"parameters.json has format {raw['format']}, this version reads {FORMAT_VERSION}")
            return Parameters({name: parameter_from_dict(row) for name, row in sorted(raw["parameters"].items())})
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise BadInput(f"not a parameters.json: {error}") from error


def merge(
    scenario: Scenario,
    topology: HubTopology,
    baseline: Baseline | None,
    victim: Victim | None,
    calibration: CalibrationFile | None = None,
    *,
    by_kubelet: bool = False,
) -> Parameters:
    """Return the parameters of one prediction: what is stated and measured, and a prior for the rest.

    A calibration stands in place of priors, this run's own baseline in place of both. Without a baseline (no hub is
    up) and without a resolved victim the intervals are wider. `by_kubelet`: a real one starts again what died, in place
    of the stand-in. Raises BadInput for what the model does not cover.
    """
    part = scenario.faults[0].part
    quorum = topology.kafka.quorum
    covered.check_mode(scenario, topology)
    rows = priors_of(part, kraft=quorum is not None, reads=scenario.reads)
    rows.update(library_rows(scenario.workload.library, scenario.workload.acks))
    if by_kubelet:
        rows.update(kubelet.PRIORS)
    if calibration is not None:
        from workbench.model.calibrated import calibrated  # pydantic, which no subprocess needs

        rows.update(calibrated(calibration, rows, every_prior()))
    rows.update(stated.from_manifests(topology))
    rows.update(stated.from_scenario(scenario))
    rows.update(stated.facts(scenario, topology, baseline, victim))
    if baseline is not None:
        server = f"kafka-{rows['victim_broker'].value}" if victim is None else victim.watched_server
        rows.update(measured(baseline, server, rows))
        if scenario.reads:
            rows.update(measured_reads(baseline))
        rows.update(_measured_of_part(part, baseline, topology, rows["producer_linger_s"].value))
    rows.update(stated.session(rows) if quorum is None else stated.heartbeats(rows))
    rows.update(stated.polls())
    rows.update(stated.client_phases(rows))
    if part is Part.BROKERS:
        rows.update(second_broker(scenario, rows, baseline, victim))
    rows.update(silent_coordinator(scenario, rows))
    rows.update(full_disk(scenario, kraft=quorum is not None))
    rows.update(cut_network(scenario, topology))
    if part is Part.QUORUM:
        rows.update(zookeeper_connection(topology, rows))
    if part not in KAFKA_PARTS:
        rows.update(stated.processor_phases(rows))
    if part in (Part.ZOOKEEPER, *NODE_PARTS) and quorum is None:
        rows.update(stated.zookeeper_phases(rows))
    if part in (Part.FROZEN_NODE, Part.DARK_NODE):
        rows.update(silent_ensemble(topology))
    covered.check_freeze(scenario, rows)
    covered.check_cut(scenario, topology, rows)
    covered.check_lag(scenario, rows)
    covered.check_node(scenario, topology)
    covered.check_brokers(scenario, topology)
    covered.check_disk(scenario)
    covered.check_quorum(scenario, topology)
    covered.check_failover(scenario, topology)
    return Parameters(dict(sorted(rows.items())))


def _measured_of_part(part: Part, baseline: Baseline, topology: HubTopology, linger_s: float) -> dict[str, Parameter]:
    """Return what a baseline gives for the loss of some parts alone."""
    if part in (Part.POSTGRES, Part.POSTGRES_BACKEND):
        return measured_recovery(baseline, Checkpoints.of(topology.postgres.config))
    return beside_a_burst(baseline, linger_s) if part is Part.LOAD else {}
