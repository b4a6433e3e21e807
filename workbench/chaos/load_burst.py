"""Chaos Toolkit actions: let the load burst for a while, prove by the producers' own log that it did, and end it."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from chaoslib.exceptions import InterruptExecution

from workbench.chaos.moments import append, check_moment
from workbench.errors import WorkbenchError
from workbench.fault import SIGNAL_NAMES, FaultType
from workbench.records.load_burst import NO_BURST, NOTICE_S, LoadBurst, read_burst, write_burst
from workbench.records.writes import SEND_DTYPE, read_rows
from workbench.target.port import Injection
from workbench.waiting import sleep_until
from workbench.workload import CANARY_SOURCE

__all__ = ["burst_load", "end_burst"]

LOGGED_S: Final = 1.0  # by then a send is in its log
PROOF_SHARE: Final = 0.9  # of the multiple of the rate; the counts are of some seconds of random arrivals
BEFORE_S_MIN: Final = 10.0  # the usual rate is counted over so long at least


def burst_load(
    load: str, ledger: str, factor: float, for_s: float, moment_s: float = 0.0, at_s: float = 0.0, timeline: str = ""
) -> dict[str, Any]:
    """Let a running load (its folder, and that of its logs) send `factor` times its rate from `moment_s` + `at_s` on.

    `moment_s` in epoch seconds, 0: as soon as can be. Returns after `for_s` with the proof. Appends fault-injected,
    fault-effective and fault-ended to `timeline` when one is given. Raises InterruptExecution when the load did not
    burst. Asked for too late, it begins as soon as can be.
    """
    check_moment(moment_s, at_s)
    soonest_s = time.time() + NOTICE_S  # the sources must hear of it before it begins
    begin_s = max(soonest_s, moment_s + at_s) if moment_s else soonest_s + at_s
    if not Path(load).is_dir() or not Path(ledger).is_dir():
        raise InterruptExecution(f"there is no load to burst in {load or 'an unnamed folder'}")
    burst = LoadBurst(begin_s, begin_s + for_s)
    begun = _injection(burst, False, f"{factor:g} times the rate for {for_s:g} s was asked for")
    try:
        write_burst(Path(load), burst)
        sleep_until(begin_s)
        append(timeline, "fault-injected", begin_s, **asdict(begun))
        sleep_until(burst.end_s + LOGGED_S)
        injection = proof(Path(ledger), burst, factor)
    except (WorkbenchError, OSError) as error:
        raise InterruptExecution(f"the load did not burst: {error}") from error
    append(timeline, "fault-ended", burst.end_s, server=injection.server)
    if not injection.effective:
        raise InterruptExecution(f"the load did not burst: {injection.evidence}")
    append(timeline, "fault-effective", injection.effective_s, **asdict(injection))
    return asdict(injection)


def proof(ledger: Path, burst: LoadBurst, factor: float) -> Injection:
    """Return how many events were sent in a burst, and how many before it, by the devices' write logs."""
    paths = [path for path in sorted(ledger.glob("sends-*.bin")) if path.name != f"sends-{CANARY_SOURCE}.bin"]
    sent_s = np.sort(read_rows(paths, SEND_DTYPE)["sent_s"])
    lasts_s = burst.end_s - burst.begin_s
    before_s = max(lasts_s, BEFORE_S_MIN)
    edges = np.searchsorted(sent_s, [burst.begin_s - before_s, burst.begin_s, burst.end_s])
    usual_per_s, burst_per_s = (edges[1] - edges[0]) / before_s, (edges[2] - edges[1]) / lasts_s
    times = burst_per_s / usual_per_s if usual_per_s > 0.0 else 0.0
    words = f"{edges[2] - edges[1]} events sent in {lasts_s:g} s, {burst_per_s:.0f} a second: {times:.2f} times "
    words += f"the {usual_per_s:.0f} a second of the {before_s:g} s before"
    return _injection(burst, bool(times >= PROOF_SHARE * factor), words)


def _injection(burst: LoadBurst, effective: bool, evidence: str) -> Injection:
    fault = FaultType.LOAD_BURST
    return Injection(fault, "load", 0, SIGNAL_NAMES[fault], burst.begin_s, burst.begin_s, effective, evidence)


def end_burst(load: str, timeline: str = "") -> dict[str, Any]:
    """End a burst that still runs, NOTICE_S from now; safe to call at any time, also when there was none."""
    asked, end_s = read_burst(Path(load)), time.time() + NOTICE_S
    if asked == NO_BURST:
        detail = "the load was not asked to burst"
    elif asked.end_s <= end_s:
        detail = "the burst was over"
    else:
        write_burst(Path(load), LoadBurst(asked.begin_s, max(end_s, asked.begin_s)))
        detail = f"the burst was ended {asked.end_s - end_s:.1f} s early"
    append(timeline, "undo", None, verified=True, detail=detail)
    return {"verified": True, "detail": detail}
