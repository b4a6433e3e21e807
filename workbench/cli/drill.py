"""workbench drill: predict, seal, break, observe, compare."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from workbench import api
from workbench.cli._kubeconfig import CONTEXT_OPTION, KUBECONFIG_OPTION, the_kubeconfig
from workbench.cli._long_running import stop_on_sigterm
from workbench.cli._progress import DrillProgress
from workbench.drill.series import summarize_series, write_series
from workbench.errors import EXIT_AS_EXPECTED, BadInput, worst_exit_code

TARGETS = ("local", "kubernetes")


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
@KUBECONFIG_OPTION
@CONTEXT_OPTION
@click.option(
    "--manifests",
    type=click.Path(path_type=Path, file_okay=False),
    help="What the cluster's hub was made from; the scenario's own are the embedded hub's.",
)
@click.option(
    "--node-power",
    "power",
    default="",
    envvar="HUB_WORKBENCH_NODE_POWER",
    help="What switches the cluster's nodes: throwaway:ID.  [default: $HUB_WORKBENCH_NODE_POWER]",
)
@click.option(
    "--dry-run", is_flag=True, help="Only look, on a cluster: may it be drilled, and exactly whom it would hit."
)
@click.option("--out", type=click.Path(path_type=Path), default=api.DEFAULT_OUT, help="Folder of the runs.")
def command(
    scenario: str,
    target: str,
    repeat: int,
    seed: int,
    calibration: Path | None,
    kubeconfig: Path | None,
    context: str,
    manifests: Path | None,
    power: str,
    dry_run: bool,
    out: Path,
) -> int:
    """Predict what SCENARIO's fault will do, seal it, do it to a hub under load, and compare.

    The target local is a fresh hub of this machine's own; kubernetes is a hub that is up on a cluster, whose names must
    be known where this runs.

    SCENARIO is a name (scenarios/NAME.yaml) or a file.

    \b
    Exit code: 0 both verdicts as the scenario expects, 1 an objective or the prediction missed,
    2 bad input, 3 machine or tool, 4 inconclusive, 5 stopped, 6 the undo could not be verified.

    \b
    Examples:
      workbench drill broker-loss
      workbench drill broker-loss --seed 7 --repeat 10
      workbench drill ./my-scenario.yaml --out /srv/drills
      workbench cluster run -- workbench drill broker-loss --target kubernetes --manifests manifests/overlays/throwaway
    """
    on = _access(kubeconfig, context, manifests, power) if target == "kubernetes" else None
    if dry_run:
        return _look(scenario, on)
    stop_on_sigterm()
    results = []
    for number in range(seed, seed + repeat):
        again = f"workbench drill {shlex.quote(scenario)} --seed {number}"
        if calibration is not None:
            again += f" --calibration {shlex.quote(str(calibration))}"
        if on is not None:
            again += f" --target kubernetes --manifests {shlex.quote(str(manifests))}"
        progress = DrillProgress()
        try:
            result = api.drill(scenario, number, out.absolute(), progress, again, calibration, on)
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


def _look(scenario: str, on: api.KubernetesAccess | None) -> int:
    """Print whom a drill would hit. Raises BadInput where it would be refused."""
    if on is None:
        raise BadInput("--dry-run is of the target kubernetes: the embedded hub is not there before its drill")
    seen = api.preview(scenario, on)
    click.echo(f"Kubernetes {seen.kubernetes}, the hub of {on.manifests}: may be drilled")
    for each in seen.victim.objects:
        click.echo(f"would hit {each}")
    click.echo("nothing was changed")
    return EXIT_AS_EXPECTED


def _access(kubeconfig: Path | None, context: str, manifests: Path | None, power: str) -> api.KubernetesAccess:
    """Return the way to the cluster's hub. Raises BadInput where a flag is missing."""
    path = the_kubeconfig(kubeconfig)
    if manifests is None:
        raise BadInput("--manifests: the folder that the cluster's hub was made from is needed")
    return api.KubernetesAccess(path, manifests, context, power)


__all__ = ["command"]
