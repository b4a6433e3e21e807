"""Stop conditions, watched while a night is done to a hub that others use: the first that holds ends it.

Alerts and queries are asked of a Prometheus (prometheus.io/docs/prometheus/latest/querying/api, instant queries). The
share of acknowledged events and the partitions below min ISR are read from what the running drill itself observes, so
the hub is not asked twice. What cannot be read for too long is a condition as well: nobody drills blind.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import orjson
import urllib3

from workbench.errors import Stopped, ToolFailed
from workbench.load.live import LiveCounts
from workbench.scenario import StopConditions

ASK_EVERY_S: Final = 2.0
ANSWER_TIMEOUT_S: Final = 4.0
FRESH_S: Final = 2.0 * ASK_EVERY_S  # an older sample says nothing of now
TAIL_BYTES: Final = 262_144  # of a collector's file; a sample of 100 partitions takes 4 kB
PARTITIONS: Final = "partitions.jsonl"  # of a run's observed/, by workbench.observe.kafka


class Guard(Protocol):
    """Ends a night by raising Stopped; asked at least twice a second."""

    def look(self, run: Path | None) -> None:
        """Look at the hub; `run` is the running drill's folder, None between drills and before it has one."""


class Unguarded:
    """Guards a hub of this machine's own: there is nobody to protect."""

    def look(self, run: Path | None) -> None:
        """Find everything well."""


@dataclass
class _Condition:
    """One thing that must not hold for longer than `holds_s`, nor be unreadable for longer than `blind_s`."""

    name: str
    holds_s: float
    read_s: float  # monotonic, when it was read last, or began to be watched
    since_s: float | None = None  # since when it holds
    read: bool = False

    def tell(self, reading: str | None, now_s: float) -> None:
        """Take a reading, "" for well. Raises Stopped when it has held for too long."""
        if reading is None:
            return
        self.read_s, self.read = now_s, True
        if not reading:
            self.since_s = None
            return
        self.since_s = now_s if self.since_s is None else self.since_s
        if now_s - self.since_s >= self.holds_s:
            raise Stopped(f"stop condition {self.name}: {reading}")


