"""The load on real servers: the books balance to the unit, and nothing acknowledged is lost, whatever is killed."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.support.sample_load import MIX, sample_plan
from tests.support.waiting import wait_for
from workbench.fault import Fault, FaultType, RestartRule, VictimSelector
from workbench.load.live import LiveCounts
from workbench.load.plan import LoadPlan, commands, write_stop
from workbench.load.summary import LoadSummary, summarize
from workbench.records.folder import RunFolder, load_json
from workbench.records.writes import SEND_DTYPE, Outcome, read_answers, read_sends
from workbench.target.local import LocalHub, start
from workbench.topology import read_topology

pytestmark = [pytest.mark.integration, pytest.mark.timeout(420)]

ROOT: Final = Path(__file__).resolve().parents[2]
RATE_PER_S: Final = 300.0
RUN_S: Final = 9.0
LEAD_S: Final = 3.0  # shorter than the programs' start: they catch up with what they missed
STARTED_WITHIN_S: Final = 120.0
STOPPED_WITHIN_S: Final = 120.0


@pytest.fixture(scope="module")
def hub() -> Iterator[LocalHub]:
    """Return a hub that notices a dead broker after six seconds."""
    topology = read_topology(ROOT / "manifests" / "overlays" / "session-timeout-6s")
    with start(topology, seed=3, restart=RestartRule.KUBELET_RULES) as running:
        yield running


class Load:
    """One load on a hub, and what Kafka holds of it."""

    def __init__(self, hub: LocalHub, folder: Path, prefix: str) -> None:
        """Launch the load's subprocesses; `prefix` keeps their names apart from other tests'."""
        self.hub = hub
        self.run: RunFolder
        self.plan: LoadPlan
        self.run, self.plan = sample_plan(
            folder,
            time.time() + LEAD_S,
            horizon_s=300.0,
            rate_per_s=RATE_PER_S,
            client=hub.endpoints.kafka_client,
        )
        self._before = self._ends()
        path = self.run.load / "plan.json"
        self.plan.write(path)
        self.names = []
        for name, argv, environment in commands(path):
            log = self.run.load / f"{name}.log"
            hub.launch(f"{prefix}-{name}", argv, environment=environment, stdout=log)
            self.names.append(f"{prefix}-{name}")

    def run_for(self, seconds: float) -> float:
        """Wait until every source has caught up with its schedule, and so long beyond; return when that began."""
        share = {source: self.plan.share(source) for source in self.plan.sources}

        def behind(source: int) -> bool:
            path = self.run.ledger / f"sends-{source}.bin"
            sent = path.stat().st_size // SEND_DTYPE.itemsize if path.exists() else 0
            return sent == 0 or share[source].intended_s[sent] < time.time() - 1.0

        wait_for(lambda: not any(map(behind, share)), STARTED_WITHIN_S, "the start of every source")
        steady_s = time.time()
        wait_for(lambda: time.time() >= steady_s + seconds, seconds + 1.0, "the moment")
        return steady_s

    def stop(self) -> float:
        """Stop in one second and wait until every subprocess has ended; return the stop's moment."""
        stop_s = time.time() + 1.0
        write_stop(self.run.load, stop_s)
        self.wait()
        return stop_s

    def wait(self) -> None:
        """Wait until every subprocess has ended."""
        wait_for(lambda: not any(map(self.hub.running, self.names)), STOPPED_WITHIN_S, "the end of the load")

    def exit_codes(self) -> list[int | None]:
        """Return how the subprocesses ended: master, workers, canary."""
        return [self.hub.exit_code(name) for name in self.names]

    def summary(self) -> LoadSummary:
        """Return the books."""
        return summarize(self.run, self.plan)

    def counted(self) -> dict[int, dict[str, int]]:
        """Return what each source counted itself, by source."""
        found = [load_json(path) for path in sorted(self.run.load.glob("counts-*.json"))]
        return {counts.pop("source"): counts for counts in found}

    def records(self) -> list[dict[str, object]]:
        """Return the bodies of every record Kafka got since the load was launched; checks key and size."""
        ends = self._ends()
        starts = [TopicPartition(*place, self._before[place]) for place in ends]
        expected = sum(end - self._before[place] for place, end in ends.items())
        bodies: list[dict[str, object]] = []
        deadline_s = time.monotonic() + 60.0
        with closing(self._consumer()) as consumer:
            consumer.assign(starts)
            while len(bodies) < expected:
                assert time.monotonic() < deadline_s, f"only {len(bodies)} of {expected} records were read"
                for message in consumer.consume(1000, 1.0):
                    assert message.error() is None
                    body = json.loads(message.value())
                    assert len(message.value()) == self.plan.workload.event_bytes
                    assert (str(body["device"]).encode(), body["kind"]) == (message.key(), message.topic())
                    bodies.append(body)
        return bodies

    def _consumer(self) -> Consumer:
        """Return a new client: one that outlived a broker goes on asking the old leader for the ends."""
        return Consumer({**self.plan.client, "group.id": "test-of-the-load"})

    def _ends(self) -> dict[tuple[str, int], int]:
        """Return where each partition ends."""
        places = [(topic, partition) for topic in MIX for partition in range(6)]
        with closing(self._consumer()) as consumer:
            return {place: consumer.get_watermark_offsets(TopicPartition(*place), timeout=30.0)[1] for place in places}


