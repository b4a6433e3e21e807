"""The answer to a question, as the JSON that the page and the command line show: rates, headroom, dates, disks, room.

Everything is a function of question, manifests, parameters and seed.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from workbench.metrics.tables import FloatArray
from workbench.model.parameter import Distribution
from workbench.model.parameters import PER_EVENT
from workbench.model.scheduling import read_nodes
from workbench.plan.basis import Basis, basis_of, measured
from workbench.plan.draws import DRAWS, Draws, draws_of
from workbench.plan.outages import Hub, Outage, felt_verdicts, hub_at, outage
from workbench.plan.question import Question
from workbench.plan.rates import CONFIRMED_AT, SHARES, Curve, curve
from workbench.plan.room import rooms
from workbench.plan.stations import PATHS, PROCESSORS, Left, saturation_per_s, states, worst_node
from workbench.plan.volumes import YEAR_DAYS, disks, retention
from workbench.plan.what_ifs import what_ifs
from workbench.records.folder import FORMAT_VERSION

PLAYED: Final = 12  # of them through the engine
EXPLAINED: Final = (0.05, 0.95)
DAYS_SHOWN_MAX: Final = 50 * YEAR_DAYS
LEFT_OUT: Final = (
    "Redis beyond its share of a batch, ZooKeeper, the gateways' readers, the mesh, the network between nodes",
    "several limits on one node that together exceed its cores",
    "waiting at brokers and at Postgres' cores: only their utilization is bounded",
    "contention of more processors than were measured",
)


def answer(
    question: Question,
    nodes: Path,
    seed: int,
    run: Path | None,
    played: int = PLAYED,
    begins: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Return the answer as JSON values.

    Args:
        question: what is asked.
        nodes: YAML of the Nodes that pods are placed on.
        seed: every draw follows from it.
        run: a kept run whose measured parameters are taken; None: published priors.
        played: how many of the DRAWS are played through the engine.
        begins: is told of each part as it begins.

    Raises BadInput for what cannot be answered.
    """
    basis = basis_of(question.scenario, run)
    rows = draws_of(basis, seed, DRAWS)
    found = []
    curves: dict[int, tuple[Curve, FloatArray]] = {}
    for left in states(basis):
        begins(f"rates, {left.name}")
        found.append(_state(basis, question, left, rows, curves, (seed, played)))
    begins("outages")
    hub = hub_at(basis, question.rate_per_s, measured(basis), seed)
    felt = outages(hub, question)
    begins("disks, room and what-ifs")
    volumes, fits_days = disks(basis, question.rate_per_s, question.growth_per_year)
    content = {
        "format": FORMAT_VERSION,
        "question": {**asdict(question), **_forms(question), "on": question.on.isoformat()},
        "source": basis.source,
        "manifests_sha256": basis.topology.manifests_sha256,
        "seed": seed,
        "states": found,
        "outages": [each.to_dict() for each in felt],
        "curve": _curve(*curves[basis.topology.processors.replicas]),
        "disks": [disk.to_dict() for disk in volumes],
        "kafka_days_that_fit": round(fits_days, 1),
        "retention": retention(basis, question.rate_per_s, question.growth_per_year).to_dict(),
        "rooms": [room.to_dict() for room in rooms(basis.manifests, read_nodes(nodes), worst_node(basis), seed)],
        "what_ifs": [each.to_dict() for each in what_ifs(basis, question, hub)],
        "sensitivity": _sensitivity(basis, question),
        "assumptions": _assumptions(basis),
        "left_out": list(LEFT_OUT),
        "search": None,  # what a search adds (workbench.plan.search)
    }
    return {**content, "verdicts": [*_verdicts(content), *felt_verdicts(question.objectives, felt)]}


def _forms(question: Question) -> dict[str, Any]:
    forms = {"objectives": question.objectives, "node": question.node, "search": question.search}
    return {name: None if form is None else form.model_dump() for name, form in forms.items()}


def outages(hub: Hub, question: Question) -> list[Outage]:
    """Return the outage after each loss that an objective names."""
    asked = (question.objectives.outage, question.objectives.loss)
    return [outage(hub, after) for after in dict.fromkeys(each.after for each in asked if each is not None)]


def _state(
    basis: Basis,
    question: Question,
    left: Left,
    rows: Draws,
    curves: dict[int, tuple[Curve, FloatArray]],
    plays: tuple[int, int],
) -> dict[str, Any]:
    rates = [saturation_per_s(basis, question, left, row) for row in rows]
    stations = {name: np.array([each[name] for each in rates]) for name in rates[0]}
    if left.processors and left.processors not in curves:
        seed, played = plays
        of = stations[PROCESSORS][:played]
        curves[left.processors] = curve(basis, left.processors, rows[:played], of, seed), of
    sustainable = _sustainable(question, left, stations, curves)
    low, middle = (float(np.quantile(sustainable, share)) for share in (EXPLAINED[0], 0.5))
    order = sorted(stations, key=lambda name: float(np.median(stations[name])))
    return {
        **asdict(left),
        "stations": [_station(name, stations[name], question.rate_per_s) for name in order],
        "saturation_per_s": _spread(np.min(list(stations.values()), axis=0)),
        "sustainable_per_s": _spread(sustainable),
        "headroom": round(middle / question.rate_per_s, 2),
        "eaten_on": {"median": _eaten_on(question, middle), "low": _eaten_on(question, low)},
    }


