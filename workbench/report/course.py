"""Sections 5 to 8: the timeline, the phases, the ledger, and why the prediction missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from workbench.metrics.numbers import count, scale, seconds
from workbench.records.prediction import interval
from workbench.records.timeline import Entry
from workbench.report import words
from workbench.report.blocks import Cell, Column, Section, Table, cells
from workbench.report.curves import Curve, by_second, curves, shown_from_to
from workbench.report.figures.partitions import PARTITIONS_MAX, SilentPartition, draw_partitions
from workbench.report.figures.phases import draw_phases, phase_label
from workbench.report.figures.sheet import Drawing
from workbench.report.figures.timeline import TimelineData, draw_timeline
from workbench.report.milestones import Milestone, milestones, phase_rows
from workbench.report.record import Record, capital, clock, plain
from workbench.report.row import Row

HIT_S: Final = 1.0  # a partition silent for longer was hit


def timeline(record: Record) -> Section:
    """Return section 5."""
    question = "What happened when?"
    if record.fault_s is None:
        sentence = "No fault was injected, so there is no recovery to show."
        return Section("timeline", "Timeline", question, [sentence], tables=_entries_table(record))
    reached = milestones(record)
    said = [m.reached.format(m.scale.text(m.observed)) for m in reached if m.observed is not None]
    sentence = words.listed(said)
    sentence = f"{capital(sentence)}." if said else "No milestone of the recovery was reached."
    found = curves(record)
    tables = [_milestones_table(reached), *_entries_table(record)]
    if any(len(curve.grid_s) for curve in found):
        tables.append(_seconds_table(record, found, reached))
    figures = [_timeline_figure(record, reached, found)] if reached else []
    return Section("timeline", "Timeline", question, [sentence], figures, tables)


def _timeline_figure(record: Record, reached: Sequence[Milestone], found: Sequence[Curve]) -> Drawing:
    low, high = shown_from_to(record, reached)
    undo = record.moment("undo")
    peak = record.row("pipeline_backlog_events_max")
    data = TimelineData(
        milestones=reached,
        curves=found,
        from_s=low,
        to_s=high,
        fault=f"{record.victim} {record.fault_word}",
        undo_s=undo if undo is not None and undo <= high else None,
        stopped_at_s=record.stopped_at_s,
        judged=record.judged,
        predicted=record.prediction is not None,
        backlog_max="" if peak is None or peak.observed is None else peak.observed_text(),
    )
    text = "The course of the recovery"
    if peak is not None and peak.observed is not None:
        text = f"Backlog peaked at {peak.with_unit()}"
        if peak.inside.get("90") is not None:
            text += ", inside the prediction" if peak.inside["90"] else ", outside the prediction"
            text += f" ({peak.interval_text()})"
    if record.prediction is not None:
        text += ". The shaded envelope holds at each instant, not for whole curves"
    return draw_timeline(
        "f2-timeline", "Timeline of the drill", words.caption(record, f"{text}."), data, words.figure_note(record)
    )


def _milestones_table(reached: Sequence[Milestone]) -> Table:
    columns = (
        Column("milestone"),
        Column("predicted (median), s", True),
        Column("90 % interval", True),
        Column("observed, s", True),
    )
    rows = []
    for m in reached:
        ends = m.intervals.get("90")
        written = m.scale
        rows.append(
            [
                Cell(f"{m.number}  {m.title}"),
                Cell("-" if m.median is None else written.bare(m.median)),
                Cell(written.span(*ends), spoken=written.spoken(*ends)) if ends else Cell("-"),
                Cell(m.observed_text, mark="strong"),
            ]
        )
    return Table("Milestones, seconds since the fault", columns, rows)


def _entries_table(record: Record) -> list[Table]:
    """Return the table of the run's own log, entry by entry."""
    if not record.entries:
        return []
    zero = record.fault_s
    rows = []
    for entry in record.entries:
        since = "-" if zero is None else f"{entry.t_s - zero:+,.1f}"
        kind = plain(entry.kind).replace("-", " ").replace("isr", "in-sync replicas")
        rows.append([Cell(kind), *cells(since, clock(entry.t_s), _entry_words(entry))])
    columns = (Column("entry"), Column("since the fault, s", True), Column("clock", True), Column("what"))
    return [Table("The run's log", columns, rows)]


def _entry_words(entry: Entry) -> str:
    data = entry.data
    if "evidence" in data:
        return f"{data.get('signal', '')} {data.get('server', '')}: {data['evidence']}"
    if entry.kind == "sealed":
        return f"sha256 {words.short_hash(str(data.get('sha256', '')))}"
    kept = {key: value for key, value in data.items() if isinstance(value, str | int | float) and key != "view"}
    return ", ".join(_pair(key, value) for key, value in kept.items())


