"""The event processor's pure parts: settings, records, offsets, back-off, lag and pending states."""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import orjson
import psycopg
import pytest
from confluent_kafka import TopicPartition

from workbench.apps.environment import BadSettings
from workbench.apps.event_processor import log
from workbench.apps.event_processor.backoff import Backoff
from workbench.apps.event_processor.consumer import Processor, consumer_settings
from workbench.apps.event_processor.lag import lag_records
from workbench.apps.event_processor.metrics import Metrics
from workbench.apps.event_processor.offsets import ANSWER_TIMEOUT_S, RETRY_AFTER_S, Offsets
from workbench.apps.event_processor.records import (
    REASON_NO_DEVICE,
    REASON_NO_ID,
    REASON_NO_JSON,
    DeadLetter,
    Event,
    parse,
    to_batch,
)
from workbench.apps.event_processor.settings import read_settings
from workbench.apps.event_processor.state import ALERTS_HELD_MAX, DeviceState

ENVIRONMENT = {
    "KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "KAFKA_TOPICS": "alerts,sdc-events",
    "KAFKA_GROUP": "event-processor",
    "POSTGRES_DSN": "postgresql://hub:hunter2@127.0.0.1/hub",
    "REDIS_URL": "redis://:hunter3@127.0.0.1/0",
    "ENCRYPTION_KEY": "hunter4",
    "GROUP_SESSION_TIMEOUT_S": "45",
    "BATCH_EVENTS_MAX": "500",
    "BATCH_LINGER_S": "0.05",
    "METRICS_PORT": "9100",
    "PROCESSOR_INDEX": "1",
    "LOG_LEVEL": "info",
}
NOWHERE = "redis://127.0.0.1:1/0"


@dataclass(frozen=True)
class FakeRecord:
    """A Kafka message's reading side."""

    body: bytes | None
    at: int = 0
    name: str = "alerts"

    def topic(self) -> str:
        """Return the topic."""
        return self.name

    def partition(self) -> int:
        """Return partition 2."""
        return 2

    def offset(self) -> int:
        """Return the offset."""
        return self.at

    def value(self) -> bytes | None:
        """Return the body."""
        return self.body


def body(**changes: object) -> bytes:
    """Return an event's body."""
    return orjson.dumps({"id": 7, "device": 3, "kind": "alerts", "state": "on", "pad": "x", **changes})


def test_settings_are_read_from_the_environment() -> None:
    """Every variable ends up in its field, with its type."""
    settings = read_settings(ENVIRONMENT)
    assert settings.topics == ("alerts", "sdc-events")
    assert (settings.batch_events_max, settings.batch_linger_s, settings.metrics_port) == (500, 0.05, 9100)
    assert settings.log_level == "INFO"


def test_settings_hide_secrets() -> None:
    """No password or key appears in the settings' representation."""
    assert "hunter" not in repr(read_settings(ENVIRONMENT))


def test_settings_report_every_problem_at_once() -> None:
    """A missing variable and two wrong ones are three problems, each named."""
    wrong = {**ENVIRONMENT, "BATCH_EVENTS_MAX": "0", "LOG_LEVEL": "loud"}
    del wrong["KAFKA_GROUP"]
    with pytest.raises(BadSettings) as caught:
        read_settings(wrong)
    assert sorted(problem.split()[0] for problem in caught.value.problems) == [
        "BATCH_EVENTS_MAX",
        "KAFKA_GROUP",
        "LOG_LEVEL",
    ]


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "many"])
def test_settings_refuse_what_is_no_number_in_range(value: str) -> None:
    """Not-a-number, infinity, negatives and words are no linger."""
    with pytest.raises(BadSettings, match="BATCH_LINGER_S"):
        read_settings({**ENVIRONMENT, "BATCH_LINGER_S": value})


def test_consumer_keeps_the_clients_defaults() -> None:
    """Only the named settings differ from librdkafka's defaults: time-outs and assignor are part of the hub."""
    stated = consumer_settings(read_settings(ENVIRONMENT))
    assert stated["session.timeout.ms"] == 45_000
    assert set(stated) == {
        "bootstrap.servers",
        "group.id",
        "client.id",
        "session.timeout.ms",
        "enable.auto.commit",
        "auto.offset.reset",
        "statistics.interval.ms",
        "log_level",
    }


