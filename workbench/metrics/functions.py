"""The one pure function behind each metric and series of the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

import numpy as np

from workbench.metrics.tables import NAN, BoolArray, Evidence, FloatArray, WriteTable

LATE_S: Final = 1.0  # an event acknowledged later than this after its intended time came late
SILENCE_S: Final = 1.0  # a partition silent for longer was hit
DRAINED_FOR_S: Final = 5.0  # the backlog must stay back for this long
DRAINED_SHARE: Final = 0.6
BACKLOG_STEP_S: Final = 0.05  # grid on which the drained condition is judged
P99_IS_MAX_UP_TO: Final = 100  # of so many values the largest has rank ceil(0.99 n)
GRID_STEP_S: Final = 0.25  # grid of every curve


def _once[T](evidence: Evidence, key: str, compute: Callable[[], T]) -> T:
    """Return the cached intermediate result `key`, computing it the first time."""
    if key not in evidence.cache:
        evidence.cache[key] = compute()
    return cast(T, evidence.cache[key])


def _devices(evidence: Evidence) -> WriteTable:
    """The devices' rows, picked out once."""
    return _once(evidence, "devices", evidence.writes.devices)


def _percentile(ordered: FloatArray, percent: float) -> float:
    """Percentile of ascending values, linear between them (as np.percentile, without sorting again); NaN of none."""
    if len(ordered) == 0:
        return NAN
    place = (len(ordered) - 1) * (percent / 100.0)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (ordered[high] - ordered[low]) * (place - low))


def longest_silence(
    intended_s: FloatArray, acked_s: FloatArray, end_s: float, answered_before_s: float = -np.inf
) -> tuple[float, float]:
    """Return start and end (s) of the longest interval without an acknowledgement while a write is outstanding.

    A write that was never acknowledged is outstanding until `end_s`. `answered_before_s` is the last
    acknowledgement of writes that are left out. (NaN, NaN) without any write.
    """
    if len(intended_s) == 0:
        return NAN, NAN
    answered = np.where(np.isnan(acked_s), end_s, acked_s)
    order = np.argsort(answered)
    answered = answered[order]
    earliest_outstanding = np.minimum.accumulate(intended_s[order][::-1])[::-1]
    previous = np.concatenate([[answered_before_s], answered[:-1]])
    start = np.maximum(previous, earliest_outstanding)
    longest = int(np.argmax(answered - start))
    return float(start[longest]), float(answered[longest])


def silent_spans(evidence: Evidence) -> FloatArray:
    """Return (partitions, 2): start and end of each partition's longest silence that ends after the fault."""

    def compute() -> FloatArray:
        writes = evidence.writes
        end_s = evidence.moments.load_end_s
        spans = np.full((evidence.partitions, 2), NAN)
        narrow = np.int16 if evidence.partitions < 2**15 else np.int64  # numpy sorts 16-bit integers by radix
        order = np.argsort(writes.partition.astype(narrow), kind="stable")
        intended_s, acked_s = writes.intended_s[order], writes.acked_s[order]
        edges = np.concatenate([[0], np.cumsum(np.bincount(writes.partition, minlength=evidence.partitions))])
        for index in range(evidence.partitions):
            part = slice(edges[index], edges[index + 1])
            before = acked_s[part] < 0.0
            last_before_s = float(np.max(acked_s[part], initial=-np.inf, where=before))
            spans[index] = longest_silence(intended_s[part][~before], acked_s[part][~before], end_s, last_before_s)
        return spans

    return _once(evidence, "silent_spans", compute)


def kafka_unavailable_s(evidence: Evidence) -> float:
    """Longest silence of the worst partition, s."""
    spans = silent_spans(evidence)
    return float(np.nanmax(spans[:, 1] - spans[:, 0])) if np.isfinite(spans).any() else NAN


def kafka_unavailable_s_least(evidence: Evidence) -> float:
    """Longest silence of the least affected partition, s."""
    spans = silent_spans(evidence)
    return float(np.nanmin(spans[:, 1] - spans[:, 0])) if np.isfinite(spans).any() else NAN


def kafka_partitions_hit(evidence: Evidence) -> float:
    """Partitions whose longest silence exceeds SILENCE_S."""
    spans = silent_spans(evidence)
    return float(np.count_nonzero(spans[:, 1] - spans[:, 0] > SILENCE_S))


def all_partitions_acked_s(evidence: Evidence) -> float:
    """When the last of the silent partitions acknowledged again, s after the fault; NaN if none was hit."""
    spans = silent_spans(evidence)
    hit = spans[:, 1] - spans[:, 0] > SILENCE_S
    if not hit.any() or np.isnan(evidence.writes.acked_s).all():
        return NAN
    return float(np.max(spans[hit, 1]))