class HubGuard:
    """Watches the stop conditions of a suite."""

    def __init__(self, stop: StopConditions, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._stop = stop
        self._clock_s = clock_s
        self._http = urllib3.PoolManager(retries=False, timeout=ANSWER_TIMEOUT_S)
        self._asked_s = float("-inf")
        alerts = {name: f'ALERTS{{alertname={_quoted(name)},alertstate="firing"}}' for name in stop.alerts}
        begun_s = clock_s()
        self._queries = [
            *((_Condition(f"alert {name}", 0.0, begun_s), query) for name, query in alerts.items()),
            *(
                (_Condition(f"query {name}", stop.holds_s, read_s=begun_s), query)
                for name, query in stop.queries.items()
            ),
        ]
        self._below = _Condition("partitions below min ISR", stop.below_min_isr_s, begun_s)
        self._acked = _Condition("acknowledged events", 0.0, begun_s)
        self._run: Path | None = None
        self._counts: LiveCounts | None = None
        self._looks: deque[tuple[float, int, int]] = deque()

    def look(self, run: Path | None) -> None:
        """Ask everything that is due. Raises Stopped with the condition that holds, or that nobody could read."""
        now_s = self._clock_s()
        if now_s - self._asked_s < ASK_EVERY_S:
            return
        self._asked_s = now_s
        if run != self._run:
            self._begin(run, now_s)
        for condition, query in self._queries:
            condition.tell(self._reading(query), self._clock_s())
            if not condition.read:
                raise Stopped(f"stop condition {condition.name}: cannot be read, so nothing was begun")
        watched = [condition for condition, _ in self._queries]
        if run is not None and self._loaded(run):
            self._below.tell(self._below_reading(run), now_s)
            self._acked.tell(self._acked_reading(now_s), now_s)
            watched += [self._below, self._acked]
        now_s = self._clock_s()
        for condition in watched:
            if now_s - condition.read_s >= self._stop.blind_s:
                raise Stopped(f"stop condition {condition.name}: not read for {now_s - condition.read_s:.0f} s")

    def _begin(self, run: Path | None, now_s: float) -> None:
        """Forget the drill before."""
        self._run, self._counts = run, None
        self._looks.clear()
        self._below = _Condition(self._below.name, self._below.holds_s, now_s)
        self._acked = _Condition(self._acked.name, 0.0, now_s)

    def _loaded(self, run: Path) -> bool:
        """Tell whether a drill's load is on: from its first send until it is told to end."""
        on = any((run / "ledger").glob("sends-*.bin")) and not (run / "load" / "stop.json").exists()
        if on and self._counts is None:
            self._counts = LiveCounts(run / "ledger")
            self._below.read_s = self._acked.read_s = self._clock_s()
        return on

    def _reading(self, query: str) -> str | None:
        """Return what an instant query found, "" for nothing; None where it could not be read."""
        try:
            answer = self._http.request(
                "GET", f"{str(self._stop.prometheus).rstrip('/')}/api/v1/query", fields={"query": query}
            )
            return found_by(answer.status, answer.data)
        except (urllib3.exceptions.HTTPError, ToolFailed):
            return None

    def _below_reading(self, run: Path) -> str | None:
        """Return how many partitions lack min ISR; None where the drill's collector is blind or late."""
        sample = _last_seen(run / "observed" / PARTITIONS)
        if sample is None or time.time() - sample["t"] > FRESH_S:
            return None
        below, bound = int(sample["below"]), self._stop.below_min_isr_max
        return f"{below}, at most {bound} allowed" if below > bound else ""

    def _acked_reading(self, now_s: float) -> str | None:
        """Return a share of acknowledged events that is too small; None while nothing is sent."""
        if self._counts is None:
            return None
        seen = self._counts.look()
        stands = bool(self._looks) and seen.sent == self._looks[-1][1]
        self._looks.append((now_s, seen.sent, seen.acked))
        while len(self._looks) > 1 and now_s - self._looks[1][0] >= self._stop.acked_share_s:
            self._looks.popleft()
        if stands:
            return None
        first_s, sent, acked = self._looks[0]
        if now_s - first_s < self._stop.acked_share_s or seen.sent <= sent:
            return ""
        share, least = (seen.acked - acked) / (seen.sent - sent), self._stop.acked_share_min
        return f"{share:.0%} of {now_s - first_s:.0f} s, at least {least:.0%} needed" if share < least else ""


def _last_seen(path: Path) -> dict[str, Any] | None:
    """Return a collector's last sample that is not blind, of the end of its file; None without one."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        lines = file.read().splitlines(keepends=True)[1:]
    samples = [orjson.loads(line) for line in lines if line.endswith(b"\n")]
    return next((sample for sample in reversed(samples) if "blind" not in sample), None)


def found_by(status: int, data: bytes) -> str:
    """Return what an instant query's answer holds other than 0, "" for nothing. Raises ToolFailed for any other."""
    try:
        answer: Any = orjson.loads(data)
        if status != 200 or answer["status"] != "success":
            raise ToolFailed(f"Prometheus answered {status}: {answer.get('error', 'no reason')}")
        kind, result = answer["data"]["resultType"], answer["data"]["result"]
        if kind not in ("vector", "scalar"):
            raise ToolFailed(f"Prometheus answered with a {kind}, not a vector or a scalar")
        samples = [{"metric": {}, "value": result}] if kind == "scalar" else result
        held = [(each["metric"], each["value"][1]) for each in samples if float(each["value"][1]) != 0.0]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ToolFailed(f"Prometheus answered {status} with something else: {error}") from error
    if not held:
        return ""
    labels, value = held[0]
    words = ", ".join(f"{name}={text}" for name, text in sorted(labels.items()) if not name.startswith("__"))
    more = f" and {len(held) - 1} more" if len(held) > 1 else ""
    return f"{value}{f' ({words})' if words else ''}{more}"


def _quoted(text: str) -> str:
    """Return a text as a PromQL string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
