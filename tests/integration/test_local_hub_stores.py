"""Killing Postgres, Redis and ZooKeeper servers: whole families die, they come back, and nothing is lost."""

from __future__ import annotations

import time

import psutil
import psycopg
import pytest
import redis
from confluent_kafka import Producer

from tests.support.waiting import wait_for
from workbench.chaos.probes import recovered_within
from workbench.errors import BadInput, ToolFailed
from workbench.fault import Fault, FaultType, StoredData, VictimSelector
from workbench.load.bodies import BodyMaker
from workbench.target.local import LocalHub
from workbench.target.local.postgres_children import processor_backend
from workbench.workload import EVENT_BYTES_MIN

pytestmark = pytest.mark.integration
FIRST_ID = 900 << 40  # no load has this source


def work_for_every_processor(hub: LocalHub) -> None:
    """Write an event to every partition: a processor finds out that its connection is gone when it next uses it."""
    topics = sorted(hub.topology.topics, key=lambda topic: topic.name)
    bodies = BodyMaker([topic.name for topic in topics], EVENT_BYTES_MIN)
    producer = Producer({**hub.endpoints.kafka_client, "log_level": 0})
    for index, topic in enumerate(topics):
        for partition in range(topic.partitions):
            body = bodies.body(index, FIRST_ID + 100 * index + partition, partition, time.time())
            producer.produce(topic.name, body, key=b"%d" % partition, partition=partition)
    assert producer.flush(30.0) == 0


def is_connected(hub: LocalHub) -> bool:
    """Tell whether the primary serves an event processor."""
    try:
        processor_backend(hub, "postgres-1")
    except ToolFailed:
        return False
    return True


@pytest.mark.timeout(180)
def test_a_killed_primary_takes_all_its_children_with_it_and_comes_back(hub: LocalHub) -> None:
    """SIGKILL of the whole instance, as when its container dies; the kubelet's rule starts it on the same data."""
    kill = Fault(FaultType.POSTGRES_PRIMARY_KILL, VictimSelector(role="primary"))
    victim = hub.resolve(kill)
    assert (victim.server, victim.broker) == ("postgres-1", None)
    children = psutil.Process(victim.process_id).children(recursive=True)
    assert len(children) > 3  # writers, senders and the processors' sessions
    injection = hub.inject(kill, victim)
    assert injection.effective, injection.evidence
    assert f"{len(children)} of its {len(children)} children with it" in injection.evidence
    wait_for(lambda: hub.standbys() == hub.topology.postgres.replicas - 1, 60.0, "its standbys are connected again")
    assert recovered_within(60.0, hub=hub.hub_id)
    assert hub.process_starts("postgres-1")[-1].process_id != victim.process_id


@pytest.mark.timeout(120)
def test_a_killed_backend_has_postgres_recover_in_place(hub: LocalHub) -> None:
    """Its first process stays and ends all others; what was committed is there, and all are back."""
    work_for_every_processor(hub)
    wait_for(lambda: is_connected(hub), 60.0, "an event processor is connected")
    with psycopg.connect(hub.endpoints.postgres_dsn) as client:
        client.execute("CREATE TABLE survives AS SELECT 1 AS number")
    kill = Fault(FaultType.POSTGRES_BACKEND_KILL, VictimSelector(role="processor-backend"))
    victim, starts = hub.resolve(kill), len(hub.process_starts("postgres-1"))
    injection = hub.inject(kill, victim)
    assert injection.effective, injection.evidence
    assert injection.process_id != victim.process_id
    assert "event-processor-0's backend, reaped, killed by SIGKILL" in injection.evidence
    assert f"the postmaster (pid {victim.process_id}) stays" in injection.evidence
    wait_for(lambda: hub.standbys() == hub.topology.postgres.replicas - 1, 60.0, "its standbys are connected again")
    with psycopg.connect(hub.endpoints.postgres_dsn) as client:
        assert client.execute("SELECT number FROM survives").fetchall() == [(1,)]
        client.execute("DROP TABLE survives")
    assert recovered_within(60.0, hub=hub.hub_id)
    assert len(hub.process_starts("postgres-1")) == starts


