"""What became of the load: the books of a run, recomputed from the schedule and the write logs alone.

Works for a killed run as well: every planned write has exactly one outcome, so the books balance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from workbench.load.plan import LoadPlan, Share, counts_path, read_stop
from workbench.records.folder import RunFolder
from workbench.records.writes import ANSWER_DTYPE, SEND_DTYPE, Outcome, Rows, read_rows
from workbench.workload import CANARY_SOURCE, SOURCE_SHIFT, FloatArray, IntArray

_SEQUENCE_MASK: Final = (1 << SOURCE_SHIFT) - 1


@dataclass(frozen=True)
class LoadCounts:
    """The books: planned = sent + not_sent, sent = ok + failed + unknown."""

    planned: int
    sent: int
    not_sent: int
    ok: int
    failed: int
    unknown: int


@dataclass(frozen=True)
class Percentiles:
    """Of a duration, in seconds; NaN when there is none."""

    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True)
class LoadSummary:
    """The load over one window of intended times (epoch seconds); rates are of the devices' events."""

    start_s: float
    end_s: float
    devices: LoadCounts
    canary: LoadCounts
    topics: Mapping[str, LoadCounts]  # the devices' events
    offered_per_s: float  # planned
    sent_per_s: float  # achieved
    acked_ratio: float  # ok over planned
    slip_s: Percentiles  # devices: sent minus intended, how late the generator itself was
    canary_slip_s: Percentiles
    ack_s: Percentiles  # devices: acknowledged minus intended


@dataclass(frozen=True)
class Fates:
    """Every planned write of some sources, one row each. Times: epoch seconds, NaN where it never happened."""

    id: IntArray
    topic: IntArray
    partition: IntArray
    intended_s: FloatArray
    sent_s: FloatArray
    acked_s: FloatArray
    outcome: npt.NDArray[np.int8]


def summarize(run: RunFolder, plan: LoadPlan, window: tuple[float, float] | None = None) -> LoadSummary:
    """Return the load's summary, of the whole run or of the writes intended in `window` (epoch seconds)."""
    fates = {source: read_fates(run, plan, source) for source in plan.sources}
    devices, canary = _concatenated([fates[source] for source in plan.sources[1:]]), fates[CANARY_SOURCE]
    if window is None:
        window = (plan.start_s, _end_s(run, plan, list(fates.values())))
    else:
        devices, canary = _inside(devices, window), _inside(canary, window)
    counts, length_s = _counts(devices.outcome), window[1] - window[0]
    return LoadSummary(
        start_s=window[0],
        end_s=window[1],
        devices=counts,
        canary=_counts(canary.outcome),
        topics={name: _counts(devices.outcome[devices.topic == index]) for index, name in enumerate(plan.topics)},
        offered_per_s=counts.planned / length_s if length_s > 0.0 else math.nan,
        sent_per_s=counts.sent / length_s if length_s > 0.0 else math.nan,
        acked_ratio=counts.ok / counts.planned if counts.planned else math.nan,
        slip_s=percentiles(devices.sent_s - devices.intended_s),
        canary_slip_s=percentiles(canary.sent_s - canary.intended_s),
        ack_s=percentiles(devices.acked_s - devices.intended_s),
    )


def _end_s(run: RunFolder, plan: LoadPlan, fates: list[Fates]) -> float:
    """Return when the load ended (epoch): the stop, the end of the horizon, or the last write where it is later."""
    last_s = max((float(part.intended_s[-1]) for part in fates if len(part.id)), default=plan.start_s)
    return max(min(read_stop(run.load), plan.start_s + plan.horizon_s), last_s)


