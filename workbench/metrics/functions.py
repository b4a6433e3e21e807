"""The one pure function behind each metric and series of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, cast

import numpy as np

from workbench.metrics import counting
from workbench.metrics.tables import NAN, Evidence, FloatArray
from workbench.ordering import ascending, in_order

LATE_S: Final = 1.0  # an event acknowledged later than this after its intended time came late
SILENCE_S: Final = 1.0  # a partition silent for longer was hit
DRAINED_FOR_S: Final = 5.0  # the backlog must stay back for this long
DRAINED_SHARE: Final = 0.6
NEVER_LEFT_SHARE: Final = 0.9
PASSED_OVER_S: Final = 5.0  # a partition's rows come in its order: producers differ by a linger, processors by a batch
BACKLOG_STEP_S: Final = 0.05  # grid on which the drained condition is judged
P99_IS_MAX_UP_TO: Final = 100  # of so many values the largest has rank ceil(0.99 n)
GRID_STEP_S: Final = 0.25  # grid of every curve
SOJOURN_PERCENTS: Final = (50.0, 95.0, 99.0)  # of the times to acknowledgement and to the row


def once[T](evidence: Evidence, key: str, compute: Callable[[], T]) -> T:
    """Return the cached intermediate result `key`, computing it the first time."""
    if key not in evidence.cache:
        evidence.cache[key] = compute()
    return cast(T, evidence.cache[key])


def _devices(evidence: Evidence) -> tuple[FloatArray, FloatArray, FloatArray]:
    """When the devices' events were intended, acked and committed: columns (s), picked out once."""

    def compute() -> tuple[FloatArray, FloatArray, FloatArray]:
        writes = evidence.writes
        return counting.without_canary(writes.canary, writes.intended_s, writes.acked_s, writes.committed_s)

    return once(evidence, "devices", compute)


def percentiles_of(values: FloatArray, percents: Sequence[float]) -> dict[float, float]:
    """Return these percentiles of values in any order, each as `percentile_of` gives it of ascending ones."""
    if len(values) == 0:
        return dict.fromkeys(percents, NAN)
    around = [_around(len(values), percent) for percent in percents]
    places = np.array([place for low, high, _ in around for place in (low, high)])
    pairs = counting.in_their_places(values, places).reshape(-1, 2)
    rows = zip(percents, around, pairs, strict=True)
    return {percent: float(low + (high - low) * share) for percent, (_, _, share), (low, high) in rows}


def percentile_of(ordered: FloatArray, percent: float) -> float:
    """Percentile of ascending values, linear between them (as np.percentile, without sorting again); NaN of none."""
    if len(ordered) == 0:
        return NAN
    low, high, share = _around(len(ordered), percent)
    return float(ordered[low] + (ordered[high] - ordered[low]) * share)


def _around(count: int, percent: float) -> tuple[int, int, float]:
    """Return between which two of so many ascending values a percentile lies, and how far from the first."""
    place = (count - 1) * (percent / 100.0)
    low = int(place)
    return low, min(low + 1, count - 1), place - low


def silent_spans(evidence: Evidence) -> FloatArray:
    """Return (partitions, 2): start and end of each partition's longest silence that ends after the fault.

    A silence is an interval without an acknowledgement while a write is outstanding. A write that was never
    acknowledged is outstanding until the load's end. (NaN, NaN) without any write.
    """
    return once(evidence, "silent_spans", lambda: _longest_silences(evidence, evidence.writes.acked_s))


def spans(evidence: Evidence, of_rows: bool) -> FloatArray:
    """Return the silences that a fault is shown by: of committed rows where producers are not hit, else of answers."""
    return rowless_spans(evidence) if of_rows else silent_spans(evidence)


def rowless_spans(evidence: Evidence) -> FloatArray:
    """Return the same of committed rows in place of acknowledgements."""
    return once(evidence, "rowless_spans", lambda: _longest_silences(evidence, evidence.writes.committed_s))


def _longest_silences(evidence: Evidence, done_s: FloatArray) -> FloatArray:
    writes = evidence.writes
    answered_s, before_s = counting.answers(writes.partition, done_s, evidence.moments.load_end_s, evidence.partitions)
    return counting.longest_silences(writes.partition, writes.intended_s, answered_s, ascending(answered_s), before_s)


def _over(found: FloatArray, done_s: FloatArray) -> float:
    """Return when the last span of over SILENCE_S ended (s after the fault); NaN without one or if nothing was done."""
    hit = found[:, 1] - found[:, 0] > SILENCE_S
    return float(np.max(found[hit, 1])) if hit.any() and not np.isnan(done_s).all() else NAN


def kafka_unavailable_s(evidence: Evidence) -> float:
    """Longest silence of the worst partition, s."""
    found = silent_spans(evidence)
    return float(np.nanmax(found[:, 1] - found[:, 0])) if np.isfinite(found).any() else NAN


