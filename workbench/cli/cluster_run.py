"""workbench cluster run: any command of this machine, where the cluster's pods and Services can be reached."""

from __future__ import annotations

import os

import click

from workbench.cli._cluster import CLUSTER_OPTION
from workbench.target.throwaway import cluster as throwaway
from workbench.target.throwaway.inside import command_inside


@click.command(name="run", context_settings={"ignore_unknown_options": True})
@CLUSTER_OPTION
@click.argument("argv", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND...")
def run(cluster_id: str, argv: tuple[str, ...]) -> None:
    """Run COMMAND on the control plane's network, with the cluster's names and KUBECONFIG set.

    It sees this machine's files and processes. Its exit code is this command's.

    \b
    Examples:
      workbench cluster run -- getent hosts redis.central-hub
      workbench cluster run -- workbench drill broker-loss --target kubernetes --manifests manifests/overlays/throwaway
    """
    words, environment = command_inside(throwaway.find(cluster_id), argv)
    os.execvpe(words[0], words, {**os.environ, **environment})


__all__ = ["run"]
