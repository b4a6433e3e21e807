"""Compiled loops over events: from intended send to acknowledgement, to the processors' queues, to the row.

Left out: the size of a request (a batch is bounded by its events), a client's limit of requests in flight
while nothing is held (measured response times contain it), time-outs of requests that are held for over 30 s
(the client repeats them under the same sequence numbers, the answer comes when the others' does), and
consumers' fetch sizes.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from workbench.compilation import compiled
from workbench.engine.inputs import BoolArray, FloatArray, IntArray

STRETCH_ROWS: Final = 16_384  # 128 KiB of each column: several fit into a core's second cache
# When each processor stops for good, and if that cuts off the batch under way.
Stops = tuple[FloatArray, BoolArray]
# Where each stretch begins (s), its factor, its exponent on how far a value is from the typical one, and that one.
Paces = tuple[FloatArray, FloatArray, FloatArray, float]
# Rows by producer and partition, when each is intended in this order; by row: response times, and what is filled in.
Series = tuple[IntArray, FloatArray, FloatArray, FloatArray]
Sending = tuple[float, int, Paces]  # linger (s), most events of a request, pace of the answers


@compiled
def by_series(
    intended_s: FloatArray, client: IntArray, partition: IntArray, clients: int, partitions: int
) -> tuple[IntArray, FloatArray, IntArray]:
    """Return the rows by client and partition, when each is intended, and where each series begins, and the end."""
    edges = np.zeros(clients * partitions + 1, np.int64)
    for row in range(len(intended_s)):
        edges[client[row] * partitions + partition[row] + 1] += 1
    for series in range(clients * partitions):
        edges[series + 1] += edges[series]
    fill = edges[:-1].copy()
    order, ordered_s = np.empty(len(intended_s), np.int64), np.empty(len(intended_s))
    for row in range(len(intended_s)):
        series = client[row] * partitions + partition[row]
        order[fill[series]], ordered_s[fill[series]] = row, intended_s[row]
        fill[series] += 1
    return order, ordered_s, edges


@compiled
def batch_end(intended_s: FloatArray, first: int, last: int, linger_s: float, events_max: int) -> tuple[int, float]:
    """Return the end of the request that the event at `first` opens, and when it is sent.

    It closes after the linger or with its last permitted event.
    """
    closes_s = intended_s[first] + linger_s
    end = first + 1
    while end < last and intended_s[end] < closes_s and end - first < events_max:
        end += 1
    full = end - first == events_max
    return end, intended_s[end - 1] if full else closes_s


@compiled
def paced(t_s: float, value: float, pace: Paces) -> float:
    """Return what a value is at a time, by the stretch that holds then."""
    from_s, factor, spread, typical = pace
    place = len(from_s) - 1
    while place > 0 and t_s < from_s[place]:
        place -= 1
    if spread[place] != 1.0:
        value = typical * (value / typical) ** spread[place]
    return value * float(factor[place])


@compiled
def answer(
    events: Series,
    first: int,
    last: int,
    until_s: float,
    released_s: float,
    begins_s: float,
    held_until_s: float,
    sending: Sending,
) -> int:
    """Fill in the answers of one producer's undisturbed requests to one partition, places `first` to `last`.

    Stops at the first request that is held, or that opens at `until_s` or later, and returns its place. None is
    answered before `released_s`, when the last held one was. Measured response times contain what waiting for each
    other does to requests.
    """
    order, intended_s, response_s, acked_s = events
    linger_s, events_max, pace = sending
    while first < last and intended_s[first] < until_s:
        end, sent_s = batch_end(intended_s, first, last, linger_s, events_max)
        answered_s = max(sent_s + paced(sent_s, response_s[order[first]], pace), released_s)
        if answered_s >= begins_s and sent_s < held_until_s:
            return first
        fill(acked_s, order, first, end, answered_s)
        first = end
    return first


@compiled
def first_held(
    events: Series, edges: IntArray, begins_s: FloatArray, held_until_s: FloatArray, sending: Sending
) -> IntArray:
    """Answer each series' requests up to the first that is held; return the place of that, or the series' end."""
    places = edges[:-1].copy()
    for until_s in stretches(events[1]):
        for group in range(len(places)):
            from_s, last = begins_s[group % len(begins_s)], edges[group + 1]
            places[group] = answer(events, places[group], last, until_s, -np.inf, from_s, held_until_s[group], sending)
    return places


@compiled
def stretches(intended_s: FloatArray) -> FloatArray:
    """Return the ends (s) of stretches of some STRETCH_ROWS rows, the last infinite.

    Series after series over a whole run would look for each row's cache line anew: over a stretch they are at hand.
    """
    count = 1 + len(intended_s) // STRETCH_ROWS
    ends_s = np.full(count, np.inf)
    if count > 1:
        first_s, last_s = intended_s.min(), intended_s.max()
        for each in range(count - 1):
            ends_s[each] = first_s + (last_s - first_s) * (each + 1) / count
    return ends_s


@compiled
def fill(column: FloatArray, order: IntArray, first: int, end: int, value: float) -> None:
    """Write a value to the rows at the places `first` to `end`."""
    for place in range(first, end):
        column[order[place]] = value


@compiled
def acknowledge(
    order: IntArray,
    intended_s: FloatArray,
    response_s: FloatArray,
    edges: IntArray,
    begins_s: FloatArray,
    held_until_s: FloatArray,
    head_until_s: FloatArray,
    release_order: IntArray,
    connection: IntArray,
    request_s: float,
    request_event_s: float,
    sending: Sending,
) -> FloatArray:
    """Return each event's acknowledgement (s, NaN if none).

    `order` are the rows by producer and partition, `intended_s` is in this order; `response_s` and the result by row.

    A broker serves a connection's requests one after another, so one held request was in flight on each (the
    head); the others go out in `release_order` when their partition is back: what was sent first, then all
    that gathered behind it.
    """
    linger_s, events_max, _ = sending
    acked_s = np.full(len(intended_s), np.nan)
    events = order, intended_s, response_s, acked_s
    rows = first_held(events, edges, begins_s, held_until_s, sending)
    heads = np.full(connection.max() + 1, -1)
    heads_sent_s = np.full(len(heads), np.inf)
    for group in range(len(rows)):
        last, line = edges[group + 1], connection[group]
        if rows[group] < last:
            _, sent_s = batch_end(intended_s, rows[group], last, linger_s, events_max)
            if sent_s < min(heads_sent_s[line], head_until_s[group]):
                heads[line], heads_sent_s[line] = group, sent_s
    busy_until_s = np.full(len(heads), -np.inf)
    for group in release_order:
        row, last, until_s, line = rows[group], edges[group + 1], held_until_s[group], connection[group]
        released = held_end(intended_s, row, last, until_s, linger_s, events_max)
        answered_s = -np.inf
        end, _ = batch_end(intended_s, row, last, linger_s, events_max) if row < released else (row, 0.0)
        if row < end and heads[line] == group and head_until_s[group] < np.inf:
            answered_s = head_until_s[group] + request_s
            fill(acked_s, order, row, end, answered_s)
            row, end = end, min(end + events_max, released)
        if row < released:
            free_s = max(until_s, busy_until_s[line])
            answered_s = serve(acked_s, order, row, end, released, events_max, free_s, request_s, request_event_s)
            busy_until_s[line] = answered_s if until_s < np.inf else busy_until_s[line]
        answer(events, released, last, np.inf, answered_s, begins_s[group % len(begins_s)], -np.inf, sending)
    return acked_s


@compiled
def held_end(intended_s: FloatArray, row: int, last: int, held_until_s: float, linger_s: float, events_max: int) -> int:
    """Return the row of the first request from `row` on that is sent when the partition is back."""
    while row < last:
        end, sent_s = batch_end(intended_s, row, last, linger_s, events_max)
        if sent_s >= held_until_s:
            return row
        row = end
    return last


@compiled
def serve(
    acked_s: FloatArray,
    order: IntArray,
    row: int,
    end: int,
    released: int,
    events_max: int,
    free_s: float,
    request_s: float,
    request_event_s: float,
) -> float:
    """Answer one group's held requests, the first up to row `end`; return when the connection is free again.

    Nothing is answered where `free_s` is infinite.
    """
    while row < released and free_s < np.inf:
        free_s += request_s + request_event_s * (end - row)
        fill(acked_s, order, row, end, free_s)
        row, end = end, min(end + events_max, released)
    return free_s


@compiled
def reach_processors(
    acked_s: FloatArray,
    partition: IntArray,
    processor: IntArray,
    begins_s: FloatArray,
    visible_from_s: FloatArray,
    fetchable_from_s: FloatArray,
    tail_from_s: FloatArray,
    replication_lag_s: float,
    fetch_s: float,
) -> tuple[FloatArray, FloatArray, int]:
    """Return when each event is below the high watermark, when its processor has it, and how many are lost.

    Times in s; NaN for events that never are, as for those in no processor's queue.
    """
    visible_s, queued_s = np.empty(len(acked_s)), np.empty(len(acked_s))
    lost = 0
    for index in range(len(acked_s)):
        where = partition[index]
        seen_s = acked_s[index] + replication_lag_s
        if acked_s[index] < begins_s[where] and seen_s >= tail_from_s[where]:
            lost += 1
            visible_s[index] = queued_s[index] = np.nan
            continue
        if seen_s >= begins_s[where]:
            seen_s = max(seen_s, visible_from_s[where])
        had_s = seen_s + fetch_s
        if had_s >= begins_s[where]:
            had_s = max(had_s, fetchable_from_s[where])
        visible_s[index] = seen_s if seen_s < np.inf else np.nan
        queued_s[index] = had_s if had_s < np.inf and processor[where] >= 0 else np.nan
    return visible_s, queued_s, lost


@compiled
def shared_out(
    arrivals: IntArray, partition: IntArray, processor: IntArray, processors: int
) -> tuple[IntArray, IntArray]:
    """Return the rows `arrivals` by the processor of their partition, in the same order, and where each begins."""
    edges = np.zeros(processors + 1, np.int64)
    for row in arrivals:
        edges[processor[partition[row]] + 1] += 1
    for each in range(processors):
        edges[each + 1] += edges[each]
    place, rows = edges[:-1].copy(), np.empty(len(arrivals), np.int64)
    for row in arrivals:
        each = processor[partition[row]]
        rows[place[each]] = row
        place[each] += 1
    return rows, edges


@compiled
def collect(
    queued_s: FloatArray, first: int, last: int, free_s: float, linger_s: float, events_max: int
) -> tuple[int, float]:
    """Return the end of a processor's next batch and when its collection ends.

    The linger's clock starts with the first record that the processor takes.
    """
    closes_s = max(free_s, queued_s[first]) + linger_s
    end = first
    while end < last and end - first < events_max and queued_s[end] <= closes_s:
        end += 1
    if end - first == events_max:
        return end, max(free_s, queued_s[end - 1])
    return end, closes_s


@compiled
def batch_times(
    begins_s: float,
    full: bool,
    noise: float,
    database_s: float,
    rest_s: float,
    pace: Paces,
    full_pace: Paces,
) -> tuple[float, float]:
    """Return how long a batch is in the database, and beside it, each at the hub's pace then."""
    if full:
        return database_s * paced(begins_s, noise, full_pace), rest_s
    return database_s * paced(begins_s, noise, pace), rest_s * paced(begins_s, 1.0, pace)


