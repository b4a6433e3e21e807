"""`workbench cluster`: a real Kubernetes of its own on this machine, to break."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.table import Column
from rich.table import Table as RichTable

from workbench import api
from workbench.cli._cluster import CLUSTER_OPTION, elapsed_teller
from workbench.cli._cluster_drills import drilled
from workbench.cli._console import a_console
from workbench.cli._long_running import stop_on_sigterm
from workbench.cli.cluster_cut import cut, heal
from workbench.cli.cluster_hub import hub, probe
from workbench.cli.cluster_monitoring import monitoring
from workbench.cli.cluster_run import run
from workbench.errors import EXIT_AS_EXPECTED, EXIT_MISSED, BadInput
from workbench.target.throwaway import cluster as throwaway
from workbench.target.throwaway.addons import ready_nodes
from workbench.target.throwaway.building import built_programs
from workbench.target.throwaway.kubectl import Kubectl
from workbench.target.throwaway.layout import WORKERS_MAX
from workbench.target.throwaway.record import Record, all_records

if TYPE_CHECKING:
    from workbench.drill.nodes.conducting import NodeDrill
    from workbench.drill.scheduling.bursting import BurstDrill
    from workbench.drill.scheduling.placements import PlacementTrial

FAKE_NODES_MAX: Final = 5_000
AWAY_S: Final = 90  # well beyond the grace of 40 s that every node gets anew afterwards
SEED_OPTION = click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the first; each next has one more."
)
OUT_OPTION = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=api.DEFAULT_OUT, help="Folder of runs."
)
LINES_OPTION = click.option("--json", "as_json", is_flag=True, help="Print each comparison as a line of JSON.")


@click.group(name="cluster")
def command() -> None:
    """A real Kubernetes 1.29 on this machine: network namespaces, containerd, kubelets, one control plane.

    Needs root. The first start builds Kubernetes from Go modules, once a machine; docs/cluster.md tells the rest.

    \b
    Examples:
      workbench cluster up
      workbench cluster hub
      workbench cluster monitoring
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
    cluster = throwaway.up(workers, elapsed_teller(), fake_nodes)
    _show([cluster.record], as_json)


command.add_command(hub)
command.add_command(probe)
command.add_command(run)
command.add_command(monitoring)
command.add_command(cut)
command.add_command(heal)


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
@SEED_OPTION
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
    "--away",
    "away_s",
    type=click.IntRange(10, 600),
    default=None,
    metavar="S",
    help="The control plane: from power-off to power-on.  [default: 90]",
)
@click.option("--restore", "restored", is_flag=True, help="The control plane: its etcd back from a snapshot, too.")
@OUT_OPTION
@LINES_OPTION
@CLUSTER_OPTION
def drill(
    node: str,
    times: int,
    seed: int,
    toleration_s: int,
    away_s: int | None,
    restored: bool,
    out: Path,
    as_json: bool,
    cluster_id: str,
) -> int:
    """Predict what NODE's power-off does, seal it, do it, watch, switch it on again, compare.

    A Deployment of two pods a worker, with a Service, is there for the time of the drill. Every moment is taken from
    watches on this machine's clock; for the control plane's node they count from its API server's return.

    \b
    Examples:
      workbench cluster drill worker-2
      workbench cluster drill worker-2 --times 10 --seed 100
      workbench cluster drill control-plane --away 120
      workbench cluster drill control-plane --restore
    """
    from workbench.drill.nodes.conducting import drill_node
    from workbench.drill.nodes.control_plane import drill_control_plane

    cluster = throwaway.find(cluster_id)
    wanted = cluster.node(node)
    if wanted.is_control_plane:
        absence_s = float(away_s or AWAY_S)

        def once_away(number: int) -> NodeDrill:
            return drill_control_plane(cluster, absence_s, restored, seed + number, toleration_s, out, _tell)

        return drilled(once_away, times, as_json, "seconds after the API server's return")
    if away_s is not None or restored:
        raise BadInput(f"--away and --restore are the control plane's; {node} is a worker")

    def once(number: int) -> NodeDrill:
        return drill_node(cluster, wanted, seed + number, toleration_s, out, _tell)

    return drilled(once, times, as_json, "seconds after the cut")


