"""`workbench cluster monitoring`: the hub's own Prometheus, alert rules and Alertmanager on a throwaway cluster."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from workbench.cli._cluster import CLUSTER_OPTION, elapsed_teller
from workbench.target.throwaway import cluster as throwaway

if TYPE_CHECKING:
    from workbench.target.throwaway.monitoring.deploying import AlertWithoutSource

MANIFESTS: Final = Path("manifests/overlays/throwaway/monitoring")


@click.command(name="monitoring")
@click.option(
    "--manifests",
    type=click.Path(path_type=Path, file_okay=False),
    default=MANIFESTS,
    show_default=True,
    help="A kustomization folder.",
)
@CLUSTER_OPTION
@click.option("--json", "as_json", is_flag=True, help="Print what was seen as JSON.")
def monitoring(manifests: Path, cluster_id: str, as_json: bool) -> None:
    """Bring Prometheus, Alertmanager, every alert rule and kube-state-metrics up on a cluster with the hub on it.

    The first time builds them from Go modules, once a machine. A stand-in makes of the manifests' resources what the
    Prometheus operator would. A pod takes Alertmanager's messages and prints each with its time. At the end it tells
    which alert rules have no data here: those cannot fire for what they are about.

    \b
    Examples:
      workbench cluster hub
      workbench cluster monitoring
      kubectl --kubeconfig "$(workbench cluster kubeconfig)" logs --namespace monitoring deploy/alert-receiver
    """
    from workbench.target.throwaway.monitoring.deploying import deploy_monitoring

    deployed = deploy_monitoring(throwaway.find(cluster_id), manifests, elapsed_teller())
    if as_json:
        click.echo(json.dumps(asdict(deployed), indent=2))
        return
    click.echo(
        f"monitoring is up: every pod ready {deployed.ready_s:.1f} s after the first of {deployed.objects} objects,"
        f" every target up after {deployed.targets_s:.1f} s"
    )
    click.echo(f"targets: {', '.join(f'{job} {number}' for job, number in sorted(deployed.targets.items()))}")
    _say_rules(f"of {deployed.alert_rules} alert rules have no target here", deployed.without_target)
    _say_rules("have targets that have not given what they ask about", deployed.undescribed)


def _say_rules(what: str, rules: Sequence[AlertWithoutSource]) -> None:
    """Print how many rules, then a line for each."""
    click.echo(f"{len(rules)} {what}{':' if rules else ''}")
    for each in rules:
        fires = "; fires for that reason alone" if each.fires else ""
        click.echo(f"  {each.alert}: {', '.join(each.lacks)}{fires}")