def test_a_certificate_for_kafka_needs_all_three_files() -> None:
    """With all of them the client speaks TLS, with none plain text; some alone are refused by name."""
    files = {"KAFKA_CA_FILE": "/a/ca.crt", "KAFKA_CERTIFICATE_FILE": "/b/user.crt", "KAFKA_KEY_FILE": "/b/user.key"}
    stated = consumer_settings(read_settings({**ENVIRONMENT, **files}))
    assert (stated["security.protocol"], stated["ssl.key.location"]) == ("ssl", "/b/user.key")
    assert "security.protocol" not in consumer_settings(read_settings(ENVIRONMENT))
    del files["KAFKA_KEY_FILE"]
    with pytest.raises(BadSettings, match="KAFKA_KEY_FILE not set"):
        read_settings({**ENVIRONMENT, **files})


def test_a_record_becomes_an_event() -> None:
    """Fields, place and body are kept."""
    event = parse(FakeRecord(body(), at=41))
    assert event == Event(7, "alerts", 2, 41, 3, "on", body().decode())


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", REASON_NO_JSON),
        (None, REASON_NO_JSON),
        (b"{", REASON_NO_JSON),
        (b"[1]", REASON_NO_JSON),
        (b"\xff\xfe", REASON_NO_JSON),
        (b'{"device": 3}', REASON_NO_ID),
        (body(id="7"), REASON_NO_ID),
        (body(id=True), REASON_NO_ID),
        (body(id=-1), REASON_NO_ID),
        (body(id=2**63), REASON_NO_ID),
        (body(device=None), REASON_NO_DEVICE),
        (body(device=2**31), REASON_NO_DEVICE),
    ],
)
def test_a_malformed_record_becomes_a_dead_letter(value: bytes | None, reason: str) -> None:
    """Whatever the bytes are, parsing does not raise and says what was missing."""
    letter = parse(FakeRecord(value, at=5))
    assert letter == DeadLetter("alerts", 2, 5, reason, value or b"")


def test_a_batch_knows_the_offsets_after_it() -> None:
    """Dead letters count too: they are dealt with, and must not be read again."""
    batch = to_batch(
        [FakeRecord(body(), at=4), FakeRecord(b"?", at=5), FakeRecord(body(id=8), at=1, name="sdc-events")]
    )
    assert len(batch) == 3
    assert batch.next_offsets() == {("alerts", 2): 6, ("sdc-events", 2): 2}
    assert batch.counts() == {"alerts": 1, "sdc-events": 1}


def test_backoff_doubles_to_its_bound_and_starts_over() -> None:
    """0.1, 0.2 .. 0.5, 0.5; after a success 0.1."""
    backoff = Backoff(0.1, 0.5)
    assert [backoff.next_s() for _ in range(5)] == [0.1, 0.2, 0.4, 0.5, 0.5]
    backoff.reset()
    assert backoff.next_s() == 0.1


def test_one_commit_is_under_way_and_the_next_carries_everything_since() -> None:
    """While the coordinator is silent, nothing more is sent; then one commit brings it up to date."""
    offsets = Offsets()
    offsets.assign([("alerts", 0), ("alerts", 1)])
    offsets.written({("alerts", 0): 10})
    assert offsets.to_commit(1.0) == {("alerts", 0): 10}
    offsets.written({("alerts", 0): 20, ("alerts", 1): 5})
    assert offsets.to_commit(2.0) == {}
    offsets.answered({("alerts", 0): 10})
    assert offsets.to_commit(3.0) == {("alerts", 0): 20, ("alerts", 1): 5}
    offsets.answered({("alerts", 0): 20, ("alerts", 1): 5})
    assert offsets.to_commit(4.0) == {}
    assert not offsets.under_way


def test_a_refused_commit_is_repeated_after_a_moment() -> None:
    """A coordinator that refuses is asked again, but not at once."""
    offsets = Offsets()
    offsets.assign([("alerts", 0)])
    offsets.written({("alerts", 0): 10})
    offsets.to_commit(1.0)
    offsets.refused(1.0)
    assert offsets.to_commit(1.0 + RETRY_AFTER_S / 2) == {}
    assert offsets.to_commit(1.0 + RETRY_AFTER_S) == {("alerts", 0): 10}


