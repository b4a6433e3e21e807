"""The readers as Locust runs them: one process of users who log in and read devices' states at the gateway.

When a request is due is drawn from the plan's seed, whatever the gateway does: a user takes the next request, waits
until it is due, and is late when all users wait for answers. Answers are timed from the intended time.

Importing this imports Locust, which patches the process: nothing else in the workbench may.
"""

# Locust's events and constructors carry no annotations.
# mypy: disable-error-code="no-untyped-call, untyped-decorator"

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Final

import gevent
import locust
from locust.exception import StopUser

from workbench.load.plan import PLAN_VARIABLE, SECRET_VARIABLE, STOP_POLL_S, StopWatch, read_plan
from workbench.records.reads import NO_ANSWER, READ_ROW, READS_FILE, CacheWord, RequestKind

PLAN: Final = read_plan(Path(os.environ[PLAN_VARIABLE]))
USERS: Final = PLAN.workload.readers.users if PLAN.workload.readers else 0
ANSWER_MAX_S: Final = 10.0  # far above the gateway's own time-outs
LOGIN_PATH: Final = "/login"
STATE_NAME: Final = "/devices/{device}/state"


class Requests:
    """The schedule, request by request, and the log of what became of them."""

    def __init__(self) -> None:
        reads = PLAN.reads()
        self._due = iter(zip(reads.intended_s.tolist(), reads.device.tolist(), strict=True))
        self._watch = StopWatch(PLAN.load)
        self._log = (PLAN.load / READS_FILE).open("xb", buffering=0)
        self.users_gone = 0

    def next(self) -> tuple[float, int] | None:
        """Return intended time (epoch s) and device of the next request when it is due; None after the last."""
        row = next(self._due, None)
        while row is not None and row[0] < self._watch.stop_s():
            wait_s = row[0] - time.time()
            if wait_s <= 0.0:
                return row
            gevent.sleep(min(wait_s, STOP_POLL_S))
        return None

    def note(self, intended_s: float, sent_s: float, device: int, response: Any, kind: RequestKind) -> None:
        """Append one request to the log."""
        status = response.status_code or NO_ANSWER
        word = (response.headers or {}).get("X-Cache", "none").upper()
        self._log.write(READ_ROW.pack(intended_s, sent_s, time.time(), device, status, CacheWord[word], kind))


REQUESTS: Final = Requests()


class Reader(locust.FastHttpUser):
    """A user of the hospital's applications: logs in, reads, logs in again when refused."""

    network_timeout = ANSWER_MAX_S
    connection_timeout = ANSWER_MAX_S

    def on_start(self) -> None:
        """Log in."""
        self._token = ""
        self._log_in()

    @locust.task
    def read(self) -> None:
        """Read one device's state when it is due; leave when nothing is."""
        row = REQUESTS.next()
        if row is None:
            REQUESTS.users_gone += 1
            raise StopUser
        intended_s, device = row
        sent_s = time.time()
        headers = {"Authorization": f"Bearer {self._token}"}
        path = f"/devices/{device}/state"
        with self.client.get(path, headers=headers, name=STATE_NAME, catch_response=True) as response:
            REQUESTS.note(intended_s, sent_s, device, response, RequestKind.STATE)
            # From the intended time: a request that had to wait for a user waited for its answer too.
            response.request_meta["response_time"] = (time.time() - intended_s) * 1000.0
            refused = response.status_code == 401
        if refused:
            self._log_in()

    def _log_in(self) -> None:
        """Ask for a session; without one the next read is refused and leads here again."""
        sent_s = time.time()
        user = {"user": "reader", "secret": os.environ[SECRET_VARIABLE]}
        with self.client.post(LOGIN_PATH, json=user, catch_response=True) as response:
            REQUESTS.note(sent_s, sent_s, -1, response, RequestKind.LOGIN)
            if response.status_code == 200:
                self._token = response.json()["token"]


class UntilTheStop(locust.LoadTestShape):
    """All users at once, until each has left: at the stop, or after the last request."""

    def tick(self) -> tuple[int, float] | None:
        """Return users and spawn rate, None when everybody has left (Locust asks once a second)."""
        return None if REQUESTS.users_gone >= USERS else (USERS, float(USERS))


@locust.events.quitting.add_listener
def _set_exit_code(environment: locust.env.Environment, **_: Any) -> None:
    """Exit 0 when everybody has left, though requests failed; 1 when an exception spoiled the run."""
    runner = environment.runner
    spoiled = REQUESTS.users_gone < USERS or bool(runner and runner.exceptions)
    environment.process_exit_code = 1 if spoiled else 0
