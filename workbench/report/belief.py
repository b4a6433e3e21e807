"""The head and sections 9 and 10: which drill, what was believed on whose word, how to run it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from workbench.metrics.numbers import count
from workbench.records.machine import DISTURBED_PERCENT
from workbench.report import words
from workbench.report.blocks import Cell, Column, Section, Table, cells
from workbench.report.judged import definition_anchor
from workbench.report.record import SEALED, Record, capital, clock, plain, utc

SOURCE_ORDER: Final = ("baseline", "calibration", "manifest", "scenario", "prior")
NUMBERS_SHOWN: Final = 4  # of a list or a mapping


def head_lines(record: Record) -> list[str]:
    """Return the lines under the title: what was done to whom, where, when."""
    run = record.run
    if not run:
        return ["This folder has no readable run.json: nobody can say which drill it was."]
    signal = (run.get("fault") or {}).get("signal")
    target = str((run.get("target") or {}).get("name") or "")
    started = utc(run.get("utc_start"))
    first = [f"{signal} of {record.victim}" if signal else "", words.TARGETS.get(target, target), offered(record)]
    second = [
        f"{started.day} {started:%B %Y %H:%M} UTC" if started else "",
        f"run {run['run_id']}" if run.get("run_id") else "",
        f"seed {run['seed']}" if run.get("seed") is not None else "",
    ]
    return [", ".join(part for part in parts if part) for parts in (first, second) if any(parts)]


def offered(record: Record) -> str:
    """Return the offered load: "300 events/s"; "" if the run does not say."""
    load = (record.run.get("settings") or {}).get("load") or {}
    rate = (load.get("profile") or {}).get("rate_per_s")
    return "" if rate is None else f"{count(float(rate))} events/s"


def title(record: Record) -> str:
    """Return the drill's title."""
    scenario = record.run.get("scenario") or {}
    return str(scenario.get("title") or scenario.get("name") or "A drill without a name")


def warnings(record: Record) -> list[str]:
    """Return what a reader must know before anything else."""
    found = []
    if not record.complete:
        last = record.entries[-1] if record.entries else None
        where = f' at {clock(last.t_s)}, after "{last.kind.replace("-", " ")}"' if last else ""
        word = "stopped" if record.exit_code == 5 else "incomplete"
        found.append(f"This run is {word}: its record ends{where}.")
    if record.failure:
        found.append(f"The drill could not go on: {record.failure.rstrip('.')}.")
    if record.seal != SEALED:
        found.append(f"{capital(record.seal)}: this page shows only what was observed.")
    if record.unreadable:
        found.append(f"Cut short and left out: {words.listed(list(record.unreadable))}.")
    if (record.stolen_percent or 0.0) > DISTURBED_PERCENT:
        found.append(
            f"The machine was not alone: its host took {record.stolen_percent:.0f} % of its time between baseline and "
            "end. Waits and drains are longer for it, and no model knows."
        )
    return found


def assumptions(record: Record) -> Section:
    """Return section 9."""
    rows: Mapping[str, Any] = record.parameters.get("parameters") or {}
    sources = [source for source in SOURCE_ORDER if any(row.get("source") == source for row in rows.values())]
    counts = [
        f"{sum(1 for row in rows.values() if row.get('source') == source)} {words.SOURCES[source]}"
        for source in sources
    ]
    sentences = [
        f"{len(rows)} parameters: {words.listed(counts)}." if rows else "No parameter was recorded.",
        _stand_ins(record),
        _not_modelled(record),
    ]
    tables = [_parameters_table(source, rows) for source in sources]
    if record.rows:
        tables.append(_definitions(record))
    return Section("assumptions", "Assumptions", "What was believed, on whose word?", sentences, tables=tables)


def _stand_ins(record: Record) -> str:
    found = list((record.run.get("target") or {}).get("stand_ins") or ())
    return "Stand-ins: " + " ".join(_sentence(text) for text in found) if found else "No stand-in took part."


def _not_modelled(record: Record) -> str:
    found = list(record.run.get("not_modelled") or ())
    if not found:
        return "The run does not say what is not modelled."
    return "Not modelled: " + " ".join(_sentence(text) for text in found)


def _sentence(text: str) -> str:
    return f"{plain(text).rstrip('.')}."


def _parameters_table(source: str, rows: Mapping[str, Any]) -> Table:
    columns = (Column("parameter"), Column("value"), Column("unit"), Column("on whose word"), Column("note"))
    body = [
        [
            Cell(parameter_name(name, row.get("unit", ""))),
            *cells(parameter_value(row), row.get("unit", ""), row.get("origin", ""), plain(row.get("note", ""))),
        ]
        for name, row in sorted(rows.items())
        if row.get("source") == source
    ]
    return Table(f"Parameters: {words.SOURCES[source]}", columns, body, "parameters")


