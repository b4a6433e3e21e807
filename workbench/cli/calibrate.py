"""workbench calibrate: measure on a hub of its own what the models else take from priors."""

from __future__ import annotations

import datetime
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click
from rich.table import Table

from workbench import api
from workbench.cli._console import a_console
from workbench.cli._long_running import RunByDefault, stop_on_sigterm
from workbench.records.calibration import CalibrationFile, newest_calibration, read_calibration, write_calibration
from workbench.records.folder import dump_json

TARGETS: Final = ("local",)
FOLDER: Final = api.DEFAULT_OUT / "calibrations"
WIDTH: Final = 150  # where the output is no terminal
HEADS: Final = ("quantity", "n", "median", "90 % of the median", "90 % of one more", "prior, 90 %", "goodness p")

_out = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=FOLDER, help="Folder of the calibrations."
)
_json = click.option("--json", "as_json", is_flag=True, help="The file's content on stdout; progress goes to stderr.")


@click.group(name="calibrate", cls=RunByDefault, short_help="Measure what the models else take from priors.")
def command() -> None:
    """Measure on a hub of its own, in at most 10 minutes, what the models else take from published priors.

    \b
    Examples:
      workbench calibrate --target local
      workbench calibrate show
      workbench predict broker-loss --calibration reports/out/calibrations/20260314T214003Z-7f3a91c2.json
    """


@command.command(name="run", short_help="Measure; the word may be left out.")
@click.option("--target", type=click.Choice(TARGETS), required=True, help="What to measure.")
@click.option(
    "--manifests",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=api.DEFAULT_MANIFESTS,
    help="Folder with the kustomization to start from; the project's base without it.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Draws the brokers' start order.")
@_out
@_json
def run_command(target: str, manifests: Path, seed: int, out: Path, as_json: bool) -> int:
    """Start a hub, stop, kill and start its servers, and write one dated file and its page.

    Predictions take it with --calibration; on another machine, with other servers or manifests, or after 30 days it
    is refused. Ctrl-C leaves nothing running and writes no file.

    \b
    Example:
      workbench calibrate --target local --manifests manifests/overlays/session-timeout-6s
    """
    del target  # checked by click; the only one so far
    from workbench.calibrate import calibrate  # matplotlib and every client: not for a help text
    from workbench.calibrate.page import write_page
    from workbench.topology import read_topology

    stop_on_sigterm()
    path = write_calibration(out.absolute(), calibrate(read_topology(manifests), seed, _say))
    file = read_calibration(path)
    page = path.with_suffix(".html")
    write_page(file, page)
    _show(file, as_json)
    click.echo(f"file  {path}\npage  {page}", err=as_json)
    return 0


@command.command(name="show", short_help="A calibration as a table.")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@_out
@_json
def show_command(file: Path | None, out: Path, as_json: bool) -> int:
    """Show FILE, or the newest calibration: samples, medians, intervals, the priors they stand for.

    \b
    Examples:
      workbench calibrate show
      workbench calibrate show --json | jq '.measurements[] | [.name, .fit.median]'
    """
    _show(read_calibration(file or newest_calibration(out.absolute())), as_json)
    return 0


@command.command(name="page", short_help="Its page again.")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@_out
def page_command(file: Path | None, out: Path) -> int:
    """Write the page of FILE, or of the newest calibration, beside it; the same file gives the same bytes.

    \b
    Example:
      workbench calibrate page
    """
    from workbench.calibrate.page import write_page

    path = file or newest_calibration(out.absolute())
    page = path.with_suffix(".html")
    write_page(read_calibration(path), page)
    click.echo(page)
    return 0


def _show(file: CalibrationFile, as_json: bool) -> None:
    if as_json:
        click.echo(dump_json(asdict(file.content)).decode(), nl=False)
        return
    from workbench.calibrate.page import row_words

    content = file.content
    click.echo(f"{file.name}  {content.created_utc:%Y-%m-%d %H:%M} UTC  took {content.took_s:.0f} s")
    console = a_console(WIDTH)
    for title, used in (("parameters of the models", True), ("not used by a model yet", False)):
        table = Table(HEADS[0], *HEADS[1:], title=title, title_justify="left")
        for each in content.measurements:
            if bool(each.parameter) is used:
                table.add_row(*row_words(each))
        console.print(table)
    for name, why in content.left_out.items():
        click.echo(f"left out, the prior stays: {name}: {why}")


def _say(text: str) -> None:
    click.echo(f"{datetime.datetime.now(datetime.UTC):%H:%M:%S} {text}", err=True)


__all__ = ["command"]
