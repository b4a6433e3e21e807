"""Doing a fault to exactly its victim, with proof of what became of it."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import psutil

from workbench.errors import BadInput, ToolFailed
from workbench.fault import SIGNAL_NAMES, SILENCES, Fault, FaultType, Part, StoredData
from workbench.target.local import small_disk
from workbench.target.local.frozen import STATE_TIMEOUT_S, all_frozen, is_frozen
from workbench.target.local.postgres_children import children, processor_backend, stream_stopped
from workbench.target.port import Injection, ProcessStart, Victim
from workbench.target.victims import BROKERS
from workbench.waiting import happens

if TYPE_CHECKING:
    from workbench.target.local.hub import LocalHub

KILL_TIMEOUT_S: Final = 10.0
REAP_TIMEOUT_S: Final[Mapping[str, float]] = {"SIGKILL": KILL_TIMEOUT_S, "SIGTERM": 60.0}
# A JVM that ends after SIGTERM exits with 128 + 15 (its own handler runs the shutdown hooks).
PROOFS: Final[Mapping[str, tuple[str, ...]]] = {"SIGKILL": ("SIGKILL",), "SIGTERM": ("exit 143", "SIGTERM")}
REAP_POLL_S: Final = 0.01
HALT_TIMEOUT_S: Final = 30.0  # until something is appended that needs a new page
# A follower sees its leader's socket close, a leader looks at its followers every second.
QUORUM_TIMEOUT_S: Final = 10.0


def inject(hub: LocalHub, fault: Fault, victim: Victim) -> Injection:
    """Signal exactly that process and wait, bounded, until it is reaped, or stopped where the fault is a freeze.

    Postgres works in children: they die with it, as all of a container's processes do.
    """
    if fault.part is Part.LOAD:
        raise BadInput(f"{fault.type} is done to a load, by workbench.chaos.load_burst, and to nothing of a hub")
    if (own := _own_way(fault, victim)) is not None:
        return own(hub, fault, victim)
    wanted = signal.Signals[SIGNAL_NAMES[fault.type]]
    family = fault.part in (Part.POSTGRES, Part.POSTGRES_FAILOVER)
    children = psutil.Process(victim.process_id).children(recursive=True) if family else []
    injected_s = hub.control.signal(victim.server, wanted, victim.process_id, family=family)
    timeout_s = REAP_TIMEOUT_S[wanted.name]
    happens(lambda: _ended(hub, victim.server, victim.process_id) is not None, timeout_s, REAP_POLL_S)
    ended = _ended(hub, victim.server, victim.process_id)
    survivors = _survivors(children)
    if ended is None:
        evidence = f"pid {victim.process_id} still runs {timeout_s:.0f} s after {wanted.name}"
    elif ended.exit.startswith("SIG"):
        evidence = f"pid {victim.process_id} reaped, killed by {ended.exit}"
    else:
        evidence = f"pid {victim.process_id} reaped after {wanted.name}, {ended.exit}"
    if children:
        evidence += f", {len(children) - len(survivors)} of its {len(children)} children with it"
    return Injection(
        fault=fault.type,
        server=victim.server,
        process_id=victim.process_id,
        signal=wanted.name,
        injected_s=injected_s,
        effective_s=math.nan if ended is None else ended.ended_s,
        effective=ended is not None and ended.exit in PROOFS[wanted.name] and not survivors,
        evidence=evidence,
    )


def _own_way(fault: Fault, victim: Victim) -> Callable[[LocalHub, Fault, Victim], Injection] | None:
    """Return how a fault is done that is more than one signal to one server; None where it is no more."""
    ways: list[tuple[bool, Callable[[LocalHub, Fault, Victim], Injection]]] = [
        (fault.type in SILENCES, _freeze),
        (fault.type is FaultType.DISK_FULL, _with_full_disk),
        (fault.lag_s > 0.0 and fault.part is Part.POSTGRES_FAILOVER, _with_lagging_standbys),
        (fault.lag_s > 0.0, _with_lagging_followers),
        (fault.part is Part.POSTGRES_BACKEND, _backend),
        (fault.data is StoredData.LOST, _with_data_lost),
        (fault.part is Part.QUORUM, _without_quorum),
        (bool(victim.servers), _node),
    ]
    return next((way for holds, way in ways if holds), None)


def _node(hub: LocalHub, fault: Fault, victim: Victim) -> Injection:
    """Signal every server of a node, one right after the other, and wait until all are reaped, children too."""
    children = [child for _, each in victim.servers for child in psutil.Process(each).children(recursive=True)]
    sent_s = [hub.control.signal(name, signal.SIGKILL, each, family=True) for name, each in victim.servers]

    def ends() -> list[ProcessStart]:
        found = [_ended(hub, name, each) for name, each in victim.servers]
        return [each for each in found if each is not None and each.exit in PROOFS["SIGKILL"]]

    happens(lambda: len(ends()) == len(victim.servers), KILL_TIMEOUT_S, REAP_POLL_S)
    reaped, survivors = ends(), _survivors(children)
    effective = len(reaped) == len(victim.servers) and not survivors
    names = ", ".join(name for name, _ in victim.servers)
    return Injection(
        fault=fault.type,
        server=victim.server,
        process_id=victim.process_id,
        signal="SIGKILL",
        injected_s=min(sent_s),
        effective_s=max(each.ended_s for each in reaped) if effective else math.nan,
        effective=effective,
        evidence=f"{len(reaped)} of {len(victim.servers)} servers reaped, killed by SIGKILL ({names}), "
        f"{len(children) - len(survivors)} of their {len(children)} children with them",
    )


def _with_full_disk(hub: LocalHub, fault: Fault, victim: Victim) -> Injection:
    """Fill the broker's disk and wait, bounded, until it has halted by itself: exit 1, and nothing fits any more."""
    disk = hub.small_disk(victim.server)
    injected_s = small_disk.fill(disk)
    happens(lambda: _ended(hub, victim.server, victim.process_id) is not None, HALT_TIMEOUT_S, REAP_POLL_S)
    ended, left_bytes = _ended(hub, victim.server, victim.process_id), small_disk.free_bytes(disk)
    if ended is None:
        evidence = f"pid {victim.process_id} still runs {HALT_TIMEOUT_S:.0f} s after its disk was full"
    else:
        evidence = f"pid {victim.process_id} halted by itself, {ended.exit}, {left_bytes} bytes free on its disk"
    return Injection(
        fault=fault.type,
        server=victim.server,
        process_id=victim.process_id,
        signal=SIGNAL_NAMES[fault.type],
        injected_s=injected_s,
        effective_s=math.nan if ended is None else ended.ended_s,
        effective=ended is not None and ended.exit == "exit 1" and left_bytes == 0,
        evidence=evidence,
    )


