"""One set-up judged: does it fit, what does it cost, and by how much does it miss which objective.

What is judged is what `write_overlay` makes of the set-up, read back as a drill reads it. An objective counts as kept
when a share `sure` of the draws keeps it. Left out: what stations.py, rates.py and outages.py leave out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from workbench.errors import BadInput
from workbench.metrics.tables import FloatArray
from workbench.model.parameters import Parameters, merge
from workbench.model.scheduling import read_workloads
from workbench.plan.basis import Basis
from workbench.plan.draws import DRAWS, Draws, draws_of
from workbench.plan.outages import Outage, felt, hub_at, outage
from workbench.plan.rates import simulate
from workbench.plan.search.carrying import PRIORS, Measured, carried
from workbench.plan.search.context import BASE, Context, unpacked
from workbench.plan.search.fitting import misfits, workers_of
from workbench.plan.search.patches import write_overlay
from workbench.plan.search.set_up import SetUp
from workbench.plan.search_form import CostForm
from workbench.plan.stations import PROCESSORS, Left, saturation_per_s, states
from workbench.plan.survival import lost_on, worst_nodes
from workbench.plan.volumes import disks
from workbench.topology import read_topology

NEVER_S: Final = 86_400.0  # stands for "without end" where numbers are compared
EXCESS_MAX: Final = 100.0  # times a bound: all that is beyond counts the same
P99_S_MAX: Final = 3600.0


@dataclass(frozen=True)
class Judged:
    """One objective: what a set-up comes to (at the share `sure`), its bound, and by how much it misses (0: kept)."""

    objective: str
    value: float | None  # None: without end
    bound: float
    unit: str
    excess: float


def assess(context: Context, set_up: SetUp) -> dict[str, Any]:
    """Return the assessment of a set-up as JSON values; a function of its arguments alone."""
    folder, resources = unpacked(context.manifests)
    overlay = Path(folder.name) / "set-up"
    write_overlay(overlay, f"../{BASE}", resources, context.present, set_up)
    search = context.question.search
    found: dict[str, Any] = {
        "set_up": set_up.to_dict(),
        "cost": round(cost(search.cost if search else CostForm(), set_up), 3),
        "impossible": _impossible(set_up),
        "objectives": [],
        "p99_s": None,
        "outage_s": None,
    }
    if found["impossible"]:
        return found
    try:
        basis = basis_at(context, overlay)
    except BadInput as error:
        return {**found, "impossible": [f"{each.value}: {each.bound}" for each in error.problems] or [str(error)]}
    nodes = workers_of(context.nodes, unpacked_names(context), context.present, set_up)
    lost = worst_nodes(basis.topology, 1)[0] if "node" in context.question.objectives.survives else ""
    pods = read_workloads(overlay).pods
    if reasons := misfits(basis.topology, basis.workload, pods, nodes, lost, context.seed):
        return {**found, "impossible": reasons}
    return {**found, **_judged(context, basis, set_up)}


def unpacked_names(context: Context) -> list[str]:
    """Return the names of the workers there are."""
    _, resources = unpacked(context.manifests)
    shape = next(each for each in resources if each["metadata"]["name"] == "hub-shape")
    return list(shape["data"])


def cost(prices: CostForm, set_up: SetUp) -> float:
    """Return what the workers of a set-up cost."""
    each = prices.per_worker + prices.per_cpu * set_up.worker_cpu_cores
    each += prices.per_memory_gb * set_up.worker_memory_gb + prices.per_disk_gb * set_up.worker_disk_gb
    return set_up.workers * each


def _impossible(set_up: SetUp) -> list[str]:
    """Return what contradicts itself, before any manifest is written."""
    found = []
    if set_up.brokers > set_up.workers:
        found.append(f"{set_up.brokers} brokers, one a worker, on {set_up.workers} workers")
    if set_up.replication_factor > set_up.brokers:
        found.append(f"{set_up.replication_factor} copies on {set_up.brokers} brokers")
    return found


def basis_at(context: Context, overlay: Path) -> Basis:
    """Return the basis of the manifests in `overlay`, with what was measured of the present hub.

    Raises BadInput for manifests that are no hub, or a fault that its model does not cover.
    """
    topology = read_topology(overlay)
    scenario = replace(context.scenario, manifests=overlay)
    rows = merge(scenario, topology, None, None).by_name
    measured = {name: row for name, row in context.measured.items() if name in rows}
    parameters = Parameters(dict(sorted({**rows, **PRIORS, **measured}.items())))
    return Basis(topology, overlay, scenario.workload, parameters, context.measured_at_per_s, "")


def _judged(context: Context, basis: Basis, set_up: SetUp) -> dict[str, Any]:
    objectives = context.question.objectives
    present = basis_at(context, unpacked_base(context))
    measured = Measured.of(present)
    rows = [carried(row, measured, basis) for row in draws_of(basis, context.seed, DRAWS)]
    needed = {left.name: left for left in states(basis) if left.name in ("whole", objectives.survives)}
    p99_s = max(_p99_s(context, basis, left, rows) for left in needed.values())
    judged = [_over("p99", p99_s, objectives.p99_s, "s")]
    judged += _utilizations(context, basis, needed[objectives.survives], rows, set_up)
    judged.append(_disk(context, basis))
    found = _outages(context, basis)
    judged += [
        _over(each.objective, _quantile(each.values, _sure(context)), each.bound, each.unit)
        for each in felt(objectives, found)
    ]
    asked = [found[objectives.outage.after]] if objectives.outage else list(found.values())
    feels = [_quantile(values, _sure(context)) for each in asked for values in (each.ack_s, each.row_s)]
    return {
        "objectives": [vars(each) for each in judged],
        "p99_s": round(p99_s, 4),
        "outage_s": _finite(max(feels, default=0.0)),
        "processors_replaced_s": _finite(max((each.replaced_s for each in found.values()), default=0.0)),
        "stops": list(dict.fromkeys(sentence for each in found.values() for sentence in each.stops)),
    }


def unpacked_base(context: Context) -> Path:
    """Return the folder of the present manifests."""
    folder, _ = unpacked(context.manifests)
    return Path(folder.name) / BASE


def _sure(context: Context) -> float:
    return context.question.search.sure if context.question.search else 0.5


def _p99_s(context: Context, basis: Basis, left: Left, rows: Draws) -> float:
    """Return p99 (s) at the rate asked about, at the share of the played draws that has to be sure."""
    if not left.processors or not left.brokers or not left.postgres:
        return P99_S_MAX
    played = rows[: context.played]
    times = [
        simulate(basis, left.processors, row, context.rate_per_s, context.seed, index)[0]
        for index, row in enumerate(played)
    ]
    return min(P99_S_MAX, _quantile(np.array(times), _sure(context)))


def _utilizations(context: Context, basis: Basis, left: Left, rows: Draws, set_up: SetUp) -> Iterator[Judged]:
    """Yield how busy each station is that the engine does not play, in the state that has to be survived."""
    most = context.question.objectives.utilization_max
    rates = [saturation_per_s(basis, context.question, left, row) for row in rows]
    for name in rates[0]:
        if name != PROCESSORS:
            busy = np.array([context.rate_per_s / each[name] if each[name] else np.inf for each in rates])
            yield _over(name, _quantile(busy, _sure(context)), most, "of capacity")
    busy = np.array([_worker_cores(basis, row, context.rate_per_s) for row in rows]) / set_up.worker_cpu_cores
    yield _over("the fullest worker's CPU", _quantile(busy, _sure(context)), most, "of capacity")


def _worker_cores(basis: Basis, row: dict[str, float], rate_per_s: float) -> float:
    """Return the cores that a broker, the Postgres primary and a worker's processors keep busy, all on one worker."""
    hub = basis.topology
    of_rate = rate_per_s / basis.measured_at_per_s
    there = max(lost_on(hub, (node,), "event-processor") for node in hub.nodes)
    an_event_s = row["batch_rest_event_s"] + row["batch_rest_s"] / row["steady_batch_events"]
    processors = there * basis.largest_share(hub.processors.replicas) * rate_per_s * an_event_s
    return of_rate * (row["victim_cores"] + row["database_cores"]) + processors


