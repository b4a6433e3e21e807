"""Brokers stopped, killed and started again on a hub without load."""

from __future__ import annotations

import math
import re
import signal
from collections.abc import Iterator
from statistics import median
from typing import Final

from confluent_kafka import Producer

from workbench.calibrate.bench import Bench, LogTail, logged_s
from workbench.errors import ToolFailed

TOPIC: Final = "calibration"
PARTITIONS: Final = 12
MISSED_BYTES: Final = 256_000_000
RECORD_BYTES: Final = 8_000
FLUSH_S: Final = 60.0
STOPS: Final = 5
CATCH_UPS: Final = 3
KILLS: Final = 4
_LOADED: Final = re.compile(r"Loaded (\d+) logs in (\d+)\s?ms")
_REFUSED: Final = re.compile(r"^(\S+ \S+) ERROR.*node already exists", re.MULTILINE)


def starts(bench: Bench) -> None:
    """Keep what each broker took at the hub's start."""
    for name, by_server in (
        ("broker_start_s", bench.hub.start_to_registered_s()),
        ("broker_start_cpu_s", bench.hub.start_cpu_s()),
        ("broker_ready_s", bench.hub.registered_to_ready_s()),
    ):
        for value in by_server.values():
            bench.note(name, value)


def make_topic(bench: Bench) -> None:
    """Create the topic that only calibrations write to, with as many replicas as there are brokers."""
    bench.hub.kafka.make_topic(TOPIC, PARTITIONS, len(bench.hub.topology.kafka.broker_ids))
    bench.whole()


def stops(bench: Bench) -> None:
    """Stop brokers in good order and start them: leaders move, deregistration, logs loaded, full sets."""
    for broker in victims(bench, STOPS):
        _stop(bench, broker)
        log = bench.log(f"kafka-{broker}")
        bench.note("isr_rejoin_s", _rejoin(bench, broker))
        for per_log_s in _loaded(log):
            bench.note("log_load_partition_s", per_log_s)


def catch_ups(bench: Bench) -> None:
    """Stop brokers, write meanwhile, and see how fast they read what they missed."""
    empty_s = median(bench.samples["isr_rejoin_s"]) if bench.samples["isr_rejoin_s"] else 0.0
    for broker in victims(bench, CATCH_UPS):
        _stop(bench, broker)
        _write(bench)
        took_s = _rejoin(bench, broker)
        bench.note("catch_up_bytes_per_s", MISSED_BYTES / (took_s - empty_s) if took_s > empty_s else math.nan)


def kills(bench: Bench) -> None:
    """Kill brokers and start them at once: the old session refuses the new broker, which exits."""
    for broker in victims(bench, KILLS):
        _kill(bench, broker)


def _kill(bench: Bench, broker: int) -> None:
    name, hub = f"kafka-{broker}", bench.hub
    log = bench.log(name)
    bench.kill(name)
    began_s = bench.start(name)
    bench.until(lambda: _over(bench, broker, name, began_s), f"{name} is refused or registered")
    if hub.running(name):
        return  # its old session had ended by then
    refused = _REFUSED.search(log.text())
    if refused:
        bench.note("node_exists_exit_s", hub.process_starts(name)[-1].ended_s - logged_s(refused[1]))
    bench.until(lambda: broker not in hub.registered_brokers(), f"{name}'s session ends")
    bench.start(name)


def victims(bench: Bench, rounds: int) -> Iterator[int]:
    """Yield a broker that is not the controller each round, taking turns; after each the hub gets whole again."""
    for number in bench.rounds(rounds):
        controller = bench.hub.controller()
        others = [broker for broker in bench.hub.topology.kafka.broker_ids if broker != controller]
        yield others[number % len(others)]
        bench.whole()


def _stop(bench: Bench, broker: int) -> None:
    name, hub = f"kafka-{broker}", bench.hub
    sent_s = hub.control.signal(name, signal.SIGTERM)
    moved_s = bench.until(
        lambda: all(state.leader != broker for state in hub.partition_states().values()), f"{name} leads nothing"
    )
    gone_s = bench.until(lambda: broker not in hub.registered_brokers(), f"{name} is deregistered")
    bench.ended(name)
    if hub.topology.kafka.quorum is None:
        bench.note("stop_moves_leaders_s", moved_s - sent_s)
        bench.note("stop_deregisters_s", gone_s - moved_s)


def _rejoin(bench: Bench, broker: int) -> float:
    """Start a broker and return how long (s) it took from answering to full in-sync sets."""
    name, hub = f"kafka-{broker}", bench.hub
    bench.start(name)
    bench.until(lambda: broker in hub.registered_brokers(), f"{name} registers")
    ready_s = bench.until(lambda: hub.kafka.answers(broker), f"{name} answers")
    full_s = bench.until(
        lambda: all(set(state.isr) == set(state.replicas) for state in hub.partition_states().values()),
        f"{name} is in sync",
    )
    return full_s - ready_s


def _over(bench: Bench, broker: int, name: str, began_s: float) -> bool:
    registered_s = bench.hub.kafka.registered_s(broker)
    return not bench.hub.running(name) or (registered_s is not None and registered_s > began_s)


def _loaded(log: LogTail) -> list[float]:
    """Return the time (s) per log of every load that a broker tells of."""
    return [float(found[2]) / 1000.0 / float(found[1]) for found in _LOADED.finditer(log.text()) if int(found[1])]


def _write(bench: Bench) -> None:
    """Write MISSED_BYTES, acknowledged by the leaders alone."""
    failed: list[str] = []
    producer = Producer(
        {
            **bench.hub.endpoints.kafka_client,
            "acks": "1",
            "queue.buffering.max.messages": 2 * MISSED_BYTES // RECORD_BYTES,
            "queue.buffering.max.kbytes": 2 * MISSED_BYTES // 1000,
            "log_level": 0,
        }
    )
    for number in range(MISSED_BYTES // RECORD_BYTES):
        payload = number.to_bytes(8, "big") * (RECORD_BYTES // 8)
        producer.produce(
            TOPIC,
            payload,
            partition=number % PARTITIONS,
            on_delivery=lambda error, _: failed.append(str(error)) if error else None,
        )
        if number % 1000 == 0:
            producer.poll(0)
    if producer.flush(FLUSH_S) or failed:
        raise ToolFailed(f"the records to catch up with were not written: {failed[:1]}")
