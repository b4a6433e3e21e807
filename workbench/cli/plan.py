"""workbench plan: how much the hub carries, what saturates first, and when growth has eaten the headroom."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.status import Status
from rich.table import Column
from rich.table import Table as RichTable

from workbench import api
from workbench.cli._console import a_console
from workbench.cli._long_running import stop_on_sigterm
from workbench.cli._plan_search import SearchProgress, print_search
from workbench.cli.place import REFERENCE_NODES
from workbench.errors import EXIT_AS_EXPECTED, EXIT_MISSED, Stopped
from workbench.metrics.numbers import count, percent
from workbench.plan import DEFAULT_QUESTION, Question, answer, read_question
from workbench.records.folder import dump_json
from workbench.report.plan_page import plan_html, sentence


@click.command(name="plan", short_help="How much the hub carries, and until when.")
@click.argument("question", type=click.Path(path_type=Path), default=DEFAULT_QUESTION, metavar="[QUESTION]")
@click.option("--from", "run", metavar="RUN", help="Take the parameters that a kept run measured, not priors.")
@click.option(
    "--nodes",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=REFERENCE_NODES,
    show_default="the reference hub's",
    help="YAML of the Nodes, for the room left.",
)
@click.option("--played", type=click.IntRange(2, 200), default=12, show_default=True, help="Draws the engine plays.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Every random draw follows from it.")
@click.option("--json", "as_json", is_flag=True, help="The answer with every assumption as one object.")
@click.option("--page", type=click.Path(path_type=Path, dir_okay=False), help="Write the answer as an HTML page here.")
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=os.cpu_count() or 1,
    show_default="one a core",
    help="Of a search: processes of this machine.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Of a search: a Dask scheduler's, whose workers are used instead.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Of a search: the folder of its assessments and of the change. [default: reports/out/plans/QUESTION]",
)
def command(
    question: Path,
    run: str | None,
    nodes: Path,
    played: int,
    seed: int,
    as_json: bool,
    page: Path | None,
    workers: int,
    scheduler: str | None,
    out: Path | None,
) -> int:
    """Answer QUESTION (a YAML file): sustainable rates, what saturates, dates, disks, room. Starts no hub.

    Without one it is questions/next-year.yaml. A question with a section `search` also gets the cheapest set-up that
    keeps its objectives, as a kustomize folder. A search that was ended, by Ctrl-C or worse, goes on when it is
    started again, and finds the same with any number of workers. Exit code 1: an objective is missed today or, with a
    search, by every set-up.

    \b
    Examples:
      workbench plan
      workbench plan questions/next-year.yaml --page plan.html
      workbench plan --from latest --json | jq '.states[] | {name, sustainable_per_s}'
      workbench plan questions/cheapest.yaml --page plan.html
      kubectl kustomize reports/out/plans/cheapest/change
      workbench plan questions/cheapest.yaml --scheduler tcp://127.0.0.1:8786
    """
    told = Console(stderr=True)
    asked = read_question(question)
    kept = api.find_run(run) if run else None
    folder = (out or api.DEFAULT_OUT / "plans" / question.stem).absolute()
    with told.status("reading") as status:  # shows nothing where stderr is no terminal
        found = answer(asked, nodes, seed, kept, played, status.update)
        if asked.search is not None:
            how = _How(workers, scheduler, folder, told, status)
            found["search"] = _searched(asked, nodes, seed, kept, played, how)
    if page is not None:
        page.write_text(plan_html(found), encoding="utf-8")
    if as_json:
        click.echo(dump_json(found).decode(), nl=False)
    else:
        _print(found)
        if found["search"] is not None and found["search"]["recommended"] is not None:
            click.echo(f"the change: kubectl kustomize {folder / 'change'}")
    missed = any(each["verdict"] == "missed" for each in found["verdicts"])
    if found["search"] is not None:
        missed = found["search"]["recommended"] is None
    return EXIT_MISSED if missed else EXIT_AS_EXPECTED


@dataclass(frozen=True)
class _How:
    """Where a search is done, and whom it tells."""

    workers: int
    scheduler: str | None
    out: Path
    told: Console
    status: Status


def _searched(asked: Question, nodes: Path, seed: int, run: Path | None, played: int, how: _How) -> dict[str, Any]:
    from workbench.plan.search import DaskCrew, cheapest  # Dask and Optuna: a plan without a search needs neither

    progress = SearchProgress(how.told, how.status)
    stop_on_sigterm()
    try:
        with DaskCrew(how.workers, how.scheduler) as crew:
            return cheapest(asked, nodes, seed, run, played, crew, how.out, progress)
    except (KeyboardInterrupt, Stopped) as error:
        words = f"stopped by a person or a signal: {progress.words}, kept in {how.out}; the same command goes on"
        raise Stopped(words) from error


def _print(found: dict[str, Any]) -> None:
    console = a_console()
    console.print(sentence(found), highlight=False)
    table = RichTable("state", "first", "second", "third", Column("sustains", justify="right"), "90 %", "eaten on")
    for state in found["states"]:
        stations = [f"{each['name']} {_busy(each['utilization'])}" for each in state["stations"][:3]]
        low, high = state["sustainable_per_s"]["interval_90"]
        ends = f"{count(low)} to {count(high)}/s"
        table.add_row(
            state["name"],
            *stations,
            f"{count(state['sustainable_per_s']['median'])}/s",
            ends,
            state["eaten_on"]["median"] or "never",
        )
    console.print(table)
    for disk in found["disks"]:
        if disk["days_until_full"] is not None:
            console.print(
                f"{disk['kind']} {disk['name']}: full after {disk['days_until_full']:g} days", highlight=False
            )
    for each in found["verdicts"]:
        console.print(f"{each['verdict']}: {each['objective']}", highlight=False)
    console.print(f"parameters: {found['source']}", highlight=False)
    if found["search"] is not None:
        print_search(console, found["search"])


def _busy(utilization: float | None) -> str:
    return "gone" if utilization is None else percent(utilization)
