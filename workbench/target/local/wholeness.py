"""Whether a hub is whole, what is missing in words, and the undo that brings it back."""

from __future__ import annotations

import math
import signal
import time
from typing import TYPE_CHECKING, Final

from workbench.errors import ToolFailed
from workbench.target.local import kubegres_steps
from workbench.target.local.frozen import is_frozen, thaw_children
from workbench.target.local.servers import broker_data
from workbench.target.local.small_disk import free, is_small_disk, seen_from_outside
from workbench.target.port import UndoResult
from workbench.target.victims import POSTGRES
from workbench.target.wholeness import WHOLE, what_is_missing

if TYPE_CHECKING:
    from workbench.target.local.hub import LocalHub

UNDO_TIMEOUT_S: Final = 120.0  # the longest session time-out of the overlays, a start and the catch-up
UNDO_POLL_S: Final = 0.25
UNDO_RETRY_S: Final = 10.0  # a server that ended again is started again after this long


def undo(hub: LocalHub) -> UndoResult:
    """Free full disks, thaw and start what does not run, without waiting for its restart, until the hub is whole.

    Idempotent: a hub that is whole is only looked at.
    """
    deadline_s = time.monotonic() + UNDO_TIMEOUT_S
    tried_s: dict[str, float] = {}
    for status in hub.processes():
        if status.is_server and status.process_id and is_frozen(status.process_id):
            hub.control.signal(status.name, signal.SIGCONT, status.process_id)
        if status.name.startswith(POSTGRES) and status.process_id:
            thaw_children(status.process_id)
    supervisor = hub.control.supervisor()
    for broker in hub.topology.kafka.broker_ids:
        found = seen_from_outside(supervisor, broker_data(hub.directory, f"kafka-{broker}"))
        if is_small_disk(found):
            free(found)
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
    """Return what keeps the hub from being whole, in words; "" when nothing does."""
    return what_is_missing(hub, _processes(hub))


def _processes(hub: LocalHub) -> list[str]:
    servers = [status for status in hub.processes() if status.is_server]
    down = [status.name for status in servers if not status.process_id]
    frozen = [status.name for status in servers if status.process_id and is_frozen(status.process_id)]
    return [
        f"{', '.join(down)} not running" if down else "",
        f"{', '.join(frozen)} stopped by a signal" if frozen else "",
        "a fail-over of Postgres not over" if kubegres_steps.is_under_way(hub.failover_steps()) else "",
    ]


def _start_what_is_down(hub: LocalHub, tried_s: dict[str, float]) -> None:
    """Start every server that does not run; when each was tried is kept in `tried_s`."""
    try:
        registered = {f"kafka-{broker}" for broker in hub.registered_brokers()}
    except ToolFailed:  # without a quorum nobody can tell: whoever keeps the metadata is started first
        registered = {f"kafka-{broker}" for broker in hub.topology.kafka.broker_ids}
    for status in hub.processes():
        # A broker whose old session lives would find its own id taken and exit (NodeExists).
        recently = time.monotonic() - tried_s.get(status.name, -math.inf) < UNDO_RETRY_S
        # What Kubegres's stand-in owns only it starts: an old primary on its own data would be a second primary.
        startable = status.is_server and status.restarts and status.name not in registered
        if startable and not status.process_id and not recently:
            hub.control.start(status.name)
            tried_s[status.name] = time.monotonic()