def parameter_name(name: str, unit: str) -> str:
    """Return a parameter's name in words, without the unit that stands beside it."""
    return plain(name.removesuffix("_per_s" if unit == "1/s" else f"_{unit}"))


def parameter_value(row: Mapping[str, Any]) -> str:
    """Return a parameter's value or distribution in few words."""
    distribution = row.get("distribution")
    if distribution is None:
        return short(row.get("value"))
    kind = distribution.get("kind", "")
    if kind == "uniform":
        return f"{number(distribution['low'])} to {number(distribution['high'])}, uniform"
    if kind == "triangular":
        low, mode, high = (number(distribution[name]) for name in ("low", "mode", "high"))
        return f"{low} to {high}, peak {mode}"
    if kind == "lognormal":
        return f"median {number(distribution['median'])}, log-normal, sigma {number(distribution['sigma'])}"
    values = sorted(distribution.get("values") or ())
    if not values:
        return str(kind)
    return f"{len(values):,d} measured values, {number(values[0])} to {number(values[-1])}"


def number(value: float) -> str:
    """Return a parameter with at most three significant digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def short(value: Any) -> str:
    """Return any JSON value on one line, the middle of long ones left out."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, Mapping):
        parts = [f"{plain(str(key))}: {short(inner)}" for key, inner in sorted(value.items())]
    elif isinstance(value, Sequence) and not isinstance(value, str):
        parts = [short(inner) for inner in value]
    else:
        return plain(str(value))
    if len(parts) > NUMBERS_SHOWN:
        parts = [*parts[:NUMBERS_SHOWN], f"... ({len(parts)} in all)"]
    return ", ".join(parts)


def _definitions(record: Record) -> Table:
    body = [
        [Cell(row.title, anchor=definition_anchor(row)), *cells(plain(row.definition), row.name)] for row in record.rows
    ]
    columns = (Column("metric"), Column("what starts and stops its clock"), Column("name in the files"))
    return Table("Definitions of the metrics", columns, body, name="definitions")


def run_again(record: Record) -> Section:
    """Return section 10."""
    run = record.run
    seal = "no seal"
    if record.seal_sha256:
        seal = f"seal sha256 {words.short_hash(record.seal_sha256)}, written {clock(record.sealed_s)}"
    fault = "no fault was injected" if record.fault_s is None else f"fault {clock(record.fault_s)}"
    git = run.get("git") or {}
    clean = {True: "clean tree", False: "tree with uncommitted changes", None: "state of the tree unknown"}
    scenario = run.get("scenario") or {}
    facts = [
        ("run", str(run.get("run_id", "unknown"))),
        ("scenario", f"{scenario.get('name', 'unknown')} ({scenario.get('path', 'unknown')})"),
        ("sha256 of the scenario", str(scenario.get("sha256", "unknown"))),
        ("sha256 of the manifests", str(run.get("manifests_sha256", "unknown"))),
        ("sha256 of the sealed prediction", record.seal_sha256 or "no seal"),
        ("commit", f"{git.get('commit', 'unknown')}, {clean[git.get('clean')]}"),
        ("versions", ", ".join(f"{name} {version}" for name, version in (run.get("versions") or {}).items())),
        ("machine", _host(run)),
        *((f"setting: {plain(name)}", value) for name, value in flat(run.get("settings") or {})),
    ]
    table = Table("What ran", (Column("what"), Column("value")), [[Cell(name), Cell(value)] for name, value in facts])
    command = run.get("command")
    return Section(
        "again",
        "Run it again",
        "How do I repeat or check it?",
        [f"{capital(seal)}; {fault}."],
        tables=[table],
        commands=[str(command)] if command else [],
    )


def _host(run: Mapping[str, Any]) -> str:
    host = (run.get("target") or {}).get("host") or {}
    parts = [f"{plain(str(key))} {short(value)}" for key, value in host.items() if key != "memory_bytes"]
    if host.get("memory_bytes"):
        parts.append(f"{host['memory_bytes'] / 2**30:.0f} GB of memory")
    return ", ".join(parts) or "unknown"


def flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return nested settings as names and values, the names joined by dots."""
    found: list[tuple[str, str]] = []
    for key, value in sorted(settings.items()):
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found += flat(value, f"{name}.")
        elif isinstance(value, Sequence) and not isinstance(value, str) and value and isinstance(value[0], Mapping):
            for index, inner in enumerate(value):
                found += flat(inner, f"{name}[{index}].")
        else:
            found.append((name, short(value)))
    return found