def _pair(key: str, value: str | int | float) -> str:
    if isinstance(value, float) and key.endswith("_s"):
        written = clock(value) if value > 1e9 else seconds(value)
        return f"{plain(key.removesuffix('_s'))} {written}"
    return f"{plain(key)} {plain(str(value))}"


def _seconds_table(record: Record, found: Sequence[Curve], reached: Sequence[Milestone]) -> Table:
    low, high = shown_from_to(record, reached)
    step, rows = by_second([curve.cut(low, high) for curve in found])
    columns = (
        Column("since the fault, s", True),
        Column("acknowledged, events/s", True),
        Column("acknowledgement time p99, highest", True),
        Column("backlog, events, highest", True),
        Column("consumer lag, records, highest", True),
    )
    body = []
    for start, values in rows:
        acked, p99, backlog, lag = values
        shown = [
            "no data" if value is None else write(value)
            for value, write in ((acked, count), (p99, seconds), (backlog, count), (lag, count))
        ]
        body.append([Cell(f"{start:+,.0f}" if start else "0"), *cells(*shown)])
    every = "second by second" if step == 1.0 else f"every {step:.0f} s"
    return Table(f"The curves, {every}", columns, body, name="seconds", summary=f"The curves as numbers, {every}")


def phases(record: Record) -> Section:
    """Return section 6."""
    rows = phase_rows(record)
    sentences = [sentence for sentence in (_detection(record), _partitions_sentence(record)) if sentence]
    figures, tables = [], []
    note = words.figure_note(record)
    if rows:
        figures.append(
            draw_phases("f3-phases", "Phases of the recovery", _phases_caption(record, rows), rows, record.judged, note)
        )
        tables.append(_phases_table(record, rows))
    silent, quiet = silent_partitions(record), record.page.silence.quiet
    if silent:
        shown = f", the {PARTITIONS_MAX} longest" if len(silent) > PARTITIONS_MAX else ""
        text = f"{silent[0].label} was {quiet} longest, for {seconds(silent[0].length_s)}{shown}."
        text = words.caption(record, text)
        figures.append(
            draw_partitions("f4-partitions", f"Each partition {quiet}", text, silent, quiet, record.judged, note)
        )
        tables.append(_partitions_table(silent, quiet))
    if not sentences:
        sentences = ["No phase of the recovery was observed."]
    return Section("phases", "Phases", "Where did the time go?", sentences, figures, tables)


def _detection(record: Record) -> str:
    doing = record.page.parts
    parts = [record.row(name) for name in doing]
    whole = record.row(record.page.silence.metric)
    known = [row for row in parts if row is not None and row.observed is not None]
    if not known or len(known) < len(parts) or whole is None or whole.observed is None:
        return ""
    longest = max(known, key=lambda row: row.observed or 0.0)
    without = f"{whole.with_unit()} without {record.page.silence.without}"
    return f"{doing[longest.name]} took {longest.with_unit()} of the {without}."


def _partitions_sentence(record: Record) -> str:
    silent = silent_partitions(record)
    total = len(record.observed.get("silent_spans") or {})
    hit = [part for part in silent if part.length_s > HIT_S]
    if not total:
        return ""
    if not hit:
        return f"None of the {total} partitions was {record.page.silence.quiet} for over {HIT_S:.0f} s."
    which = f"All {total}" if len(hit) == total else f"{len(hit)} of {total}"
    lengths = [part.length_s for part in hit]
    written = scale("s", lengths, 0.1)
    return f"{which} partitions were {record.page.silence.quiet}, for {written.spoken(min(lengths), max(lengths))}."


def _phases_caption(record: Record, rows: Sequence[tuple[str, Row]]) -> str:
    judged = [row for _, row in rows if row.inside.get("90") is not None]
    if not judged:
        return words.caption(record, "The phases of the recovery.")
    missed = [row for row in judged if row.missed]
    if not missed:
        return words.caption(record, f"All {len(judged)} phases inside their 90 % interval.")
    named = words.listed([f"{row.title} ({row.with_unit()}, predicted {row.interval_spoken()})" for row in missed])
    return words.caption(record, f"Outside their 90 % interval: {named}.")


def _phases_table(record: Record, rows: Sequence[tuple[str, Row]]) -> Table:
    columns = (
        Column("phase"),
        Column("predicted (median)", True),
        Column("90 % interval", True),
        Column("observed", True),
        Column("error", True),
    )
    body = []
    for number, row in rows:
        mark = "miss" if row.missed and record.judged else ""
        label = phase_label(number, row)
        body.append(
            [
                Cell(f"{label}, {row.scale.unit}", mark=mark),
                Cell("-" if row.median is None else row.scale.bare(row.median)),
                Cell(row.interval_text(), spoken=row.interval_spoken() if row.intervals else ""),
                Cell(row.observed_text(), mark=mark or "strong"),
                Cell(row.error_text(), mark=mark),
            ]
        )
    return Table("Phases, each from its own start", columns, body)


