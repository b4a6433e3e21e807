"""workbench fidelity: how good sealed predictions were, over many drills."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Column
from rich.table import Table as RichTable

from workbench import api
from workbench.cli._console import a_console
from workbench.cli._long_running import stop_on_sigterm
from workbench.compare.families import FamilyFidelity
from workbench.compare.fidelity import LATEST, Fidelity, Table, fidelity
from workbench.errors import BadInput
from workbench.metrics.catalogue import BY_NAME
from workbench.metrics.numbers import MISSING, percent, quantity
from workbench.nightly import Wanted, add_records, collect
from workbench.records.folder import dump_json
from workbench.records.machine import DISTURBED_PERCENT
from workbench.records.reference import read_records, scored
from workbench.scenario import PROJECT_ROOT, find_scenario

REFERENCE: Final = PROJECT_ROOT / "reports" / "reference"
DRILLS_MAX: Final = 1000
WIDTH: Final = 200  # where the output is no terminal
HEADS: Final = (
    "metric",
    "drills",
    "observed",
    "predicted",
    "error of medians",
    "errors: median, p90, worst",
    "inside 50, 80, 90, 99 %",
    "corrected: inside 50, 80, 90 %",
    "width of 90 %",
    "CRPS: model, last drill, earlier drills",
    "noise floor",
)

FAMILY_HEADS: Final = (
    "family",
    "values, drills",
    "median error",
    "inside 90 %",
    "width of 90 % to value",
    "not as wanted",
)

PAGE_HEAD: Final = """\
# Fidelity

