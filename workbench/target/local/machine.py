"""What the machine must have for a hub: memory, disk, user namespaces, free ports."""

from __future__ import annotations

import os
import random
import socket
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

import psutil

from workbench.errors import MachineTrouble
from workbench.target.clients.addresses import LOOPBACK
from workbench.topology.hub import HubTopology

MB: Final = 1 << 20
# Resident memory of one process under load, measured on 2 cores with the settings of this package.
BROKER_BYTES: Final = 340 * MB
ZOOKEEPER_BYTES: Final = 90 * MB
CONTROLLER_BYTES: Final = 140 * MB
POSTGRES_BYTES: Final = 100 * MB
REDIS_BYTES: Final = 30 * MB
PROCESSOR_BYTES: Final = 90 * MB
GATEWAY_BYTES: Final = 70 * MB
DRILL_BYTES: Final = 700 * MB  # load generator, collectors and model beside it
DISK_BYTES: Final = 2_000 * MB

PORTS_LOW: Final = 10_000
PORTS_HIGH: Final = 32_000
PORT_TRIES: Final = 10_000


def memory_needed_bytes(topology: HubTopology) -> int:
    """Return the memory that a hub of this topology and a drill on it take."""
    return (
        BROKER_BYTES * len(topology.kafka.broker_ids)
        + ZOOKEEPER_BYTES * len(topology.zookeeper.server_ids)
        + CONTROLLER_BYTES * (len(topology.kafka.quorum.node_ids) if topology.kafka.quorum else 0)
        + POSTGRES_BYTES * topology.postgres.replicas
        + REDIS_BYTES
        + PROCESSOR_BYTES * topology.processors.replicas
        + GATEWAY_BYTES * topology.gateways.replicas
        + DRILL_BYTES
    )


def check(topology: HubTopology, directory: Path) -> None:
    """Raise MachineTrouble, naming everything at once, when memory, disk or the kernel will not do."""
    troubles = []
    needed, free = memory_needed_bytes(topology), memory_free_bytes()
    if free < needed:
        troubles.append(f"{needed // MB} MB of free memory are needed, {free // MB} MB are free")
    disk_free = psutil.disk_usage(str(directory)).free
    if disk_free < DISK_BYTES:
        troubles.append(
            f"{DISK_BYTES // MB} MB of free disk are needed below {directory}, {disk_free // MB} MB are free"
        )
    if os.getuid() == 0:
        tried = subprocess.run(
            [*as_plain_user("KILL"), "true"], capture_output=True, text=True, timeout=10, check=False
        )
        if tried.returncode:
            troubles.append(
                "PostgreSQL refuses to run as root and this kernel refuses user namespaces "
                f"({tried.stderr.strip()}): run as another user"
            )
    if troubles:
        raise MachineTrouble("this machine cannot run the hub: " + "; ".join(troubles))


def as_plain_user(death_signal: str) -> list[str]:
    """Return the words before a command that must not run as root: root outside, uid 1000 inside.

    The parent-death signal is set again inside, because it is lost when a process enters a user namespace
    (prctl(2), PR_SET_PDEATHSIG).
    """
    if os.getuid() != 0:
        return []
    return ["unshare", "-U", "--map-user=1000", "--map-group=1000", "setpriv", "--pdeathsig", death_signal]


def memory_free_bytes() -> int:
    """Return the memory that can be used now: the machine's, or what is left of this container's limit."""
    free = int(psutil.virtual_memory().available)
    group = Path("/sys/fs/cgroup")
    try:
        limit = (group / "memory.max").read_text().strip()
        used = int((group / "memory.current").read_text())
        cache = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except OSError:  # no limit is set for the root group
        return free
    return free if limit == "max" else min(free, int(limit) - used + int(cache["inactive_file"]))


def free_ports(taken: Collection[int]) -> Iterator[int]:
    """Yield loopback ports that nothing is bound to, none twice and none of `taken`; MachineTrouble if none is left.

    Below the kernel's range for outgoing connections, so that no client's socket takes the port of a server
    that is down for a while.
    """
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    high = min(PORTS_HIGH, lowest_outgoing - 1)
    low, high = (PORTS_LOW, high) if high - PORTS_LOW > 1_000 else (PORTS_LOW, 65_000)
    used = set(taken)
    draw = random.SystemRandom()
    for _ in range(PORT_TRIES):
        port = draw.randint(low, high)
        if port not in used and _can_bind(port):
            used.add(port)
            yield port
    raise MachineTrouble(f"no free port on {LOOPBACK} between {low} and {high}")


def _can_bind(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
