"""The message-level path once more, event by event in SimPy: slow, and easy to believe.

It shares only the input types with the compiled kernels and must give every event the same acknowledgement
and the same commit; a test compares them. It leaves out what the engine leaves out. Where many things happen
at one instant (a partition is back, a processor knows its new leader), they happen in the order of their rows.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import numpy as np
import simpy

from workbench.engine import Disturbance, Fate, Outage, Pace, Service, Traffic
from workbench.model.world import Steps

BEFORE_S: Final = 1.0  # the clock starts so long before the first event
HEADS_FIRST: Final = 1_000_000  # at one instant, answers come before releases
INSTANT_S: Final = 1e-11  # what happens within this is taken as simultaneous; a batch waits up to so long a processor


class Reference:
    """One run of every event through producer, broker, processor and database."""

    def __init__(self, traffic: Traffic, disturbance: Disturbance, service: Service) -> None:
        self.traffic = traffic
        self.disturbance = disturbance
        self.service = service
        count = len(traffic.intended_s)
        self.env = simpy.Environment(float(np.min(traffic.intended_s, initial=0.0)) - BEFORE_S)
        self.acked_s = np.full(count, np.nan)
        self.visible_s = np.full(count, np.nan)
        self.committed_s = np.full(count, np.nan)
        self.lost = 0
        self._gates: dict[float, list[tuple[int, Callable[[], None]]]] = {}
        self._connections: dict[int, simpy.Store] = {}
        self._queues: dict[int, simpy.Store] = {}
        self._busy: set[int] = set()
        self._in_hand: dict[int, list[Any]] = {}  # processor -> rows collected and not committed
        self._last_batch: set[int] = set()  # processors that stop after the one they write
        self.heads: dict[int, tuple[float, int]] = {}  # connection -> sent and series of the request in flight on it
        self._arriving: list[tuple[int, int, int]] = []  # turn, row, processor: at this instant

    def run(self) -> Fate:
        """Return the fate of every event."""
        clients, partitions = self.disturbance.held_until_s.shape
        series = self.traffic.client * partitions + self.traffic.partition
        for index in range(clients * partitions):
            rows = [int(row) for row in np.flatnonzero(series == index)]
            self.env.process(Producer(self, index, rows).run())
        outage = self.disturbance.outage
        owners = set(map(int, self.disturbance.processor)) | set(map(int, outage.processor if outage else ()))
        for processor in sorted(each for each in owners if each >= 0):
            self._queues[processor] = simpy.Store(self.env)
            worker = self.env.process(self._processor(processor))
            if outage is not None:
                self.env.process(self._outage(outage, processor, worker))
        self.env.run()
        return Fate(self.acked_s, self.visible_s, self.committed_s, self.lost)

    def at(self, t_s: float, order: int, action: Callable[[], None]) -> None:
        """Do something at an instant, after what has a smaller `order` there; never at infinity."""
        if np.isinf(t_s):
            return
        if t_s not in self._gates:
            self._gates[t_s] = []
            self.env.process(self._open(t_s))
        self._gates[t_s].append((order, action))

    def _open(self, t_s: float) -> Steps:
        yield self.env.timeout(t_s - self.env.now)
        for _, action in sorted(self._gates.pop(t_s), key=lambda waiting: waiting[0]):
            action()

    def request(self, line: int, rows: list[int], answered: simpy.Event) -> None:
        """Hand a released request to its connection, which answers one after another."""
        if line not in self._connections:
            self._connections[line] = simpy.Store(self.env)
            self.env.process(self._serve(self._connections[line]))
        self._connections[line].put((rows, answered))

    def _serve(self, requests: simpy.Store) -> Steps:
        while True:
            rows, answered = yield requests.get()
            yield self.env.timeout(self.service.request_s + self.service.request_event_s * len(rows))
            self.acknowledge(rows)
            answered.succeed()

    def acknowledge(self, rows: list[int]) -> None:
        """Answer the events of one request now; those that were not lost travel on."""
        now_s, seen_s = float(self.env.now), float(self.env.now) + self.service.replication_lag_s
        self.acked_s[rows] = now_s
        for row in rows:
            where = self.traffic.partition[row]
            if now_s < self.disturbance.begins_s[where] and seen_s >= self.disturbance.tail_from_s[where]:
                self.lost += 1
            else:
                self.env.process(self._replicate(row))

    def _replicate(self, row: int) -> Steps:
        """One event until it is below the high watermark."""
        yield self.env.timeout(self.service.replication_lag_s)
        where = self.traffic.partition[row]
        from_s = float(self.disturbance.visible_from_s[where])
        if self.disturbance.begins_s[where] <= self.env.now < from_s:
            self.at(from_s, row, lambda: self._visible(row))
        else:
            self._visible(row)

    def _visible(self, row: int) -> None:
        self.visible_s[row] = self.env.now
        self.env.process(self._fetch(row))

    def _fetch(self, row: int) -> Steps:
        """One event until it is in its processor's queue."""
        yield self.env.timeout(self.service.fetch_s)
        where = self.traffic.partition[row]
        from_s = float(self.disturbance.fetchable_from_s[where])
        if self.disturbance.begins_s[where] <= self.env.now < from_s:
            self.at(from_s, row, lambda: self._queue(row))
        else:
            self._queue(row)

    def _queue(self, row: int) -> None:
        """Note an event for its processor's queue, or for the time after the outage if that processor has stopped."""
        owner, outage = int(self.disturbance.processor[self.traffic.partition[row]]), self.disturbance.outage
        if owner < 0:
            return
        if outage is not None and self.env.now >= outage.stops_s[owner]:
            self._again(outage, row)
        else:
            self._arrive(-1, row, owner)

    def _again(self, outage: Outage, row: int) -> None:
        """Put an event into its later owner's queue as soon as that one has resumed."""
        where = self.traffic.partition[row]
        owner = int(outage.processor[where])
        if owner < 0:
            return
        resumes_s, turn = float(outage.resumes_s[owner]), int(outage.turn[where])
        if self.env.now < resumes_s:
            self.at(resumes_s, row, lambda: self._arrive(turn, row, owner))
        else:
            self._arrive(-1, row, owner)

    def _arrive(self, turn: int, row: int, owner: int) -> None:
        """Note an event for a queue, which takes what comes at one instant by turn, and then in the order of rows."""
        if not self._arriving:
            self.env.process(self._hand_over())
        self._arriving.append((turn, row, owner))

    def _hand_over(self) -> Steps:
        yield self.env.timeout(INSTANT_S)
        for _, row, owner in sorted(self._arriving):
            self._queues[owner].put(row)
        self._arriving.clear()

    def _outage(self, outage: Outage, processor: int, worker: simpy.Process) -> Steps:
        """Stop one processor: what it has not written is written again later, by whoever owns it then."""
        if np.isinf(outage.stops_s[processor]):
            return
        yield self.env.timeout(float(outage.stops_s[processor]) - self.env.now)
        if processor not in self._busy or outage.cuts[processor]:
            worker.interrupt()
            yield worker
        else:
            self._last_batch.add(processor)
            yield worker
        self._busy.discard(processor)
        for row in (*self._in_hand[processor], *self._queues[processor].items):
            self._again(outage, row)
        self._queues[processor] = simpy.Store(self.env)
        self.env.process(self._processor(processor))

    def _processor(self, processor: int) -> Steps:
        """One processor: collect a batch, write it, and again, until it is stopped."""
        self._in_hand[processor] = []
        with suppress(simpy.Interrupt):
            while processor not in self._last_batch:
                yield from self._one_batch(processor)
        self._last_batch.discard(processor)

    def _one_batch(self, processor: int) -> Steps:
        queue, service, batch = self._queues[processor], self.service, self._in_hand[processor]
        batch.append((yield queue.get()))
        deadline = self.env.timeout(service.batch_linger_s)
        while len(batch) < service.batch_events_max:
            another = queue.get()
            yield another | deadline
            if not another.triggered:
                another.cancel()
                break
            batch.append(another.value)
        yield from self._write(processor, batch)

    def _write(self, processor: int, batch: list[int]) -> Steps:
        """Write one batch; it takes longer when another processor is busy as it starts.

        Of processors that start at one instant the one of lower number is the first.
        """
        service = self.service
        yield self.env.timeout(INSTANT_S * processor)
        pace = self.disturbance.pace
        place = stretch_at(pace, float(self.env.now))
        full = len(batch) == service.batch_events_max
        factor, spread = (1.0, 1.0) if full else (pace.batch[place], pace.spread[place])
        noise = self.traffic.noise[batch[0]] ** spread
        database_s = (service.batch_fixed_s + service.batch_event_s * len(batch)) * noise * factor
        database_s *= pace.full[place] if full else 1.0
        if self._busy - {processor}:
            database_s *= service.saturation_factor
        rest_s = (service.rest_fixed_s + service.rest_event_s * len(batch)) * factor
        self._busy.add(processor)
        lead_s = min(service.stamp_lead_s, database_s)
        yield self.env.timeout(rest_s / 2.0 + database_s - lead_s)
        self.committed_s[batch] = self.env.now
        batch.clear()
        yield self.env.timeout(lead_s + rest_s / 2.0)
        self._busy.discard(processor)