Made by `workbench fidelity show --all --markdown > docs/fidelity.md` from the records in `reports/reference/`. An
error is (observed - predicted median) / predicted median. CRPS is a distance in the metric's unit, the smaller the
better, over the drills that have two earlier ones: of the model, of "as the last drill", and of "as all earlier
drills". Corrected intervals are made of the sealed ones by the errors of earlier records, each configuration with one
weight. A scenario with few drills shows how few. Inside 90 % means the sealed 90 % interval; wanted are 80 to 97 %
(with the range of a bootstrap over drills, 90 %)."""

_reference = click.option(
    "--reference", type=click.Path(path_type=Path, file_okay=False), default=REFERENCE, help="Folder of the records."
)
_out = click.option("--out", type=click.Path(path_type=Path), default=api.DEFAULT_OUT, help="Folder of the runs.")


@click.group(name="fidelity", short_help="How good sealed predictions were.")
def command() -> None:
    """Score many drills: errors, coverage, widths, and whether the model beats two competitors without one.

    \b
    Examples:
      workbench fidelity collect broker-loss:10 broker-loss-session-6s:5 --seed 801
      workbench fidelity add --out reports/out
      workbench fidelity show --all
      workbench fidelity page
    """


@command.command(name="collect", short_help="Run drills and keep their records.")
@click.argument("drills", nargs=-1, required=True, metavar="SCENARIO:COUNT...")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="First seed of every scenario.")
@_out
@_reference
def collect_command(drills: Sequence[str], seed: int, out: Path, reference: Path) -> int:
    """Run every drill of the list that has no record yet, scenarios taking turns; started again, it goes on.

    \b
    Example:
      workbench fidelity collect broker-loss:10 broker-stop:5 --seed 801
    """
    stop_on_sigterm()  # else the drill under way would go on without it
    wanted = [_wanted(drill) for drill in drills]
    written = collect(wanted, seed, out.absolute(), reference.absolute(), click.echo)
    click.echo(f"{len(written)} records written below {reference}")
    return 0


@command.command(name="add", short_help="Keep records of runs that are there.")
@_out
@_reference
def add_command(out: Path, reference: Path) -> int:
    """Write the record of every sealed prediction in a folder of runs, incomplete and inconclusive ones too.

    \b
    Example:
      workbench fidelity add --out reports/out
    """
    written = add_records(out.absolute(), reference.absolute())
    click.echo(f"{len(written)} records written below {reference}")
    return 0


@command.command(name="show", short_help="The table.")
@click.option("--all", "every", is_flag=True, help="Every metric, not only primary ones and phases.")
@click.option("--json", "as_json", is_flag=True, help="Everything as one object on stdout.")
@click.option("--markdown", is_flag=True, help="As the page docs/fidelity.md.")
@_reference
def show_command(every: bool, as_json: bool, markdown: bool, reference: Path) -> int:
    """Show how far sealed predictions were off, per scenario and metric. Exit code 1: too many seals unscored.

    An error is (observed - predicted median) / predicted median. CRPS is a distance in the metric's unit, the
    smaller the better, over the drills that have two earlier ones; it is shown for three: the model, "as the last
    drill", and "as all earlier drills". Corrected are the intervals that the errors of earlier records alone would
    have made of the sealed ones: never shown in place of them, counted beside them.
    """
    table = fidelity(read_records(reference.absolute()))
    if as_json:
        click.echo(dump_json(asdict(table)).decode(), nl=False)
    elif not table.sealed:
        click.echo(f"no record below {reference}: `workbench fidelity collect broker-loss:3` makes some")
    else:
        _print(table, every, markdown)
    return 0 if table.sound else 1


@command.command(name="page", short_help="The same as a page with figures.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=api.DEFAULT_OUT / "fidelity.html",
    help="The file to write.",
)
@_reference
def page_command(out: Path, reference: Path) -> int:
    """Write one HTML file: reliability, ranks, widths, errors by phase, scores, worst misses.

    \b
    Example:
      workbench fidelity page --out fidelity.html
    """
    from workbench.report.fidelity_page import write_fidelity_page  # matplotlib: half a second for this page alone

    records = read_records(reference.absolute())
    if not scored(records):
        raise BadInput(f"no scored record below {reference}: `workbench fidelity collect broker-loss:3` makes some")
    write_fidelity_page(records, out.absolute())
    click.echo(out)
    return 0


def _wanted(drill: str) -> Wanted:
    name, separator, count = drill.partition(":")
    if not separator or not count.isdecimal() or not 1 <= int(count) <= DRILLS_MAX:
        raise BadInput(f"{drill!r}: SCENARIO:COUNT is needed, COUNT from 1 to {DRILLS_MAX}, such as broker-loss:10")
    find_scenario(name)
    return Wanted(name, int(count))


def _print(table: Table, every: bool, markdown: bool) -> None:
    console = a_console(WIDTH)
    if markdown:
        click.echo(PAGE_HEAD)
    _print_rows(
        console, "All drills together", FAMILY_HEADS, [_family_cells(each) for each in table.families], markdown
    )
    if table.latest:
        title = f"The latest {LATEST} drills alone"
        _print_rows(console, title, FAMILY_HEADS, [_family_cells(each) for each in table.latest], markdown)
    if table.held_out:
        title = f"Held out of every fit: {', '.join(table.held_out_scenarios)}"
        _print_rows(console, title, FAMILY_HEADS, [_family_cells(each) for each in table.held_out], markdown)
    for scenario, group in itertools.groupby(table.rows, key=lambda row: row.scenario):
        rows = [_cells(row) for row in group if every or row.primary or row.kind == "phase"]
        _print_rows(console, scenario, HEADS, rows, markdown)
    mark = "- " if markdown else ""
    click.echo("\n" + "\n".join(mark + line for line in _afterwards(table)))


def _print_rows(
    console: Console, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], markdown: bool
) -> None:
    if markdown:
        click.echo(f"\n## {title}\n\n" + _line(heads) + "\n" + _line(["---"] * len(heads)))
        click.echo("\n".join(_line(row) for row in rows))
        return
    drawn = RichTable(Column(heads[0], no_wrap=True), *heads[1:], title=title, title_justify="left")
    for row in rows:
        drawn.add_row(*row)
    console.print(drawn)


def _family_cells(each: FamilyFidelity) -> list[str]:
    held = each.coverage
    return [
        each.title,
        f"{each.values} in {each.drills}",
        _with_bound(each.error_median, each.error_max),
        f"{percent(held.share)} ({percent(held.low)} to {percent(held.high)})",
        _with_bound(each.width_median, each.width_max),
        each.verdict,
    ]


def _with_bound(value: float, bound: float | None) -> str:
    return percent(value) + (f" (at most {percent(bound)})" if bound is not None else "")


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _title(metric: str) -> str:
    return BY_NAME[metric].title if metric in BY_NAME else metric


def _of(metric: str, value: float) -> str:
    return quantity(value, BY_NAME[metric].unit if metric in BY_NAME else "")


def _cells(row: Fidelity) -> list[str]:
    scores = (row.crps.model, row.crps.persistence, row.crps.earlier)
    return [
        _title(row.metric) + (" (primary)" if row.primary else ""),
        str(row.drills),
        quantity(row.observed_median, row.unit),
        quantity(row.predicted_median, row.unit),
        percent(row.error_of_medians, sign=True),
        ", ".join(percent(error) for error in (row.error_median, row.error_p90, row.error_worst)),
        ", ".join(f"{each.inside}/{each.judged}" for each in row.coverage),
        ", ".join(f"{each.inside}/{each.judged}" for each in row.corrected) or MISSING,
        quantity(row.width_90, row.unit),
        ", ".join(quantity(score, row.unit) for score in scores),
        quantity(row.noise_floor, row.unit),
    ]


def _afterwards(table: Table) -> list[str]:
    """Return what the table's numbers hang on: misses, false-safe answers, seals that were not scored."""
    lines = [
        f"missed: {each.scenario} {each.run_id}: {_title(each.metric)} {_of(each.metric, each.observed)}, "
        f"predicted {_of(each.metric, each.predicted)}"
        + (f"; {_title(each.phase)}: {each.phase_error:+.2g} s" if each.phase else "")
        for each in table.missed
    ]
    lines += [
        f"failing: {each.scenario}: {_title(each.metric)}, {each.inside} of {each.judged} inside the sealed 90 %"
        for each in table.failing
    ]
    unsafe = sum(row.false_safe for row in table.rows)
    lines.append(f"objectives predicted to be kept (90 % or more) and missed: {unsafe}")
    if table.superseded:
        lines.append(f"of earlier versions of scenario or manifests, not shown: {table.superseded} seals")
    if table.disturbed:
        lines.append(f"drills that the machine's host took over {DISTURBED_PERCENT:g} % from, shown: {table.disturbed}")
    lost = sum(table.unscored.values())
    lines.append(f"sealed predictions: {table.sealed}, not scored: {lost}")
    lines += [f"{count} x {reason}" for reason, count in table.unscored.items()]
    if not table.sound:
        lines.append("over 10 % of the seals are not scored: these rows prove nothing")
    return lines
