"""The producer's bookkeeping: what each answer of the client means, and that every write is counted once.

The client here is a stand-in of the confluent-kafka class, not of a broker: what a broker does is tested on real ones.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from tests.support.sample_load import sample_plan
from workbench.errors import MachineTrouble, ToolFailed
from workbench.load import producer
from workbench.load.producer import KafkaWriter, client_settings, outcome_of
from workbench.records.writes import Outcome, read_answers, read_sends

START_S = 1_790_000_000.0


class Report:
    """A delivery report."""

    def partition(self) -> int:
        """Return the partition."""
        return 4

    def offset(self) -> int:
        """Return the offset."""
        return 99

    def latency(self) -> float:
        """Return the client's own measure."""
        return 0.125


class Client:
    """Takes events and answers them as told: an error code a message, None for never."""

    def __init__(self, answers: list[int | None], raises: Exception | None = None) -> None:
        self.answers = deque(answers)
        self.raises = raises
        self.reports: deque[tuple[Callable[..., None], int]] = deque()
        self.outstanding = 0

    def produce(
        self, _topic: str, _body: bytes, _key: bytes, _partition: int, on_delivery: Callable[..., None]
    ) -> None:
        """Queue an event."""
        if self.raises is not None:
            raise self.raises
        answer = self.answers.popleft()
        self.outstanding += 1
        if answer is not None:
            self.reports.append((on_delivery, answer))

    def poll(self, _timeout_s: float) -> None:
        """Deliver the reports."""
        while self.reports:
            on_delivery, code = self.reports.popleft()
            on_delivery(KafkaError(code) if code else None, Report())
            self.outstanding -= 1

    def __len__(self) -> int:
        return self.outstanding


def start_thread(work: Callable[[], None]) -> None:
    """Start a native thread."""
    threading.Thread(target=work, daemon=True).start()


def writer(folder: Path, *clients: Any) -> KafkaWriter:
    """Return a writer of source 1 that uses these clients one after the other."""
    _, plan = sample_plan(folder, START_S)
    left = deque(clients)
    return KafkaWriter(plan, 1, start_thread, make_client=lambda _settings: left.popleft(), answered=deque())


def send(kafka: KafkaWriter, count: int) -> None:
    """Send events 0 .. count-1."""
    for event_id in range(count):
        kafka.send(event_id, 2, 4, 10, START_S + event_id)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (0, Outcome.OK),
        (KafkaError._QUEUE_FULL, Outcome.FAILED),
        (KafkaError.MSG_SIZE_TOO_LARGE, Outcome.FAILED),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, Outcome.FAILED),
        (KafkaError.INVALID_REQUIRED_ACKS, Outcome.FAILED),
        (KafkaError._MSG_TIMED_OUT, Outcome.UNKNOWN),
        (KafkaError.REQUEST_TIMED_OUT, Outcome.UNKNOWN),
        (KafkaError.NOT_ENOUGH_REPLICAS, Outcome.UNKNOWN),
        (KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND, Outcome.UNKNOWN),
        (KafkaError._PURGE_INFLIGHT, Outcome.UNKNOWN),
        (KafkaError._TRANSPORT, Outcome.UNKNOWN),
        (KafkaError.KAFKA_STORAGE_ERROR, Outcome.UNKNOWN),
        (KafkaError._FATAL, Outcome.UNKNOWN),
    ],
)
def test_only_certain_failures_count_as_failed(code: int, outcome: Outcome) -> None:
    """Whatever may have reached a broker is unknown."""
    assert outcome_of(code) is outcome


def test_idempotence_follows_acks() -> None:
    """Idempotence needs acks=all; nothing else differs from the client's defaults."""
    assert client_settings({"bootstrap.servers": "h:1"}, "all", 1)["enable.idempotence"] is True
    assert client_settings({"bootstrap.servers": "h:1"}, "1", 1)["enable.idempotence"] is False
    assert set(client_settings({"bootstrap.servers": "h:1"}, "0", 2)) == {
        "bootstrap.servers",
        "client.id",
        "acks",
        "enable.idempotence",
    }


