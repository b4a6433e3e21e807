"""workbench cluster cut, workbench cluster heal: a broker cut off from its peers, with the proof that it is."""

from __future__ import annotations

from typing import Final

import click

from workbench.cli._cluster import CLUSTER_OPTION
from workbench.target.kubernetes.api import Api
from workbench.target.kubernetes.cut_off import BrokerCut, Cut, broker_cut, make
from workbench.target.throwaway import cluster as throwaway
from workbench.target.throwaway import cutting

NAMESPACE: Final = "central-hub"  # of every overlay's hub
BROKER = click.argument("broker", type=click.IntRange(0, 999))


@click.command(name="cut")
@BROKER
@click.option(
    "--from",
    "kind",
    type=click.Choice([each.value for each in Cut]),
    required=True,
    help="Whom it no longer reaches, nor is reached by.",
)
@click.option(
    "--for",
    "for_s",
    type=click.IntRange(1, int(cutting.CUT_S_MAX)),
    default=60,
    show_default=True,
    metavar="S",
    help="The cut ends by itself then.",
)
@CLUSTER_OPTION
def cut(broker: int, kind: str, for_s: int, cluster_id: str) -> None:
    """Cut a BROKER of the hub on a throwaway cluster off from its peers, and show that packets are dropped.

    By iptables in its pod's network: open connections fall silent too, nothing is reset. Its kubelet still reaches it.

    \b
    Examples:
      workbench cluster cut 1 --from brokers --for 90
      workbench cluster heal 1
    """
    chosen = _chosen(broker, Cut(kind), cluster_id)
    made = make(chosen, float(for_s))
    click.echo(
        f"{chosen.pod} is cut off from {len(chosen.peers)} addresses for {for_s} s; within "
        f"{made.proved_s - made.begun_s:.1f} s {made.packets} packets of open connections were dropped"
    )


@click.command(name="heal")
@BROKER
@CLUSTER_OPTION
def heal(broker: int, cluster_id: str) -> None:
    """End a BROKER's cut before its time; where there is none nothing changes."""
    chosen = _chosen(broker, Cut.EVERYBODY, cluster_id)
    cutting.heal(chosen.network)
    click.echo(f"{chosen.pod} reaches everybody")


def _chosen(broker: int, kind: Cut, cluster_id: str) -> BrokerCut:
    cluster = throwaway.find(cluster_id)
    return broker_cut(Api(cluster.kubeconfig), NAMESPACE, broker, kind)


__all__ = ["cut", "heal"]
