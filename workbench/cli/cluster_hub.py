"""`workbench cluster hub` and `probe`: the hub's own manifests on a throwaway cluster, and events through them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from workbench.cli._cluster import CLUSTER_OPTION, elapsed_teller
from workbench.fault import FailoverRule
from workbench.target.throwaway import cluster as throwaway

if TYPE_CHECKING:
    from workbench.target.throwaway.hub.probing import ProbeResult

MANIFESTS: Final = Path("manifests/overlays/throwaway")


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what both commands ask for."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print what was seen as JSON."),
        CLUSTER_OPTION,
        click.option(
            "--manifests",
            type=click.Path(path_type=Path, file_okay=False),
            default=MANIFESTS,
            show_default=True,
            help="A kustomization folder.",
        ),
    ):
        command = option(command)
    return command


@click.command(name="hub")
@_options
@click.option(
    "--postgres-failover",
    type=click.Choice([rule.value for rule in FailoverRule]),
    default=FailoverRule.NONE.value,
    show_default=True,
    help="What happens when the Postgres primary died; the rules are followed by a stand-in.",
)
def hub(manifests: Path, cluster_id: str, as_json: bool, postgres_failover: str) -> None:
    """Bring the whole hub up on a cluster: Kafka, ZooKeeper, Postgres, Redis, event processors, gateway.

    Images are made on this machine from the embedded hub's servers. Strimzi and Kubegres are in no package: stand-ins
    make of their resources the pods, Services and certificates they would. At the end one event goes through every
    partition, and is looked for in Postgres and Redis. Again on the same cluster it changes what differs.

    \b
    Examples:
      workbench cluster up
      workbench cluster hub
      workbench cluster hub --postgres-failover kubegres-rules
      kubectl --kubeconfig "$(workbench cluster kubeconfig)" get pods --namespace central-hub
    """
    from workbench.target.throwaway.hub.deploying import deploy_hub

    failover = FailoverRule(postgres_failover)
    deployed = deploy_hub(throwaway.find(cluster_id), manifests, elapsed_teller(), failover)
    if as_json:
        click.echo(json.dumps(asdict(deployed), indent=2))
        return
    click.echo(f"the hub is up: every pod ready {deployed.ready_s:.1f} s after the first of {deployed.objects} objects")
    _say_probe(deployed.probe)


@click.command(name="probe")
@_options
def probe(manifests: Path, cluster_id: str, as_json: bool) -> None:
    """Send one event through every partition of a cluster's hub, as a source of events does.

    Through the Services, with a certificate, acks=all; then each is looked for in Postgres and Redis. Exit code 3: one
    did not arrive.

    \b
    Examples:
      workbench cluster probe
      kubectl --kubeconfig "$(workbench cluster kubeconfig)" delete pod hub-kafka-1 --namespace central-hub --force
      workbench cluster probe --json
    """
    from workbench.target.throwaway.building import built_programs
    from workbench.target.throwaway.hub.objects import hub_objects
    from workbench.target.throwaway.hub.probing import run_probe
    from workbench.target.throwaway.kubectl import Kubectl

    kubectl = Kubectl(built_programs(lambda _: None), throwaway.find(cluster_id).kubeconfig)
    seen = run_probe(kubectl, hub_objects(manifests))
    if as_json:
        click.echo(json.dumps(asdict(seen), indent=2))
    else:
        _say_probe(seen)


def _say_probe(seen: ProbeResult) -> None:
    click.echo(
        f"an event through each of {seen.partitions} partitions: acknowledged after {seen.acknowledged_s:.2f} s,"
        f" in Postgres after {seen.committed_s:.2f} s, in Redis as well"
    )
