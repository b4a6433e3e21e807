"""workbench recover: undo what a drill whose driver died left on a cluster."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli._cluster import elapsed_teller
from workbench.cli._kubeconfig import CONTEXT_OPTION, KUBECONFIG_OPTION, the_kubeconfig
from workbench.errors import EXIT_AS_EXPECTED, EXIT_UNDO_UNVERIFIED


@click.command(name="recover", short_help="Undo what a dead driver's drill left on a cluster.")
@KUBECONFIG_OPTION
@CONTEXT_OPTION
@click.option("--accept", is_flag=True, help="Remove the record although something differs: a person has looked at it.")
def command(kubeconfig: Path | None, context: str, accept: bool) -> int:
    """Undo what a drill left on a cluster whose driver died, on whatever machine; safe to run at any time.

    The drill wrote to the cluster what it was going to break and what undoes it, before it did. Everything is undone,
    the agents are removed, and the cluster is compared with its snapshot of before the drill. A driver that lives is
    left alone.

    \b
    Exit code: 0 the cluster is as it was, 2 bad input, 3 the API did not answer, 5 the driver
    lives, 6 something differs: what it is and what a person has to do is printed.

    \b
    Examples:
      workbench recover
      workbench recover --kubeconfig "$(workbench cluster kubeconfig)"
    """
    from workbench.target.kubernetes.api import Api
    from workbench.target.kubernetes.recovering import recover

    found = recover(Api(the_kubeconfig(kubeconfig), context), elapsed_teller(), accept=accept)
    if not found.run_id:
        click.echo("nothing to recover: the cluster holds no record of a drill")
        return EXIT_AS_EXPECTED
    for line in found.done:
        click.echo(f"done: {line}")
    for line in found.for_a_person:
        click.echo(f"for a person: {line}")
    for difference in found.left:
        click.echo(f"differs: {difference}")
    if found.verified:
        click.echo(f"the cluster is as it was before drill {found.run_id}")
        return EXIT_AS_EXPECTED
    kept = "its record was removed all the same" if accept else "put it right, then: workbench recover"
    click.echo(f"the cluster is not as it was before drill {found.run_id}; {kept}")
    return EXIT_AS_EXPECTED if accept else EXIT_UNDO_UNVERIFIED


__all__ = ["command"]
