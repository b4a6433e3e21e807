"""Sections 1 to 4: the verdicts, what users felt, trust, predicted and observed."""

from __future__ import annotations

from workbench.metrics.catalogue import READER_METRICS
from workbench.metrics.numbers import count
from workbench.report import words
from workbench.report.blocks import Badge, BigNumber, Cell, Column, Section, Table
from workbench.report.figures.ladder import draw_ladder
from workbench.report.figures.sheet import Drawing
from workbench.report.record import SEALED, Record, clock, plain
from workbench.report.row import Row, in_table_order

READS = frozenset().union(*READER_METRICS.values())
TIMES = ("ack_", "commit_")  # metrics that are percentiles of times: a ladder of their own


def badges(record: Record) -> list[Badge]:
    """Return the two verdicts and the third word."""
    looks = {words.PASS: "pass", words.FAIL: "fail"}
    found = []
    for which in ("resilience", "prediction"):
        word, sentence = record.verdict(which)
        if not word:
            word, sentence = words.NONE, "Never judged: the driver stopped before the comparison."
        found.append(Badge(which.capitalize(), word, sentence, looks.get(word, "open")))
    word, sentence = record.verdict("residue")
    if not word:
        word, sentence = "unknown", "Nobody checked what the fault left behind: look at the hub before you use it."
    look = {"clean": "pass", words.NOT_WHOLE: "fail", "broken": "fail"}.get(word, "open")
    return [*found, Badge("Residue", word, sentence, look)]


def verdicts(record: Record) -> Section:
    """Return section 1; its badges are drawn by the page itself."""
    code = record.exit_code
    sentences = [] if code is None else [f"Exit code {code}: {words.EXITS[code]}."]
    return Section("verdicts", "Verdicts", "Did the hub hold, were we right, is it clean?", sentences)


def big_numbers(record: Record) -> list[BigNumber]:
    """Return the four large numbers."""
    found = []
    for name, title in record.page.felt:
        row = record.row(name)
        if row is None:
            found.append(BigNumber("-", "", title, ["not observed"], ""))
            continue
        details = []
        if row.objective is not None:
            kept = {True: "kept", False: "MISSED", None: "no verdict"}[row.objective.kept]
            details.append(f"objective {row.bound_text()}: {kept}")
        if row.median is not None:
            middle = row.scale.text(row.median) if row.unit == "s" else row.scale.bare(row.median)
            details.append(f"predicted {middle} ({row.interval_text()})")
        elif record.seal != SEALED:
            details.append(record.seal)
        look = "fail" if row.objective_missed else ""
        value = row.observed_text()
        unit = row.scale.unit if row.unit == "s" and value != "-" else ""
        found.append(BigNumber(value, unit, title, details or ["no prediction"], look))
    return found


def felt(record: Record) -> Section:
    """Return section 2."""
    parts = []
    silence, late = record.row(record.page.silence.metric), record.row("events_late")
    if silence is not None and silence.observed is not None:
        bound = f" (objective {silence.bound_text()})" if silence.objective else ""
        parts.append(f"For {silence.with_unit()} the worst partition {record.page.silence.silent}{bound}")
    if late is not None and late.observed is not None:
        parts.append(f"{count(late.observed)} events came more than 1 s late")
    parts += _fates(record)
    sentence = "; ".join(parts) + "." if parts else "Nothing was observed."
    return Section("felt", "What users felt", "How long, how much, what was lost?", [sentence])


def _fates(record: Record) -> list[str]:
    parts = []
    sent = record.ledger.get("sent")
    among = f" among {count(sent)} events" if sent is not None else ""
    for name, word in (("acknowledged_records_lost", "lost"), ("records_duplicated", "doubled")):
        row = record.row(name)
        if row is not None and row.observed is not None:
            number = "none" if row.observed == 0 else count(row.observed)
            where = among if word == "lost" else ""
            parts.append(f"{number} {'was' if row.observed <= 1 else 'were'} {word}{where}")
    return parts


def trust(record: Record) -> Section:
    """Return section 3."""
    checks = record.comparison.get("checks", [])
    failed = [check for check in checks if not check["passed"]]
    if not checks:
        sentence = "No check was made: the run ended before it could be judged."
    elif failed:
        named = words.listed([f"{plain(check['name'])} ({plain(check['detail'])})" for check in failed])
        sentence = f"{len(failed)} of {len(checks)} checks failed: {named}. Repeat the drill; this run proves nothing."
    else:
        sentence = f"All {len(checks)} checks passed."
    rows = [
        [
            Cell(plain(check["name"])),
            Cell("passed", mark="kept") if check["passed"] else Cell("FAILED", mark="miss"),
            Cell(plain(check["detail"])),
        ]
        for check in checks
    ]
    table = Table("Checks of the run", (Column("check"), Column("outcome"), Column("what was seen")), rows)
    question = "May I believe this run?"
    return Section("trust", "Trust", question, [sentence, _seal_sentence(record)], tables=[table] if rows else [])