@command.command(name="endpoint")
@click.option("--times", type=click.IntRange(1, 100), default=1, show_default=True, help="So many, one after another.")
@SEED_OPTION
@OUT_OPTION
@LINES_OPTION
@CLUSTER_OPTION
def endpoint(times: int, seed: int, out: Path, as_json: bool, cluster_id: str) -> int:
    """Predict when each node's rules forget a Service's pod that is deleted at once, seal it, do it, watch, compare.

    \b
    Examples:
      workbench cluster endpoint --times 10
    """
    from workbench.drill.nodes.endpoint import drill_endpoint

    cluster = throwaway.find(cluster_id)

    def once(number: int) -> NodeDrill:
        return drill_endpoint(cluster, seed + number, out, _tell)

    return drilled(once, times, as_json, "seconds after the pod's deletion")


@command.command(name="burst")
@click.option(
    "--pods", type=click.IntRange(2, 20_000), default=500, show_default=True, help="So many, created at once."
)
@click.option(
    "--by",
    type=click.Choice(["deployment", "client"]),
    default="deployment",
    show_default=True,
    help="Who creates them: a Deployment's controller, or a client without a limit.",
)
@click.option("--times", type=click.IntRange(1, 100), default=1, show_default=True, help="So many bursts.")
@SEED_OPTION
@OUT_OPTION
@LINES_OPTION
@CLUSTER_OPTION
def burst(pods: int, by: str, times: int, seed: int, out: Path, as_json: bool, cluster_id: str) -> int:
    """Predict how long kube-scheduler takes to bind a burst of pods, seal it, create them, watch, compare.

    The pods are for KWOK's nodes, which only the API knows: enough of them must be up.

    \b
    Examples:
      workbench cluster up --kwok-nodes 100
      workbench cluster burst --pods 500
      workbench cluster burst --pods 2000 --by client --times 3
    """
    from workbench.drill.scheduling.bursting import drill_burst
    from workbench.model.scheduling.bursts import Creator

    cluster = throwaway.find(cluster_id)

    def once(number: int) -> BurstDrill:
        return drill_burst(cluster, pods, Creator(by), seed + number, out, _tell)

    return drilled(once, times, as_json, "seconds after the first pod")


@command.command(name="placements")
@click.option(
    "--pods", type=click.IntRange(10, 5_000), default=200, show_default=True, help="So many of each kind of mix."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Draws nodes and pods.")
@OUT_OPTION
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@CLUSTER_OPTION
def placements(pods: int, seed: int, out: Path, as_json: bool, cluster_id: str) -> int:
    """Let kube-scheduler place pods of six mixes, and the model from the same state: scores and choices compared.

    Nodes and pods are drawn: sizes, affinity, taints, spread, neighbours, and all of it at once. Every score is read
    from the log of a second kube-scheduler of the same build, which only these pods name. Exit code 1: they differ.

    \b
    Examples:
      workbench cluster up --kwok-nodes 1
      workbench cluster placements --pods 1700
    """
    from workbench.drill.scheduling.placements import try_placements

    stop_on_sigterm()
    trial = try_placements(throwaway.find(cluster_id), pods, seed, out, _tell)
    if as_json:
        click.echo(trial.folder.comparison_json.read_text(), nl=False)
    else:
        _print_placements(trial)
    return EXIT_AS_EXPECTED if trial.alike else EXIT_MISSED


def _print_placements(trial: PlacementTrial) -> None:
    """Print a row a mix: how many decisions were alike."""
    console = a_console()
    numbers = ("attempts", "scores equal", "choice among best", "of at most 3 best", "pending in both")
    table = RichTable("mix", *(Column(number, justify="right") for number in numbers))
    for each in trial.mixes:
        table.add_row(
            each.mix,
            str(each.attempts),
            f"{each.scores_equal} of {each.scored}",
            f"{each.chosen_among_best} of {each.placed}",
            f"{each.few_tied_among_best} of {each.few_tied}",
            f"{each.pending_equal} of {each.attempts - each.placed}",
        )
    console.print(table)
    for each in trial.mixes:
        for difference in each.differences[:3]:
            console.print(f"{difference['pod']}: {'; '.join(difference['problems'])}", markup=False, highlight=False)
    console.print(f"run: {trial.folder.root}", highlight=False)


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


def _tell(text: str) -> None:
    click.echo(text, err=True)


def _clock(moment_s: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(moment_s))
