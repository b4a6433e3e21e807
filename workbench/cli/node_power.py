"""workbench node-power: real nodes off and on, by the ssh commands that a file names for each."""

from __future__ import annotations

import time
from pathlib import Path

import click

from workbench.target.ssh_power import ssh_power

FILE = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))


@click.group(name="node-power")
def command() -> None:
    """Switch real nodes off and on by the ssh commands that FILE names, host keys checked.

    workbench/target/ssh_power.py shows such a file. Nothing is asked for: no password, no unknown host.

    \b
    Examples:
      workbench node-power status power.yaml
      workbench node-power off power.yaml worker-1
    """


@command.command(name="status")
@FILE
def status(file: Path) -> None:
    """Ask every node of FILE whether it is on."""
    power = ssh_power(str(file))
    for name in power.names:
        click.echo(f"{name} is {'on' if power.is_on(name) else 'off'}")


@command.command(name="off")
@FILE
@click.argument("node")
def off(file: Path, node: str) -> None:
    """Switch NODE off as FILE says, and return when it is seen to be off."""
    _tell(node, "off", ssh_power(str(file)).power_off(node))


@command.command(name="on")
@FILE
@click.argument("node")
def on(file: Path, node: str) -> None:
    """Switch NODE on as FILE says, and return when it is seen to be on."""
    _tell(node, "on", ssh_power(str(file)).power_on(node))


def _tell(node: str, state: str, asked_s: float) -> None:
    click.echo(f"{node} is {state}: asked at {time.strftime('%H:%M:%S', time.localtime(asked_s))}")


__all__ = ["command"]