@compiled
def another_is_busy(free_s: FloatArray, each: int, at_s: float) -> bool:
    """Tell whether a processor but `each` is still writing at a time."""
    busy = False
    for other in range(len(free_s)):
        busy = busy or (other != each and free_s[other] > at_s)
    return busy


@compiled
def commit(
    committed_s: FloatArray,
    rows: IntArray,
    queued_s: FloatArray,
    noise: FloatArray,
    edges: IntArray,
    linger_s: float,
    events_max: int,
    fixed_s: float,
    event_s: float,
    rest_fixed_s: float,
    rest_event_s: float,
    saturation_factor: float,
    stamp_lead_s: float,
    pace: Paces,
    full_pace: Paces,
    stops: Stops,
) -> None:
    """Fill in when each event's row is committed; what never is keeps what `committed_s` has.

    `rows` are the events by processor and by arrival in its queue, `queued_s` is in this order, other columns by row.
    One batch at a time and processor, none from where it `stops` on; where that cuts, the one under way is not
    committed either. A batch that starts while another processor is busy takes longer; `pace` is of those that are not
    full, `full_pace` of the others.
    """
    stops_s, cuts = stops
    processors = len(edges) - 1
    position = edges[:-1].copy()
    end = np.zeros(processors, np.int64)
    starts_s = np.full(processors, np.inf)
    free_s = np.full(processors, -np.inf)
    for each in range(processors):
        if position[each] < edges[each + 1]:
            end[each], starts_s[each] = collect(
                queued_s, position[each], edges[each + 1], free_s[each], linger_s, events_max
            )
    while True:
        each = int(np.argmin(starts_s)) if processors > 0 else 0
        if processors == 0 or starts_s[each] == np.inf:
            return
        if starts_s[each] >= stops_s[each]:
            starts_s[each] = np.inf
            continue
        first, begins_s, count = position[each], starts_s[each], end[each] - position[each]
        database_s, rest_s = fixed_s + event_s * count, rest_fixed_s + rest_event_s * count
        full = count == events_max
        database_s, rest_s = batch_times(begins_s, full, noise[rows[first]], database_s, rest_s, pace, full_pace)
        if another_is_busy(free_s, each, begins_s):
            database_s *= saturation_factor
        stamp_s = begins_s + rest_s / 2.0 + max(0.0, database_s - stamp_lead_s)
        free_s[each] = begins_s + rest_s + database_s
        if cuts[each]:
            free_s[each] = min(free_s[each], stops_s[each])
            if stamp_s >= stops_s[each]:
                starts_s[each] = np.inf
                continue
        fill(committed_s, rows, first, end[each], stamp_s)
        position[each] = end[each]
        starts_s[each] = np.inf
        if position[each] < edges[each + 1]:
            end[each], starts_s[each] = collect(
                queued_s, position[each], edges[each + 1], free_s[each], linger_s, events_max
            )