def _without_quorum(hub: LocalHub, fault: Fault, victim: Victim) -> Injection:
    """Kill ZooKeeper servers until none leads, then the broker; `for_s` later the restart rule may start the servers.

    Proved by what was reaped, and by the server that is left: it serves nobody, before the broker's kill and after it.
    """
    broker, *ensemble = victim.servers
    for name, _ in ensemble:  # before the kill: the rule would start it within the second
        hub.control.hold(name, time.time() + QUORUM_TIMEOUT_S + fault.for_s)
    for name, each in ensemble:
        hub.control.signal(name, signal.SIGKILL, each)
    reaped = happens(lambda: all(_ended(hub, *each) is not None for each in ensemble), KILL_TIMEOUT_S, REAP_POLL_S)
    gone = happens(lambda: not hub.ensemble().serving, QUORUM_TIMEOUT_S, REAP_POLL_S)
    alone = replace(victim, server=broker[0], servers=())
    killed = inject(hub, replace(fault, type=FaultType.BROKER_KILL, for_s=0.0), alone)
    for name, _ in ensemble:
        hub.control.hold(name, killed.injected_s + fault.for_s)
    gone = gone and not hub.ensemble().serving
    names = " and ".join(name for name, _ in ensemble)
    words = f"{names} {'reaped' if reaped else 'not reaped'} before it, {'no' if gone else 'still a'} ZooKeeper serves"
    return replace(
        killed,
        fault=fault.type,
        server=victim.server,
        effective=killed.effective and reaped and gone,
        evidence=f"{killed.evidence}; {words}",
    )


