"""`workbench cluster`: a real Kubernetes of its own on this machine, to break."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import numpy as np
from rich.console import Console
from rich.table import Column
from rich.table import Table as RichTable

from workbench import api
from workbench.errors import EXIT_AS_EXPECTED, EXIT_MISSED, BadInput
from workbench.target.throwaway import cluster as throwaway
from workbench.target.throwaway.addons import ready_nodes
from workbench.target.throwaway.building import built_programs
from workbench.target.throwaway.kubectl import Kubectl
from workbench.target.throwaway.layout import WORKERS_MAX
from workbench.target.throwaway.record import Record, all_records

if TYPE_CHECKING:
    from workbench.drill.nodes.conducting import NodeDrill

FAKE_NODES_MAX: Final = 5_000
WIDTH: Final = 120  # where the output is no terminal
CLUSTER_OPTION = click.option("--cluster", "cluster_id", default="", help="Its id; not needed while only one is up.")


@click.group(name="cluster")
def command() -> None:
    """A real Kubernetes 1.29 on this machine: network namespaces, containerd, kubelets, one control plane.

    Needs root. The first start builds Kubernetes from Go modules, once a machine; docs/cluster.md tells the rest.

    \b
    Examples:
      workbench cluster up
      kubectl --kubeconfig "$(workbench cluster kubeconfig)" get nodes
      workbench cluster power-off worker-2
      workbench cluster power-on worker-2
      workbench cluster down
    """


@command.command(name="up")
@click.option("--workers", type=click.IntRange(1, WORKERS_MAX), default=3, show_default=True, help="Nodes for pods.")
@click.option(
    "--kwok-nodes",
    "fake_nodes",
    type=click.IntRange(0, FAKE_NODES_MAX),
    default=0,
    show_default=True,
    help="Nodes that only the API knows, of 8 CPU and 8 GB, to try placements on.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the cluster as JSON.")
def up(workers: int, fake_nodes: int, as_json: bool) -> None:
    """Start a cluster in the background; it stays up until `workbench cluster down`."""
    begun_s = time.monotonic()

    def say(text: str) -> None:
        click.echo(f"{time.monotonic() - begun_s:6.1f} s  {text}", err=True)

    cluster = throwaway.up(workers, say, fake_nodes)
    _show([cluster.record], as_json)


@command.command(name="status")
@click.option("--json", "as_json", is_flag=True, help="Print every cluster as JSON.")
def status(as_json: bool) -> None:
    """Show every cluster with its nodes."""
    _show(all_records(), as_json)


@command.command(name="kubeconfig")
@CLUSTER_OPTION
def kubeconfig(cluster_id: str) -> None:
    """Print the path of the administrator's kubeconfig."""
    click.echo(throwaway.find(cluster_id).kubeconfig)


@command.command(name="power-off")
@click.argument("node")
@CLUSTER_OPTION
def power_off(node: str, cluster_id: str) -> None:
    """Take a node's power: its cable is cut, then every process of it is killed. Its disk stays."""
    cluster = throwaway.find(cluster_id)
    cut_s = cluster.power_off(cluster.node(node))
    click.echo(f"{node} is off since {_clock(cut_s)}; back with: workbench cluster power-on {node}")


@command.command(name="power-on")
@click.argument("node")
@CLUSTER_OPTION
def power_on(node: str, cluster_id: str) -> None:
    """Boot a node from its disk."""
    cluster = throwaway.find(cluster_id)
    started_s = cluster.power_on(cluster.node(node))
    click.echo(f"{node} is on since {_clock(started_s)}; it is Ready in some seconds")


@command.command(name="drill")
@click.argument("node")
@click.option("--times", type=click.IntRange(1, 100), default=1, show_default=True, help="So many, one after another.")
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the first; each next has one more."
)
@click.option(
    "--toleration",
    "toleration_s",
    type=click.IntRange(0, 600),
    default=30,
    show_default=True,
    metavar="S",
    help="How long the trial's pods tolerate their node's silence.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=api.DEFAULT_OUT, help="Folder of runs."
)
@click.option("--json", "as_json", is_flag=True, help="Print each comparison as a line of JSON.")
@CLUSTER_OPTION
def drill(node: str, times: int, seed: int, toleration_s: int, out: Path, as_json: bool, cluster_id: str) -> int:
    """Predict what NODE's power-off does, seal it, do it, watch, switch it on again, compare.

    A Deployment of two pods a worker, with a Service, is there for the time of the drill. Every moment is taken from
    watches on this machine's clock.

    \b
    Examples:
      workbench cluster drill worker-2
      workbench cluster drill worker-2 --times 10 --seed 100
    """
    from workbench.drill.nodes.conducting import drill_node

    cluster = throwaway.find(cluster_id)
    wanted = cluster.node(node)
    drills = []
    for number in range(times):
        done = drill_node(cluster, wanted, seed + number, toleration_s, out, lambda text: click.echo(text, err=True))
        drills.append(done)
        if as_json:
            click.echo(done.folder.comparison_json.read_text().replace("\n", ""))
    if not as_json:
        _print_drills(drills)
    return EXIT_AS_EXPECTED if all(row.inside for done in drills for row in done.compared) else EXIT_MISSED


