"""How long nothing is acknowledged and no row committed after a loss, and what is lost: by the models of the faults.

A lost broker, event processor and Postgres primary are played as in a drill (workbench.model), a node's own loss by the
control plane's model. A node is the longest of its parts: its broker, its event processor, and Postgres with the
primary on it. Where something stops for good (survival.py) the outage has no end.

A machine that is gone answers nothing and resets nothing: what it led waits for as long as its clients wait for an
answer (model/client_library.py), if that is longer than until others lead.

Left out: what the parts of a node cost together, a lost node's group coordinator, the backlog of two outages, what a
restart in place would shorten where a server stays away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from workbench.fault import VictimSelector
from workbench.metrics.catalogue import CATALOGUE
from workbench.metrics.tables import FloatArray
from workbench.model import control_plane
from workbench.model.client_library import fetcher_moves_s, library_rows, producer_moves_s
from workbench.model.control_plane import kubegres
from workbench.model.parameter import Parameter
from workbench.model.parameters import Parameters, merge
from workbench.model.replication import Model, run_slice
from workbench.plan.basis import Basis
from workbench.plan.question import ObjectivesForm
from workbench.plan.survival import PRIMARY, Stop, lost_on, may_lose_records, stops, worst_nodes, writable
from workbench.scenario import find_scenario, read_scenario
from workbench.scenario.drill_scenario import Scenario
from workbench.streams import stream
from workbench.topology import HubTopology
from workbench.topology.pods import PodTraits, read_pod_traits
from workbench.workload import Workload

RELEASE: Final = "1.29"
REPLICATIONS: Final = 12  # of each fault
FAULTS: Final = {
    "broker": "broker-loss",
    "processor": "processor-loss",
    "postgres": "postgres-failover",
    "redis": "redis-loss",
}
METRICS: Final = ("kafka_unavailable_s", "pipeline_unavailable_s", "acknowledged_records_lost", "rows_lost")
PLACES: Final = {metric.name: place for place, metric in enumerate(CATALOGUE)}
NODES_GONE: Final = {"one node gone": 1, "two nodes gone": 2}


@dataclass(frozen=True)
class Hub:
    """What the faults' models need of a hub; `measured` stands in place of priors of the same name."""

    topology: HubTopology
    manifests: Path
    traits: Mapping[str, PodTraits]
    workload: Workload  # at the rate asked about
    measured: Mapping[str, Parameter]
    seed: int
    plays: dict[tuple[str, int], FloatArray] = field(default_factory=dict, init=False, compare=False)  # see `played`


def hub_at(basis: Basis, rate_per_s: float, known: Mapping[str, Parameter], seed: int) -> Hub:
    """Return what the faults' models need of a basis' hub at a rate; `known` is what was measured of it."""
    traits = read_pod_traits(basis.manifests)
    return Hub(basis.topology, basis.manifests, traits, basis.at(rate_per_s), known, seed)