@pytest.mark.timeout(120)
def test_killed_redis_answers_again_with_its_data(hub: LocalHub) -> None:
    """It starts by the kubelet's rule and has its append-only file loaded before it counts as answering."""
    kill = Fault(FaultType.REDIS_KILL, VictimSelector(role="redis"))
    victim = hub.resolve(kill)
    injection = hub.inject(kill, victim)
    assert injection.effective, injection.evidence
    wait_for(lambda: len(hub.process_starts("redis-0")) > 1, 30.0, "it is started again")
    wait_for(hub.redis_answers, 30.0, "Redis answers again")
    assert hub.undo().verified


@pytest.mark.timeout(120)
def test_redis_that_lost_its_data_starts_empty(hub: LocalHub) -> None:
    """Not even a key that the disk held comes back: it loaded a file of no length. The undo finds the hub whole."""
    kill = Fault(FaultType.REDIS_KILL, VictimSelector(role="redis"), data=StoredData.LOST)
    with redis.Redis.from_url(hub.endpoints.redis_url) as client:
        client.set("left-behind", "1")
        victim, starts = hub.resolve(kill), len(hub.process_starts("redis-0"))
        injection = hub.inject(kill, victim)
        assert injection.effective, injection.evidence
        assert injection.evidence.endswith("bytes gone")
        wait_for(lambda: len(hub.process_starts("redis-0")) > starts, 30.0, "it is started again")
        wait_for(hub.redis_answers, 30.0, "Redis answers again")
        assert client.get("left-behind") is None
        assert client.info("persistence")["aof_base_size"] == 0
    assert hub.undo().verified


@pytest.mark.timeout(120)
def test_zookeepers_leader_is_replaced_and_every_session_goes_on(hub: LocalHub) -> None:
    """The hub answers all the time, without a leader as well; the same sessions are connected to others in the end."""
    kill = Fault(FaultType.ZOOKEEPER_KILL, VictimSelector(role="zookeeper-leader"))
    victim, controller = hub.resolve(kill), hub.controller()
    assert victim.leads_zookeeper
    follower = hub.resolve(Fault(FaultType.ZOOKEEPER_KILL, VictimSelector(role="zookeeper-follower")))
    assert (follower.zookeeper != victim.zookeeper, follower.leads_zookeeper) == (True, False)
    registered_s = {broker: hub.kafka.registered_s(broker) for broker in hub.registered_brokers()}
    injection = hub.inject(kill, victim)
    assert injection.effective, injection.evidence
    assert len(hub.partition_states()) >= 24  # asked of the controller of before
    wait_for(lambda: hub.ensemble().leader not in (-1, victim.zookeeper), 30.0, "another server leads")
    wait_for(lambda: -1 not in hub.ensemble().server_of_broker.values(), 30.0, "every session is connected")
    assert recovered_within(60.0, hub=hub.hub_id)
    assert hub.ensemble().serving == hub.topology.zookeeper.server_ids
    assert {broker: hub.kafka.registered_s(broker) for broker in hub.registered_brokers()} == registered_s
    assert hub.controller() == controller


def test_a_fault_finds_only_servers_of_its_own_part(hub: LocalHub) -> None:
    """An event processor by its index, none that is not there, and no broker in its place."""
    victim = hub.resolve(Fault(FaultType.PROCESSOR_KILL, VictimSelector(processor=1)))
    assert (victim.server, victim.processor) == ("event-processor-1", 1)
    with pytest.raises(BadInput, match="the hub has event-processor-0, event-processor-1"):
        hub.resolve(Fault(FaultType.PROCESSOR_KILL, VictimSelector(server="kafka-1")))
    with pytest.raises(BadInput, match="cannot hit event-processor-9"):
        hub.resolve(Fault(FaultType.PROCESSOR_KILL, VictimSelector(processor=9)))
