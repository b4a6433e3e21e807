"""How a command is told which cluster is meant, where it may be any."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.errors import BadInput

KUBECONFIG_OPTION = click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="KUBECONFIG",
    help="The way to the cluster.  [default: $KUBECONFIG]",
)
CONTEXT_OPTION = click.option("--context", default="", help="Of the kubeconfig.  [default: its current one]")


def the_kubeconfig(path: Path | None) -> Path:
    """Return the kubeconfig, absolute. Raises BadInput where none is named or the file is not there."""
    if path is None or not path.is_file():
        named = "" if path is None else f" {path}"
        raise BadInput(f"no kubeconfig{named}: --kubeconfig or KUBECONFIG names a file that is there")
    return path.absolute()


__all__ = ["CONTEXT_OPTION", "KUBECONFIG_OPTION", "the_kubeconfig"]