def test_a_commit_that_is_never_answered_does_not_block_for_ever() -> None:
    """After the time-out the next commit is sent."""
    offsets = Offsets()
    offsets.assign([("alerts", 0)])
    offsets.written({("alerts", 0): 10})
    offsets.to_commit(1.0)
    assert offsets.to_commit(1.0 + ANSWER_TIMEOUT_S) == {("alerts", 0): 10}


def test_offsets_of_revoked_partitions_are_not_committed() -> None:
    """What is written after the revocation belongs to the next owner's bookkeeping."""
    offsets = Offsets()
    offsets.assign([("alerts", 0), ("alerts", 1)])
    offsets.written({("alerts", 0): 10, ("alerts", 1): 3})
    offsets.revoke([("alerts", 0)])
    offsets.written({("alerts", 0): 11})
    assert offsets.to_commit(1.0) == {("alerts", 1): 3}
    assert offsets.written_offset(("alerts", 0)) is None


def test_lag_counts_from_what_is_written() -> None:
    """Written beats committed, committed beats the log's start, an unknown watermark counts as nothing."""
    offsets = Offsets()
    offsets.assign([("alerts", 0), ("alerts", 1), ("alerts", 2), ("alerts", 3)])
    offsets.written({("alerts", 0): 90})
    partitions = {
        "0": {"hi_offset": 100, "committed_offset": 50, "lo_offset": 0},
        "1": {"hi_offset": 100, "committed_offset": 98, "lo_offset": 0},
        "2": {"hi_offset": 7, "committed_offset": -1001, "lo_offset": -1001},
        "3": {"hi_offset": -1001, "committed_offset": -1001, "lo_offset": -1001},
    }
    assert lag_records({"topics": {"alerts": {"partitions": partitions}}}, offsets) == 10 + 2 + 7


def test_states_wait_for_redis_and_only_the_newest_is_kept() -> None:
    """Without a Redis the newest state per device, topic and partition stays pending, and nothing raises."""
    state = DeviceState(NOWHERE)
    state.add([Event(1, "sdc-events", 0, 5, 3, "old", ""), Event(2, "sdc-events", 0, 6, 3, "new", "")])
    state.add([Event(1, "sdc-events", 0, 5, 3, "old", "")])
    assert state.pending == 1
    assert state.apply() is not None
    assert state.failing
    assert state.apply() is None  # the next attempt waits for its back-off
    assert state.pending == 1


def test_held_alerts_are_bounded() -> None:
    """A long outage keeps the last alerts, not all of them."""
    state = DeviceState(NOWHERE)
    state.add(Event(number, "alerts", 0, number, 3, "", "") for number in range(ALERTS_HELD_MAX + 5))
    assert state.pending == ALERTS_HELD_MAX + 1


def test_errors_are_logged_by_class_and_code_alone() -> None:
    """A server's own words could quote a password or a body."""
    assert log.describe(psycopg.OperationalError("password hunter2 rejected")) == "OperationalError"
    assert log.describe(psycopg.errors.ReadOnlySqlTransaction()) == "ReadOnlySqlTransaction 25006"


def test_log_lines_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line on stderr, with the processor's number and the given fields."""
    log.start_log("INFO", 4)
    log.info("partitions assigned", count=3)
    logging.getLogger("event_processor").handlers.clear()
    line = json.loads(capsys.readouterr().err)
    assert (line["processor"], line["message"], line["count"], line["level"]) == (4, "partitions assigned", 3, "info")


def test_its_metrics_tell_of_an_assignment_at_once() -> None:
    """Not only after the first batch of a backlog, which may take half a second."""
    metrics = Metrics()
    processor = Processor(read_settings(ENVIRONMENT), metrics, threading.Event())
    client: Any = SimpleNamespace(assign=lambda _: None, pause=lambda _: None)

    def held() -> float | None:
        return metrics.registry.get_sample_value("hub_processor_assigned_partitions")

    places = [TopicPartition("alerts", 1), TopicPartition("sdc-events", 4)]
    try:
        processor.on_assign(client, places)
        assert held() == 2.0
        processor.on_revoke(client, places)
        assert held() == 0.0
    finally:
        processor.close()
