"""One source's Kafka producer: every write is logged before the client gets it, and its answer when it comes.

The client is polled by one native thread, which writes the logs to their files too. Under Locust that must
be a real thread (gevent's are greenlets): confluent-kafka waits in C, which gevent cannot interrupt.

Not modelled here: nothing is retried by us. What the client could not queue was not sent; what it could not
deliver is what the client says of it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from workbench.errors import MachineTrouble, ToolFailed
from workbench.load.bodies import BodyMaker
from workbench.load.plan import FLUSH_MAX_S, LoadPlan
from workbench.load.write_log import LOG_FLUSH_S, WriteLog
from workbench.records.writes import Outcome

POLL_S: Final = 0.05
FINISH_LEEWAY_S: Final = 10.0  # for the thread's last round, after the answers' own deadline

# Errors after which a write is certainly not stored. Every other may have reached a broker: time-outs, broken
# connections, and even NOT_ENOUGH_REPLICAS, since the client does not say whether an earlier attempt got further.
CERTAINLY_NOT_STORED: Final = frozenset(
    {
        KafkaError._QUEUE_FULL,
        KafkaError._PURGE_QUEUE,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.INVALID_REQUIRED_ACKS,
    }
)


def outcome_of(error: int) -> Outcome:
    """Return a write's fate by the error code of its delivery report; 0 means acknowledged."""
    if error == 0:
        return Outcome.OK
    return Outcome.FAILED if error in CERTAINLY_NOT_STORED else Outcome.UNKNOWN


def _code(error: KafkaException) -> int:
    """Return librdkafka's code of an error the client raised."""
    cause = error.args[0]
    return cause.code() if isinstance(cause, KafkaError) else KafkaError._FAIL


def client_settings(client: Mapping[str, str], acks: str, source: int) -> dict[str, str | bool]:
    """Return the client's settings: `client`, and librdkafka's defaults but for those here, each for its reason."""
    return {
        **client,
        "client.id": f"hub-load-{source}",  # the brokers' logs name the source
        "acks": acks,  # the scenario's choice
        # The hub's producers are idempotent: a retry neither doubles nor reorders. It needs acks=all.
        "enable.idempotence": acks == "all",
    }


