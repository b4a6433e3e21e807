"""The gateway on real servers: what readers get while all is well, and while Redis or Postgres is away."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
import redis
from confluent_kafka import Producer

from tests.support.sample_load import sample_plan
from tests.support.waiting import wait_for
from workbench import workload
from workbench.fault import Fault, FaultType, RestartRule, VictimSelector
from workbench.load.plan import commands
from workbench.load.reads import summarize_reads
from workbench.target.local import LocalHub

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

TOPIC = "technical-alerts"
OTHER_TOPIC = "alerts"
READERS_LEAD_S = 4.0  # the readers' process needs 2 to 3 s of a free core before it can ask; later is asked late
READ_S = 3.0
READERS_END_S = 60.0
AT_ONCE = 20
ANSWER_MAX_S = 5.0  # far above the sum of the gateway's time-outs: a request that takes longer hangs
SHOWN_MAX_S = 30.0
IDS = itertools.count(1 << 60)  # events' ids and devices that no other test uses
DEVICES = itertools.count(2_000_000_000)


class Answer(NamedTuple):
    """What a reader got."""

    status: int
    cache: str
    retry_after: str
    content: Any


@dataclass
class Readers:
    """Somebody who logs in at the hub's gateway and reads; events are produced for them."""

    hub: LocalHub
    token: str = ""
    producer: Producer = field(init=False)
    redis: redis.Redis = field(init=False)

    def __post_init__(self) -> None:
        self.producer = Producer({"bootstrap.servers": self.hub.endpoints.kafka_bootstrap, "log_level": 0})
        self.redis = redis.Redis.from_url(self.hub.endpoints.redis_url, decode_responses=True)

    def ask(self, path: str, body: Any = None) -> Answer:
        """Send one request; a hanging one fails the test."""
        request = urllib.request.Request(
            self.hub.endpoints.gateway_url + path,
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_MAX_S) as answer:
                return _answer(answer.status, answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return _answer(refused.code, refused)

    def log_in(self) -> Answer:
        """Log in and keep the token."""
        answer = self.ask("/login", {"user": "anna", "secret": self.hub.endpoints.gateway_secret})
        if answer.status == 200:
            self.token = answer.content["token"]
        return answer

    def state(self, device: int) -> Answer:
        """Read a device's state."""
        return self.ask(f"/devices/{device}/state")

    def states_at_once(self, device: int) -> set[str]:
        """Read a device's state many times at once, so that every connection of the gateway is used; where from."""
        with ThreadPoolExecutor(AT_ONCE) as threads:
            return {answer.cache for answer in threads.map(self.state, [device] * 5 * AT_ONCE)}

    def produce(self, device: int, state: str, topic: str = TOPIC) -> None:
        """Produce one event of a device and wait for its acknowledgement."""
        body = {"id": next(IDS), "device": device, "kind": topic, "intended_s": 0.0, "state": state}
        self.producer.produce(topic, json.dumps(body).encode(), str(device).encode(), device % 6)
        assert self.producer.flush(30) == 0

    def wait_for_states(self, device: int, *states: str) -> None:
        """Wait until a device's states are shown, and shown from Redis."""

        def shown() -> bool:
            answer = self.state(device)
            return answer.cache == "hit" and shown_states(answer) == sorted(states)

        wait_for(shown, SHOWN_MAX_S, f"states {states} are read from Redis")

    def known_device(self, state: str) -> int:
        """Return a new device with one event that is in both stores."""
        device = next(DEVICES)
        self.produce(device, state)
        self.wait_for_states(device, state)
        return device

    def forget(self, device: int) -> None:
        """Take everything of a device out of Redis, as if its file had been lost."""
        self.redis.delete(f"device:{device}", f"whole:{device}")


def shown_states(answer: Answer) -> list[str]:
    """Return the states of an answer, sorted."""
    return sorted(state["state"] for state in answer.content.get("states", ()))


def _answer(status: int, response: Any) -> Answer:
    headers = response.headers
    text = response.read()
    return Answer(status, headers.get("X-Cache", ""), headers.get("Retry-After", ""), json.loads(text))


@pytest.fixture
def readers(hub: LocalHub) -> Iterator[Readers]:
    """Return readers who are logged in."""
    reading = Readers(hub)
    assert reading.log_in().status == 200
    yield reading
    reading.redis.close()


@contextmanager
def away(hub: LocalHub, fault: FaultType, role: Any) -> Iterator[None]:
    """Kill a server and leave it dead for the block; afterwards the hub is whole again."""
    hub.control.restart_rule(RestartRule.NONE)
    try:
        killing = Fault(fault, VictimSelector(role=role))
        assert hub.inject(killing, hub.resolve(killing)).effective
        yield
    finally:
        hub.control.restart_rule(RestartRule.KUBELET_RULES)
        assert hub.undo().verified


def test_states_are_read_from_redis_once_they_were_compared_with_postgres(readers: Readers) -> None:
    """Unknown 404; the newest of each topic; a newer event is shown without asking Postgres again."""
    device = next(DEVICES)
    assert (readers.state(device).status, readers.state(device).cache) == (404, "miss")
    readers.produce(device, "lead-off")
    readers.produce(device, "asystole", OTHER_TOPIC)
    readers.wait_for_states(device, "lead-off", "asystole")
    readers.produce(device, "no-signal")
    readers.wait_for_states(device, "no-signal", "asystole")


def test_readers_of_a_load_ask_open_and_leave_their_books(readers: Readers, tmp_path: Path) -> None:
    """Every planned request is sent and answered; each device is a miss once at most, then hits."""
    run, plan = sample_plan(tmp_path, time.time() + READERS_LEAD_S, horizon_s=READ_S)
    load_readers = replace(plan.workload, devices=4, readers=workload.Readers(users=5, requests_per_s=50.0))
    plan = replace(plan, workload=load_readers, gateway_url=readers.hub.endpoints.gateway_url)
    plan.write(run.load / "plan.json")
    for device in range(4):
        readers.produce(device, "read")
        wait_for(lambda device=device: readers.state(device).status == 200, SHOWN_MAX_S, "the device is known")
    _, argv, environment = commands(run.load / "plan.json", readers.hub.endpoints.gateway_secret)[-1]
    ended = subprocess.run(
        argv, env={**os.environ, **environment}, capture_output=True, text=True, timeout=READERS_END_S, check=False
    )
    assert ended.returncode == 0, ended.stderr
    summary = summarize_reads(run, plan)
    assert summary.planned == summary.sent > 0.5 * 50.0 * READ_S
    assert summary.by_status == {"200": summary.planned}
    assert summary.logins_by_status == {"200": 5}
    assert summary.by_cache["away"] == 0
    assert summary.hit_ratio > 0.9
    assert 0.0 < summary.answer_s.p50 <= summary.answer_s.p99 < ANSWER_MAX_S


def test_nobody_reads_without_a_session(readers: Readers) -> None:
    """A wrong secret opens none; a session that Redis has lost is none, though its token is still signed."""
    assert readers.ask("/login", {"user": "anna", "secret": "wrong"}).status == 401
    session_id = readers.token.partition(":")[0]
    assert 0 < readers.redis.ttl(f"session:{session_id}") <= readers.hub.topology.gateways.session_ttl_s
    assert readers.redis.delete(f"session:{session_id}") == 1
    device = next(DEVICES)
    assert readers.state(device).status == 401
    assert readers.log_in().status == 200
    assert readers.state(device).status == 404


def test_a_miss_is_decrypted_from_postgres_and_never_overwrites_a_newer_state(readers: Readers) -> None:
    """What Redis lost comes from the rows and is kept again; what a processor wrote meanwhile stays."""
    device = readers.known_device("battery-low")
    before = readers.state(device).content
    readers.forget(device)
    missed = readers.state(device)
    assert (missed.status, missed.cache, missed.content) == (200, "miss", before)
    assert readers.state(device) == missed._replace(cache="hit")
    newest = before["states"][0] | {"offset": before["states"][0]["offset"] + 1000, "state": "newer"}
    place = f"{newest['topic']}/{newest['partition']}"
    readers.redis.hset(f"device:{device}", place, f"{newest['offset']} {newest['event']} newer")
    readers.redis.delete(f"whole:{device}")
    assert readers.state(device)[1:] == ("miss", "", {"device": device, "states": [newest]})


def test_without_redis_states_come_from_postgres_and_nobody_logs_in(readers: Readers) -> None:
    """200 by the token's signature alone, 503 with Retry-After for a log-in; afterwards as before.

    Connections that broke meanwhile are noticed before somebody is refused for them.
    """
    device = readers.known_device("sensor-fault")
    assert readers.states_at_once(device) == {"hit"}
    with away(readers.hub, FaultType.REDIS_KILL, "redis"):
        answer = readers.state(device)
        assert (answer.status, answer.cache, shown_states(answer)) == (200, "away", ["sensor-fault"])
        refused = readers.log_in()
        retry_after = readers.hub.topology.gateways.environment["RETRY_AFTER_S"]
        assert (refused.status, refused.retry_after) == (503, retry_after)
        readers.token += "x"
        assert readers.state(device).status == 401
        readers.token = readers.token[:-1]
    wait_for(lambda: readers.state(device).cache == "hit", SHOWN_MAX_S, "Redis has its file, the session too")
    assert readers.states_at_once(device) == {"hit"}
    assert readers.log_in().status == 200


def test_without_postgres_hits_are_served_and_misses_refused(readers: Readers) -> None:
    """Ready all the same; the pool connects again by itself."""
    device, lost = readers.known_device("on-battery"), readers.known_device("no-paper")
    with away(readers.hub, FaultType.POSTGRES_PRIMARY_KILL, "primary"):
        readers.forget(lost)
        answer = readers.state(device)
        assert (answer.status, answer.cache) == (200, "hit")
        refused = readers.state(lost)
        assert (refused.status, refused.cache, refused.retry_after != "") == (503, "miss", True)
        assert readers.ask("/readyz").content == {"redis": True, "postgres": False}
    wait_for(lambda: readers.state(lost).status == 200, SHOWN_MAX_S, "a miss is read from Postgres again")


def test_a_postgres_that_does_not_answer_is_given_up(readers: Readers) -> None:
    """A frozen session keeps no time-out of its own: the gateway hangs up, and takes another connection next time."""
    device = readers.known_device("frozen")
    with psycopg.connect(readers.hub.endpoints.postgres_dsn) as connection:
        found = connection.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'gateway'").fetchall()
    gateways = readers.hub.topology.gateways
    process_ids = [process_id for (process_id,) in found]
    assert 0 < len(process_ids) <= gateways.pool_size_max
    readers.forget(device)
    try:
        for process_id in process_ids:
            os.kill(process_id, signal.SIGSTOP)
        began_s = time.monotonic()
        assert readers.state(device).status == 503
        assert time.monotonic() - began_s > gateways.postgres_timeout_s
    finally:
        for process_id in process_ids:
            os.kill(process_id, signal.SIGCONT)
    wait_for(lambda: readers.state(device).status == 200, SHOWN_MAX_S, "another connection answers")
