"""The consumer loop: collect, write, show, commit; again. One thread, so nothing happens in between.

Order of one batch: the Postgres transaction commits, Redis takes the newest states, then the offsets are
handed to the group's coordinator. Records collected but not written are dropped when partitions are revoked:
whoever owns them next reads them again from the committed offset.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Final

import orjson
import psycopg
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from workbench.apps.event_processor import log
from workbench.apps.event_processor.backoff import Backoff
from workbench.apps.event_processor.database import Database
from workbench.apps.event_processor.lag import lag_records
from workbench.apps.event_processor.metrics import Metrics
from workbench.apps.event_processor.offsets import Offsets
from workbench.apps.event_processor.records import Batch, to_batch
from workbench.apps.event_processor.settings import KafkaTls, Settings
from workbench.apps.event_processor.state import DeviceState

POLL_S: Final = 0.25  # longest wait for a record before the loop looks at its other duties
BACKOFF_FIRST_S: Final = 0.1
ERROR_REPEAT_S: Final = 10.0  # the client's same trouble is logged at most this often
BACKOFF_LONGEST_S: Final = 1.0  # a primary that is back is found within this
LAST_COMMIT_S: Final = 5.0  # how long a clean end waits for the coordinator's answer


def consumer_settings(settings: Settings) -> dict[str, Any]:
    """Return librdkafka's settings: its defaults but for these."""
    return {
        **tls_settings(settings.kafka_tls),
        "bootstrap.servers": settings.kafka_bootstrap,
        "group.id": settings.group,
        "client.id": f"event-processor-{settings.processor_index}",  # tells the members apart in broker logs
        "session.timeout.ms": round(1000 * settings.group_session_timeout_s),
        "enable.auto.commit": False,  # an offset is committed after its row, never by the clock
        "auto.offset.reset": "earliest",  # a new group starts with what the topics hold; nothing is skipped
        "statistics.interval.ms": 1000,  # off by default; the lag metric reads them
        "log_level": 2,  # its errors come through error_cb; as log lines they repeat 20 times a second in an outage
    }


def tls_settings(tls: KafkaTls | None) -> dict[str, str]:
    """Return librdkafka's settings for a client with a certificate; none of them for plain text."""
    if tls is None:
        return {}
    return {
        "security.protocol": "ssl",
        "ssl.ca.location": tls.authority,
        "ssl.certificate.location": tls.certificate,
        "ssl.key.location": tls.key,
    }