def _with_lagging_followers(hub: LocalHub, fault: Fault, victim: Victim) -> Injection:
    """Freeze every other broker, kill the victim `lag_s` later, and let the others go on whatever became of that."""
    others = [
        each
        for each in hub.processes()
        if each.name.startswith(BROKERS) and each.name != victim.server and each.process_id
    ]
    began_s = time.time()
    try:
        for each in others:
            hub.control.signal(each.name, signal.SIGSTOP, each.process_id)
        frozen = happens(lambda: all(is_frozen(each.process_id) for each in others), STATE_TIMEOUT_S, REAP_POLL_S)
        happens(lambda: time.time() >= began_s + fault.lag_s, fault.lag_s, REAP_POLL_S)
        killed = inject(hub, replace(fault, lag_s=0.0), victim)
        still_frozen = all(is_frozen(each.process_id) for each in others)
    finally:
        for each in others:
            hub.control.signal(each.name, signal.SIGCONT, each.process_id)
    goes_on = happens(lambda: not any(is_frozen(each.process_id) for each in others), STATE_TIMEOUT_S, REAP_POLL_S)
    names = " and ".join(each.name for each in others)
    held_s = killed.injected_s - began_s
    proved = frozen and still_frozen and goes_on
    words = "stopped (state T) before it, going on after it" if proved else "not stopped, or not going on"
    evidence = f"{killed.evidence}; {names} {held_s:.2f} s {words}"
    return replace(killed, effective=killed.effective and proved, evidence=evidence)


def _with_lagging_standbys(hub: LocalHub, fault: Fault, victim: Victim) -> Injection:
    """Stop the primary's WAL senders and kill it `lag_s` later: the standbys lack what was committed meanwhile."""
    with stream_stopped(hub, victim.server) as stream:
        happens(lambda: time.time() >= stream.since_s + fault.lag_s, fault.lag_s, REAP_POLL_S)
        proved = stream.holds
        killed = inject(hub, replace(fault, lag_s=0.0), victim)
    held_s = killed.injected_s - stream.since_s
    words = "stopped (state T) before it" if proved else "not stopped"
    return replace(
        killed, effective=killed.effective and proved, evidence=f"{killed.evidence}; {stream} {held_s:.2f} s {words}"
    )


def _backend(hub: LocalHub, fault: Fault, victim: Victim) -> Injection:
    """Kill the backend of an event processor and wait until the postmaster, which stays, has ended all others.

    That it was this process and this signal the postmaster's log tells: it reaps its children itself.
    """
    log = hub.directory / "logs" / f"{victim.server}.log"
    logged_bytes = log.stat().st_size
    client, backend = processor_backend(hub, victim.server)
    family = children(victim.process_id)
    injected_s = time.time()
    backend.kill()
    survivors = _survivors(family)
    effective_s = time.time()
    reaped = f"(PID {backend.pid}) was terminated by signal {signal.SIGKILL.value}".encode()
    told = happens(lambda: reaped in log.read_bytes()[logged_bytes:], KILL_TIMEOUT_S, REAP_POLL_S)
    stays = _ended(hub, victim.server, victim.process_id) is None
    effective = told and stays and not survivors
    words = f"pid {backend.pid}, {client}'s backend, {'reaped, killed by SIGKILL' if told else 'not reaped'}; "
    words += f"the postmaster (pid {victim.process_id}) {'stays' if stays else 'is gone'}, "
    words += f"{len(family) - len(survivors)} of its {len(family)} children ended"
    ended_s = effective_s if effective else math.nan
    return Injection(fault.type, victim.server, backend.pid, "SIGKILL", injected_s, ended_s, effective, words)