@pytest.fixture
def launch(hub: LocalHub, tmp_path: Path) -> Callable[[str], Load]:
    """Return a function that launches the test's load, named by its prefix."""
    return partial(Load, hub, tmp_path)


def balanced(summary: LoadSummary) -> bool:
    """Return whether the books balance, of devices and canary."""
    return all(
        books.planned == books.sent + books.not_sent and books.sent == books.ok + books.failed + books.unknown
        for books in (summary.devices, summary.canary)
    )


def acknowledged(load: Load) -> set[int]:
    """Return the ids whose producers were told that they are stored."""
    answers = read_answers(load.run.ledger)
    return set(answers["id"][answers["outcome"] == Outcome.OK].tolist())


def test_a_quiet_run_balances_to_the_unit(hub: LocalHub, launch: Callable[[str], Load]) -> None:
    """Schedule, write logs, the producers' own counts, Locust's statistics and Kafka's records all agree."""
    load = launch("quiet")
    live = LiveCounts(load.run.ledger)
    steady_s = load.run_for(RUN_S)
    assert live.look().acked_per_s == pytest.approx(RATE_PER_S + 96.0, rel=0.5)
    stop_s = load.stop()
    assert load.exit_codes() == [0, 0, 0, 0]
    summary = load.summary()
    assert balanced(summary)
    planned = sum(int((load.plan.share(source).intended_s < stop_s).sum()) for source in (1, 2))
    assert summary.devices.planned == summary.devices.sent == summary.devices.ok == planned
    assert summary.canary.planned == summary.canary.ok
    counted = load.counted()
    assert counted[0] == asdict(summary.canary)
    assert {key: counted[1][key] + counted[2][key] for key in counted[1]} == asdict(summary.devices)
    ids = [body["id"] for body in load.records()]
    assert len(ids) == len(set(ids))
    assert set(ids) == acknowledged(load)
    locust = load_json(load.run.load / "locust.json")
    assert {entry["name"]: entry["num_requests"] for entry in locust} == {
        topic: books.planned for topic, books in summary.topics.items()
    }
    steady = summarize(load.run, load.plan, (steady_s, stop_s))
    assert steady.slip_s.p50 < 0.02
    assert steady.slip_s.p99 < 0.5
    final = live.look()
    assert (final.sent, final.acked, final.failed) == (planned + summary.canary.ok, planned + summary.canary.ok, 0)


