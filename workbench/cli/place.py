"""workbench place: where Kubernetes would run each pod, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click
from rich.padding import Padding
from rich.table import Column
from rich.table import Table as RichTable
from rich.text import Text

from workbench import api
from workbench.cli._console import a_console
from workbench.model.scheduling import Decision
from workbench.model.scheduling.scores import WEIGHTS
from workbench.records.folder import dump_json
from workbench.scenario import PROJECT_ROOT

REFERENCE_NODES: Final = PROJECT_ROOT / "scenarios" / "nodes" / "reference-hub.yaml"
WIDTH: Final = 140  # where the output is no terminal


@click.command(name="place", short_help="Where pods would run, and why.")
@click.argument("manifests", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--nodes",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=REFERENCE_NODES,
    show_default="the reference hub's",
    help="YAML of the Nodes.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Decides among nodes as good.")
@click.option("--json", "as_json", is_flag=True, help="Everything as one object on stdout.")
def command(manifests: Path, nodes: Path, seed: int, as_json: bool) -> int:
    """Place every pod of MANIFESTS as kube-scheduler 1.29 would. Exit code 1: a pod stays pending.

    MANIFESTS is a kustomization folder or a YAML file. Its pods are placed one after another onto nodes that are empty
    at first; each is explained: the scores of the nodes it could run on, by plugin, and what ruled the others out.

    \b
    Examples:
      workbench place manifests/base
      kubectl get nodes -o yaml > nodes.yaml; workbench place manifests/base --nodes nodes.yaml
      workbench place manifests/base --json | jq '.pods[] | {pod, node}'
    """
    result = api.place(manifests, nodes, seed)
    if as_json:
        pods = [_as_json(each) for each in result.decisions]
        content = {"seed": seed, "weights": WEIGHTS, "left_out": result.left_out, "pods": pods}
        click.echo(dump_json(content).decode(), nl=False)
    else:
        _print(result)
    return 1 if result.pending else 0


def _as_json(decision: Decision) -> dict[str, Any]:
    return {
        "pod": decision.pod.key,
        "owner": decision.pod.owner,
        "node": decision.node,
        "tied": decision.tied,
        "totals": decision.totals,
        "scores": decision.scores,
        "rejected": {node: {"plugin": why.plugin, "reasons": why.reasons} for node, why in decision.rejections.items()},
        "unseen": decision.unseen,
        "reason": decision.reason,
    }


def _print(result: api.PlaceResult) -> None:
    console = a_console(WIDTH, highlight=False)
    for decision in result.decisions:
        console.print(_title(decision))
        if decision.totals:
            console.print(_table(decision))
        for line in _lines(decision):
            console.print(Padding(Text(line), (0, 0, 0, 2), expand=False))
    placed = len(result.decisions) - len(result.pending)
    console.print(Text(f"\nplaced {placed} of {len(result.decisions)} pods, pending {len(result.pending)}"))
    for what in result.left_out:
        console.print(Text(f"left out, not placed: {what}"))


def _lines(decision: Decision) -> list[str]:
    """Return what stands below the table: why it is pending, what tells no nodes apart, what ruled others out."""
    lines = [decision.reason] if decision.reason else []
    same = _same_everywhere(decision)
    if same:
        lines.append("the same for all, weighted: " + ", ".join(f"{name} {points}" for name, points in same.items()))
    lines += [f"{node}: {', '.join(why.reasons)} ({why.plugin})" for node, why in decision.rejections.items()]
    if decision.unseen:
        lines.append(f"not looked at, enough were found before: {len(decision.unseen)} nodes")
    return lines


def _title(decision: Decision) -> Text:
    title = Text("\n").append(decision.pod.key, style="bold").append(" -> ")
    if decision.node is None:
        return title.append("pending", style="red")
    title.append(decision.node, style="green")
    if not decision.totals:
        return title.append(", the only node that fits")
    return title.append(f", drawn from {', '.join(decision.tied)}" if len(decision.tied) > 1 else ", the best")


def _same_everywhere(decision: Decision) -> dict[str, int]:
    """Return the weighted points of plugins that give every node the same."""
    columns = {name: {scores[name] for scores in decision.scores.values()} for name in WEIGHTS}
    return {name: WEIGHTS[name] * min(points) for name, points in columns.items() if len(points) == 1}


def _table(decision: Decision) -> RichTable:
    """Return the nodes by total, with a column for each plugin that tells them apart."""
    told_apart = [name for name in WEIGHTS if name not in _same_everywhere(decision)]
    heads = [f"{WEIGHTS[name]} x {name}" if WEIGHTS[name] > 1 else name for name in told_apart]
    columns = [Column(head, justify="right", overflow="fold") for head in heads]
    table = RichTable(Column("node", no_wrap=True), Column("total", justify="right"), *columns)
    for node in sorted(decision.totals, key=lambda name: (-decision.totals[name], name)):
        points = [str(WEIGHTS[name] * decision.scores[node][name]) for name in told_apart]
        table.add_row(node, str(decision.totals[node]), *points, style="bold" if node in decision.tied else "")
    return table