def kafka_unavailable_s_least(evidence: Evidence) -> float:
    """Longest silence of the least affected partition, s."""
    found = silent_spans(evidence)
    return float(np.nanmin(found[:, 1] - found[:, 0])) if np.isfinite(found).any() else NAN


def kafka_partitions_hit(evidence: Evidence) -> float:
    """Partitions whose longest silence exceeds SILENCE_S."""
    found = silent_spans(evidence)
    return float(np.count_nonzero(found[:, 1] - found[:, 0] > SILENCE_S))


def all_partitions_acked_s(evidence: Evidence) -> float:
    """When the last of the silent partitions acknowledged again, s after the fault; NaN if none was hit."""
    acked_s = evidence.writes.acked_s
    return once(evidence, "all_partitions_acked_s", lambda: _over(silent_spans(evidence), acked_s))


def all_partitions_committed_s(evidence: Evidence) -> float:
    """When the last partition without rows for over 1 s had one again, s after the fault; NaN if none was hit."""
    committed_s = evidence.writes.committed_s
    return once(evidence, "all_partitions_committed_s", lambda: _over(rowless_spans(evidence), committed_s))


def pipeline_unavailable_s(evidence: Evidence) -> float:
    """Longest interval in which a partition's events wait and none of their rows is committed, worst partition, s."""
    found = rowless_spans(evidence)
    return float(np.nanmax(found[:, 1] - found[:, 0])) if np.isfinite(found).any() else NAN


def backlog_at(evidence: Evidence, t_s: FloatArray) -> FloatArray:
    """Return pipeline_backlog_events at each of ascending times: intended minus committed by then, canary apart."""
    intended_s, _, committed_s = _devices(evidence)
    before = counting.counts_until(intended_s, t_s) - counting.counts_until(committed_s, t_s)
    return before.astype(np.float64)


def _backlog_after(evidence: Evidence) -> tuple[FloatArray, FloatArray]:
    """Times from the fault to the load's end, every BACKLOG_STEP_S, and the backlog at each."""

    def compute() -> tuple[FloatArray, FloatArray]:
        grid = np.arange(0.0, evidence.moments.load_end_s, BACKLOG_STEP_S)
        return grid, backlog_at(evidence, grid)

    return once(evidence, "backlog_after", compute)


def backlog_drained_s(evidence: Evidence) -> float:
    """When the backlog, less what was passed over, is back inside its baseline p99 and stays there for DRAINED_FOR_S.

    Passed over is an event without a row from whose partition one has a row that was intended PASSED_OVER_S later:
    it was lost, and its row will never come.

    It stays when it is inside for most (DRAINED_SHARE) of that time: the baseline itself is outside now and
    then, and a machine that other programs disturb more often. A short dip within a drain does not count. Where it
    is inside for nearly all (NEVER_LEFT_SHARE) of any so long stretch after the fault, it never left.
    """

    def compute() -> float:
        moments = evidence.moments
        baseline = backlog_at(evidence, np.arange(moments.baseline_start_s, moments.baseline_end_s, BACKLOG_STEP_S))
        bound = percentile_of(np.sort(baseline), 99.0)
        grid, backlog = _backlog_after(evidence)
        if len(grid) == 0 or np.isnan(bound):
            return NAN
        writes = evidence.writes
        backlog = backlog - counting.passed_over(
            writes.partition, writes.canary, writes.intended_s, writes.committed_s, evidence.partitions, PASSED_OVER_S
        )
        peak = int(np.argmax(backlog))
        if backlog[peak] <= bound:
            return 0.0
        inside = backlog <= bound
        steps = round(DRAINED_FOR_S / BACKLOG_STEP_S)
        if len(inside) < steps:
            return NAN
        count = np.concatenate([[0], np.cumsum(inside)])
        following = count[steps:] - count[:-steps]  # how many of the next DRAINED_FOR_S are inside, from each look on
        if following.min() >= NEVER_LEFT_SHARE * steps:
            return 0.0
        first = np.flatnonzero((inside[: len(following)] & (following >= DRAINED_SHARE * steps))[peak:])
        return float(grid[peak + first[0]]) if len(first) else NAN

    return once(evidence, "backlog_drained_s", compute)


def pipeline_backlog_events_max(evidence: Evidence) -> float:
    """Highest backlog after the fault, events; exact (judged at every intended time)."""
    intended_s, _, committed_s = _devices(evidence)
    before, done = intended_s < 0.0, committed_s < 0.0
    waiting = int(np.count_nonzero(before)) - int(np.count_nonzero(done))
    later_s = np.sort(intended_s[~before], kind="stable")  # at once where they are in order, as the model's are
    highest = counting.highest_backlog(later_s, in_order(committed_s[~done]), waiting)
    return float(highest) if highest >= 0 else NAN