def test_every_write_is_logged_and_counted_once(tmp_path: Path) -> None:
    """Acknowledged, failed and ambiguous answers; acked is the send plus the client's own latency."""
    kafka = writer(tmp_path, Client([0, KafkaError.MSG_SIZE_TOO_LARGE, KafkaError._MSG_TIMED_OUT, 0]))
    send(kafka, 4)
    kafka.skip(4, 0)
    kafka.finish()
    ledger = tmp_path / "a run" / "ledger"
    sends, answers = read_sends(ledger), read_answers(ledger)
    assert sends["id"].tolist() == [0, 1, 2, 3]
    assert sorted(zip(answers["id"].tolist(), answers["outcome"].tolist(), strict=True)) == [
        (0, Outcome.OK),
        (1, Outcome.FAILED),
        (2, Outcome.UNKNOWN),
        (3, Outcome.OK),
        (4, Outcome.NOT_SENT),
    ]
    first = answers[answers["id"] == 0][0]
    assert first["acked_s"] == sends["sent_s"][0] + 0.125
    assert (first["partition"], first["offset"]) == (4, 99)
    assert kafka.counts() == {"planned": 5, "sent": 4, "not_sent": 1, "ok": 2, "failed": 1, "unknown": 1}


def test_what_the_queue_refuses_was_not_sent(tmp_path: Path) -> None:
    """A full queue: the write has a send row (it is logged first) and a NOT_SENT answer."""
    kafka = writer(tmp_path, Client([], raises=BufferError("queue full")))
    send(kafka, 2)
    kafka.finish()
    ledger = tmp_path / "a run" / "ledger"
    assert read_sends(ledger)["id"].tolist() == [0, 1]
    assert read_answers(ledger)["outcome"].tolist() == [Outcome.NOT_SENT] * 2
    assert kafka.counts() == {"planned": 2, "sent": 0, "not_sent": 2, "ok": 0, "failed": 0, "unknown": 0}


def test_what_the_client_rejects_has_failed(tmp_path: Path) -> None:
    """An unknown partition never leaves the client."""
    kafka = writer(tmp_path, Client([], raises=KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION))))
    send(kafka, 1)
    kafka.finish()
    assert kafka.counts()["failed"] == 1
    assert read_answers(tmp_path / "a run" / "ledger")["error"].tolist() == [KafkaError._UNKNOWN_PARTITION]


def test_a_client_with_a_fatal_error_is_replaced(tmp_path: Path) -> None:
    """The write that met the fatal error goes to the new client; the old one's answers still count."""
    old = Client([0])
    kafka = writer(tmp_path, old, Client([0, 0]))
    kafka.send(0, 2, 4, 10, START_S)
    old.raises = KafkaException(KafkaError(KafkaError._FATAL))
    kafka.send(1, 2, 4, 10, START_S)
    kafka.finish()
    assert kafka.counts() == {"planned": 2, "sent": 2, "not_sent": 0, "ok": 2, "failed": 0, "unknown": 0}


def test_what_is_never_answered_stays_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait for answers is bounded; finishing twice changes nothing."""
    monkeypatch.setattr(producer, "FLUSH_MAX_S", 0.3)
    kafka = writer(tmp_path, Client([0, None]))
    send(kafka, 2)
    kafka.finish()
    kafka.finish()
    assert kafka.counts() == {"planned": 2, "sent": 2, "not_sent": 0, "ok": 1, "failed": 0, "unknown": 1}


def test_a_log_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Sending without a record is worse than not sending: a full disk ends the load."""
    kafka = writer(tmp_path, Client([0] * 10))
    kafka._log._sends_file.close()
    kafka._log._sends_file = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115 - closed by the writer
    kafka.send(0, 2, 4, 10, START_S)
    with pytest.raises(MachineTrouble, match="write log cannot be written"):
        kafka.finish()
    with pytest.raises(MachineTrouble, match="write log cannot be written"):
        kafka.send(1, 2, 4, 10, START_S)


def test_a_polling_thread_that_dies_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client whose poll raises never passes for one that has answered everything."""
    died = threading.Event()
    monkeypatch.setattr(threading, "excepthook", lambda _: died.set())
    client = Client([0])
    client.poll = lambda _timeout_s: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    kafka = writer(tmp_path, client)
    with pytest.raises(ToolFailed, match="ended early"):
        kafka.finish()
    assert died.wait(60), "the thread's own end belongs to this test"
