"""Postgres's child processes: whom each serves, by its title and by the port it talks to.

PostgreSQL 14 writes into a process's title what it is and does (ps_status.c; update_process_title is on): "postgres:
walsender postgres 127.0.0.1(51912) streaming 0/3000148", "postgres: hub hub 127.0.0.1(40000) INSERT". The port in it
is the client's, so the client is whoever has that port.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psutil

from workbench.errors import ToolFailed
from workbench.target.local.frozen import STATE_POLL_S, STATE_TIMEOUT_S, all_frozen, freeze, let_go_on
from workbench.target.victims import POSTGRES, PROCESSORS
from workbench.waiting import happens

if TYPE_CHECKING:
    from workbench.target.local.hub import LocalHub

_TITLED: Final = "postgres: "  # what titles begin with; the first process keeps its command
_SESSION: Final = re.compile(r"^postgres: (?!walsender )\S+ \S+ \S+\((?P<port>\d+)\)")
_WAL_SENDER: Final = re.compile(r"^postgres: walsender \S+ \S+\((?P<port>\d+)\) streaming (\w+)/(\w+)")


@dataclass(frozen=True)
class WalSender:
    """A primary's process that streams to one standby."""

    standby: str  # "postgres-2"
    process: psutil.Process

    @property
    def sent_bytes(self) -> int:
        """Return how far in the write-ahead log it says it has sent; -1 when it does not say."""
        found = _WAL_SENDER.match(title(self.process))
        return int(found[2], 16) << 32 | int(found[3], 16) if found else -1


@dataclass(frozen=True)
class StoppedStream:
    """A primary's WAL senders, all stopped; the last one is of the standby that is promoted when the primary dies."""

    senders: tuple[WalSender, ...]
    since_s: float  # epoch: when the last one was stopped

    @property
    def holds(self) -> bool:
        """Tell whether all of them are stopped now."""
        return all_frozen(each.process for each in self.senders)

    def __str__(self) -> str:
        return f"its WAL senders to {' and '.join(each.standby for each in self.senders)}"


@contextlib.contextmanager
def stream_stopped(hub: LocalHub, primary: str) -> Iterator[StoppedStream]:
    """Keep a primary's WAL senders stopped within the block; what still is there afterwards goes on.

    The senders are stopped and not the standbys' receivers: a sender goes on to fill the sockets' buffers, from which
    a receiver that goes on reads after the primary's death. How much that is nobody can tell before: the kernel had
    grown the receive buffers of two standbys side by side to 2 and to 8 MB, 10 and 35 s of the log of 300 rows/s; and
    one that stood still for wal_receiver_status_interval (10 s) says first where it is, for which the dead sender's
    kernel resets the connection and drops what it had yet to send. Measured on three instances of PostgreSQL 14.12:
    receivers stopped for 5 and 9 s lacked none of 1,560 and 2,700 rows; for 15 s one lacked 1,560 of 4,500, the other
    none; senders stopped for 5 s, twice: all of 1,500 and 1,590.

    Stopped last is the sender of the standby that is promoted (the lowest index), once it is as far as the others: a
    standby that had more than its new primary could not follow it. Raises ToolFailed when they cannot be stopped so.
    """
    senders = wal_senders(hub, primary)
    wanted = hub.topology.postgres.replicas - 1
    if len(senders) != wanted:
        raise ToolFailed(f"{primary} has {len(senders)} of {wanted} WAL senders")
    *others, heir = senders
    try:
        stopped = [freeze(each.process) for each in others]
        furthest = max((each.sent_bytes for each in others), default=-1)
        as_far = happens(lambda: heir.sent_bytes >= furthest, STATE_TIMEOUT_S, STATE_POLL_S)
        if not (all(stopped) and as_far and freeze(heir.process)):
            raise ToolFailed(f"{primary}'s WAL senders could not be stopped")
        yield StoppedStream(tuple(senders), time.time())
    finally:
        let_go_on(each.process for each in senders)


def wal_senders(hub: LocalHub, primary: str) -> list[WalSender]:
    """Return a primary's WAL senders that stream, by descending index of their standbys."""
    running = {each.name: each.process_id for each in hub.processes() if each.process_id}
    standbys = sorted((name for name in running if name.startswith(POSTGRES) and name != primary), reverse=True)
    sender_of_port = {
        int(found["port"]): child for child in children(running[primary]) if (found := _WAL_SENDER.match(title(child)))
    }
    return [
        WalSender(standby, sender_of_port[port])
        for standby in standbys
        for port in _ports(children(running[standby]))
        if port in sender_of_port
    ]


def processor_backend(hub: LocalHub, primary: str) -> tuple[str, psutil.Process]:
    """Return the first event processor that has a connection to a primary, and the backend that serves it.

    Raises ToolFailed when none has one.
    """
    running = {each.name: each.process_id for each in hub.processes() if each.process_id}
    backend_of_port = {
        int(found["port"]): child for child in children(running[primary]) if (found := _SESSION.match(title(child)))
    }
    for name in sorted(each for each in running if each.startswith(PROCESSORS)):
        for port in _ports([psutil.Process(running[name])]):
            if port in backend_of_port:
                return name, backend_of_port[port]
    raise ToolFailed(f"no event processor has a connection to {primary}")


def children(process_id: int) -> list[psutil.Process]:
    """Return an instance's processes but for its first."""
    return [each for each in psutil.Process(process_id).children(recursive=True) if title(each).startswith(_TITLED)]


def title(process: psutil.Process) -> str:
    """Return what a process calls itself, "" when it has ended."""
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.NoSuchProcess:
        return ""


def _ports(processes: list[psutil.Process]) -> set[int]:
    """Return the local ports of the connections that processes have."""
    found: set[int] = set()
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.update(connection.laddr.port for connection in each.net_connections("tcp") if connection.raddr)
    return found