def _with_data_lost(hub: LocalHub, fault: Fault, victim: Victim) -> Injection:
    """Take the append-only file away under a running Redis and kill it: it makes an empty one when it starts.

    Before the kill, since it may be started again within milliseconds. What Redis still writes goes into a file
    without a name; that no name is left once it was reaped proves that nothing can be read from it again. Redis 6.2
    makes a new file with everything in it only from 64 MB on (redis.conf auto-aof-rewrite-min-size).
    """
    name = hub.topology.redis.config.get("appendfilename", "appendonly.aof").strip('"')
    path = hub.directory / victim.server / name
    try:
        with path.open("rb") as held:  # open, so that its number cannot become another file's meanwhile
            size_bytes = os.fstat(held.fileno()).st_size
            path.unlink()
            killed = inject(hub, replace(fault, data=StoredData.KEPT), victim)
            gone = os.fstat(held.fileno()).st_nlink == 0
    except FileNotFoundError as error:
        raise ToolFailed(f"{victim.server} has no {name} to lose") from error
    words = f"its {name} of {size_bytes} bytes {'gone' if gone else 'still there'}"
    return replace(killed, effective=killed.effective and gone, evidence=f"{killed.evidence}, {words}")


def _survivors(children: list[psutil.Process]) -> list[psutil.Process]:
    """Return the killed server's children that still run; the supervisor inherits and reaps the others."""
    happens(lambda: not any(_runs(child) for child in children), KILL_TIMEOUT_S, REAP_POLL_S)
    return [child for child in children if _runs(child)]


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _freeze(hub: LocalHub, fault: Fault, victim: Victim) -> Injection:
    """Stop the victim, of a node every server with its children, and wait until the kernel has stopped them all."""
    family = _family(victim)
    sent_s = [hub.control.signal(name, signal.SIGSTOP, each, family=True) for name, each in _servers(victim)]
    happens(lambda: all_frozen(filter(_runs, family)), STATE_TIMEOUT_S, REAP_POLL_S)
    family = [each for each in family if _runs(each)]  # a child may have ended just then
    stopped = [each for each in family if is_frozen(each.pid)]
    frozen = len(stopped) == len(family) >= len(_servers(victim))
    if victim.servers:
        names = ", ".join(name for name, _ in victim.servers)
        evidence = f"{len(stopped)} of {len(family)} processes are stopped (state T): {names} and their children"
    else:
        evidence = f"pid {victim.process_id} is {'stopped (state T)' if frozen else 'not stopped'}"
    effective_s = time.time() if frozen else math.nan
    injected_s = min(sent_s)
    return Injection(fault.type, victim.server, victim.process_id, "SIGSTOP", injected_s, effective_s, frozen, evidence)


def thaw(hub: LocalHub, victim: Victim) -> float:
    """Let a frozen victim go on and return when all of it had been told to. Raises ToolFailed when it stays stopped."""
    family = _family(victim)
    told_s = [hub.control.signal(name, signal.SIGCONT, each, family=True) for name, each in _servers(victim)]
    if not happens(lambda: not any(is_frozen(each.pid) for each in family), STATE_TIMEOUT_S, REAP_POLL_S):
        raise ToolFailed(f"{victim.server} (pid {victim.process_id}) is stopped in spite of SIGCONT")
    return max(told_s)


def power_on(hub: LocalHub, victim: Victim) -> float:
    """Let a silent node's servers start anew: what was stopped ends at once, and the restart rule does the rest.

    To everybody else that is a machine that boots: its sockets are reset, and nothing says good-bye. Raises ToolFailed
    when one of them does not end.
    """
    sent_s = [hub.control.signal(name, signal.SIGKILL, each, family=True) for name, each in victim.servers]
    if not happens(
        lambda: all(_ended(hub, name, each) is not None for name, each in victim.servers), KILL_TIMEOUT_S, REAP_POLL_S
    ):
        raise ToolFailed(f"a server of {victim.server} runs on {KILL_TIMEOUT_S:.0f} s after SIGKILL")
    return min(sent_s)


def _servers(victim: Victim) -> tuple[tuple[str, int], ...]:
    """Return every server of a victim with its process id."""
    return victim.servers or ((victim.server, victim.process_id),)


def _family(victim: Victim) -> list[psutil.Process]:
    """Return every process of a victim that there is, children too."""
    found: list[psutil.Process] = []
    for _, each in _servers(victim):
        with contextlib.suppress(psutil.NoSuchProcess):
            first = psutil.Process(each)
            found += [first, *first.children(recursive=True)]
    return found


def _ended(hub: LocalHub, server: str, process_id: int) -> ProcessStart | None:
    """Return the start of a server's process if it has been reaped."""
    return next((s for s in reversed(hub.process_starts(server)) if s.process_id == process_id and s.exit), None)
