"""Compiled loops over the write table's columns: counting and picking in one pass, for functions.py.

Columns are of one length, times in seconds since the fault, NaN where something never happened.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from workbench.compilation import compiled
from workbench.metrics.tables import BoolArray, FloatArray, IntArray

COUNTED_BINS: Final = 4096


@compiled
def without_canary(
    canary: BoolArray, intended_s: FloatArray, acked_s: FloatArray, committed_s: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the three columns without the canary's rows, in the same order."""
    columns = np.empty((3, len(canary)))
    count = 0
    for row in range(len(canary)):  # writes every row and keeps the devices': cheaper than to decide first
        columns[0, count], columns[1, count], columns[2, count] = intended_s[row], acked_s[row], committed_s[row]
        count += not canary[row]
    return columns[0, :count], columns[1, :count], columns[2, :count]


@compiled
def passed_over(
    partition: IntArray,
    canary: BoolArray,
    intended_s: FloatArray,
    committed_s: FloatArray,
    partitions: int,
    later_by_s: float,
) -> int:
    """Return how many devices' events have no row while one of their partition, intended so much later, has one."""
    latest_s = np.full(partitions, -np.inf)
    for row in range(len(partition)):
        if not np.isnan(committed_s[row]) and intended_s[row] > latest_s[partition[row]]:
            latest_s[partition[row]] = intended_s[row]
    count = 0
    for row in range(len(partition)):
        if np.isnan(committed_s[row]) and not canary[row]:
            count += intended_s[row] + later_by_s < latest_s[partition[row]]
    return count


@compiled
def counts_before(values_s: FloatArray, times_s: FloatArray) -> IntArray:
    """Return how many of the values, in any order, are before each of the times; NaN is before none.

    The times are ascending. Quick where they are evenly spaced, right for all: a value's place is estimated, then
    moved to where it belongs.
    """
    counts = np.zeros(len(times_s), np.int64)
    if len(times_s) == 0:
        return counts
    per_s = (len(times_s) - 1) / max(times_s[-1] - times_s[0], 1e-9)
    for value_s in values_s:
        if not value_s < times_s[-1]:
            continue
        place = int(max(0.0, (value_s - times_s[0]) * per_s))
        while place > 0 and value_s < times_s[place - 1]:
            place -= 1
        while value_s >= times_s[place]:
            place += 1
        counts[place] += 1
    return np.cumsum(counts)


@compiled
def counts_until(values_s: FloatArray, times_s: FloatArray) -> IntArray:
    """Return how many of the values, in any order, are at or before each of the times; else as counts_before."""
    counts = np.zeros(len(times_s), np.int64)
    if len(times_s) == 0:
        return counts
    per_s = (len(times_s) - 1) / max(times_s[-1] - times_s[0], 1e-9)
    for value_s in values_s:
        if not value_s <= times_s[-1]:
            continue
        place = int(max(0.0, (value_s - times_s[0]) * per_s))
        while place > 0 and value_s <= times_s[place - 1]:
            place -= 1
        while value_s > times_s[place]:
            place += 1
        counts[place] += 1
    return np.cumsum(counts)


@compiled
def highest_backlog(intended_s: FloatArray, committed_s: FloatArray, waiting: int) -> int:
    """Return the most events intended and not committed at any of the intended times; -1 without any.

    Both columns ascending, neither with NaN; `waiting` events were there before the first of either.
    """
    highest, committed = -1, 0
    for row in range(len(intended_s)):
        while committed < len(committed_s) and committed_s[committed] <= intended_s[row]:
            committed += 1
        highest = max(highest, waiting + row + 1 - committed)
    return highest


@compiled
def late_or_never(intended_s: FloatArray, acked_s: FloatArray, late_s: float) -> int:
    """Return how many writes took longer than `late_s` or for ever, of those that the fault touched.

    It touches writes intended after it, and those outstanding when it struck.
    """
    count = 0
    for row in range(len(intended_s)):
        in_time = acked_s[row] - intended_s[row] <= late_s
        count += not in_time and (intended_s[row] >= 0.0 or not acked_s[row] < 0.0)
    return count


@compiled
def sojourns(intended_s: FloatArray, done_s: FloatArray, start_s: float, end_s: float) -> FloatArray:
    """Return done minus intended (s) of the writes intended in [start_s, end_s) and done, in the order of rows."""
    found = np.empty(len(intended_s))
    count = 0
    for row in range(len(intended_s)):
        if start_s <= intended_s[row] < end_s and not np.isnan(done_s[row]):
            found[count] = done_s[row] - intended_s[row]
            count += 1
    return found[:count]


