"""What became of the readers' requests: counts, times and the share of hits, from the schedule and the log alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from workbench.load.plan import LoadPlan, read_stop
from workbench.load.summary import Percentiles, percentiles
from workbench.metrics.tables import ReadTable
from workbench.records.folder import RunFolder, dump_json
from workbench.records.reads import READ_DTYPE, READS_FILE, CacheWord, RequestKind
from workbench.records.writes import Rows, read_rows

SUMMARY_FILE: Final = "readers.json"
WINDOW_S: Final = 1.0  # of the hits over time
OK: Final = 200
UNKNOWN: Final = 404  # the hub knows nothing of that device
LATE_S: Final = 0.1  # a request sent so late waited for a free user
BUSY_ANSWERS: Final = 20
BUSY_ANSWERS_MIN: Final = 60  # of hits and of others
BUSY_S_MIN: Final = 0.0005


@dataclass(frozen=True)
class ReadSummary:
    """The readers' whole load. `by_status` has "0" for requests without an answer; planned = sent + not_sent."""

    planned: int
    sent: int
    not_sent: int  # still waiting for a free user at the stop, or under way in a process that was killed
    by_status: Mapping[str, int]
    by_cache: Mapping[str, int]  # of the states answered with 200: hit, miss, away
    logins_by_status: Mapping[str, int]
    answer_s: Percentiles  # answered with 200: answered minus intended
    slip_s: Percentiles  # sent minus intended: how long the readers' own users were all busy
    hit_ratio: float  # hits over all answered with 200; NaN without any
    t_s: list[float]  # start of each window, s since the load's start
    answered_per_s: list[float]  # with 200, by answer time
    hit_ratio_of_window: list[float]  # NaN where nothing was answered with 200


def summarize_reads(run: RunFolder, plan: LoadPlan) -> ReadSummary:
    """Return what became of the readers' requests that were intended before the stop."""
    rows = _rows(run.load)
    states, logins = rows[rows["kind"] == RequestKind.STATE], rows[rows["kind"] == RequestKind.LOGIN]
    planned = int(np.count_nonzero(plan.reads().intended_s < read_stop(run.load)))
    answered = states[states["status"] == OK]
    t_s, per_s, ratio = _over_time(answered, plan.start_s)
    return ReadSummary(
        planned=planned,
        sent=len(states),
        not_sent=planned - len(states),
        by_status=_counts(states["status"]),
        by_cache={word.name.lower(): int(np.count_nonzero(answered["cache"] == word)) for word in list(CacheWord)[1:]},
        logins_by_status=_counts(logins["status"]),
        answer_s=percentiles(answered["answered_s"] - answered["intended_s"]),
        slip_s=percentiles(states["sent_s"] - states["intended_s"]),
        hit_ratio=float(np.mean(answered["cache"] == CacheWord.HIT)) if len(answered) else math.nan,
        t_s=t_s,
        answered_per_s=per_s,
        hit_ratio_of_window=ratio,
    )


def read_table(load: Path, zero_s: float) -> ReadTable:
    """Return what became of every request for states so far, times relative to `zero_s` (epoch s)."""
    states = _states(load)
    answered = np.isin(states["status"], (OK, UNKNOWN))
    hit = (states["status"] == OK) & (states["cache"] == CacheWord.HIT)
    return ReadTable(states["intended_s"] - zero_s, states["answered_s"] - zero_s, answered, hit)


def write_reads_summary(run: RunFolder, plan: LoadPlan) -> None:
    """Write load/readers.json."""
    (run.load / SUMMARY_FILE).write_bytes(dump_json(asdict(summarize_reads(run, plan))))


def gateway_busy_s(load: Path) -> tuple[float, ...]:
    """Return how long the gateway took a hit, and how much more of anything else (s), while requests waited for it.

    Judged where it never rests: from the load's start, when requests wait for the readers' start, until one is in time;
    () where that is too short to tell. Least squares over BUSY_ANSWERS answers in a row.
    """
    states = _states(load)
    states = states[np.argsort(states["answered_s"], kind="stable")]
    in_time = np.flatnonzero(states["sent_s"] - states["intended_s"] < LATE_S)
    late = states[: in_time[0]] if len(in_time) else states
    hit = (late["cache"] == CacheWord.HIT).astype(np.float64)
    if min(np.count_nonzero(hit), np.count_nonzero(hit == 0.0)) < BUSY_ANSWERS_MIN:
        return ()
    steps = np.arange(0, len(late) - 1 - BUSY_ANSWERS, BUSY_ANSWERS)
    took_s = late["answered_s"][steps + BUSY_ANSWERS] - late["answered_s"][steps]
    others = np.array([np.count_nonzero(hit[step + 1 : step + 1 + BUSY_ANSWERS] == 0.0) for step in steps])
    (hit_s, more_s), _ = nnls(np.column_stack([np.full(len(steps), float(BUSY_ANSWERS)), others]), took_s)
    return tuple(round(max(float(each), BUSY_S_MIN), 6) for each in (hit_s, more_s))


def _rows(load: Path) -> Rows:
    path = load / READS_FILE
    return read_rows([path] if path.exists() else [], READ_DTYPE)


def _states(load: Path) -> Rows:
    rows = _rows(load)
    states: Rows = rows[rows["kind"] == RequestKind.STATE]
    return states


def _counts(status: npt.NDArray[np.int32]) -> dict[str, int]:
    values, counts = np.unique(status, return_counts=True)
    return {str(value): count for value, count in zip(values.tolist(), counts.tolist(), strict=True)}


def _over_time(answered: Rows, start_s: float) -> tuple[list[float], list[float], list[float]]:
    """Return windows (s since the start), answers/s and the share of hits in each."""
    if not len(answered):
        return [], [], []
    window = np.maximum(((answered["answered_s"] - start_s) / WINDOW_S).astype(np.int64), 0)
    counts = np.bincount(window)
    hits = np.bincount(window, weights=answered["cache"] == CacheWord.HIT)
    ratio = np.divide(hits, counts, out=np.full(len(counts), np.nan), where=counts > 0)
    return (np.arange(len(counts)) * WINDOW_S).tolist(), (counts / WINDOW_S).tolist(), ratio.tolist()