def _print_drills(drills: Sequence[NodeDrill]) -> None:
    """Print a row a moment: predicted, and observed in every drill."""
    console = Console() if Console().is_terminal else Console(width=WIDTH)
    table = RichTable(
        Column("seconds after the cut"), "predicted (90 %)", "observed", Column("inside", justify="right")
    )
    for row in zip(*(done.compared for done in drills), strict=True):
        observed = [each.observed_s for each in row if each.observed_s is not None]
        low, middle, high = np.percentile(observed, [0, 50, 100])
        spread = f" ({low:.1f} to {high:.1f})" if len(drills) > 1 else ""
        predicted = f"{np.median([each.median_s for each in row]):.1f} ({row[0].low_s:.1f} to {row[0].high_s:.1f})"
        inside = f"{sum(each.inside for each in row)} of {len(row)}"
        table.add_row(row[0].title, predicted, f"{middle:.1f}{spread}", inside)
    console.print(table)
    console.print(f"runs: {drills[0].folder.root.parent}", highlight=False)


@command.command(name="down")
@click.argument("cluster_id", default="", metavar="[CLUSTER]")
@click.option("--all", "everything", is_flag=True, help="Every cluster, half-made ones too.")
def down(cluster_id: str, everything: bool) -> None:
    """End a cluster and remove all of it: by id, or the only one."""
    records = all_records()
    if not everything and cluster_id:
        records = [record for record in records if record.layout.cluster_id == cluster_id]
        if not records:
            raise BadInput(f"there is no cluster {cluster_id!r}: workbench cluster status shows those there are")
    elif not everything and len(records) > 1:
        raise BadInput(f"name one of: {', '.join(record.layout.cluster_id for record in records)}")
    for record in records:
        throwaway.remove(record)
        click.echo(f"cluster {record.layout.cluster_id} is down: nothing of it is left")
    if not records:
        click.echo("no cluster is up")


def _show(records: list[Record], as_json: bool) -> None:
    known = [_described(record) for record in records]
    if as_json:
        click.echo(json.dumps({"clusters": known}, indent=2))
        return
    for cluster in known:
        if not cluster["up"]:
            click.echo(
                f"cluster {cluster['cluster']} is not whole: workbench cluster down {cluster['cluster']} removes it"
            )
            continue
        fake = f", {cluster['kwok_nodes']} KWOK nodes" if cluster["kwok_nodes"] else ""
        ready = f"ready after {cluster['ready_after_s']:.1f} s"
        click.echo(f"cluster {cluster['cluster']} is up ({ready}), Kubernetes {cluster['kubernetes']}{fake}")
        click.echo(f"  kubeconfig {cluster['kubeconfig']}")
        for node in cluster["nodes"]:
            state = "off" if not node["power"] else "Ready" if node["ready"] else "on, not Ready"
            click.echo(f"  {node['name']:<14} {node['address']:<12} {state}")
    if not known:
        click.echo("no cluster is up: workbench cluster up starts one")


def _described(record: Record) -> dict[str, Any]:
    cluster = throwaway.Cluster(record)
    ready: set[str] = set()
    if record.is_up:
        kubectl = Kubectl(built_programs(lambda _: None), record.layout.kubeconfig)
        ready = ready_nodes(kubectl) if kubectl.is_ready() else set()
    nodes = [
        {
            "name": node.name,
            "address": node.address,
            "power": cluster.has_power(node),
            "ready": node.name in ready,
        }
        for node in record.layout.nodes
    ]
    return {
        "cluster": record.layout.cluster_id,
        "up": record.is_up,
        "kubernetes": record.kubernetes,
        "kubeconfig": str(record.layout.kubeconfig),
        "ready_after_s": record.ready_after_s,
        "kwok_nodes": record.fake_nodes,
        "nodes": nodes,
    }


def _clock(moment_s: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(moment_s))
