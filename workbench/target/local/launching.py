"""Starting a hub, and finding one that is up."""

from __future__ import annotations

import fcntl
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Final

from workbench.errors import BadInput, Problem, ToolFailed
from workbench.fault import FailoverRule, RestartRule
from workbench.target.local import artifacts, machine, record
from workbench.target.local import small_disk as disk
from workbench.target.local.hub import LocalHub
from workbench.target.local.idle_broker import make_idle
from workbench.target.local.places import hubs_directory
from workbench.target.local.record import HubRecord, Ports
from workbench.target.local.servers import Plan, Secrets
from workbench.target.local.startup import PortTaken, Startup
from workbench.target.local.supervised import start_supervisor, wait_for_supervisor
from workbench.topology.hub import HubTopology

START_TRIES: Final = 3  # a port may be taken between the look and the server's own bind

_Reserved = tuple[Plan, HubRecord]


def start(
    topology: HubTopology,
    *,
    seed: int,
    restart: RestartRule,
    failover: FailoverRule = FailoverRule.NONE,
    small_disk: int | None = None,
    idle_broker: bool = False,
    detached: bool = False,
    progress: Callable[[str], None] | None = None,
) -> LocalHub:
    """Start a hub of real servers and return it when all of it is ready.

    It ends when this process ends, however it ends, unless `detached`. The broker `small_disk` has a disk of its own
    that can be filled; `idle_broker`: one leads nothing. `seed` draws the brokers' start order
    (the first becomes the controller). Raises MachineTrouble when this machine will not do, ToolFailed when a
    server fails, BadInput when the manifests state a version that is not had here. Nothing is left behind then.
    """
    say = progress or (lambda _: None)
    begun_s = time.time()
    if small_disk is not None:
        disk.check_possible()
    programs = artifacts.prepare(say)
    _check_versions(topology, programs.versions)
    for attempt in range(1, START_TRIES + 1):
        plan, hub_record = _reserve(topology, programs, seed, restart, failover)
        plan = replace(plan, small_disk=small_disk)
        hub = _start_supervisor(plan, hub_record, detached=detached)
        try:
            machine.check(topology, plan.directory)
            startup = Startup(plan, hub.control, seed, say)
            startup.run(hub.kafka, hub.doors)
            hub.record = replace(
                hub.record,
                complete=True,
                ready_s=time.time() - begun_s,
                start_to_registered_s=startup.start_to_registered_s,
                start_cpu_s=startup.start_cpu_s,
                registered_to_ready_s=startup.registered_to_ready_s,
            )
            hub.record.write(plan.directory)
            if idle_broker:
                hub.control.restart_rule(RestartRule.KUBELET_RULES)
                make_idle(hub, say)
            hub.control.restart_rule(restart)  # begins anew: what was restarted before does not count
            if detached:
                hub.control.detach()
        except PortTaken:
            hub.close()
            if attempt == START_TRIES:
                raise
            say("a port was taken meanwhile: once more with others")
        except BaseException:  # Ctrl-C too must leave nothing behind
            hub.close()
            raise
        else:
            return hub
    raise AssertionError("the last try returns or raises")


def attach(hub_id_or_dir: str | Path = "") -> LocalHub:
    """Return a hub that is up, by id, directory, or "" for the only one; it goes on when this object is closed.

    Raises MachineTrouble when no such hub is up, BadInput when "" could mean several.
    """
    directory = record.find(hub_id_or_dir)
    return LocalHub(directory, record.read(directory), None, owned=False)


def _check_versions(topology: HubTopology, versions: dict[str, str]) -> None:
    stated = {"Kafka": topology.kafka.version, "PostgreSQL": topology.postgres.version, "Redis": topology.redis.version}
    problems = [
        Problem("manifests", f"version of {name}", version, f"the embedded hub runs {versions[name]}")
        for name, version in stated.items()
        if version != versions[name]
    ]
    if problems:
        raise BadInput("the embedded hub cannot be what the manifests state", problems)


def _reserve(
    topology: HubTopology, programs: artifacts.Artifacts, seed: int, restart: RestartRule, failover: FailoverRule
) -> _Reserved:
    """Return a new hub's plan and record, written: its directory and ports are its own from here on."""
    home = hubs_directory().resolve()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    passwords = Secrets(*(secrets.token_hex(16) for _ in fields(Secrets)))
    with _one_at_a_time(home.parent / "hubs.lock"):
        directory = home / secrets.token_hex(4)
        for path in (directory, directory / "logs", directory / "tmp"):
            path.mkdir(mode=0o700)
        plan = Plan(topology, directory, _draw_ports(topology), programs, passwords, failover)
        hub_record = HubRecord(
            hub_id=directory.name,
            created_s=time.time(),
            seed=seed,
            restart=restart,
            failover=failover,
            topology=topology,
            ports=plan.ports,
            endpoints=plan.endpoints,
            versions=programs.versions,
        )
        hub_record.write(directory)
    return plan, hub_record


@contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _draw_ports(topology: HubTopology) -> Ports:
    free = machine.free_ports(record.ports_taken())
    zookeepers = topology.zookeeper.server_ids
    quorum = topology.kafka.quorum
    return Ports(
        kafka={broker: next(free) for broker in topology.kafka.broker_ids},
        zookeeper={server: next(free) for server in zookeepers},
        quorum={server: next(free) for server in zookeepers},
        election={server: next(free) for server in zookeepers},
        postgres={instance: next(free) for instance in range(1, topology.postgres.replicas + 1)},
        redis=next(free),
        metrics={index: next(free) for index in range(topology.processors.replicas)},
        gateways={index: next(free) for index in range(topology.gateways.replicas)},
        controllers={node_id: next(free) for node_id in (quorum.node_ids if quorum else ())},
    )


def _start_supervisor(plan: Plan, hub_record: HubRecord, *, detached: bool) -> LocalHub:
    log = plan.logs / "supervisor.log"
    supervisor = start_supervisor(plan.directory, log)
    hub = LocalHub(plan.directory, hub_record, supervisor, owned=not detached)
    try:
        wait_for_supervisor(hub.control, supervisor, log)
    except ToolFailed:
        hub.close()
        raise
    return hub
