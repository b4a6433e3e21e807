"""workbench node-loss: what Kubernetes does when a node or the control plane goes silent, and when."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Column
from rich.table import Table as RichTable

from workbench import api
from workbench.cli._console import a_console
from workbench.metrics.numbers import quantity, span
from workbench.model.control_plane import Forecast
from workbench.model.control_plane.results import Moment
from workbench.records.folder import dump_json

NEVER = "never"


@click.command(name="node-loss", short_help="What Kubernetes does when a node goes silent.")
@click.argument("node")
@click.option(
    "--manifests",
    type=click.Path(path_type=Path, file_okay=False),
    default=api.DEFAULT_MANIFESTS,
    help="Kustomization folder of the hub.  [default: manifests/base]",
)
@click.option(
    "--load-balancer",
    type=click.Path(path_type=Path, dir_okay=False),
    default=api.DEFAULT_LOAD_BALANCER,
    show_default="the hub's",
    help="haproxy's configuration.",
)
@click.option("--kubernetes", default="1.29", show_default=True, metavar="RELEASE", help="1.29 to 1.34.")
@click.option("--control-plane", is_flag=True, help="The control plane is lost as well; counts from its return.")
@click.option("--back-after", "back_after_s", type=float, metavar="S", help="The node is back after so long.")
@click.option("--out-of-service", "out_of_service_s", type=float, metavar="S", help="A person sets that taint then.")
@click.option("--replications", type=click.IntRange(1, 100_000), default=1000, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Every random draw follows from it.")
@click.option("--json", "as_json", is_flag=True, help="The forecast with every parameter's source as one object.")
def command(
    node: str,
    manifests: Path,
    load_balancer: Path,
    kubernetes: str,
    control_plane: bool,
    back_after_s: float | None,
    out_of_service_s: float | None,
    replications: int,
    seed: int,
    as_json: bool,
) -> int:
    """Say what becomes of the hub's pods when NODE goes silent: each moment with median and 90 % interval.

    NODE is a worker of the manifests, or control-plane for the loss of the control plane alone. Nothing is
    started or broken; docs/control-plane.md tells what is modelled and what is not.

    \b
    Examples:
      workbench node-loss worker-1
      workbench node-loss worker-2 --kubernetes 1.32 --back-after 120
      workbench node-loss worker-1 --control-plane --json | jq .pods
    """
    forecast = api.node_loss(
        node, manifests, kubernetes, control_plane, back_after_s, out_of_service_s, replications, seed, load_balancer
    )
    if as_json:
        click.echo(dump_json(forecast.to_dict()).decode(), nl=False)
    else:
        _print(forecast)
    return 0


def _print(forecast: Forecast) -> None:
    console = a_console()
    loss = forecast.loss
    also = " and the control plane" if loss.control_plane and forecast.fates else ""
    console.print(
        f"{loss.node}{also} lost  Kubernetes {forecast.release.name}  seed {forecast.seed}  "
        f"{forecast.replications} replications  zone: {forecast.zone}",
        highlight=False,
    )
    drawn = RichTable(f"counted from {forecast.counted_from}", Column("median", justify="right"), "90 % interval")
    for moment in forecast.moments:
        drawn.add_row(moment.title, *_cells(moment))
    console.print(drawn)
    if not forecast.fates:
        console.print("Every pod runs on; nobody is evicted, placed or failed over until the controllers act again.")
        return
    pods = RichTable(
        Column("pod", no_wrap=True),
        Column("Terminating", justify="right"),
        Column("running", justify="right"),
        "becomes",
    )
    for fate in forecast.fates:
        moments = (_cells(fate.terminating)[0], _cells(fate.runs_again)[0])
        pods.add_row(fate.pod.name, *moments, f"{fate.becomes}: {fate.why}")
    console.print(pods)
    console.print("Connections that were established stay until the client's own time-out.", highlight=False)


def _cells(moment: Moment) -> tuple[str, str]:
    """Return median and interval as words; how often, where it does not always come."""
    if moment.share == 0.0:
        return NEVER, ""
    often = "" if moment.share == 1.0 else f" ({moment.share * 100:.0f} % of the time)"
    ends = span(moment.percentile(5.0), moment.percentile(95.0), moment.unit)
    return quantity(moment.percentile(50.0), moment.unit), ends + often