class KafkaWriter:
    """Sends events and logs them. `answered`, where given, gets (topic, intended_s, acked_s, error) of each answer."""

    def __init__(
        self,
        plan: LoadPlan,
        source: int,
        start_thread: Callable[[Callable[[], None]], object],
        make_client: Callable[[dict[str, str | bool]], Producer] = Producer,
        answered: deque[tuple[int, float, float, int]] | None = None,
    ) -> None:
        """Open the logs and start the polling thread through `start_thread` (which must start a native one)."""
        self._topics = plan.topics
        self._bodies = BodyMaker(plan.topics, plan.workload.event_bytes)
        self._log = WriteLog(plan.ledger, source)
        settings = client_settings(plan.client, plan.workload.acks, source)
        self._make_client = partial(make_client, settings)
        self._clients = [self._make_client()]  # the last one is in use, earlier ones had a fatal error
        self._answered = answered
        self._tried = 0  # only send and skip change these three, in one thread
        self._not_sent = 0
        self._never_tried = 0
        self._rejected = 0
        self._reports = [0, 0, 0]  # by Outcome; only the polling thread changes it
        self._deadline_s: float | None = None  # monotonic; set once everything is sent
        self._failure: OSError | None = None
        self._done = False  # the polling thread has ended
        self._complete = False  # .. in order, with everything in the logs' files
        start_thread(self._serve)

    def send(self, event_id: int, topic: int, partition: int, device: int, intended_s: float) -> None:
        """Hand one event to the client. Never blocks. Raises MachineTrouble when the log cannot be written."""
        if self._failure is not None:
            raise MachineTrouble(f"the write log cannot be written: {self._failure}") from self._failure
        body = self._bodies.body(topic, event_id, device, intended_s)
        key = b"%d" % device
        self._tried += 1
        sent_s = time.time()
        self._log.sent(event_id, topic, partition, intended_s, sent_s)
        report = partial(self._reported, event_id, topic, intended_s, sent_s)
        try:
            self._produce(self._topics[topic], body, key, partition, report)
        except BufferError:
            self._not_sent += 1
            self._note(event_id, Outcome.NOT_SENT, KafkaError._QUEUE_FULL, topic, partition, intended_s)
        except KafkaException as error:
            # The client refused it for another reason (no such partition, too large): it never left.
            self._rejected += 1
            self._note(event_id, Outcome.FAILED, _code(error), topic, partition, intended_s)

    def skip(self, event_id: int, partition: int) -> None:
        """Note a planned write that is never handed to the client."""
        self._never_tried += 1
        self._log.answered(event_id, Outcome.NOT_SENT, 0, partition)

    def finish(self) -> None:
        """Wait for the answers, at most FLUSH_MAX_S, and close the logs; may be called again.

        Raises MachineTrouble when the log could not be written, ToolFailed when the client hangs.
        """
        if self._deadline_s is None:
            self._deadline_s = time.monotonic() + FLUSH_MAX_S
        while not self._done:
            if time.monotonic() > self._deadline_s + FINISH_LEEWAY_S:
                raise ToolFailed(f"the Kafka client did not return within {FINISH_LEEWAY_S:g} s after its last poll")
            time.sleep(POLL_S)
        if self._failure is not None:
            raise MachineTrouble(f"the write log cannot be written: {self._failure}") from self._failure
        if not self._complete:
            raise ToolFailed("the thread that polls the Kafka client ended early; its error stands above")

    def counts(self) -> dict[str, int]:
        """Return what became of the writes, by this producer's own count; final after `finish`."""
        sent = self._tried - self._not_sent
        ok, failed = self._reports[Outcome.OK], self._reports[Outcome.FAILED] + self._rejected
        return {
            "planned": self._tried + self._never_tried,
            "sent": sent,
            "not_sent": self._not_sent + self._never_tried,
            "ok": ok,
            "failed": failed,
            "unknown": sent - ok - failed,
        }

    def _produce(self, topic: str, body: bytes, key: bytes, partition: int, report: partial[None]) -> None:
        """Give the event to the client; one that had a fatal error is replaced by a new one."""
        try:
            self._clients[-1].produce(topic, body, key, partition, on_delivery=report)
        except KafkaException as error:
            if _code(error) != KafkaError._FATAL:
                raise
            self._clients.append(self._make_client())
            self._clients[-1].produce(topic, body, key, partition, on_delivery=report)

    def _reported(
        self, event_id: int, topic: int, intended_s: float, sent_s: float, error: KafkaError | None, message: Message
    ) -> None:
        """Note the client's delivery report (called by the polling thread)."""
        code = 0 if error is None else error.code()
        outcome = outcome_of(code)
        self._reports[outcome] += 1
        partition = message.partition() or 0
        if outcome is Outcome.OK:
            acked_s = sent_s + (message.latency() or 0.0)
            offset = message.offset()  # without acknowledgements (acks=0) there is none
            self._log.answered(event_id, outcome, 0, partition, -1 if offset is None or offset < 0 else offset, acked_s)
            if self._answered is not None:
                self._answered.append((topic, intended_s, acked_s, 0))
        else:
            self._note(event_id, outcome, code, topic, partition, intended_s)

    def _note(self, event_id: int, outcome: Outcome, error: int, topic: int, partition: int, intended_s: float) -> None:
        """Log an answer other than an acknowledgement."""
        self._log.answered(event_id, outcome, error, partition)
        if self._answered is not None:
            self._answered.append((topic, intended_s, time.time(), error))

    def _serve(self) -> None:
        """Poll the client and write the logs until every answer is there or the deadline is over."""
        try:
            with closing(self._log):
                self._poll_and_log()
            self._complete = True
        except OSError as error:
            self._failure = error
        finally:
            self._done = True

    def _poll_and_log(self) -> None:
        flushed_s = time.monotonic()
        while True:
            closing_s = self._deadline_s
            for client in self._clients[:-1]:
                client.poll(0)
            self._clients[-1].poll(POLL_S)
            now_s = time.monotonic()
            if now_s - flushed_s >= LOG_FLUSH_S:
                self._log.flush()
                flushed_s = now_s
            waiting = sum(len(client) for client in self._clients)
            if closing_s is not None and (waiting == 0 or now_s >= closing_s):
                return
