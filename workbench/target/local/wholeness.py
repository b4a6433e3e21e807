"""Whether a hub is whole, what is missing in words, and the undo that brings it back."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from workbench.errors import ToolFailed
from workbench.target.local.injection import is_frozen
from workbench.target.port import UndoResult

if TYPE_CHECKING:
    from workbench.target.local.hub import LocalHub

UNDO_TIMEOUT_S: Final = 120.0  # the longest session time-out of the overlays, a start and the catch-up
UNDO_POLL_S: Final = 0.25
UNDO_RETRY_S: Final = 10.0  # a server that ended again is started again after this long
WHOLE: Final = "every server runs and answers, every broker is registered, every ISR is full"


def undo(hub: LocalHub) -> UndoResult:
    """Thaw and start every server that does not run, without waiting for its restart, until the hub is whole.

    Idempotent: a hub that is whole is only looked at.
    """
    deadline_s = time.monotonic() + UNDO_TIMEOUT_S
    tried_s: dict[str, float] = {}
    for status in hub.processes():
        if status.is_server and status.process_id and is_frozen(status.process_id):
            hub.control.signal(status.name, signal.SIGCONT, status.process_id)
    while True:
        lacking = missing(hub)
        if not lacking:
            did = f"started {', '.join(sorted(tried_s))}; " if tried_s else ""
            return UndoResult(True, f"{did}{WHOLE}")
        if time.monotonic() > deadline_s:
            return UndoResult(False, f"after {UNDO_TIMEOUT_S:.0f} s: {lacking}")
        _start_what_is_down(hub, tried_s)
        time.sleep(UNDO_POLL_S)


def missing(hub: LocalHub) -> str:
    """Return what keeps the hub from being whole, in words; "" when nothing does.

    Looks at processes, ZooKeeper, Kafka, then at the stores and applications; at a later one only when nothing was
    found before, since a question to a hub that is under load costs it something.
    """
    looks: tuple[Callable[[LocalHub], list[str]], ...] = (_processes, _quorum, _kafka, _doors)
    try:
        found = next((words for look in looks if (words := [each for each in look(hub) if each])), [])
    except ToolFailed as error:
        return str(error)
    return "; ".join(found)


def _processes(hub: LocalHub) -> list[str]:
    servers = [status for status in hub.processes() if status.is_server]
    down = [status.name for status in servers if not status.process_id]
    frozen = [status.name for status in servers if status.process_id and is_frozen(status.process_id)]
    return [
        f"{', '.join(down)} not running" if down else "",
        f"{', '.join(frozen)} stopped by a signal" if frozen else "",
    ]


def _quorum(hub: LocalHub) -> list[str]:
    if hub.topology.kafka.quorum is None:
        return _zookeeper(hub)
    return [] if hub.controller() >= 0 else ["no controller leads the quorum"]


def _zookeeper(hub: LocalHub) -> list[str]:
    serving = hub.ensemble().serving
    silent = [f"zookeeper-{each}" for each in hub.topology.zookeeper.server_ids if each not in serving]
    return [f"{', '.join(silent)} serving nobody" if silent else ""]


def _kafka(hub: LocalHub) -> list[str]:
    registered = hub.registered_brokers()
    absent = [f"kafka-{broker}" for broker in hub.topology.kafka.broker_ids if broker not in registered]
    outlived = [f"kafka-{broker}" for broker in registered if _outlived(hub, broker)]
    behind = [label for label, state in hub.partition_states().items() if set(state.isr) != set(state.replicas)]
    return [
        f"{', '.join(absent)} not registered" if absent else "",
        f"{', '.join(sorted(outlived))} registered by a process that has ended" if outlived else "",
        f"{len(behind)} partitions lack in-sync replicas" if behind else "",
    ]


def _doors(hub: LocalHub) -> list[str]:
    standbys, wanted = hub.standbys(), hub.topology.postgres.replicas - 1
    unready = [*hub.doors.unready_processors(), *hub.doors.unready_gateways()]
    return [
        "Postgres takes no writes" if standbys is None else "",
        f"{standbys} of {wanted} standbys connected" if standbys is not None and standbys < wanted else "",
        "" if hub.redis_answers() else "Redis does not answer",
        f"{', '.join(unready)} not ready" if unready else "",
    ]


def _start_what_is_down(hub: LocalHub, tried_s: dict[str, float]) -> None:
    """Start every server that does not run; when each was tried is kept in `tried_s`."""
    try:
        registered = {f"kafka-{broker}" for broker in hub.registered_brokers()}
    except ToolFailed:
        return
    for status in hub.processes():
        # A broker whose old session lives would find its own id taken and exit (NodeExists).
        recently = time.monotonic() - tried_s.get(status.name, -math.inf) < UNDO_RETRY_S
        # What Kubegres's stand-in owns only it starts: an old primary on its own data would be a second primary.
        startable = status.is_server and status.restarts and status.name not in registered
        if startable and not status.process_id and not recently:
            hub.control.start(status.name)
            tried_s[status.name] = time.monotonic()


def _outlived(hub: LocalHub, broker: int) -> bool:
    """Tell whether a broker's registration is older than its process: a dead one's session still holds it."""
    if hub.topology.kafka.quorum is not None:
        return not hub.cluster.answers(broker)
    registered_s = hub.cluster.registered_s(broker)
    starts = hub.process_starts(f"kafka-{broker}")
    return registered_s is not None and bool(starts) and registered_s < starts[-1].started_s
