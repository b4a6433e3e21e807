"""`workbench hub`: an embedded hub of real servers, to look at or to develop against."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from workbench.errors import BadInput
from workbench.fault import FailoverRule, RestartRule
from workbench.scenario import PROJECT_ROOT
from workbench.target.local import LocalHub, attach, start
from workbench.target.local.control import Control
from workbench.target.local.ending import end_hub, known_hubs
from workbench.target.local.record import find
from workbench.topology import read_topology


@click.group(name="hub")
def command() -> None:
    """Start, look at and stop an embedded hub of real servers.

    \b
    Examples:
      workbench hub up
      workbench hub status
      workbench hub logs kafka-1 -n 50
      workbench hub down
    """


@command.command(name="up")
@click.option(
    "--manifests",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=PROJECT_ROOT / "manifests" / "base",
    help="Folder with the kustomization to start from; the project's base without it.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Draws the brokers' start order.")
@click.option(
    "--restart",
    type=click.Choice([rule.value for rule in RestartRule]),
    default=RestartRule.KUBELET_RULES.value,
    show_default=True,
    help="What happens to a server that died.",
)
@click.option(
    "--postgres-failover",
    type=click.Choice([rule.value for rule in FailoverRule]),
    default=FailoverRule.NONE.value,
    show_default=True,
    help="What happens when the Postgres primary died.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the hub as JSON.")
def up(manifests: Path, seed: int, restart: str, postgres_failover: str, as_json: bool) -> None:
    """Start a hub in the background; it stays up until `workbench hub down`."""

    def say(text: str) -> None:
        click.echo(text, err=True)

    topology = read_topology(manifests)
    rule, failover = RestartRule(restart), FailoverRule(postgres_failover)
    with start(topology, seed=seed, restart=rule, failover=failover, detached=True, progress=say) as hub:
        _show(hub, as_json)


@command.command(name="status")
@click.option("--json", "as_json", is_flag=True, help="Print all hubs as JSON.")
def status(as_json: bool) -> None:
    """Show every hub with its doors and its servers."""
    directories = known_hubs()
    up_now = [directory for directory in directories if Control(directory.name).answers()]
    stale = [directory.name for directory in directories if directory not in up_now]
    if as_json:
        hubs = []
        for directory in up_now:
            with attach(directory) as hub:
                hubs.append(_as_json(hub))
        click.echo(json.dumps({"hubs": hubs, "stale": stale}, indent=2))
        return
    for directory in up_now:
        with attach(directory) as hub:
            _show(hub, as_json=False)
    for name in stale:
        click.echo(f"hub {name} is stale: its supervisor is gone; remove it with: workbench hub down {name}")
    if not directories:
        click.echo("no hub is up")


@command.command(name="logs")
@click.argument("server")
@click.option(
    "-n", "lines", type=click.IntRange(1, 100_000), default=30, show_default=True, help="How many last lines."
)
@click.option("--hub", default="", help="Id of the hub; not needed while only one is up.")
def logs(server: str, lines: int, hub: str) -> None:
    """Show the last lines of a server's log (kafka-1, zookeeper-2, postgres-1, redis-0, event-processor-0 ...)."""
    folder = find(hub) / "logs"
    file = folder / f"{server}.log"
    if not file.exists():
        names = ", ".join(sorted(path.stem for path in folder.glob("*.log")))
        raise BadInput(f"there is no log of {server!r}: one of {names}")
    for line in file.read_text(errors="replace").splitlines()[-lines:]:
        click.echo(line)


@command.command(name="down")
@click.argument("hub", default="")
@click.option("--all", "everything", is_flag=True, help="Every hub, stale ones and their left-over processes too.")
def down(hub: str, everything: bool) -> None:
    """End a hub and remove it: by id, or the only one."""
    directories = known_hubs()
    if not everything:
        chosen = [
            directory for directory in directories if directory.name == hub or (not hub and len(directories) == 1)
        ]
        if not chosen and (hub or directories):
            names = ", ".join(directory.name for directory in directories) or "none is up"
            raise BadInput(f"there is no hub {hub!r}: {names}" if hub else f"name one of: {names}")
        directories = chosen
    for directory in directories:
        end_hub(directory)
        click.echo(f"hub {directory.name} is down: nothing of it is left")
    if not directories:
        click.echo("no hub is up")


def _as_json(hub: LocalHub) -> dict[str, Any]:
    return {
        "hub": hub.hub_id,
        "directory": str(hub.directory),
        "ready_s": round(hub.record.ready_s, 3),
        "seed": hub.record.seed,
        "restart": hub.record.restart.value,
        "versions": dict(hub.record.versions),
        "stand_ins": list(hub.describe().stand_ins),
        "endpoints": asdict(hub.endpoints),
        "start_to_registered_s": hub.start_to_registered_s(),
        "start_cpu_s": hub.start_cpu_s(),
        "registered_to_ready_s": hub.registered_to_ready_s(),
        "processes": [process.to_json() for process in hub.processes()],
    }


def _show(hub: LocalHub, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_as_json(hub), indent=2))
        return
    doors = hub.endpoints
    click.echo(f"hub {hub.hub_id} is up (ready after {hub.record.ready_s:.1f} s), restart rule {hub.record.restart}")
    click.echo(f"  Kafka      {doors.kafka_bootstrap}")
    if doors.zookeeper:
        click.echo(f"  ZooKeeper  {doors.zookeeper}")
    click.echo(f"  PostgreSQL {doors.postgres_dsn}")
    click.echo(f"  Redis      {doors.redis_url}")
    click.echo(f"  gateway    {doors.gateway_url} (log-in secret {doors.gateway_secret})")
    for process in hub.processes():
        state = f"pid {process.process_id}" if process.process_id else f"down ({process.starts[-1].exit})"
        restarts = f", started {len(process.starts)} times" if len(process.starts) > 1 else ""
        click.echo(f"  {process.name:<18} {process.node:<10} {state}{restarts}")