class Processor:
    """One member of the consumer group with its connections."""

    def __init__(self, settings: Settings, metrics: Metrics, stop: threading.Event) -> None:
        self._settings = settings
        self._metrics = metrics
        self._stop = stop
        self._database = Database(settings.postgres_dsn, settings.encryption_key)
        self._database_backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_LONGEST_S)
        self._connect_at_s = 0.0  # monotonic
        self._state = DeviceState(settings.redis_url)
        self._offsets = Offsets()
        self._collected: list[Message] = []
        self._paused = False
        self._reconnects_counted = 0
        self._logged_at_s: dict[str, float] = {}  # error name -> monotonic
        self._consumer = Consumer(
            {
                **consumer_settings(settings),
                "stats_cb": self._on_statistics,
                "error_cb": self._on_error,
                "on_commit": self._on_commit,
            },
            logger=log.LOGGER,
        )

    def run(self) -> None:
        """Process until `stop` is set, then end cleanly. Raises KafkaException when the client is beyond repair."""
        self._consumer.subscribe(
            list(self._settings.topics), on_assign=self.on_assign, on_revoke=self.on_revoke, on_lost=self.on_revoke
        )
        log.info("started", group=self._settings.group, topics=self._settings.topics)
        try:
            while not self._stop.is_set():
                self._collect()
                if self._collected:
                    self._process()
                self._housekeeping()
            self._finish()
        finally:
            self.close()
        log.info("ended")

    def close(self) -> None:
        """Leave the group and close every connection."""
        self._consumer.close()
        self._database.close()
        self._state.close()

    def _collect(self) -> None:
        """Gather up to batch_events_max records; the linger's clock starts with the first one."""
        deadline_s = time.monotonic() + POLL_S
        while len(self._collected) < self._settings.batch_events_max:
            remaining_s = deadline_s - time.monotonic()
            if remaining_s < 0.0 or self._stop.is_set():
                return
            first = not self._collected
            if self._poll(min(remaining_s, POLL_S)) and first:
                deadline_s = time.monotonic() + self._settings.batch_linger_s

    def _poll(self, timeout_s: float) -> bool:
        """Serve the client's callbacks for at most `timeout_s` and take one record if there is one.

        A revocation served here clears what earlier calls collected before a newer record is added.
        """
        message = self._consumer.poll(timeout_s)
        if message is None:
            return False
        problem = message.error()
        if problem is None:
            self._collected.append(message)
            return True
        if problem.fatal():
            raise KafkaException(problem)
        log.warning("Kafka reports", error=problem.name())
        return False

    def _process(self) -> None:
        """Write what was collected, show the newest states, commit the offsets."""
        began_s = time.perf_counter()
        batch = to_batch(self._collected)
        self._collected = []
        if not self._write(batch):
            return
        self._state.add(batch.events)
        self._offsets.written(batch.next_offsets())
        self._housekeeping()
        self._metrics.batch_seconds.inc(time.perf_counter() - began_s)

    def _write(self, batch: Batch) -> bool:
        """Write a batch until Postgres has it; False when the processor was stopped before that.

        While Postgres fails, the partitions are paused and the consumer is polled during the back-off, so that
        the group does not regard this member as dead (max.poll.interval.ms).
        """
        while True:
            began_s = time.perf_counter()
            try:
                inserted = self._database.write(batch)
            except psycopg.Error as problem:
                wait_s = self._database_backoff.next_s()
                log.warning("Postgres failed, will retry", error=log.describe(problem), wait_s=wait_s)
                self._pause()
                if self._stop.is_set():
                    return False
                self._keep_alive(wait_s)
                continue
            self._count(batch, inserted, time.perf_counter() - began_s)
            self._database_backoff.reset()
            self._resume()
            return True

    def _count(self, batch: Batch, inserted: int, database_s: float) -> None:
        metrics = self._metrics
        metrics.batches.inc()
        metrics.batch_database_seconds.inc(database_s)
        metrics.duplicates.inc(len(batch.events) - inserted)
        metrics.malformed.inc(len(batch.dead_letters))
        for topic, count in batch.counts().items():
            metrics.topic_events(topic, count)
        for letter in batch.dead_letters:
            log.warning(
                "malformed record",
                topic=letter.topic,
                partition=letter.partition,
                offset=letter.offset,
                reason=letter.reason,
            )

    def _keep_alive(self, wait_s: float) -> None:
        """Poll for `wait_s`; a record that still arrives (of a partition assigned just now) joins the next batch."""
        deadline_s = time.monotonic() + wait_s
        while (remaining_s := deadline_s - time.monotonic()) > 0.0 and not self._stop.is_set():
            self._poll(min(remaining_s, POLL_S))

    def _housekeeping(self) -> None:
        """Connect early, apply pending states, commit offsets, set the gauges."""
        if not self._database.connected and time.monotonic() >= self._connect_at_s:
            try:
                self._database.connect()
            except psycopg.Error as problem:
                self._connect_at_s = time.monotonic() + BACKOFF_LONGEST_S
                log.warning("no connection to Postgres yet", error=log.describe(problem))
        was_failing = self._state.failing
        problem_of_redis = self._state.apply()
        if problem_of_redis is not None:
            log.warning("Redis failed", error=log.describe(problem_of_redis), pending=self._state.pending)
        elif was_failing and not self._state.failing:
            log.info("Redis has caught up")
        self._commit()
        self._set_gauges()

    def _commit(self) -> None:
        """Hand the written offsets to the coordinator, unless Redis has yet to take something of them."""
        if self._state.pending:
            return
        due = self._offsets.to_commit(time.monotonic())
        if not due:
            return
        try:
            self._consumer.commit(
                offsets=[TopicPartition(topic, partition, offset) for (topic, partition), offset in due.items()],
                asynchronous=True,
            )
        except KafkaException as problem:
            self._offsets.refused(time.monotonic())
            log.warning("offsets not committed", error=log.describe(problem))

    def _finish(self) -> None:
        """Write what is in hand and wait a moment for the coordinator to confirm the last offsets."""
        self._pause()
        if self._collected:
            self._process()
        deadline_s = time.monotonic() + LAST_COMMIT_S
        self._commit()
        while self._offsets.under_way and time.monotonic() < deadline_s:
            self._consumer.poll(POLL_S)
            self._commit()

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._consumer.pause(self._consumer.assignment())

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self._consumer.resume(self._consumer.assignment())

    def _set_gauges(self) -> None:
        metrics = self._metrics
        metrics.assigned_partitions.set(self._offsets.assigned)
        metrics.state_pending.set(self._state.pending)
        metrics.ready.set(float(self._offsets.assigned > 0 and self._database.connected))
        reconnects = max(0, self._database.connections - 1) + self._state.recoveries
        metrics.reconnects.inc(reconnects - self._reconnects_counted)
        self._reconnects_counted = reconnects

    def on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Take partitions that the group gives to this member."""
        consumer.assign(partitions)
        if self._paused:
            consumer.pause(partitions)
        self._offsets.assign((item.topic, item.partition) for item in partitions)
        self._set_gauges()  # now: the first batch of a backlog may take long
        log.info("partitions assigned", partitions=[f"{item.topic}-{item.partition}" for item in partitions])

    def on_revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Give partitions up, with what was collected of them: their next owner reads it again."""
        self._collected.clear()
        self._offsets.revoke((item.topic, item.partition) for item in partitions)
        self._set_gauges()
        log.info("partitions revoked", count=len(partitions))

    def _on_commit(self, problem: KafkaError | None, partitions: list[TopicPartition]) -> None:
        if problem is None:
            self._offsets.answered(
                {(item.topic, item.partition): item.offset for item in partitions if item.error is None}
            )
        else:
            self._offsets.refused(time.monotonic())
            log.warning("offsets not committed", error=problem.name())

    def _on_error(self, problem: KafkaError) -> None:
        now_s = time.monotonic()
        if now_s >= self._logged_at_s.get(problem.name(), float("-inf")) + ERROR_REPEAT_S:
            self._logged_at_s[problem.name()] = now_s
            log.warning("Kafka client", error=problem.name())

    def _on_statistics(self, text: str) -> None:
        self._metrics.consumer_lag_records.set(lag_records(orjson.loads(text), self._offsets))
