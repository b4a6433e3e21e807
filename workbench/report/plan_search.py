"""A plan's search in words, tables and a figure: what is recommended, what it changes, the front, what binds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workbench.metrics.numbers import count, seconds
from workbench.report.blocks import Column, Section, Table, cells
from workbench.report.figures.planning import Dot, draw_front

type Found = Mapping[str, Any]
NEVER: Final = "no end"
# What a person calls each part of a set-up, and the unit behind its number.
PARTS: Final[Mapping[str, tuple[str, str]]] = {
    "workers": ("workers", ""),
    "worker_cpu_cores": ("CPUs of a worker", ""),
    "worker_memory_gb": ("memory of a worker", " GB"),
    "worker_disk_gb": ("disk of a worker", " GB"),
    "brokers": ("Kafka brokers", ""),
    "partitions": ("partitions a topic", ""),
    "replication_factor": ("copies of a partition", ""),
    "processors": ("event processors", ""),
    "processor_toleration_s": ("a processor's toleration", " s"),
    "group_session_s": ("consumer group's session", " s"),
    "zookeeper_session_s": ("ZooKeeper session", " s"),
    "postgres_cpu_cores": ("Postgres' CPU limit", ""),
    "gateway_pool": ("connections of a gateway", ""),
    "encryption": ("encryption", ""),
    "redis_memory_mib": ("Redis' memory", " MiB"),
}


def search_sentence(found: Found) -> str:
    """Return what the search found, in one sentence."""
    unit, present = found["prices"]["unit"], found["present"]["cost"]
    best = found["recommended"]
    if best is not None:
        change = f"{count_of(best['cost'])} {unit} in place of {count_of(present)}"
        return (
            f"The cheapest of {found['tried']} set-ups that keep every objective at {count(found['rate_per_s'])} "
            f"events/s costs {change}: {set_up_in_short(best)}."
        )
    if found["closest"] is None:
        return f"No set-up of {found['tried']} can be: {why_not(found)}."
    bound = "; ".join(_bound_words(row) for row in found["binding"])
    return (
        f"No set-up of {found['tried']} keeps every objective: {bound}. The nearest costs "
        f"{count_of(found['closest']['cost'])} {unit}: {set_up_in_short(found['closest'])}."
    )


def why_not(found: Found) -> str:
    """Return why the present set-up cannot be, where none can."""
    return "; ".join(found["present"]["impossible"]) or "see the assessments"


def _bound_words(row: Found) -> str:
    value = NEVER if row["value"] is None else value_words(row["value"], row["unit"])
    bound = value_words(row["bound"], row["unit"])
    reach = "no set-up alone reaches it" if row["alone"] else "not together with the others"
    return f"{row['objective']} binds ({bound} asked, {value} at best; {reach})"


def value_words(value: float, unit: str) -> str:
    """Return an objective's value with its unit."""
    if unit == "s":
        return seconds(value)
    if unit == "of capacity":
        return f"{100.0 * value:.0f} %"
    return f"{count_of(value)} {unit.removesuffix(' at least')}"


def set_up_in_short(found: Found) -> str:
    """Return the machines, and what stands on them."""
    it = found["set_up"]
    return (
        f"{it['workers']} workers of {it['worker_cpu_cores']:g} CPUs, {it['worker_memory_gb']:g} GB and "
        f"{it['worker_disk_gb']:g} GB of disk, {it['brokers']} brokers, {it['processors']} event processors"
    )


def set_up_words(found: Found) -> tuple[str, str, str, str]:
    """Return a row: cost, outage, p99, set-up."""
    outage = NEVER if found["outage_s"] is None else seconds(found["outage_s"])
    rest = found["set_up"]
    more = (
        f"{rest['partitions']} partitions x {rest['replication_factor']}, "
        f"Postgres {rest['postgres_cpu_cores']:g} CPUs, "
        f"{rest['encryption']}, sessions {rest['group_session_s']:g} and {rest['zookeeper_session_s']:g} s"
    )
    return count_of(found["cost"]), outage, seconds(found["p99_s"]), f"{set_up_in_short(found)}, {more}"


