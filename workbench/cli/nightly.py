"""workbench nightly: a suite of drills unattended, judged against the nights before."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from workbench import api
from workbench.cli._long_running import RunByDefault, stop_on_sigterm
from workbench.compare.nights import judge_night
from workbench.errors import (
    EXIT_MACHINE,
    EXIT_STOPPED,
    EXIT_UNDO_UNVERIFIED,
    Stopped,
    UndoUnverified,
    worst_exit_code,
)
from workbench.nightly import End, Night, ground_of, import_records, night_to_do, run_night
from workbench.nightly.outputs import ANNOTATIONS, JSON, SUMMARY, not_done, write_outputs
from workbench.records.history import open_history
from workbench.records.reference import read_records
from workbench.report.night_words import counts, headline, says, sentence, trouble
from workbench.scenario import PROJECT_ROOT, find_suite, read_suite

HISTORY: Final = api.DEFAULT_OUT / "nightly" / "history.sqlite"
_history = click.option(
    "--history", type=click.Path(path_type=Path, dir_okay=False), default=HISTORY, help="The SQLite file of all nights."
)


@click.group(name="nightly", cls=RunByDefault, short_help="A suite of drills, judged against earlier nights.")
def command() -> None:
    """Do a suite's drills unattended and judge them against the nights before.

    \b
    Examples:
      workbench nightly smoke
      workbench nightly suites/nightly.yaml --history /srv/history.sqlite
      workbench nightly import
    """


@command.command(name="run", short_help="One night; the word may be left out.")
@click.argument("suite")
@click.option("--json", "as_json", is_flag=True, help="The night as one object on stdout; progress goes to stderr.")
@click.option("--out", type=click.Path(path_type=Path), default=api.DEFAULT_OUT, help="Folder of the runs.")
@_history
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="KUBECONFIG",
    help="Of a suite whose target is kubernetes.  [default: $KUBECONFIG]",
)
@click.option("--context", default="", help="Of the kubeconfig.  [default: its current one]")
@click.option("--hub", default="", help="The name of the hub that others use, typed by who starts the night.")
@click.option(
    "--approval", type=click.Path(path_type=Path, dir_okay=False), help="Who allows that hub's night, until when."
)
def run_command(
    suite: str,
    as_json: bool,
    out: Path,
    history: Path,
    kubeconfig: Path | None,
    context: str,
    hub: str,
    approval: Path | None,
) -> int:
    """Do SUITE (a name in suites/ or a file) within its budget; a night that was stopped goes on.

    A night is named by the day it begins on, which lasts from noon to noon UTC; once it is over, starting again
    does the day's second one, NIGHT.02. Its files are written to OUT/nightly/SUITE/NIGHT: junit.xml, summary.md,
    annotations.txt, trend.html, drills.prom, night.json.

    A suite for a hub that others use needs --hub and --approval, and is done to the cluster that the suite names
    alone (docs/runbook-preprod.md).

    \b
    Exit code: 0 as expected, 1 the hub or the model got worse or an objective was missed,
    2 bad input, 3 a tool or the machine failed, 4 inconclusive, 5 stopped, 6 something may still be broken.
    """
    wanted = read_suite(find_suite(suite))
    out = out.absolute()
    ground = ground_of(wanted, out, kubeconfig, context, hub, approval)
    stop_on_sigterm("stopped by signal")

    def say(text: str) -> None:
        click.echo(text, err=as_json)

    with open_history(history.absolute()) as opened:
        night = night_to_do(opened.nights(wanted.name), time.time())
        folder = out / "nightly" / wanted.name / night
        folder.mkdir(parents=True, exist_ok=True)
        conducted = Night(
            wanted, night, opened, out, folder, say, ground.check, options=ground.options, guard=ground.guard,
            end_s=ground.end_s,
        )  # fmt: skip
        code = _conduct(conducted, folder)
    if as_json:
        click.echo((folder / JSON).read_text(), nl=False)
    _tell_github(folder, say)
    return code


def _conduct(night: Night, folder: Path) -> int:
    """Do the night and write its files, also when a person or a stop condition ends it."""
    codes = []
    try:
        end = run_night(night)
    except (KeyboardInterrupt, Stopped) as error:
        end = End(str(error) or "stopped by a person (Ctrl-C)")
        codes.append(EXIT_STOPPED)
    except UndoUnverified as error:
        end = End(f"something may still be broken: {error}")
        codes.append(EXIT_UNDO_UNVERIFIED)
    drills = night.history.drills()
    judged = judge_night(drills, night.suite.name, night.night, night.suite.compare_nights)
    missing = not_done(night.suite, judged.drills)
    codes += [judged.exit_code, *([EXIT_MACHINE] if end.trouble else [])]
    judged = replace(judged, exit_code=worst_exit_code(codes))
    write_outputs(folder, judged, drills, missing, end.reason)
    night.history.end_night(night.suite.name, night.night, time.time(), judged.exit_code)
    night.say(f"night {night.night}: {headline(judged)} {counts(judged.drills)}.")
    if end.reason:
        night.say(f"it ended early: {end.reason}")
    for each in judged.metrics:
        night.say(f"  {each.scenario}: {says(each)}. {sentence(each)}")
    for drill in judged.drills:
        kind, why = trouble(drill)
        if kind == "failure":
            night.say(f"  {drill.scenario} seed {drill.seed}: {why}.")
    night.say(f"files   {folder}")
    return judged.exit_code


def _tell_github(folder: Path, say: Callable[[str], None]) -> None:
    """Hand the night to GitHub's runner where there is one."""
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write((folder / SUMMARY).read_text())
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in (folder / ANNOTATIONS).read_text().splitlines():
            say(line)


@command.command(name="import", short_help="Reference records into a history.")
@click.option(
    "--reference",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=PROJECT_ROOT / "reports" / "reference",
    help="Folder of the records.",
)
@_history
def import_command(reference: Path, history: Path) -> int:
    """Enter every record of a folder into a history that does not have it yet; done again, it adds nothing.

    \b
    Example:
      workbench nightly import --history /srv/history.sqlite
    """
    records = read_records(reference.absolute())
    with open_history(history.absolute()) as opened:
        new = import_records(opened, records)
    click.echo(f"{len(new)} of {len(records)} records entered into {history}")
    return 0


__all__ = ["command"]
