"""The page of a calibration: each quantity's samples, prior and fit; one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from workbench.calibrate.catalogue import CLIENTS
from workbench.calibrate.figures import draw_fits, interval_90
from workbench.calibrate.words import span_text, value_text
from workbench.model.group_commit import GroupCommit
from workbench.records.calibration import Calibration, CalibrationFile, Measurement
from workbench.report.blocks import Column, Page, Section, Table, cells
from workbench.report.pages import to_html
from workbench.streams import stream

COMMITS_PLAYED: Final = 4_000
WEAK_SAMPLES: Final = 20  # below, a test of fit can hardly refuse


def write_page(file: CalibrationFile, path: Path) -> None:
    """Write the page; the same file gives the same bytes."""
    path.write_text(to_html(page_of(file)), encoding="utf-8")


def page_of(file: CalibrationFile) -> Page:
    """Return the page of a calibration."""
    content = file.content
    used = [each for each in content.measurements if each.parameter]
    other = [each for each in content.measurements if not each.parameter]
    return Page(
        title="What this machine's hub measures for the models",
        lines=[
            f"{content.created_utc:%d %B %Y %H:%M} UTC, embedded hub, measured in {content.took_s / 60.0:.1f} min",
            f"{_host(content)}; {file.name}",
        ],
        headline=f"{len(used)} parameters measured in place of their priors, {len(other)} numbers as information.",
        supports="",
        mood="open" if content.left_out else "pass",
        alarm="",
        badges=[],
        warnings=[
            f"Left out, the prior stays: {name.replace('_', ' ')} ({why})." for name, why in content.left_out.items()
        ],
        numbers=[],
        sections=[
            Section("verdicts", "In short", "What is this?"),
            _used(used),
            _information(other),
            *_commits_at_once(other, float(content.host.get("cores") or 1)),
            _how(content.measurements),
            _where(file),
        ],
        over="Hub workbench: calibration",
    )


def _used(shown: Sequence[Measurement]) -> Section:
    durations = [each for each in shown if each.unit == "s"]
    rates = [each for each in shown if each.unit != "s"]
    caption = "Box: 90 % of the fitted log-normal, its median as a bar. Dashed: 90 % of the prior. Rings: samples."
    groups = (("c1-durations", "Durations", durations), ("c2-rates", "Rates", rates))
    sentences = [
        "The fit takes the prior as one earlier sample and is never narrower than the samples alone allow.",
        f"A goodness below 0.05 speaks against a log-normal; below {WEAK_SAMPLES} samples a high one says little.",
    ]
    figures = [draw_fits(name, title, caption, rows) for name, title, rows in groups if rows]
    return Section(
        "used", "Parameters", "What do predictions take from here?", sentences, figures, [_table("Parameters", shown)]
    )


def _information(shown: Sequence[Measurement]) -> Section:
    caption = "As above; no model has a parameter for these, so there is no prior."
    figures = [draw_fits("c3-information", "Information", caption, shown)] if shown else []
    sentence = "Not used by a model yet: each drill measures its own acknowledgement times and batches before its seal."
    tables = [_table("Not used by a model yet", shown)] if shown else []
    return Section("information", "Information", "What else was measured?", [sentence], figures, tables)


def _commits_at_once(shown: Sequence[Measurement], cores: float) -> list[Section]:
    """Return measured commits over several connections beside what group commit makes of one's and of the disk."""
    found = {each.name: np.array(each.samples) for each in shown}
    alone_s, flush_s = found.get("commit_1_s"), found.get("fdatasync_s")
    if alone_s is None or flush_s is None:
        return []
    own_s = max(float(alone_s.mean() - flush_s.mean()), 0.0)
    model = GroupCommit(own_s, flush_s, cores)
    rows = []
    for count in CLIENTS[1:]:
        if (seen_s := found.get(f"commit_{count}_s")) is None:
            continue
        said_s = model.commits_s(count, COMMITS_PLAYED, stream(1, "calibrate", f"commits-{count}")).mean()
        error = seen_s.mean() / said_s - 1.0
        rows.append(
            cells(str(count), value_text(float(said_s), "s"), value_text(float(seen_s.mean()), "s"), f"{error:+.0%}")
        )
    columns = (Column("connections"), Column("model", True), Column("measured", True), Column("error", True))
    sentence = (
        "A commit's mean time, from one connection's and the disk's alone: sessions share flushes of the log and the "
        "cores (workbench/model/group_commit.py)."
    )
    table = Table("Group commit, predicted and measured", columns, rows)
    return [Section("commits", "Group commit", "What do several commits at once cost?", [sentence], tables=[table])]


def _table(caption: str, shown: Sequence[Measurement]) -> Table:
    columns = (
        Column("quantity"),
        Column("samples", True),
        Column("median", True),
        Column("90 % of the median", True),
        Column("90 % of one more", True),
        Column("prior, 90 %", True),
        Column("goodness p", True),
    )
    return Table(caption, columns, [cells(*row_words(each)) for each in shown])


def _how(shown: Sequence[Measurement]) -> Section:
    columns = (Column("quantity"), Column("parameter"), Column("how"))
    rows = [cells(each.title, each.parameter or "-", each.how) for each in shown]
    table = Table("How each was measured", columns, rows)
    return Section("how", "How", "What started and stopped each clock?", tables=[table])


def row_words(each: Measurement) -> list[str]:
    """Return a measurement's row: title, samples, median, both intervals, prior, goodness."""
    goodness = "-" if each.fit.goodness_p is None else f"{each.fit.goodness_p:.2f}"
    return [
        each.title,
        str(len(each.samples)),
        value_text(each.fit.median, each.unit),
        span_text(each.fit.median_low, each.fit.median_high, each.unit),
        span_text(*interval_90(each.fit), each.unit),
        "-" if each.prior is None else span_text(each.prior.low, each.prior.high, each.unit),
        goodness if len(each.samples) >= WEAK_SAMPLES or goodness == "-" else f"{goodness} (weak)",
    ]


def _host(content: Calibration) -> str:
    memory = float(content.host.get("memory_bytes", 0)) / 2**30
    return f"{content.host.get('cores')} cores, {memory:.0f} GB of memory, {content.host.get('system')}"


def _where(file: CalibrationFile) -> Section:
    content = file.content
    facts = [
        ("file", file.name),
        ("sha256 of the file", file.sha256),
        ("machine", _host(content)),
        ("servers", ", ".join(f"{name} {version}" for name, version in sorted(content.versions.items()))),
        ("sha256 of the manifests", content.manifests_sha256),
        ("commit", str(content.git.get("commit", "unknown"))),
    ]
    table = Table("Where it holds", (Column("what"), Column("value")), [cells(*fact) for fact in facts])
    sentence = "It holds for 30 days, on this machine, with these servers and manifests; elsewhere it is refused."
    command = f"workbench predict broker-loss --calibration {file.name}"
    return Section("where", "Where it holds", "May it be used here?", [sentence], tables=[table], commands=[command])
