"""Kafka's client libraries: the defaults that decide how long a leader's silence lasts for producers and processors.

A killed broker resets its connections, and both libraries then ask another broker who leads about once a second:
librdkafka by its one-second timer, the Java client after ever longer back-offs, up to retry.backoff.max.ms (1 s, with a
fifth of chance; Kafka 3.7 KIP-580). A silent one answers nothing, and they wait for as long as a request may take.

With acks=0 nobody answers: an event counts as sent when it is written to the socket, and what the leader has not read
by its death is lost with what it had not passed on.

Left out: delivery.timeout.ms, after which the Java client gives an event up (120 s; librdkafka 300 s), and
max.block.ms, after which its send() fails while its buffer is full.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workbench.model.parameter import FloatArray, Parameter, prior, triangular
from workbench.workload import ClientLibrary

HEARTBEAT_S: Final = 3.0  # librdkafka CONFIGURATION.md heartbeat.interval.ms
_LIBRDKAFKA: Final = "librdkafka CONFIGURATION.md"
_JAVA: Final = "Kafka 3.7.1 clients"

_ROWS: Final = {
    ClientLibrary.LIBRDKAFKA: {
        "client_request_timeout_s": prior(60.0, "s", f"{_LIBRDKAFKA} socket.timeout.ms"),
        "client_fetch_more_s": prior(0.5, "s", f"{_LIBRDKAFKA} fetch.wait.max.ms", "a fetch may take so much longer"),
        "client_looks_s": prior(
            1.0,
            "s",
            "librdkafka rdkafka_broker.c rd_kafka_broker_timeout_scan",
            "how often requests are looked through for those that took too long",
        ),
        "client_resends_s": prior(
            0.4,
            "s",
            "a broker stopped for 90 s (measured, once): 0.35 s the canary, 0.63 s who had thousands of events waiting",
            "from giving a silent broker up to the first answer of another",
        ),
        "client_refetches_s": prior(
            0.7,
            "s",
            f"{_LIBRDKAFKA} fetch.error.backoff.ms 0.5 s, and the metadata; 0.3 to 1.2 s (measured, twice)",
            "from giving a silent broker up to the first records of another",
        ),
    },
    ClientLibrary.JAVA: {
        "producer_linger_s": prior(0.0, "s", f"{_JAVA} ProducerConfig linger.ms"),
        "producer_batch_bytes_max": prior(16_384, "bytes", f"{_JAVA} ProducerConfig batch.size"),
        "client_request_timeout_s": prior(30.0, "s", f"{_JAVA} CommonClientConfigs request.timeout.ms"),
        "client_fetch_more_s": prior(0.0, "s", f"{_JAVA} NetworkClient: no more for a fetch than for others"),
        "client_looks_s": prior(0.0, "s", f"{_JAVA} NetworkClient.handleTimedOutRequests: whenever it polls"),
        "client_resends_s": prior(
            0.05,
            "s",
            "a broker stopped for 50 s (measured, once): the console producer's events went on after 30.05 s",
            "from giving a silent broker up to the first answer of another",
        ),
        "client_refetches_s": prior(0.1, "s", f"{_JAVA} retry.backoff.ms", "the same for a fetch"),
    },
}


# What passes from an acknowledgement until the followers have the record, when consumers see it and it outlives its
# leader. With all of them it is acknowledged no sooner.
AFTER_ACK: Final = {"all": (), "1": ("replication_lag_s",), "0": ("replication_lag_s",)}
_UNREAD: Final = {
    "unread_s": prior(
        triangular(0.005, 0.02, 0.06),
        "s",
        "acks=0 (measured, once): 4 of 100 events/s lost with a killed leader",
        "from the client's socket to a dying leader's log, and until the client notices that it is gone",
    )
}


def producer_moves_s[T: (float, FloatArray)](numbers: Mapping[str, float], phase: T) -> T:
    """Return when a producer that a broker stopped answering goes on with another (s after its last answer).

    `phase` is how far from a look through its requests it was then, 0 to 1: one, or one a replication.
    """
    looks_s = phase * numbers["client_looks_s"]
    return numbers["client_request_timeout_s"] + looks_s + numbers["client_resends_s"]


def fetcher_moves_s[T: (float, FloatArray)](numbers: Mapping[str, float], phase: T) -> T:
    """Return the same of a processor, whose fetches may take longer than other requests."""
    waits_s = numbers["client_request_timeout_s"] + numbers["client_fetch_more_s"]
    return waits_s + phase * numbers["client_looks_s"] + numbers["client_refetches_s"]


def library_rows(library: ClientLibrary, acks: str = "all") -> dict[str, Parameter]:
    """Return a library's own defaults, some in place of the priors of the same name."""
    return {**_ROWS[library], **(_UNREAD if acks == "0" else {})}
