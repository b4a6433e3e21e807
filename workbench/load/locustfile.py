"""The devices' load as Locust runs it: one master, one worker process a source.

The whole schedule is drawn in every worker from the plan's seed; a worker's user walks through its share. Locust
spawns one user a worker, ends the run through the shape and keeps its own statistics; when an event is sent is
decided by the schedule alone, so that the load stays open when the hub stops answering.

Importing this imports Locust, which patches the process: nothing else in the workbench may.
"""

# Locust's events and constructors carry no annotations.
# mypy: disable-error-code="no-untyped-call, untyped-decorator"

from __future__ import annotations

import logging
import os
import signal
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Final

import gevent
import locust
import locust.log
from gevent import monkey
from locust.exception import StopUser
from locust.runners import MasterRunner, WorkerRunner

from workbench.load.pacing import Pacer
from workbench.load.plan import (
    FLUSH_MAX_S,
    PLAN_VARIABLE,
    SOURCE_VARIABLE,
    BurstWatch,
    StopWatch,
    counts_path,
    read_plan,
    read_stop,
    write_counts,
    write_stop,
)
from workbench.load.producer import FINISH_LEEWAY_S, KafkaWriter

REPORT_S: Final = 0.2  # how often answers are handed to Locust's statistics
PLAN: Final = read_plan(Path(os.environ[PLAN_VARIABLE]))


class NotAcknowledged(Exception):
    """A write whose answer was not an acknowledgement, as Locust's statistics show it."""


class Worker:
    """This worker process: its share of the schedule, its producer, and the answers Locust has yet to count."""

    def __init__(self, environment: locust.env.Environment, source: int) -> None:
        self._environment = environment
        self._source = source
        self._answered: deque[tuple[int, float, float, int]] = deque()
        self._writer = KafkaWriter(PLAN, source, _start_native_thread, answered=self._answered)
        self.pacer = Pacer(PLAN.share(source), self._writer, StopWatch(PLAN.load), BurstWatch(PLAN, source))
        self._finished = False

    def report(self) -> None:
        """Fire a request event for every answer so far (Locust's statistics belong to gevent's thread)."""
        fire = self._environment.events.request.fire
        while self._answered:
            topic, intended_s, answered_s, error = self._answered.popleft()
            fire(
                request_type="KAFKA",
                name=PLAN.topics[topic],
                # From the intended time: an event that had to wait for its turn waited for its answer too.
                response_time=(answered_s - intended_s) * 1000.0,
                response_length=PLAN.workload.event_bytes,
                response=None,
                context={},
                start_time=intended_s,
                exception=NotAcknowledged(f"Kafka error {error}") if error else None,
            )

    def finish(self) -> None:
        """Wait for the answers, hand them to Locust and write the counts; may be called again."""
        self.pacer.finish()
        self.report()
        if not self._finished:
            self._finished = True
            write_counts(PLAN.load, self._source, self._writer.counts())


def _start_native_thread(work: Callable[[], None]) -> None:
    """Start a thread of the operating system, not a greenlet."""
    monkey.get_original("_thread", "start_new_thread")(work, ())


class ScheduledUser(locust.User):
    """A user that sends what its worker's schedule says. With several in a worker each takes the next event."""

    abstract = True
    worker: ClassVar[Worker]

    @locust.task
    def walk(self) -> None:
        """Send what is due and sleep until the next event; at the end wait for the answers and leave."""
        wait_s = self.worker.pacer.step()
        if wait_s is None:
            self.worker.finish()
            raise StopUser
        gevent.sleep(wait_s)


class WardDevices(ScheduledUser):
    """The medical devices whose events this worker sends: monitors, alarm sources, log-in terminals."""


class UntilTheStop(locust.LoadTestShape):
    """One user a worker until the plan or the stop file ends the run and every living worker has its answers."""

    def __init__(self) -> None:
        super().__init__()
        self._watch = StopWatch(PLAN.load)

    def tick(self) -> tuple[int, float] | None:
        """Return users and spawn rate, None when the run is over (Locust asks once a second)."""
        end_s = min(self._watch.stop_s(), PLAN.start_s + PLAN.horizon_s)
        if time.time() >= end_s and isinstance(self.runner, MasterRunner):
            overdue = time.time() > end_s + FLUSH_MAX_S + FINISH_LEEWAY_S
            if overdue or _finished() >= self.runner.worker_count:
                return None
        return PLAN.workers, float(PLAN.workers)


def _finished() -> int:
    """Return how many workers have written their final counts."""
    return sum(counts_path(PLAN.load, source).exists() for source in range(1, PLAN.workers + 1))


@locust.events.init.add_listener
def prepare(environment: locust.env.Environment, runner: Any, **_: Any) -> None:
    """Set up this process: its exit code, and a worker's share and producer, or the master's orderly end."""
    environment.events.quitting.add_listener(_set_exit_code)  # listeners of this event run last to first
    if isinstance(runner, WorkerRunner):
        worker = Worker(environment, int(os.environ[SOURCE_VARIABLE]))
        ScheduledUser.worker = worker

        def keep_reporting() -> None:
            while True:  # ends with the process
                worker.report()
                gevent.sleep(REPORT_S)

        def end(**_: Any) -> None:
            worker.finish()

        gevent.spawn(keep_reporting)
        environment.events.test_stop.add_listener(end)
        environment.events.quitting.add_listener(end)
    else:
        # Locust takes SIGTERM into its own hands only after a shape has ended; until then it would just die.
        gevent.signal_handler(signal.SIGTERM, _stop_everything)


def _stop_everything() -> None:
    """Stop the whole run at this moment, in order: workers, canary and this master all see the stop file."""
    write_stop(PLAN.load, min(time.time(), read_stop(PLAN.load)))


def _set_exit_code(environment: locust.env.Environment, **_: Any) -> None:
    """Exit 0 when the run ended as asked, though requests failed; 1 when an exception or a lost worker spoiled it."""
    runner = environment.runner
    own = int(os.environ.get(SOURCE_VARIABLE, "0"))
    sources = [own] if own else range(1, PLAN.workers + 1)
    missing = [source for source in sources if not counts_path(PLAN.load, source).exists()]
    if missing:
        logging.getLogger(__name__).error("without final counts: sources %s", missing)
    spoiled = bool(missing) or bool(runner and runner.exceptions) or locust.log.unhandled_greenlet_exception
    environment.process_exit_code = 1 if spoiled else 0