def _device_backlog_columns(evidence: Evidence) -> tuple[FloatArray, FloatArray]:
    """Sorted intended and sorted committed times of the devices' events."""

    def compute() -> tuple[FloatArray, FloatArray]:
        devices = _devices(evidence)
        committed = devices.committed_s[~np.isnan(devices.committed_s)]
        return np.sort(devices.intended_s), np.sort(committed)

    return _once(evidence, "backlog_columns", compute)


def backlog_at(evidence: Evidence, t_s: FloatArray) -> FloatArray:
    """Return pipeline_backlog_events at each time: intended by t minus committed by t, canary apart."""
    intended, committed = _device_backlog_columns(evidence)
    before = np.searchsorted(intended, t_s, side="right") - np.searchsorted(committed, t_s, side="right")
    return before.astype(np.float64)


def backlog_drained_s(evidence: Evidence) -> float:
    """When the backlog, less lost events, is back inside its baseline p99 and stays there for DRAINED_FOR_S.

    It stays when it is inside for most (DRAINED_SHARE) of that time: the baseline itself is outside now and
    then, and a machine that other programs disturb more often. A short dip within a drain does not count.
    """

    def compute() -> float:
        moments = evidence.moments
        baseline = backlog_at(evidence, np.arange(moments.baseline_start_s, moments.baseline_end_s, BACKLOG_STEP_S))
        bound = _percentile(np.sort(baseline), 99.0)
        grid = np.arange(0.0, moments.load_end_s, BACKLOG_STEP_S)
        if len(grid) == 0 or np.isnan(bound):
            return NAN
        backlog = backlog_at(evidence, grid) - evidence.counts.acknowledged_lost
        peak = int(np.argmax(backlog))
        if backlog[peak] <= bound:
            return 0.0
        inside = backlog[peak:] <= bound
        steps = round(DRAINED_FOR_S / BACKLOG_STEP_S)
        if len(inside) < steps:
            return NAN
        count = np.concatenate([[0], np.cumsum(inside)])
        stays = inside[: len(inside) - steps + 1] & (count[steps:] - count[:-steps] >= DRAINED_SHARE * steps)
        first = np.flatnonzero(stays)
        return float(grid[peak + first[0]]) if len(first) else NAN

    return _once(evidence, "backlog_drained_s", compute)


def pipeline_backlog_events_max(evidence: Evidence) -> float:
    """Highest backlog after the fault, events; exact (judged at every intended time)."""
    intended, committed = _device_backlog_columns(evidence)
    after = intended[intended >= 0.0]
    if len(after) == 0:
        return NAN
    first = len(intended) - len(after)
    waiting = first + np.arange(1, len(after) + 1) - np.searchsorted(committed, after, side="right")
    return float(np.max(waiting))


def pipeline_backlog_event_s(evidence: Evidence) -> float:
    """Area under the backlog from the fault until it drained, event-seconds."""
    drained = backlog_drained_s(evidence)
    if np.isnan(drained):
        return NAN
    grid = np.arange(0.0, drained, BACKLOG_STEP_S)
    return float(np.sum(backlog_at(evidence, grid)) * BACKLOG_STEP_S)


def pipeline_drain_s(evidence: Evidence) -> float:
    """From the last silent partition's first acknowledgement to the backlog drained, s; 0 if it drained before.

    Where no partition was silent for over SILENCE_S the clock starts with the fault.
    """
    drained = backlog_drained_s(evidence)
    start = 0.0 if kafka_partitions_hit(evidence) == 0.0 else all_partitions_acked_s(evidence)
    return float(np.maximum(0.0, drained - start))  # which, unlike max, keeps NaN


def events_late(evidence: Evidence) -> float:
    """Device events after the fault acknowledged later than LATE_S after their intended time, or never."""
    devices = _devices(evidence)
    sojourn_s = devices.acked_s - devices.intended_s
    late = np.isnan(sojourn_s) | (sojourn_s > LATE_S)
    return float(np.count_nonzero(late & _touched_by_fault(devices)))


def _touched_by_fault(writes: WriteTable) -> BoolArray:
    """Writes intended after the fault, or outstanding when it struck."""
    touched: BoolArray = (writes.intended_s >= 0.0) | ~(writes.acked_s < 0.0)
    return touched


def _sojourn_percentile(evidence: Evidence, column: str, window: str, percent: float) -> float:
    """Percentile of (acked or committed) minus intended over the device events of a window, s."""

    def compute() -> FloatArray:
        devices = _devices(evidence)
        start_s, end_s = _window(evidence, window)
        inside = (devices.intended_s >= start_s) & (devices.intended_s < end_s)
        done = devices.acked_s if column == "ack" else devices.committed_s
        sojourn_s = done[inside] - devices.intended_s[inside]
        return np.sort(sojourn_s[~np.isnan(sojourn_s)])

    sojourn_s = _once(evidence, f"sojourn/{column}/{window}", compute)
    return _percentile(sojourn_s, percent)