def change_words(found: Found) -> list[str]:
    """Return a line for each part that changes."""
    return [
        f"{PARTS[name][0]}: {_part(name, old)} to {_part(name, new)}" for name, (old, new) in found["changes"].items()
    ]


def _part(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    return "for ever" if value is None else f"{value:g}{PARTS[name][1]}"


def count_of(value: float) -> str:
    """Return a cost or amount: whole where it is, else with one digit."""
    return f"{value:,.0f}" if abs(value - round(value)) < 0.05 or abs(value) >= 100 else f"{value:,.1f}"


def search_section(found: Found) -> Section:
    """Return the page's section of a search."""
    unit = found["prices"]["unit"]
    sentences = [search_sentence(found), _how(found)]
    sentences += [f"By hand: {' '.join(found['by_hand'])}"] if found["by_hand"] else []
    tables = [_changes(found)] if found["changes"] else []
    tables += [_judged(found, unit)]
    figures = []
    if found["front"]:
        figures.append(draw_front(_dots(found), f"cost, {unit}"))
        columns = [Column(f"cost, {unit}", True), Column("longest outage", True), Column("p99", True), Column("set-up")]
        rows = [cells(*set_up_words(each)) for each in found["front"]]
        tables.append(Table("The Pareto front: no other set-up tried is cheaper and no worse in both", columns, rows))
    return Section(
        "cheapest", "The cheapest", "Which hub keeps all of it, and costs least?", sentences, figures, tables
    )


def _how(found: Found) -> str:
    prices = found["prices"]
    priced = ", ".join(
        f"{prices[key]:g} {what}"
        for key, what in (
            ("per_worker", "a worker"),
            ("per_cpu", "a CPU"),
            ("per_memory_gb", "a GB of memory"),
            ("per_disk_gb", "a GB of disk"),
        )
        if prices[key]
    )
    return (
        f"Judged at {count(found['rate_per_s'])} events/s, {found['for_days']:g} days of growth from today's rate; an "
        f"objective is kept where {100 * found['sure']:.0f} % of the draws keep it. Of {found['tried']} set-ups "
        f"{found['cannot_be']} cannot be and {found['keep_all']} keep every objective. Workers cost: {priced} "
        f"({prices['unit']}); all else costs the same. Changes that were not needed are undone."
    )


def _changes(found: Found) -> Table:
    columns = [Column("part"), Column("as it stands", True), Column("recommended", True)]
    rows = [cells(PARTS[name][0], _part(name, old), _part(name, new)) for name, (old, new) in found["changes"].items()]
    title = "What changes" if found["recommended"] else "What the nearest changes"
    return Table(title, columns, rows)


def _judged(found: Found, unit: str) -> Table:
    """Return each objective of the present set-up beside that of the recommended one, or of the nearest."""
    other = found["recommended"] or found["closest"]
    named = "recommended" if found["recommended"] else "nearest"
    columns = [Column("objective"), Column("bound", True), Column("as it stands", True), Column(named, True)]
    mine = {row["objective"]: row for row in (other or {"objectives": []})["objectives"]}
    rows = [
        cells(
            f"cost, {unit}", "-", count_of(found["present"]["cost"]), "-" if other is None else count_of(other["cost"])
        )
    ]
    for row in found["present"]["objectives"]:
        there = mine.get(row["objective"])
        rows.append(
            cells(
                row["objective"],
                value_words(row["bound"], row["unit"]),
                _value(row),
                "-" if there is None else _value(there),
            )
        )
    return Table("Objectives, side by side", columns, rows)


def _value(row: Found) -> str:
    words = NEVER if row["value"] is None else value_words(row["value"], row["unit"])
    return f"{words}, missed" if row["excess"] else words


def _dots(found: Found) -> list[Dot]:
    dots = [Dot(each["cost"], each["outage_s"], each["p99_s"], "front") for each in found["front"]]
    best = found["recommended"]
    if best is not None:
        dots.append(Dot(best["cost"], best["outage_s"], best["p99_s"], "recommended"))
    present = found["present"]
    if not present["impossible"]:
        dots.append(Dot(present["cost"], present["outage_s"], present["p99_s"], "as it stands"))
    return dots