def stretch_at(pace: Pace, t_s: float) -> int:
    """Return the index of the last stretch that has begun."""
    return int(np.flatnonzero(pace.from_s <= t_s)[-1])


class Producer:
    """One client's writes to one partition, gathered into requests."""

    def __init__(self, world: Reference, series: int, rows: list[int]) -> None:
        self.world = world
        self.series = series
        self.rows = rows
        self.begins_s = float(world.disturbance.begins_s[series % len(world.disturbance.begins_s)])
        self.held_until_s = float(world.disturbance.held_until_s.flat[series])
        self.line = int(world.disturbance.connection.flat[series])
        self.released: simpy.Event | None = None  # the answer of the last request that was held
        self.head_until_s = float(world.disturbance.head_until_s.flat[series])
        self.held: list[list[int]] = []

    def run(self) -> Steps:
        """Open a request with an event, close it after the linger or when it is full, send it."""
        env, service = self.world.env, self.world.service
        intended_s = self.world.traffic.intended_s
        rows = list(reversed(self.rows))
        while rows:
            request = [rows.pop()]
            closes_s = float(intended_s[request[0]]) + service.linger_s
            while rows and len(request) < service.produce_events_max and intended_s[rows[-1]] < closes_s:
                request.append(rows.pop())
            full = len(request) == service.produce_events_max
            sent_s = float(intended_s[request[-1]]) if full else closes_s
            yield env.timeout(max(0.0, sent_s - env.now))
            self._send(request, sent_s)

    def _send(self, request: list[int], sent_s: float) -> None:
        pace = self.world.disturbance.pace
        place = stretch_at(pace, sent_s)
        typical_s = self.world.service.typical_response_s
        noise = float(self.world.traffic.response_s[request[0]]) / typical_s
        due_s = sent_s + typical_s * noise ** pace.spread[place] * pace.response[place]
        if (due_s < self.begins_s and not self.held) or sent_s >= self.held_until_s:  # none overtakes a held one
            self.world.env.process(self._undisturbed(request, due_s))
            return
        if not self.held:
            self.world.at(self.held_until_s, self.series, self._release)
            if sent_s < self.head_until_s:
                head = min(self.world.heads.get(self.line, (np.inf, 0)), (sent_s, self.series))
                self.world.heads[self.line] = head
                self.world.at(self.head_until_s, self.series - HEADS_FIRST, self._answer_head)
        self.held.append(request)

    def _undisturbed(self, request: list[int], due_s: float) -> Steps:
        """A request that nothing holds: answered when due, but not before what was held."""
        yield self.world.env.timeout(max(0.0, due_s - self.world.env.now))
        if self.released is not None and not self.released.processed:
            yield self.released
        self.world.acknowledge(request)

    def _answer_head(self) -> None:
        """The partition's high watermark moves: the one request that its connection had in flight is answered."""
        if self.world.heads[self.line][1] == self.series:
            self.released = self.world.env.event()
            self.world.env.process(self._head(self.held[0], self.released))
            self.held[0] = []

    def _head(self, request: list[int], answered: simpy.Event) -> Steps:
        yield self.world.env.timeout(self.world.service.request_s)
        self.world.acknowledge(request)
        answered.succeed()

    def _release(self) -> None:
        """The partition is back: first what was sent first, then all that gathered behind it."""
        first, *others = self.held
        gathered = [row for request in others for row in request]
        size = self.world.service.produce_events_max
        parts = (first, *(gathered[low : low + size] for low in range(0, len(gathered), size)))
        for rows in filter(None, parts):
            self.released = self.world.env.event()
            self.world.request(self.line, rows, self.released)