def _window(evidence: Evidence, window: str) -> tuple[float, float]:
    """Start and end of a named window, s; (NaN, NaN) selects nothing."""
    moments = evidence.moments
    if window == "steady":
        return moments.baseline_start_s, moments.baseline_end_s
    if window == "during":
        return 0.0, all_partitions_acked_s(evidence)
    drained = backlog_drained_s(evidence)
    return drained, moments.load_end_s


def sojourn_metric(column: str, window: str, percent: float) -> Callable[[Evidence], float]:
    """Return the metric function for a percentile of acknowledgement ("ack") or commit ("commit") time."""

    def metric(evidence: Evidence) -> float:
        return _sojourn_percentile(evidence, column, window, percent)

    metric.__doc__ = f"{column} p{percent:g} of the events intended {window}, s."
    return metric


def broker_detect_s(evidence: Evidence) -> float:
    """From the fault to the victim's id gone from ZooKeeper, s."""
    return evidence.moments.broker_deregistered_s


def leader_election_s(evidence: Evidence) -> float:
    """From the victim's id gone to no partition led by it, s."""
    return float(np.maximum(0.0, evidence.moments.leaders_moved_s - evidence.moments.broker_deregistered_s))


def client_reconnect_s(evidence: Evidence) -> float:
    """From the leaders moved to the last silent partition's first acknowledgement, s."""
    return all_partitions_acked_s(evidence) - evidence.moments.leaders_moved_s


def broker_down_s(evidence: Evidence) -> float:
    """From the fault to the victim registered again, s; includes the restart rule's waits."""
    return evidence.moments.broker_registered_s


def broker_start_s(evidence: Evidence) -> float:
    """From the start of the process that registered to its registration, s."""
    return evidence.moments.broker_registered_s - evidence.moments.registering_process_started_s


def catch_up_s(evidence: Evidence) -> float:
    """From the victim registered to every in-sync-replica set full, s."""
    return evidence.moments.isr_full_s - evidence.moments.broker_registered_s


def broker_rejoin_s(evidence: Evidence) -> float:
    """From the start of the process that registered to every in-sync-replica set full, s."""
    return evidence.moments.isr_full_s - evidence.moments.registering_process_started_s


def isr_full_s(evidence: Evidence) -> float:
    """From the fault to every in-sync-replica set full again, s."""
    return evidence.moments.isr_full_s


def acknowledged_records_lost(evidence: Evidence) -> float:
    """Writes acknowledged and not found when Kafka was read to its end."""
    return float(evidence.counts.acknowledged_lost)


def records_duplicated(evidence: Evidence) -> float:
    """Extra copies of a write found in Kafka."""
    return float(evidence.counts.duplicated)


def acked_per_s(evidence: Evidence, grid_s: FloatArray) -> FloatArray:
    """Return device events acknowledged per second in [t, t + GRID_STEP_S) for each t of the grid."""
    acked_s = _devices(evidence).acked_s
    acked_s = np.sort(acked_s[~np.isnan(acked_s)])
    edges = np.append(grid_s, grid_s[-1] + GRID_STEP_S)
    return np.diff(np.searchsorted(acked_s, edges)) / GRID_STEP_S


def ack_s_p99_curve(evidence: Evidence, grid_s: FloatArray) -> FloatArray:
    """Return p99 of the acknowledgement time (s) of device events acknowledged in each grid step; NaN if none.

    The value of rank ceil(0.99 n): the largest of up to 100.
    """
    devices = _devices(evidence)
    step = np.floor((devices.acked_s - grid_s[0]) / GRID_STEP_S)
    inside = np.flatnonzero((step >= 0) & (step < len(grid_s)))  # NaN is neither
    step = step[inside].astype(np.int16 if len(grid_s) < 2**15 else np.int64)
    order = inside[np.argsort(step, kind="stable")]
    sojourn_s = devices.acked_s[order] - devices.intended_s[order]
    counts = np.bincount(step, minlength=len(grid_s))
    edges = np.concatenate([[0], np.cumsum(counts)])
    curve = np.full(len(grid_s), NAN)
    filled = np.flatnonzero(counts)
    if len(filled):
        curve[filled] = np.maximum.reduceat(sojourn_s, edges[filled])
    for place in np.flatnonzero(counts > P99_IS_MAX_UP_TO):
        rank = int(np.ceil(0.99 * counts[place])) - 1
        curve[place] = np.partition(sojourn_s[edges[place] : edges[place + 1]], rank)[rank]
    return curve
