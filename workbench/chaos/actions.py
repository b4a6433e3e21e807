"""Chaos Toolkit actions: do a fault to exactly its resolved victim, and undo it.

A failed injection must end the experiment: Chaos Toolkit goes on after an action that raises and exits 0
(chaoslib 1.45.1, run.py), so these actions raise InterruptExecution, the one exception it lets through.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from chaoslib.exceptions import InterruptExecution

from workbench.chaos.hub import find
from workbench.chaos.moments import append, check_moment
from workbench.errors import BadInput, WorkbenchError
from workbench.fault import CUTS, FREEZES, Fault, FaultType, StoredData, VictimSelector, risks_named
from workbench.target.port import Victim
from workbench.waiting import sleep_until

__all__ = ["inject_fault", "undo_faults"]


def inject_fault(
    fault: str,
    server: str,
    moment_s: float = 0.0,
    at_s: float = 0.0,
    for_s: float = 0.0,
    lag_s: float = 0.0,
    data: str = "kept",
    uids: str = "",
    breaks: str = "",
    target: str = "local",
    hub: str = "",
    timeline: str = "",
) -> dict[str, Any]:
    """Break one server ("kafka-1") at `moment_s` + `at_s` (epoch seconds; 0 = now) and return the proof.

    A silence, a cut or a full disk ends after `for_s`, and this returns then; those that replicate the victim are held
    back for `lag_s` before a kill, which is so much later; Redis killed with its `data` lost starts empty. On a
    cluster the victim must still have its `uids`, and what the fault may break beyond it is named in `breaks`, both
    with commas between. Appends fault-injected, fault-effective and, of the first three, fault-ended to `timeline`
    when one is given. Raises InterruptExecution when the fault could not be done or proved.
    """
    check_moment(moment_s, at_s)
    try:
        with find(target, hub) as victims_hub:
            named, allowed = VictimSelector(server=server), risks_named(breaks)
            wanted = Fault(FaultType(fault), named, at_s, for_s, lag_s, StoredData(data), breaks=allowed)
            victim = victims_hub.resolve(wanted)
            check_pins(uids, victim)
            sleep_until(moment_s + at_s if moment_s else time.time() + at_s)
            injection = victims_hub.inject(wanted, victim)
            append(timeline, "fault-injected", injection.injected_s, **asdict(injection))
            if injection.effective:
                append(timeline, "fault-effective", injection.effective_s, **asdict(injection))
            ends = {
                **dict.fromkeys(FREEZES, victims_hub.thaw),
                **dict.fromkeys(CUTS, victims_hub.heal),
                FaultType.NODE_POWER_OFF: victims_hub.power_on,
                FaultType.DISK_FULL: victims_hub.free_disk,
            }
            if injection.effective and wanted.type in ends:
                sleep_until(injection.injected_s + for_s)
                ended_s = ends[wanted.type](victim)
                append(timeline, "fault-ended", ended_s, server=victim.server)
    except (WorkbenchError, ValueError) as error:
        raise InterruptExecution(f"{fault} of {server} failed: {error}") from error
    if not injection.effective:
        raise InterruptExecution(f"{fault} of {server} was not proved effective: {injection.evidence}")
    return asdict(injection)


def check_pins(uids: str, victim: Victim) -> None:
    """Raise BadInput where a victim is not what was resolved before (its uids): something else has its name now."""
    if uids and victim.uids != uids:
        raise BadInput(f"{victim.server} was replaced since it was chosen ({uids}, now {victim.uids}): it is not hit")


def undo_faults(target: str = "local", hub: str = "", timeline: str = "") -> dict[str, Any]:
    """Bring back whatever a fault took away; safe to call at any time, also when nothing was broken.

    Raises InterruptExecution when the hub is not verified whole afterwards.
    """
    try:
        with find(target, hub) as broken_hub:
            result = broken_hub.undo()
    except WorkbenchError as error:
        raise InterruptExecution(f"the undo failed: {error}") from error
    append(timeline, "undo", None, verified=result.verified, detail=result.detail)
    if not result.verified:
        raise InterruptExecution(f"the undo could not be verified: {result.detail}")
    return asdict(result)
