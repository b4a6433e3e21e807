"""workbench drill: predict, seal, break, observe, compare."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from workbench import api
from workbench.cli._long_running import stop_on_sigterm
from workbench.cli._progress import DrillProgress
from workbench.drill.series import summarize_series, write_series
from workbench.errors import worst_exit_code

TARGETS = ("local",)


@click.command(name="drill", short_help="One whole drill.")
@click.argument("scenario")
@click.option("--target", type=click.Choice(TARGETS), default="local", show_default=True, help="What to break.")
@click.option("--repeat", type=click.IntRange(1, 100), default=1, show_default=True, help="Seeds SEED to SEED+N-1.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Every random draw follows from it.")
@click.option(
    "--calibration",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file of `workbench calibrate`: measured in place of priors.",
)
@click.option("--out", type=click.Path(path_type=Path), default=api.DEFAULT_OUT, help="Folder of the runs.")
def command(scenario: str, target: str, repeat: int, seed: int, calibration: Path | None, out: Path) -> int:
    """Predict what SCENARIO's fault will do, seal it, do it to a fresh hub under load, and compare.

    SCENARIO is a name (scenarios/NAME.yaml) or a file.

    \b
    Exit code: 0 both verdicts as the scenario expects, 1 an objective or the prediction missed,
    2 bad input, 3 machine or tool, 4 inconclusive, 5 stopped, 6 the undo could not be verified.

    \b
    Examples:
      workbench drill broker-loss
      workbench drill broker-loss --seed 7 --repeat 10
      workbench drill ./my-scenario.yaml --out /srv/drills
    """
    del target  # checked by click; the only one so far
    stop_on_sigterm()
    results = []
    for number in range(seed, seed + repeat):
        again = f"workbench drill {shlex.quote(scenario)} --seed {number}"
        if calibration is not None:
            again += f" --calibration {shlex.quote(str(calibration))}"
        progress = DrillProgress()
        try:
            result = api.drill(scenario, number, out.absolute(), progress, again, calibration)
            progress.finish(result.comparison, result.folder.root, again)
        finally:
            progress.close()
        results.append(result)
    if repeat > 1:
        series = summarize_series([result.comparison for result in results])
        path = write_series(
            out.absolute() / results[0].folder.root.parent.name, [r.folder.root for r in results], series
        )
        click.echo(f"series  {path}")
    return worst_exit_code(result.exit_code for result in results)


__all__ = ["command"]
