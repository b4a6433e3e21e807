"""What became of the readers' requests: counts, times and the share of hits, from the schedule and the log alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from workbench.load.plan import LoadPlan, read_stop
from workbench.load.summary import Percentiles, percentiles
from workbench.records.folder import RunFolder, dump_json
from workbench.records.reads import READ_DTYPE, READS_FILE, CacheWord, RequestKind
from workbench.records.writes import Rows, read_rows

SUMMARY_FILE: Final = "readers.json"
WINDOW_S: Final = 1.0  # of the hits over time
OK: Final = 200


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
    path = run.load / READS_FILE
    rows = read_rows([path] if path.exists() else [], READ_DTYPE)
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


def write_reads_summary(run: RunFolder, plan: LoadPlan) -> None:
    """Write load/readers.json."""
    (run.load / SUMMARY_FILE).write_bytes(dump_json(asdict(summarize_reads(run, plan))))


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