def pipeline_backlog_event_s(evidence: Evidence) -> float:
    """Area under the backlog from the fault until it drained, event-seconds."""
    drained = backlog_drained_s(evidence)
    if np.isnan(drained):
        return NAN
    _, backlog = _backlog_after(evidence)
    return float(np.sum(backlog[: int(np.ceil(drained / BACKLOG_STEP_S))]) * BACKLOG_STEP_S)


def pipeline_drain_s(evidence: Evidence) -> float:
    """From the last silent partition's first acknowledgement to the backlog drained, s; 0 if it drained before.

    Where an event processor or Postgres was away as well, or alone, the clock starts when every partition has a
    processor again and Postgres takes writes again, with the end of a load's burst; else with the fault.
    """
    drained = backlog_drained_s(evidence)
    acked_s = all_partitions_acked_s(evidence) if _silenced(evidence) else 0.0
    start = np.maximum(acked_s, _serves_s(evidence))  # which, unlike max, keeps NaN
    return float(np.maximum(0.0, drained - start))


def _silenced(evidence: Evidence) -> bool:
    """Tell whether partitions were silent; beside a burst of the load an answer that took longer is no outage."""
    return kafka_partitions_hit(evidence) > 0.0 and bool(np.isnan(evidence.moments.burst_ended_s))


def _serves_s(evidence: Evidence, otherwise: float = 0.0) -> float:
    """Return when what stopped the rows serves again (s after the fault); `otherwise` where nothing was away."""
    moments = evidence.moments
    back = (moments.group_whole_s, moments.postgres_writes_s, moments.burst_ended_s)
    return max((each for each in back if not np.isnan(each)), default=otherwise)


def events_late(evidence: Evidence) -> float:
    """Device events after the fault acknowledged later than LATE_S after their intended time, or never."""
    intended_s, acked_s, _ = _devices(evidence)
    return float(counting.late_or_never(intended_s, acked_s, LATE_S))


def _sojourn_percentile(evidence: Evidence, column: str, window: str, percent: float) -> float:
    """Percentile of (acked or committed) minus intended over the device events of a window, s."""

    def compute() -> dict[float, float]:
        intended_s, acked_s, committed_s = _devices(evidence)
        done_s = acked_s if column == "ack" else committed_s
        sojourn_s = counting.sojourns(intended_s, done_s, *_window(evidence, window))
        return percentiles_of(sojourn_s, SOJOURN_PERCENTS)

    return once(evidence, f"sojourn/{column}/{window}", compute)[percent]


def _window(evidence: Evidence, window: str) -> tuple[float, float]:
    """Start and end of a named window, s; (NaN, NaN) selects nothing."""
    moments = evidence.moments
    if window == "steady":
        return moments.baseline_start_s, moments.baseline_end_s
    if window == "during":
        return 0.0, all_partitions_acked_s(evidence) if _silenced(evidence) else _serves_s(evidence, NAN)
    drained = backlog_drained_s(evidence)
    return drained, moments.load_end_s


def sojourn_metric(column: str, window: str, percent: float) -> Callable[[Evidence], float]:
    """Return the metric function for a percentile of acknowledgement ("ack") or commit ("commit") time."""

    def metric(evidence: Evidence) -> float:
        return _sojourn_percentile(evidence, column, window, percent)

    metric.__doc__ = f"{column} p{percent:g} of the events intended {window}, s."
    return metric


def rows_lost(evidence: Evidence) -> float:
    """Events that are in Kafka and, when the event processors have caught up, have no row: their offsets are past."""
    return float(evidence.counts.rows_lost)


def acknowledged_records_lost(evidence: Evidence) -> float:
    """Writes acknowledged and not found when Kafka was read to its end."""
    return float(evidence.counts.acknowledged_lost)


def records_duplicated(evidence: Evidence) -> float:
    """Extra copies of a write found in Kafka."""
    return float(evidence.counts.duplicated)


def acked_per_s(evidence: Evidence, grid_s: FloatArray) -> FloatArray:
    """Return device events acknowledged per second in [t, t + GRID_STEP_S) for each t of the grid."""
    _, acked_s, _ = _devices(evidence)
    edges = np.append(grid_s, grid_s[-1] + GRID_STEP_S)
    return np.diff(counting.counts_before(acked_s, edges)) / GRID_STEP_S


def ack_s_p99_curve(evidence: Evidence, grid_s: FloatArray) -> FloatArray:
    """Return p99 of the acknowledgement time (s) of device events acknowledged in each grid step; NaN if none.

    The value of rank ceil(0.99 n): the largest of up to 100.
    """
    intended_s, acked_s, _ = _devices(evidence)
    return counting.p99_per_step(intended_s, acked_s, grid_s[0], GRID_STEP_S, len(grid_s), P99_IS_MAX_UP_TO)