def _sustainable(
    question: Question,
    left: Left,
    stations: Mapping[str, FloatArray],
    curves: Mapping[int, tuple[Curve, FloatArray]],
) -> FloatArray:
    """Return the sustainable rate of each draw that was played: p99 by the engine, the rest by utilization."""
    if not left.processors:
        return np.zeros(1)
    # No state is believed to be better than one with more processors (see stations.py).
    at_least = [found for count, (found, _) in curves.items() if count >= left.processors]
    within = np.min([found.share_within(question.objectives.p99_s) for found in at_least], axis=0)
    bounds = [
        stations[name][: len(within)] * (within if name == PROCESSORS else question.objectives.utilization_max)
        for name in stations
    ]
    least: FloatArray = np.min(bounds, axis=0)
    return least


def _station(name: str, rates: FloatArray, rate_per_s: float) -> dict[str, Any]:
    middle = float(np.median(rates))
    utilization = round(rate_per_s / middle, 3) if middle else None
    return {"name": name, "path": PATHS[name], "saturation_per_s": _spread(rates), "utilization": utilization}


def _spread(values: FloatArray) -> dict[str, Any]:
    low, middle, high = (round(float(np.quantile(values, share)), 1) for share in (EXPLAINED[0], 0.5, EXPLAINED[1]))
    return {"median": middle, "interval_90": [low, high]}


def _eaten_on(question: Question, sustainable_per_s: float) -> str | None:
    """Return the day on which the rate reaches a bound; None for never (or not in fifty years)."""
    if sustainable_per_s <= question.rate_per_s:
        return question.on.isoformat()
    if question.growth_per_year == 0.0:
        return None
    years = math.log(sustainable_per_s / question.rate_per_s) / math.log1p(question.growth_per_year)
    days = years * YEAR_DAYS
    return (question.on + datetime.timedelta(days=math.floor(days))).isoformat() if days < DAYS_SHOWN_MAX else None


def _curve(found: Curve, rates: FloatArray) -> list[dict[str, Any]]:
    middle = float(np.median(rates))
    return [
        {
            "share": share,
            "rate_per_s": round(share * middle, 1),
            "p99_s": {
                "median": round(float(np.median(found.p99_s[:, column])), 4),
                "interval_90": [round(float(np.quantile(found.p99_s[:, column], each)), 4) for each in EXPLAINED],
            },
            "kept_up": round(float(found.kept_up[:, column].mean()), 3),
            "confirms": share in CONFIRMED_AT,
        }
        for column, share in enumerate(SHARES)
    ]


def _sensitivity(basis: Basis, question: Question) -> list[dict[str, Any]]:
    """Return how the hub's saturation moves from a parameter's 5 to its 95 % point, the others at their medians."""
    named = basis.parameters.by_name.items()
    varying = {name: row.value for name, row in named if isinstance(row.value, Distribution) and name not in PER_EVENT}
    usual = draws_of(basis, 0, 1)[0] | {name: _point(each, 0.5) for name, each in varying.items()}
    whole = states(basis)[0]
    found = []
    for name, each in varying.items():
        ends = [
            min(saturation_per_s(basis, question, whole, {**usual, name: _point(each, share)}).values())
            for share in EXPLAINED
        ]
        if abs(ends[1] - ends[0]) > 1e-6 * max(ends):
            found.append({"parameter": name, "at_5": round(ends[0], 1), "at_95": round(ends[1], 1)})
    return sorted(found, key=lambda row: (-abs(float(row["at_95"]) - float(row["at_5"])), str(row["parameter"])))


def _point(distribution: Distribution, share: float) -> float:
    return float(distribution.quantile(np.array([share]))[0])


def _assumptions(basis: Basis) -> list[dict[str, str]]:
    """Return the parameters that the stations' rates use, with their sources."""
    used = (
        "batch_events_max",
        "batch_fixed_share",
        "batch_noise",
        "batch_rest_event_s",
        "batch_rest_s",
        "database_cores",
        "saturated_batch_events",
        "saturated_batch_s",
        "saturated_busy",
        "saturated_speed_up",
        "steady_batch_events",
        "steady_batch_s",
        "steady_busy",
        "taken_over_share",
        "victim_cores",
    )
    rows = {name: basis.parameters.by_name[name] for name in used if name in basis.parameters.by_name}
    return [
        {"name": name, "value": _worded(row.value), "unit": row.unit, "source": row.source.value, "origin": row.origin}
        for name, row in rows.items()
    ]


def _worded(value: object) -> str:
    if not isinstance(value, Distribution):
        return f"{value}"
    low, high = (_point(value, share) for share in EXPLAINED)
    return f"{low:.3g} to {high:.3g}"


def _verdicts(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return whether each objective is kept today, with the numbers it is judged by."""
    asked = content["question"]
    rate, objectives = asked["rate_per_s"], asked["objectives"]
    by_name = {state["name"]: state for state in content["states"]}
    rows = []
    for name in dict.fromkeys(("whole", objectives["survives"])):
        low, middle = by_name[name]["sustainable_per_s"]["interval_90"][0], by_name[name]["sustainable_per_s"]["median"]
        kept = "kept" if low >= rate else "missed" if middle < rate else "open"
        words = f"p99 within {objectives['p99_s']:g} s, {name}"
        rows.append({"objective": words, "verdict": kept, "value": middle, "unit": "events/s"})
    until = [disk["days_until_full"] for disk in content["disks"] if disk["kind"] == "node"]
    days = min((each for each in until if each is not None), default=None)
    kept = "kept" if days is None or days >= objectives["disk_days_min"] else "missed"
    words = f"no node's disk full within {objectives['disk_days_min']:g} days"
    rows.append({"objective": words, "verdict": kept, "value": days, "unit": "days"})
    return rows
