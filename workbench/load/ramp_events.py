"""Offers a ramp to Kafka: `python -m workbench.load.ramp_events RAMP.json`.

What is due counts as offered, also where this program is late with it. Acknowledgements are not counted one by one:
the client's own statistics tell how many records wait for theirs (`msg_cnt`, STATISTICS.md of librdkafka 2), so that
this program takes as little of the machine as it can.
"""

from __future__ import annotations

import time
from typing import Final

import orjson
from confluent_kafka import Producer

from workbench.load.bodies import BodyMaker
from workbench.load.ramp import FINISH_S, SAMPLE_S, Ramp, read_ramp, sample_line

STEP_S: Final = 0.004  # below the client's own linger of 5 ms
CHUNK: Final = 2000  # events between two looks at the answers
QUEUE_RECORDS: Final = 2_000_000
QUEUE_KBYTES: Final = 2_000_000


class Source:
    """The client, and what is known of the events so far."""

    def __init__(self, ramp: Ramp) -> None:
        self._ramp = ramp
        self._names, self._topics, self._devices = ramp.drawn()
        self._bodies = BodyMaker(self._names, ramp.event_bytes)
        self._samples = ramp.samples.open("ab", buffering=0)
        self._sent = 0
        self._producer = Producer(
            {
                **ramp.client,
                "client.id": "hub-ramp",
                "acks": "all",
                "enable.idempotence": True,
                "queue.buffering.max.messages": QUEUE_RECORDS,
                "queue.buffering.max.kbytes": QUEUE_KBYTES,
                "statistics.interval.ms": round(1000 * SAMPLE_S),
                "stats_cb": self._note,
                "log_level": 2,
            }
        )

    def run(self) -> int:
        """Offer every event when it is due, wait for the answers, return how many never came."""
        while self._sent < self._ramp.events:
            due = self._ramp.due(time.time())
            self._offer(min(due, self._sent + CHUNK))
            self._producer.poll(STEP_S if self._sent == due else 0.0)
        left = int(self._producer.flush(FINISH_S))
        self._samples.write(sample_line(time.time(), self._sent, self._sent - left))
        return left

    def _offer(self, due: int) -> None:
        ramp, counts = self._ramp, self._ramp.partitions
        for number in range(self._sent, due):
            topic, device = int(self._topics[number]), int(self._devices[number])
            name = self._names[topic]
            body = self._bodies.body(topic, ramp.first_id + number, device, ramp.start_s)
            self._producer.produce(name, body, key=b"%d" % device, partition=device % counts[name])
        self._sent = max(self._sent, due)

    def _note(self, statistics: str) -> None:
        waiting = int(orjson.loads(statistics)["msg_cnt"])
        now_s = time.time()
        self._samples.write(sample_line(now_s, self._ramp.due(now_s), self._sent - waiting))


if __name__ == "__main__":
    raise SystemExit(1 if Source(read_ramp()).run() else 0)