def test_a_killed_broker_loses_nothing(hub: LocalHub, launch: Callable[[str], Load]) -> None:
    """The load stays open through the outage, every write is answered in the end, none is lost or doubled."""
    load = launch("broker")
    steady_s = load.run_for(RUN_S / 3.0)
    fault = Fault(FaultType.BROKER_KILL, VictimSelector(broker=1))
    assert hub.inject(fault, hub.resolve(fault)).effective
    wait_for(lambda: 1 not in hub.registered_brokers(), 60.0, "the dead broker's session ends")
    load.run_for(RUN_S / 3.0)
    stop_s = load.stop()
    assert hub.undo().verified
    assert load.exit_codes() == [0, 0, 0, 0]
    summary = load.summary()
    assert balanced(summary)
    assert summary.devices.ok == summary.devices.planned
    steady = summarize(load.run, load.plan, (steady_s, stop_s))
    assert steady.ack_s.max > 3.0  # the outage was felt ..
    assert steady.slip_s.p99 < 0.5  # .. and did not slow the offer down
    ids = [body["id"] for body in load.records()]
    assert len(ids) == len(set(ids))
    assert set(ids) == acknowledged(load)


def test_a_killed_worker_leaves_readable_books(hub: LocalHub, launch: Callable[[str], Load]) -> None:
    """SIGKILL takes at most the last quarter of a second of a worker's log; the run says that it was spoiled."""
    load = launch("worker")
    load.run_for(RUN_S / 3.0)
    killed_s = time.time()
    hub.signal("worker-locust-worker-2", signal.SIGKILL)
    wait_for(lambda: time.time() >= killed_s + 5.0, 6.0, "five seconds without it")
    load.stop()
    master, first, second, canary = load.exit_codes()
    assert (master, first, second, canary) == (1, 0, -signal.SIGKILL, 0)
    assert set(load.counted()) == {0, 1}
    summary = load.summary()
    assert balanced(summary)
    assert summary.devices.not_sent > 0
    assert summary.canary.ok == summary.canary.planned
    sends = read_sends(load.run.ledger)
    of_killed = sends[sends["id"] >> 40 == 2]
    assert killed_s - 1.0 < of_killed["sent_s"].max()
    ids = {body["id"] for body in load.records()}
    assert acknowledged(load) <= ids
    unlisted = ids - set(sends["id"].tolist())
    assert all(int(str(event_id)) >> 40 == 2 for event_id in unlisted)
    assert len(unlisted) < RATE_PER_S / 2.0


def test_sigterm_to_the_master_stops_everything_in_order(hub: LocalHub, launch: Callable[[str], Load]) -> None:
    """One signal: workers and canary flush and count, Locust writes its statistics, all exit 0."""
    load = launch("term")
    load.run_for(3.0)
    hub.signal("term-locust-master", signal.SIGTERM)
    load.wait()
    assert load.exit_codes() == [0, 0, 0, 0]
    summary = load.summary()
    assert balanced(summary)
    assert summary.devices.ok == summary.devices.planned > 0
    locust = load_json(load.run.load / "locust.json")
    assert sum(entry["num_requests"] for entry in locust) == summary.devices.planned


def test_sigterm_to_one_source_ends_that_source_in_order(hub: LocalHub, launch: Callable[[str], Load]) -> None:
    """A worker and the canary that get a signal stop at once with their own books; the other worker goes on."""
    load = launch("single")
    load.run_for(3.0)
    hub.signal("single-locust-worker-1", signal.SIGTERM)
    hub.signal("single-canary", signal.SIGTERM)
    wait_for(lambda: set(load.counted()) == {0, 1}, STOPPED_WITHIN_S, "the counts of both")
    assert hub.running("single-locust-worker-2")
    load.stop()
    assert load.exit_codes() == [0, 0, 0, 0]
    counted = load.counted()
    assert all(books["unknown"] == books["failed"] == 0 for books in counted.values())
    assert counted[2]["planned"] > counted[1]["planned"] > 0
    assert balanced(load.summary())
