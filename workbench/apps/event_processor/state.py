"""Redis: the newest state of each device, and alerts to whoever listens.

When Redis fails, Postgres must not wait for it. One attempt takes at most OPERATION_TIMEOUT_S, the next comes
after a back-off, and meanwhile what Redis has not taken is kept in memory: per device only the newest state
(so it is bounded by the number of devices), of the alerts the last ALERTS_HELD_MAX. Offsets are not committed
while anything is pending (loop.py), so a crash in that time reads those records again and applies them then.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from workbench.apps.device_state import NEWEST_SCRIPT, State, device_key
from workbench.apps.event_processor.backoff import Backoff
from workbench.apps.event_processor.records import Event

ALERTS_TOPIC: Final = "alerts"
ALERTS_CHANNEL: Final = "alerts"
ALERTS_HELD_MAX: Final = 10_000
CALL_UPDATES_MAX: Final = 1_000  # Redis runs one script at a time: about 2 ms a call at most
OPERATION_TIMEOUT_S: Final = 1.0  # a Redis that is silent costs Postgres this much, once per back-off
BACKOFF_FIRST_S: Final = 0.1
BACKOFF_LONGEST_S: Final = 5.0


class _Place(NamedTuple):
    """Whose state, by which partition's order."""

    device: int
    topic: str
    partition: int


class DeviceState:
    """What Redis holds of the devices, and what it has yet to take."""

    def __init__(self, url: str) -> None:
        self._client: redis.Redis = redis.Redis.from_url(
            url,
            socket_timeout=OPERATION_TIMEOUT_S,
            socket_connect_timeout=OPERATION_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),  # retrying is this class's own work: it knows what else is waiting
        )
        self._script = self._client.register_script(NEWEST_SCRIPT)
        self._newest: dict[_Place, Event] = {}
        self._alerts: deque[Event] = deque(maxlen=ALERTS_HELD_MAX)
        self._backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_LONGEST_S)
        self._next_attempt_s = 0.0  # monotonic
        self.failing = False
        self.recoveries = 0

    @property
    def pending(self) -> int:
        """Return how many states and alerts Redis has yet to take."""
        return len(self._newest) + len(self._alerts)

    def add(self, events: Iterable[Event]) -> None:
        """Note events, in any order, for the next `apply`."""
        for event in events:
            place = _Place(event.device, event.topic, event.partition)
            held = self._newest.get(place)
            if held is None or held.offset < event.offset:
                self._newest[place] = event
            if event.topic == ALERTS_TOPIC:
                self._alerts.append(event)

    def apply(self) -> redis.RedisError | None:
        """Hand Redis what is pending, unless it failed a moment ago; return the error, if any."""
        if not self.pending or time.monotonic() < self._next_attempt_s:
            return None
        try:
            self._send_states()
            self._publish_alerts()
        except redis.RedisError as problem:
            self._next_attempt_s = time.monotonic() + self._backoff.next_s()
            self.failing = True
            return problem
        self.recoveries += self.failing
        self.failing = False
        self._backoff.reset()
        return None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _send_states(self) -> None:
        places = list(self._newest)
        for start in range(0, len(places), CALL_UPDATES_MAX):
            part = places[start : start + CALL_UPDATES_MAX]
            arguments: list[Any] = []
            for place in part:
                event = self._newest[place]
                arguments += State(place.topic, place.partition, event.offset, event.id, event.state).arguments()
            self._script(keys=[device_key(place.device) for place in part], args=arguments)
            for place in part:
                del self._newest[place]

    def _publish_alerts(self) -> None:
        if not self._alerts:
            return
        pipeline = self._client.pipeline(transaction=False)
        for event in self._alerts:
            pipeline.publish(ALERTS_CHANNEL, event.body)
        pipeline.execute()
        self._alerts.clear()