@dataclass(frozen=True)
class Outage:
    """One value a replication (s, records, rows; infinite: no end, or any number), and what stops for good."""

    after: str
    ack_s: FloatArray
    row_s: FloatArray
    records_lost: FloatArray
    rows_lost: FloatArray
    replaced_s: float  # median, until a lost node's event processors run elsewhere; infinite: never, 0: none is lost
    stops: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: medians and 90 % intervals, null for without end."""
        return {
            "after": self.after,
            "ack_s": spread_or_never(self.ack_s),
            "row_s": spread_or_never(self.row_s),
            "records_lost": spread_or_never(self.records_lost),
            "rows_lost": spread_or_never(self.rows_lost),
            "processors_replaced_s": self.replaced_s if np.isfinite(self.replaced_s) else None,
            "stops": list(self.stops),
        }


def spread_or_never(values: FloatArray) -> dict[str, Any]:
    """Return median and 90 % interval; null where they are infinite."""
    found = [float(np.quantile(values, share, method="inverted_cdf")) for share in (0.05, 0.5, 0.95)]
    low, middle, high = (round(each, 3) if np.isfinite(each) else None for each in found)
    return {"median": middle, "interval_90": [low, high]}


def outage(hub: Hub, after: str, replications: int = REPLICATIONS) -> Outage:
    """Return what the loss `after` (a state's name) costs."""
    if after in NODES_GONE:
        return _of_nodes(hub, after, worst_nodes(hub.topology, NODES_GONE[after]), replications)
    if after == "one broker gone":
        stopped = () if writable(hub.topology, 1) else (Stop("Partitions lack an in-sync replica.", True),)
        return _outage(after, [played(hub, "broker", replications)], stopped, replications)
    if after == "one event processor gone":
        return _outage(after, [played(hub, "processor", replications)], (), replications)
    fails_over = kubegres.fails_over(hub.topology.postgres)
    if not fails_over:
        return _outage(after, [], (Stop("Nobody takes the place of the Postgres primary.", False),), replications)
    return _outage(after, [played(hub, "postgres", replications)], (), replications)


def _of_nodes(hub: Hub, after: str, nodes: tuple[str, ...], replications: int) -> Outage:
    stopped = tuple(stops(hub.topology, nodes))
    processors = [server for server in hub.topology.placement if server.startswith("event-processor-")]
    gone = [server for server in processors if hub.topology.placement[server] in nodes]
    fails_over = kubegres.fails_over(hub.topology.postgres)
    asked = {hub.topology.placement[server] for server in (*gone, *((PRIMARY,) if fails_over else ()))}
    forecasts = {node: _node_forecast(hub, node, replications) for node in sorted(asked)}
    replaced = [_runs_again_s(forecasts[hub.topology.placement[server]], server) for server in gone]
    parts = [silent_broker(hub, replications), played(hub, "processor", replications)]
    if fails_over:
        parts.append(_postgres_of_node(hub, forecasts[hub.topology.placement[PRIMARY]], replications))
    if gone == processors:
        parts.append({**_nothing(replications), "pipeline_unavailable_s": np.min(replaced, axis=0)})
    found = _outage(after, parts, stopped, replications)
    if may_lose_records(hub.topology, lost_on(hub.topology, nodes, "kafka")):
        found = replace(found, records_lost=np.full(replications, np.inf))
    return replace(found, replaced_s=max((float(np.median(each)) for each in replaced), default=0.0))


def _outage(after: str, parts: list[dict[str, FloatArray]], stopped: tuple[Stop, ...], replications: int) -> Outage:
    """Return the longest of the parts, replication by replication; without end where something stops for good."""
    worst = {name: np.max([part[name] for part in (_nothing(replications), *parts)], axis=0) for name in METRICS}
    unacknowledged = any(each.unacknowledged for each in stopped)
    never = np.full(replications, np.inf)
    return Outage(
        after,
        never if unacknowledged else worst["kafka_unavailable_s"],
        never if stopped else worst["pipeline_unavailable_s"],
        worst["acknowledged_records_lost"],
        worst["rows_lost"],
        0.0,
        tuple(each.sentence for each in stopped),
    )


def _nothing(replications: int) -> dict[str, FloatArray]:
    return {name: np.zeros(replications) for name in METRICS}


def silent_broker(hub: Hub, replications: int, timeout_s: float | None = None) -> dict[str, FloatArray]:
    """Return METRICS of a broker whose machine is dead: it resets no connection, so its clients wait for an answer.

    `timeout_s`: in place of their library's default.
    """
    found = played(hub, "broker", replications)
    rows = library_rows(hub.workload.library)
    numbers = {name: float(row.value) for name, row in rows.items()}
    if timeout_s is not None:
        numbers["client_request_timeout_s"] = timeout_s
    phase = stream(hub.seed, "plan", "silent broker").random(replications)
    return {
        **found,
        "kafka_unavailable_s": np.maximum(found["kafka_unavailable_s"], producer_moves_s(numbers, phase)),
        "pipeline_unavailable_s": np.maximum(found["pipeline_unavailable_s"], fetcher_moves_s(numbers, phase)),
    }


def played(hub: Hub, part: str, replications: int, names: Sequence[str] = METRICS) -> dict[str, FloatArray]:
    """Return metrics of a fault of FAULTS by name, a value a replication; each fault is played once a hub."""
    asked = (part, replications)
    if asked not in hub.plays:
        hub.plays[asked] = _columns(hub, part, replications)
    return {name: np.nan_to_num(hub.plays[asked][:, PLACES[name]], nan=0.0) for name in names}


def _columns(hub: Hub, part: str, replications: int) -> FloatArray:
    """Return every metric of the catalogue, a column each."""
    scenario = _scenario(hub, part)
    rows = merge(scenario, hub.topology, None, None).by_name
    parameters = Parameters({**rows, **{name: row for name, row in hub.measured.items() if name in rows}})
    return run_slice(Model.of(parameters, scenario.workload, hub.seed), range(replications)).metrics


def _scenario(hub: Hub, part: str) -> Scenario:
    """Return the drill's scenario with this hub and its load; the last broker or processor is the victim."""
    drill = read_scenario(find_scenario(FAULTS[part]))
    fault = drill.faults[0]
    if part == "broker":
        fault = replace(fault, victim=VictimSelector(broker=int(hub.topology.kafka.broker_ids[-1])))
    if part == "processor":
        fault = replace(fault, victim=VictimSelector(processor=hub.topology.processors.replicas - 1))
    return replace(drill, manifests=hub.manifests, workload=hub.workload, faults=(fault,))


def _node_forecast(hub: Hub, node: str, replications: int) -> control_plane.Forecast:
    release = control_plane.release(RELEASE)
    return control_plane.node_loss(hub.topology, hub.traits, control_plane.Loss(node), release, replications, hub.seed)


def _postgres_of_node(hub: Hub, forecast: control_plane.Forecast, replications: int) -> dict[str, FloatArray]:
    """Return the fail-over with its wait in place of the drill's: the primary's whole node is silent."""
    found = played(hub, "postgres", replications)
    writable_s = forecast.moment("postgres_writable_s").values
    return {**found, "pipeline_unavailable_s": np.nan_to_num(writable_s, nan=np.inf)}


def _runs_again_s(forecast: control_plane.Forecast, server: str) -> FloatArray:
    """Return when a lost node's event processor runs elsewhere (s after the loss; infinite: never)."""
    fate = next(each for each in forecast.fates if each.pod.name == server)
    return np.nan_to_num(fate.runs_again.values, nan=np.inf)


@dataclass(frozen=True)
class Felt:
    """One objective of an outage or of what is lost: its words, its values, the bound and its unit."""

    objective: str
    values: FloatArray
    bound: float
    unit: str


def felt(objectives: ObjectivesForm, found: Mapping[str, Outage]) -> Iterator[Felt]:
    """Yield each objective that is asked of an outage, `found` by the loss."""
    if (asked := objectives.outage) is not None:
        of = found[asked.after]
        if asked.ack_s is not None:
            yield Felt(f"without acknowledgement, {asked.after}", of.ack_s, asked.ack_s, "s")
        if asked.row_s is not None:
            yield Felt(f"without committed row, {asked.after}", of.row_s, asked.row_s, "s")
    if (lost := objectives.loss) is not None:
        of = found[lost.after]
        if lost.records is not None:
            yield Felt(f"acknowledged records lost, {lost.after}", of.records_lost, float(lost.records), "records")
        if lost.rows is not None:
            yield Felt(f"committed rows lost, {lost.after}", of.rows_lost, float(lost.rows), "rows")


def felt_verdicts(objectives: ObjectivesForm, found: Sequence[Outage]) -> list[dict[str, Any]]:
    """Return whether each is kept: by 95 % of the replications, by half of them (open), or not."""
    rows = []
    for each in felt(objectives, {one.after: one for one in found}):
        high, middle = (float(np.quantile(each.values, share, method="inverted_cdf")) for share in (0.95, 0.5))
        kept = "kept" if high <= each.bound else "missed" if middle > each.bound else "open"
        value = round(middle, 3) if np.isfinite(middle) else None
        words = f"{each.objective}: at most {each.bound:g} {each.unit}"
        rows.append({"objective": words, "verdict": kept, "value": value, "unit": each.unit})
    return rows