def silent_partitions(record: Record) -> list[SilentPartition]:
    """Return every partition's silence, the longest first."""
    leaders: Mapping[str, Sequence[int]] = record.observed.get("leaders") or {}
    found = []
    for label, span in (record.observed.get("silent_spans") or {}).items():
        if None in span:
            continue
        predicted = record.prediction.silent_spans.get(label) if record.prediction else None
        ends = [interval(predicted[key], 90.0) if predicted else None for key in ("start_s", "end_s")]
        known = [None if end is None or end[0] != end[0] else end for end in ends]
        old, new = leaders.get(label, (-1, -1))
        found.append(SilentPartition(label, float(span[0]), float(span[1]), known[0], known[1], _leaders(old, new)))
    return sorted(found, key=lambda part: (-part.length_s, part.label))


def _leaders(old: int, new: int) -> str:
    if old < 0 or new < 0:
        return "unknown"
    return f"{old} to {new}" if old != new else f"{old} stays"


def _partitions_table(silent: Sequence[SilentPartition], quiet: str) -> Table:
    columns = (
        Column("partition"),
        Column(f"{quiet} from, s", True),
        Column("until, s", True),
        Column("predicted until, s", True),
        Column("for, s", True),
        Column("leader"),
    )
    rows = []
    for part in silent:
        until = "-" if part.predicted_end is None else f"{part.predicted_end[0]:.1f}-{part.predicted_end[1]:.1f}"
        numbers = (f"{part.start_s:.1f}", f"{part.end_s:.1f}", until, f"{part.length_s:.1f}")
        rows.append(cells(part.label, *numbers, part.leaders))
    return Table(f"Each partition {quiet}", columns, rows, name="partitions", summary=f"Every partition {quiet}")


def ledger(record: Record) -> Section:
    """Return section 7."""
    question = "What became of every event?"
    books = record.ledger
    if not books:
        sentence = "The ledger was never read back, so nothing is known of any event's fate."
        return Section("ledger", "Ledger", question, [sentence])
    unknown = books.get("unknown", 0)
    fate = f"{count(unknown)} unknown"
    if unknown:
        fate += f", of which {count(books.get('unknown_but_there', 0))} were stored"
    sentence = (
        f"Of {count(books['planned'])} planned events {count(books['sent'])} were sent: {count(books['ok'])} ok, "
        f"{count(books['failed'])} failed, {fate}."
    )
    return Section("ledger", "Ledger", question, [sentence, _read_back(books)], tables=[_ledger_table(books)])


def _read_back(books: Mapping[str, Any]) -> str:
    kafka, postgres, redis = (books.get(name, {}) for name in ("kafka", "postgres", "redis"))
    total = {**books, "lost": books.get("lost", 0) + books.get("canary", {}).get("lost", 0)}
    lost = f"{count(total['lost'])} acknowledged events are missing"
    if total["lost"] == 0:
        lost = f"no acknowledged event is missing (none seen among {count(books['sent'])})"
    equal = "twice, with the same result" if kafka.get("read_twice_equal") else "twice, with different results"
    return (
        f"Kafka was read to its end {equal}: {count(kafka.get('records_read'))} records, {lost}. "
        f"Postgres holds {count(postgres.get('rows'))} rows, {count(postgres.get('missing'))} missing; "
        f"Redis holds the state of {count(redis.get('devices'))} devices, {count(redis.get('wrong'))} wrong."
    )


def _ledger_table(books: Mapping[str, Any]) -> Table:
    kinds = (
        ("planned", "planned"),
        ("sent", "sent"),
        ("ok", "ok"),
        ("failed", "failed"),
        ("unknown", "unknown"),
        ("unknown_but_there", "unknown, stored"),
        ("lost", "lost"),
        ("duplicated", "doubled"),
        ("reordered", "out of order"),
        ("missing_in_postgres", "no row"),
    )
    parts = [*sorted((books.get("per_topic") or {}).items()), ("all devices", books)]
    if books.get("canary"):
        parts.append(("canary (kept apart)", books["canary"]))
    rows = []
    for name, tally in parts:
        row = [Cell(name, mark="strong" if name == "all devices" else "")]
        for key, _ in kinds:
            bad = key in ("lost", "duplicated", "missing_in_postgres") and tally.get(key, 0) > 0
            row.append(Cell(count(tally[key]) if key in tally else "-", mark="miss" if bad else ""))
        rows.append(row)
    return Table(
        "Fate of every event, by topic", [Column("topic"), *(Column(title, True) for _, title in kinds)], rows, "ledger"
    )