def read_fates(run: RunFolder, plan: LoadPlan, source: int) -> Fates:
    """Return what became of each planned write of a source (how they are counted: workbench.records.writes)."""
    share = plan.share(source)
    sends = _rows(run.ledger / f"sends-{source}.bin", SEND_DTYPE)
    answers = _rows(run.ledger / f"answers-{source}.bin", ANSWER_DTYPE)
    planned = _planned(run, plan, share, _reached(plan, sends, answers))
    sent_s, acked_s = np.full(planned, np.nan), np.full(planned, np.nan)
    outcome = np.full(planned, Outcome.NOT_SENT, dtype=np.int8)
    send_at, answer_at = _positions(plan, sends["id"]), _positions(plan, answers["id"])
    sent_s[send_at], outcome[send_at] = sends["sent_s"], Outcome.UNKNOWN
    acked_s[answer_at], outcome[answer_at] = answers["acked_s"], answers["outcome"]
    sent_s[outcome == Outcome.NOT_SENT] = np.nan
    ids = share.ids(np.arange(planned, dtype=np.int64))
    part = slice(planned)
    return Fates(ids, share.topic[part], share.partition[part], share.intended_s[part], sent_s, acked_s, outcome)


def _planned(run: RunFolder, plan: LoadPlan, share: Share, reached: int) -> int:
    """Return how many of the share's writes count as planned: those before the stop, and those handed over anyway.

    Without a stop file: a source that ended in order had planned what it reached; one that was killed had
    planned everything up to the last moment that any source reached.
    """
    stop_s = read_stop(run.load)
    if math.isinf(stop_s):
        if counts_path(run.load, share.source).exists():
            return reached
        stop_s = np.nextafter(_last_intended_s(run, plan), math.inf)
    return max(reached, int(np.searchsorted(share.intended_s, stop_s)))


def _last_intended_s(run: RunFolder, plan: LoadPlan) -> float:
    """Return the latest intended time (epoch) in any send log, the schedule's zero without one."""
    last = [_rows(run.ledger / f"sends-{source}.bin", SEND_DTYPE)["intended_s"] for source in plan.sources]
    return max((float(times[-1]) for times in last if len(times)), default=plan.start_s)


def _reached(plan: LoadPlan, sends: Rows, answers: Rows) -> int:
    """Return how many of a source's writes its logs know of: rows are handed over in order of the sequence."""
    known = _positions(plan, np.concatenate([sends["id"], answers["id"]]))
    return int(known.max()) + 1 if len(known) else 0


def _positions(plan: LoadPlan, ids: Any) -> IntArray:
    """Return where in its source's share each event stands."""
    positions: IntArray = (ids & _SEQUENCE_MASK) - plan.first_sequence
    return positions


def _rows(path: Path, dtype: np.dtype[np.void]) -> Rows:
    """Return a log's rows, none where the source never started."""
    return read_rows([path] if path.exists() else [], dtype)


def _inside(fates: Fates, window: tuple[float, float]) -> Fates:
    """Return the writes intended in the window."""
    keep = (fates.intended_s >= window[0]) & (fates.intended_s < window[1])
    return Fates(*(getattr(fates, name)[keep] for name in Fates.__dataclass_fields__))


def _concatenated(parts: list[Fates]) -> Fates:
    """Return the writes of several sources, source by source."""
    return Fates(*(np.concatenate([getattr(part, name) for part in parts]) for name in Fates.__dataclass_fields__))


def _counts(outcome: npt.NDArray[np.int8]) -> LoadCounts:
    """Return the books of these writes."""
    of = np.bincount(outcome, minlength=len(Outcome)).tolist()
    not_sent = of[Outcome.NOT_SENT]
    sent = len(outcome) - not_sent
    return LoadCounts(len(outcome), sent, not_sent, of[Outcome.OK], of[Outcome.FAILED], of[Outcome.UNKNOWN])


def percentiles(durations_s: FloatArray) -> Percentiles:
    """Return the percentiles of the durations that exist."""
    present = durations_s[~np.isnan(durations_s)]
    if len(present) == 0:
        return Percentiles(math.nan, math.nan, math.nan, math.nan)
    p50, p95, p99, most = np.percentile(present, [50.0, 95.0, 99.0, 100.0]).tolist()
    return Percentiles(p50, p95, p99, most)