def _seal_sentence(record: Record) -> str:
    if record.seal != SEALED:
        return (
            f"There is {record.seal}: what follows was only observed."
            if record.seal.startswith("no ")
            else (f"Careful: {record.seal}. It is not shown; what follows was only observed.")
        )
    text = f"The prediction was sealed at {clock(record.sealed_s)} (sha256 {words.short_hash(record.seal_sha256)})"
    if record.sealed_s is None or record.fault_s is None:
        return f"{text}; no fault followed."
    ahead_s = record.fault_s - record.sealed_s
    if ahead_s <= 0:
        return f"{text}, {-ahead_s:.1f} s AFTER the fault: it proves nothing."
    return f"{text}, {ahead_s:.1f} s before the fault."


def predicted_and_observed(record: Record) -> Section:
    """Return section 4: the ladders and the table."""
    rows = in_table_order(record.rows)
    counts = record.comparison.get("counts", {})
    judged = int(counts.get("judged", 0))
    if record.prediction is None:
        sentence = f"There is {record.seal}; the table shows only what was observed."
    elif not judged:
        sentence = "Nothing was compared; the table shows what was predicted."
    else:
        expected = round(float(counts.get("expected_inside", 0.9 * judged)))
        sentence = (
            f"{counts['inside_90']} of {judged} observations fell inside their 90 % interval; "
            f"about {expected} are expected when the intervals are right."
        )
        beyond = sum(1 for row in rows if row.missed and row.observed is None)
        if beyond:
            sentence += f" {beyond} more had no end while they were watched, and are known to lie outside."
        wide = sum(1 for row in rows if row.wide)
        if wide:
            verb = "interval is" if wide == 1 else "intervals are"
            sentence += f" {wide} {verb} wide: inside proves little there."
        sentence = words.caption(record, sentence)
    predicted = [row for row in rows if row.median is not None]
    figures = []
    if predicted:
        figures = _ladders(record, predicted)
    return Section(
        "predicted",
        "Predicted and observed",
        "Which predictions held?",
        [sentence],
        figures,
        [metrics_table(record, rows)] if rows else [],
    )


def _ladders(record: Record, rows: list[Row]) -> list[Drawing]:
    note = words.figure_note(record)
    rest = [row for row in rows if not row.name.startswith(TIMES) and row.name not in READS]
    groups = (
        ("f1-ladder", "Outage and recovery", rest),
        ("f1-readers", "Readers at the gateway", [row for row in rows if row.name in READS]),
        ("f1-times", "Acknowledgement and commit times", [row for row in rows if row.name.startswith(TIMES)]),
    )
    return [
        draw_ladder(
            name, f"{title}: predicted and observed", _ladder_caption(record, title, group), group, record.judged, note
        )
        for name, title, group in groups
        if group
    ]


def _ladder_caption(record: Record, title: str, rows: list[Row]) -> str:
    seen = [row for row in rows if row.inside.get("90") is not None]
    if not seen:
        return words.caption(record, f"{title}: what was predicted; nothing was compared.")
    inside = sum(1 for row in seen if row.inside["90"])
    text = f"{title}: {inside} of {len(seen)} observations inside their 90 % interval"
    missed = [f"{row.title} ({row.with_unit()})" for row in rows if row.missed]
    if missed:
        more = f" and {len(missed) - 3} more" if len(missed) > 3 else ""
        return words.caption(record, f"{text}; outside: {', '.join(missed[:3])}{more}.")
    worst = max((row for row in seen if row.error is not None), key=lambda row: abs(row.error or 0.0), default=None)
    if worst is not None:
        text += f"; the farthest from its median is {worst.title}, {worst.error_text()}"
    return words.caption(record, f"{text}.")


def metrics_table(record: Record, rows: list[Row]) -> Table:
    """Return the table of predicted and observed."""
    columns = (
        Column("metric"),
        Column("predicted (median)", True),
        Column("90 % interval", True),
        Column("observed", True),
        Column("error", True),
        Column("where it fell"),
        Column("objective, chance given"),
    )
    body = [metric_cells(row, record.judged) for row in rows]
    return Table("Predicted and observed, one row a metric", columns, body, name="metrics")


def metric_cells(row: Row, judged: bool) -> list[Cell]:
    """Return one row of the table."""
    missed = row.missed and judged
    mark = "miss" if missed else ""
    where = row.place(judged)
    return [
        Cell(
            f"{row.title}, {row.scale.unit}",
            mark="miss" if missed or row.objective_missed else "strong" if row.primary else "",
            link=f"#{definition_anchor(row)}",
            tag="primary" if row.primary else "",
        ),
        Cell("-" if row.median is None else row.scale.bare(row.median)),
        Cell(row.interval_text(), spoken=row.interval_spoken() if row.intervals else ""),
        Cell(row.observed_text(), mark=mark or "strong"),
        Cell(row.error_text(), mark=mark),
        Cell(where, mark=mark, link="#why" if missed else ""),
        Cell(row.objective_text(), mark="miss" if row.objective_missed else ""),
    ]


def definition_anchor(row: Row) -> str:
    """Return the id of a metric's definition on the page."""
    return f"define-{row.name.replace('_', '-')}"
