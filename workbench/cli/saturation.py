"""workbench saturation: where the paths of an embedded hub saturate, predicted, sealed, found by ramps."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import click
from rich.table import Column, Table

from workbench import api
from workbench.cli._console import a_console
from workbench.cli._long_running import stop_on_sigterm
from workbench.errors import EXIT_AS_EXPECTED, EXIT_INCONCLUSIVE, EXIT_MISSED, BadInput
from workbench.metrics.numbers import count, percent
from workbench.records.folder import dump_json
from workbench.records.saturation import Ramped, read_measured, read_ramps, write_measured

if TYPE_CHECKING:
    from workbench.model.saturation import SetUp

FOLDER: Final = api.DEFAULT_OUT / "saturation"
SCENARIO: Final = "broker-loss"
PATHS: Final = ("kafka", "postgres", "pipeline")
CONSUMERS: Final = (1, 2, 3, 4)
SIZES_BYTES: Final = (400, 1600)
CONSUMERS_MAX: Final = 16
TIMES_MAX: Final = 9
WITHIN_FITTED: Final = 0.10
WITHIN_HELD_OUT: Final = 0.15

_out = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=FOLDER, help="Folder of measurements and ramps."
)
_seed = click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Draws events and starts.")


@click.group(name="saturation", short_help="Where the paths saturate, predicted and found by ramps.")
def command() -> None:
    """Find at which rate Kafka, Postgres and the pipeline of an embedded hub saturate, and what saturates there.

    \b
    Examples:
      workbench saturation measure
      workbench saturation ramp --path pipeline --consumers 2 --event-bytes 400
      workbench saturation ramp
      workbench saturation show
    """


@command.command(name="measure", short_help="What an event takes on this machine (12 minutes).")
@_seed
@_out
def measure_command(seed: int, out: Path) -> int:
    """Measure on a hub of its own, saturated, what an event takes; writes measured-<time>.json.

    \b
    Example:
      workbench saturation measure
    """
    from workbench.drill.saturation.measuring import measure
    from workbench.scenario import find_scenario, read_with_hub

    stop_on_sigterm()
    scenario, topology = read_with_hub(find_scenario(SCENARIO))
    now = f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}"
    out = out.absolute()
    path = out / f"measured-{now}.json"
    write_measured(path, measure(topology, scenario.workload, seed, out / f"measuring-{now}", _say))
    click.echo(path)
    return EXIT_AS_EXPECTED


@command.command(name="ramp", short_help="Predict, seal, and ramp the load until it saturates.")
@click.option("--measured", type=click.Path(path_type=Path, dir_okay=False), help="A measurement; else the newest.")
@click.option("--path", "paths", type=click.Choice(PATHS), multiple=True, help="Which paths; else all three.")
@click.option(
    "--consumers",
    type=click.IntRange(1, CONSUMERS_MAX),
    multiple=True,
    help="Event processors, or connections to Postgres; else 1 to 4.",
)
@click.option("--event-bytes", "sizes", type=click.IntRange(200, 100_000), multiple=True, help="Else 400 and 1,600.")
@click.option(
    "--times",
    type=click.IntRange(1, TIMES_MAX),
    default=3,
    show_default=True,
    help="Ramps of each set-up; their mean counts.",
)
@_seed
@_out
def ramp_command(
    measured: Path | None,
    paths: tuple[str, ...],
    consumers: tuple[int, ...],
    sizes: tuple[int, ...],
    times: int,
    seed: int,
    out: Path,
) -> int:
    """Ramp each set-up from 0.7 to 1.5 times the rate at which it is predicted to saturate.

    One ramp differs from the next, so each set-up has several and their mean counts. A record is written as the last
    one ends; a set-up that has one from the same measurement is not done again. About an hour for all. Exit code 1: a
    prediction was missed, 4: a set-up's ramps showed nothing.

    \b
    Examples:
      workbench saturation ramp
      workbench saturation ramp --path pipeline --consumers 3 --event-bytes 400
    """
    from workbench.drill.saturation.conducting import find_saturations
    from workbench.scenario import find_scenario, read_with_hub

    stop_on_sigterm()
    out = out.absolute()
    file = measured or _newest(out)
    scenario, topology = read_with_hub(find_scenario(SCENARIO))
    done = [each for each in read_ramps(out) if each.measured_file == file.name and not each.why_not]
    wanted = _wanted(paths or PATHS, consumers or CONSUMERS, sizes or SIZES_BYTES, done)
    _say(f"{len(wanted)} set-ups, {times} ramps each; {len(done)} set-ups done before, demands of {file.name}")
    content = read_measured(file)
    find_saturations(wanted, content, file.name, topology, scenario.workload, seed, out, _say, times)
    rows = [each for each in read_ramps(out) if each.measured_file == file.name]
    _show(rows)
    return _exit_code(rows)


@command.command(name="show", short_help="Every ramp: predicted and observed.")
@click.option("--json", "as_json", is_flag=True, help="The records as one list.")
@_out
def show_command(as_json: bool, out: Path) -> int:
    """Show what was predicted and what the ramps found.

    \b
    Examples:
      workbench saturation show
      workbench saturation show --out reports/saturation --json | jq '.[] | [.path, .consumers, .observed_per_s]'
    """
    rows = read_ramps(out.absolute())
    if not rows:
        raise BadInput(f"no ramps in {out}: `workbench saturation measure`, then `workbench saturation ramp`")
    if as_json:
        click.echo(dump_json(rows).decode(), nl=False)
    else:
        _show(rows)
    return _exit_code(rows)


def _wanted(
    paths: Sequence[str], consumers: Sequence[int], sizes: Sequence[int], done: Sequence[Ramped]
) -> list[SetUp]:
    """Return the set-ups that have no record yet."""
    from workbench.model.saturation import LoadedPath, SetUp

    found = [
        SetUp(LoadedPath(path), number, size)
        for path in paths
        for number in ((0,) if path == LoadedPath.KAFKA else consumers)
        for size in sizes
    ]
    known = {(each.path, each.consumers, each.event_bytes) for each in done}
    return [each for each in found if (each.path.value, each.consumers, each.event_bytes) not in known]


def _newest(out: Path) -> Path:
    found = sorted(out.glob("measured-*.json"))
    if not found:
        raise BadInput(f"nothing is measured in {out}: `workbench saturation measure` does it")
    return found[-1]


def _within(row: Ramped) -> float:
    return WITHIN_FITTED if row.fitted else WITHIN_HELD_OUT


def _kept(row: Ramped) -> bool:
    return row.error is not None and abs(row.error) <= _within(row) and row.observed_resource == row.predicted_resource


def _exit_code(rows: Sequence[Ramped]) -> int:
    if any(row.error is None for row in rows):
        return EXIT_INCONCLUSIVE
    return EXIT_AS_EXPECTED if all(_kept(row) for row in rows) else EXIT_MISSED


def _show(rows: Sequence[Ramped]) -> None:
    right = [
        Column(name, justify="right") for name in ("consumers", "bytes", "predicted", "observed", "ramps", "error")
    ]
    table = Table("path", *right, "saturated: predicted", "observed", "cores busy", "set-up", "")
    for row in sorted(rows, key=lambda each: (each.path, each.event_bytes, each.consumers, each.sealed_utc)):
        seen = "no value" if row.observed_per_s is None else f"{count(row.observed_per_s)}/s"
        table.add_row(
            row.path,
            f"{row.consumers or '-'}",
            count(row.event_bytes),
            f"{count(row.predicted_per_s)}/s",
            seen,
            _spread(row),
            "-" if row.error is None else f"{100.0 * row.error:+.0f} %",
            row.predicted_resource,
            row.observed_resource or "-",
            "-" if row.observed_busy_share is None else percent(row.observed_busy_share),
            "fitted" if row.fitted else "held out",
            row.why_not or ("kept" if _kept(row) else f"MISSED (bound {percent(_within(row))})"),
        )
    a_console(150).print(table)
    judged = [row for row in rows if row.error is not None]
    click.echo(f"{len(rows)} set-ups, {len(judged)} with a value, {sum(map(_kept, judged))} kept")
    apart = [
        max(rates) / min(rates) - 1.0 for row in rows if len(rates := [each for each in row.ramps_per_s if each]) > 1
    ]
    if apart:
        click.echo(f"ramps of one set-up are {percent(median(apart))} apart (median), at most {percent(max(apart))}")


def _spread(row: Ramped) -> str:
    """Return the lowest and the highest of several ramps: "56,667 to none"."""
    if len(row.ramps_per_s) < 2:
        return "-"
    rates = [math.inf if each is None else each for each in row.ramps_per_s]
    return " to ".join("none" if math.isinf(end) else count(end) for end in (min(rates), max(rates)))


def _say(text: str) -> None:
    click.echo(f"{datetime.datetime.now(datetime.UTC):%H:%M:%S} {text}", err=True)


__all__ = ["command"]