def _disk(context: Context, basis: Basis) -> Judged:
    """Return the days until a node's disk is full, from the rate of today on and growing."""
    question = context.question
    found, _ = disks(basis, question.rate_per_s, question.growth_per_year)
    days = min(disk.days for disk in found if disk.holds)
    least = question.objectives.disk_days_min
    excess = 0.0 if days >= least else min(EXCESS_MAX, least / max(days, 0.01) - 1.0)
    return Judged("days until a disk is full", _finite(days), least, "days at least", round(excess, 4))


def _outages(context: Context, basis: Basis) -> dict[str, Outage]:
    """Return the outage after each loss that an objective names, the one to survive where none does."""
    objectives = context.question.objectives
    named = [each.after for each in (objectives.outage, objectives.loss) if each is not None]
    losses = list(dict.fromkeys(named or [each for each in (objectives.survives,) if each != "whole"]))
    hub = hub_at(basis, context.rate_per_s, context.measured, context.seed)
    return {after: outage(hub, after) for after in losses}


def _over(objective: str, value: float, bound: float, unit: str) -> Judged:
    excess = 0.0 if value <= bound else min(EXCESS_MAX, (value - bound) / max(bound, 1.0 if bound == 0.0 else bound))
    return Judged(objective, _finite(value), bound, unit, round(excess, 4))


def _quantile(values: FloatArray, share: float) -> float:
    """Return a quantile that is one of the values, so that "without end" stays that."""
    return float(np.quantile(values, share, method="inverted_cdf"))


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