@compiled
def p99_per_step(
    intended_s: FloatArray, acked_s: FloatArray, from_s: float, step_s: float, steps: int, max_up_to: int
) -> FloatArray:
    """Return the value of rank ceil(0.99 n) of acked minus intended (s), by the step in which they were acked.

    NaN for a step without any; of up to `max_up_to` values it is the largest.
    """
    edges = np.zeros(steps + 1, np.int64)
    place = np.empty(len(acked_s), np.int64)
    for row in range(len(acked_s)):
        step = np.floor((acked_s[row] - from_s) / step_s)
        place[row] = np.int64(step) if 0.0 <= step < steps else -1  # NaN is neither
        if place[row] >= 0:
            edges[place[row] + 1] += 1
    edges = np.cumsum(edges)
    fill = edges[:-1].copy()
    sojourn_s = np.empty(edges[-1])
    for row in range(len(acked_s)):
        if place[row] >= 0:
            sojourn_s[fill[place[row]]] = acked_s[row] - intended_s[row]
            fill[place[row]] += 1
    curve = np.full(steps, np.nan)
    for step in range(steps):
        values = sojourn_s[edges[step] : edges[step + 1]]
        if len(values) > max_up_to:
            rank = int(np.ceil(0.99 * len(values))) - 1
            curve[step] = np.partition(values, rank)[rank]
        elif len(values) > 0:
            curve[step] = values.max()
    return curve


@compiled
def answers(partition: IntArray, acked_s: FloatArray, end_s: float, partitions: int) -> tuple[FloatArray, FloatArray]:
    """Return when each write was answered, and each partition's last answer before the fault (s; -inf: none).

    A write that was never acknowledged counts as answered at `end_s`, one acknowledged before the fault as NaN.
    """
    answered_s = np.empty(len(acked_s))
    before_s = np.full(partitions, -np.inf)
    for row in range(len(acked_s)):
        answered_s[row] = end_s if np.isnan(acked_s[row]) else acked_s[row]
        if acked_s[row] < 0.0:
            before_s[partition[row]] = max(before_s[partition[row]], acked_s[row])
            answered_s[row] = np.nan
    return answered_s, before_s


@compiled
def longest_silences(
    partition: IntArray, intended_s: FloatArray, answered_s: FloatArray, order: IntArray, before_s: FloatArray
) -> FloatArray:
    """Return (partitions, 2): start and end (s) of each one's longest interval in which it answers nothing.

    A silence is an interval without an answer while a write is outstanding: it begins at the last answer, or when
    the earliest outstanding write was intended if that is later. `order` are the rows by ascending answer,
    `before_s` the last answer of each partition that is left out of it. (NaN, NaN) without any write.
    """
    partitions = len(before_s)
    outstanding_s = np.empty(len(order))  # earliest intended time of what is answered here or later
    earliest_s = np.full(partitions, np.inf)
    for index in range(len(order) - 1, -1, -1):
        row = order[index]
        where = partition[row]
        earliest_s[where] = outstanding_s[index] = min(earliest_s[where], intended_s[row])
    spans = np.full((partitions, 2), np.nan)
    last_s = before_s.copy()
    for index in range(len(order)):
        row = order[index]
        where = partition[row]
        start_s = max(last_s[where], outstanding_s[index])
        last_s[where] = answered_s[row]
        if not answered_s[row] - start_s <= spans[where, 1] - spans[where, 0]:  # the first has NaN to beat
            spans[where, 0], spans[where, 1] = start_s, answered_s[row]
    return spans


@compiled
def in_their_places(values: FloatArray, places: IntArray) -> FloatArray:
    """Return the values that stand at these ascending places when all are in order; none is NaN.

    They are counted into COUNTED_BINS of equal width by a key that is ascending like they are (a float's own bits, by
    which each octave is as fine as the next), and only the bins that hold a place are put in order.
    """
    keys = values.view(np.int64)
    low, high = ordered_key(keys[0]), ordered_key(keys[0])
    for key in keys:
        low, high = min(low, ordered_key(key)), max(high, ordered_key(key))
    shift = 1  # by none at all the difference of the largest float's and the smallest's overflows
    while (high >> shift) - (low >> shift) >= COUNTED_BINS:
        shift += 1
    counts = np.zeros(COUNTED_BINS + 1, np.int64)
    for key in keys:
        counts[(ordered_key(key) >> shift) - (low >> shift) + 1] += 1
    edges = np.cumsum(counts)
    wanted = np.searchsorted(edges, places, side="right") - 1
    starts, total = np.full(COUNTED_BINS, -1), 0
    for bin_ in wanted:
        if starts[bin_] < 0:
            starts[bin_], total = total, total + edges[bin_ + 1] - edges[bin_]
    fill, picked = starts.copy(), np.empty(total)
    for row in range(len(keys)):
        bin_ = (ordered_key(keys[row]) >> shift) - (low >> shift)
        if starts[bin_] >= 0:
            picked[fill[bin_]] = values[row]
            fill[bin_] += 1
    found = np.empty(len(places))
    for index in range(len(places)):
        bin_ = wanted[index]
        picked[starts[bin_] : fill[bin_]].sort()
        found[index] = picked[starts[bin_] + places[index] - edges[bin_]]
    return found


@compiled
def ordered_key(bits: int) -> int:
    """Return an integer that is larger where the float of these bits is: a negative one's bits run backwards."""
    return bits if bits >= 0 else bits ^ 0x7FFFFFFFFFFFFFFF
