"""The lines of the terminal's view, as pure functions of what is known. Times: seconds."""

from __future__ import annotations

import re
import statistics
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from workbench.metrics.numbers import scale
from workbench.records.prediction import interval
from workbench.report.row import Row, in_table_order, row_from_comparison
from workbench.report.words import short_hash

COLUMNS: Final = 80
BAR: Final = 14
NAME: Final = 19
LABEL: Final = 19  # "RESILIENCE  PASS   "
TITLE: Final = 35
SHORTER: Final = {"acknowledgement time": "ack time", "time to committed row": "commit time"}
ROWS_MAX: Final = 8
_UNIT: Final = re.compile(r"(?<=[0-9]) (?=%|m?s\b)")  # a number and its unit stay on one line


def wrapped(text: str, indent: str) -> list[str]:
    """Return text in lines of at most 80 columns, the later ones indented."""
    kept = _UNIT.sub("\u00a0", text)
    lines = textwrap.wrap(kept, COLUMNS, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\u00a0", " ") for line in lines]


def cut(line: str) -> str:
    """Return a line of at most 80 columns; two dots say that it went on."""
    return line if len(line) <= COLUMNS else f"{line[: COLUMNS - 2]}.."


def minutes(elapsed_s: float) -> str:
    """Return "1:40"."""
    whole = int(max(0.0, elapsed_s))
    return f"{whole // 60}:{whole % 60:02d}"


def phase_line(mark: str, name: str, elapsed_s: float, text: str) -> str:
    """Return one line of a phase: " ok  baseline  60.0 s  ..."."""
    return f" {mark}  {name:<{NAME}} {elapsed_s:>6.1f} s  {text}".rstrip()


def predicted(values: Sequence[float]) -> str:
    """Return "15.2 s (11.6-20.9)", or the one planned length."""
    if len(values) == 1:
        return scale("s", values).text(values[0])
    low, high = interval(values, 90.0)
    middle = statistics.median(values)
    written = scale("s", [low, middle, high])
    return f"{written.text(middle)} ({written.span(low, high)})"


def time_to_go(age_s: float, values: Sequence[float] | None) -> str:
    """Return a bar and how long the replications that were still in this phase at this age would go on."""
    if not values:
        return ""
    left = [value - age_s for value in values if value > age_s]
    if not left:
        late_s = age_s - max(values)
        return "" if len(values) == 1 else f"late by {late_s:.1f} s, longer than any of {len(values):,d}"
    middle = statistics.median(left)
    done = round(BAR * age_s / (age_s + middle))
    bar = f"[{'#' * done}{'-' * (BAR - done)}]"
    if len(values) == 1:
        return f"{bar}  {middle:.1f} s to go"
    low, high = interval(left, 90.0)
    return f"{bar}  about {middle:.1f} s to go ({low:.1f}-{high:.1f})"


def last_block(comparison: Mapping[str, Any], run_dir: Path, command: str) -> list[str]:
    """Return the block a drill ends with. Only a long path or command may pass 80 columns."""
    verdicts = comparison.get("verdicts", {})
    lines = []
    order = ("resilience", "prediction", "residue")
    if comparison.get("exit_code") == 6:
        order = ("residue", "resilience", "prediction")
    for which in order:
        verdict = verdicts.get(which, {})
        label = f"{which.upper():<10}  {verdict.get('verdict', '?'):<5}  "
        lines += wrapped(label + verdict.get("sentence", ""), " " * LABEL)
    lines += _table(comparison)
    lines += _where(run_dir, command)
    lines += wrapped(f"exit {comparison.get('exit_code')}  {comparison.get('exit_reason', '')}", "        ")
    return lines


def _table(comparison: Mapping[str, Any]) -> list[str]:
    rows = [row_from_comparison(raw, True) for raw in comparison.get("metrics", ())]
    judged = comparison.get("verdicts", {}).get("prediction", {}).get("verdict") in ("PASS", "FAIL")
    shown = [row for row in in_table_order(rows) if row.missed or row.primary or row.objective is not None]
    if not shown:
        return []
    lines = [f"{'':<{TITLE + 2}}{'predicted':>10}{'90 % interval':>15}{'observed':>10}{'error':>8}"]
    lines += [_row(row, judged) for row in shown[:ROWS_MAX]]
    counts = comparison.get("counts", {})
    lines.append(f"  {counts.get('inside_90', 0)} of {counts.get('judged', 0)} inside 90 %; all rows are in the report")
    return lines


def _row(row: Row, judged: bool) -> str:
    mark = "!" if row.objective_missed or (row.missed and judged) else " "
    title = row.title
    for long, short in SHORTER.items():
        title = title.replace(long, short)
    title = textwrap.shorten(title, TITLE - 2 - len(row.scale.unit), placeholder=" ..")
    name = f"{mark} {title}, {row.scale.unit}"
    error = row.error_text() if row.error_text() != "within noise" else "noise"
    middle = "-" if row.median is None else row.scale.bare(row.median)
    return f"{name:<{TITLE + 2}}{middle:>10}{row.interval_text():>15}{row.observed_text():>10}{error:>8}"


def _where(run_dir: Path, command: str) -> list[str]:
    latest = run_dir.parent.parent / "latest"
    page = (latest if latest.exists() and latest.resolve() == run_dir.resolve() else run_dir) / "report.html"
    here = Path.cwd()
    shown = page.relative_to(here) if page.is_relative_to(here) else page
    together = f"report  {shown}     again  {command}"
    return [together] if len(together) <= COLUMNS else [f"report  {shown}", f"again   {command}"]


__all__ = ["COLUMNS", "last_block", "minutes", "phase_line", "predicted", "short_hash", "time_to_go", "wrapped"]
