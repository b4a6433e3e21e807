"""The embedded hub with all its servers: what is up, where it listens, what it holds."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from confluent_kafka import ElectionType
from confluent_kafka.admin import AdminClient

from tests.support.waiting import wait_for
from workbench.fault import Fault, FaultType, VictimSelector
from workbench.target.local import LocalHub, attach
from workbench.target.local.leftovers import processes_of
from workbench.target.local.places import NODE_MARK

pytestmark = pytest.mark.integration


def test_every_server_of_the_manifests_runs_on_its_node(hub: LocalHub) -> None:
    """Names and nodes are the topology's; the node stands in the process's environment."""
    processes = {process.name: process for process in hub.processes()}
    assert processes.keys() == hub.topology.placement.keys()
    assert {name: process.node for name, process in processes.items()} == dict(hub.topology.placement)
    environment = psutil.Process(processes["kafka-1"].process_id).environ()
    assert environment[NODE_MARK] == hub.topology.placement["kafka-1"]


def test_everything_listens_on_loopback_only(hub: LocalHub) -> None:
    """No process of the hub listens on any other address."""
    listeners = [
        connection.laddr
        for process in processes_of(hub.directory)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listeners) >= len(hub.record.ports.all()) - len(hub.record.ports.quorum)  # only the leader's quorum port
    assert {address.ip for address in listeners} <= {"127.0.0.1"}


def leads_as_preferred(hub: LocalHub) -> bool:
    """Tell whether every partition is led by the first of its replicas."""
    return all(state.leader == state.replicas[0] for state in hub.partition_states().values())


def test_leaders_are_balanced_and_every_replica_in_sync(hub: LocalHub) -> None:
    """Our own reading of the metadata is what Kafka's client reads; each broker is preferred by a third, and leads it.

    The election puts back what tests before this one moved by stopping a broker.
    """
    admin = AdminClient({"bootstrap.servers": hub.endpoints.kafka_bootstrap})
    admin.elect_leaders(ElectionType.PREFERRED).result()
    wait_for(lambda: leads_as_preferred(hub), 30.0, "every partition led by its preferred broker")
    states = hub.partition_states()
    metadata = admin.list_topics(timeout=10.0)
    read_by_client = {
        f"{topic.topic}-{index}": (partition.leader, tuple(partition.replicas), set(partition.isrs))
        for topic in metadata.topics.values()
        for index, partition in topic.partitions.items()
    }
    assert {label: (state.leader, state.replicas, set(state.isr)) for label, state in states.items()} == read_by_client
    own = [states[label] for label in hub.topology.partition_labels]
    assert Counter(state.leader for state in own) == {0: 8, 1: 8, 2: 8}
    assert all(len(state.isr) == 3 for state in states.values())


def test_zookeeper_kafka_and_processors_can_be_asked(hub: LocalHub) -> None:
    """Who leads, who holds whose session, who coordinates, who consumes what."""
    assert hub.registered_brokers() == {0, 1, 2}
    assert hub.controller() in (0, 1, 2)
    ensemble = hub.ensemble()
    assert ensemble.serving == (1, 2, 3)
    assert ensemble.leader in ensemble.serving
    sessions = ensemble.server_of_broker
    assert sessions.keys() == {0, 1, 2}
    assert set(sessions.values()) <= {1, 2, 3}
    assert hub.group_coordinator("event-processor") in (0, 1, 2)
    held = hub.partitions_of_processor()
    assert held.keys() == set(hub.topology.partition_labels)
    assert set(held.values()) == {0, 1}


def test_start_was_measured_for_every_broker(hub: LocalHub) -> None:
    """Seconds, alone on the machine as far as the hub goes."""
    assert hub.start_to_registered_s().keys() == hub.registered_to_ready_s().keys() == {"kafka-0", "kafka-1", "kafka-2"}
    assert all(0.2 < took_s < 60.0 for took_s in hub.start_to_registered_s().values())
    assert hub.start_cpu_s().keys() == hub.start_to_registered_s().keys()
    assert all(0.1 < used_s < 60.0 for used_s in hub.start_cpu_s().values())
    assert all(0.0 < took_s < 60.0 for took_s in hub.registered_to_ready_s().values())


def test_java_servers_take_their_classes_from_the_archive(hub: LocalHub) -> None:
    """The archive is mapped into every broker's and ZooKeeper server's memory."""
    java = [each for each in hub.processes() if each.name.startswith(("kafka-", "zookeeper-"))]
    assert len(java) == 6
    for process in java:
        assert re.search(r"classes-\w+\.jsa", Path(f"/proc/{process.process_id}/maps").read_text()), process.name


def test_postgres_has_standbys_commit_stamps_and_encryption(hub: LocalHub) -> None:
    """Version as the manifests say, two standbys streaming, pgcrypto at hand for the applications' role."""
    with psycopg.connect(hub.endpoints.postgres_dsn) as connection:
        row = connection.execute("SHOW server_version").fetchone()
        assert row is not None
        assert row[0].split()[0] == hub.topology.postgres.version
        row = connection.execute("SELECT count(*) FROM pg_stat_replication").fetchone()
        assert row == (2,)
        row = connection.execute("SHOW track_commit_timestamp").fetchone()
        assert row == ("on",)
        row = connection.execute(
            "SELECT pgp_sym_decrypt(pgp_sym_encrypt('x', 'k', 'cipher-algo=aes256'), 'k')"
        ).fetchone()
        assert row == ("x",)


def test_redis_keeps_an_append_only_file(hub: LocalHub) -> None:
    """As the manifest states it; nobody gets in without the password."""
    with redis.Redis.from_url(hub.endpoints.redis_url, decode_responses=True) as client:
        assert client.config_get("append*")["appendonly"] == "yes"
        assert client.config_get("append*")["appendfsync"] == "everysec"
    with (
        redis.Redis(port=hub.record.ports.redis) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()


def test_memory_of_the_whole_hub(hub: LocalHub) -> None:
    """At most 2.5 GB in all, shared pages counted once."""
    total = sum(process.memory_full_info().pss for process in processes_of(hub.directory))
    assert total < 2.5e9


def test_victims_are_resolved_before_anything_is_broken(hub: LocalHub) -> None:
    """A broker by its id with what it leads, and the controller by its role; asked through an attached hub."""
    with attach(hub.hub_id) as same:
        victim = same.resolve(Fault(FaultType.BROKER_KILL, VictimSelector(broker=1)))
        controller = same.resolve(Fault(FaultType.BROKER_KILL, VictimSelector(role="controller")))
    assert (victim.server, victim.broker, victim.node) == ("kafka-1", 1, hub.topology.placement["kafka-1"])
    assert len([label for label in victim.led_partitions if label in hub.topology.partition_labels]) == 8
    assert controller.is_controller
    assert psutil.Process(victim.process_id).name() == "java"


def test_undo_of_nothing_changes_nothing(hub: LocalHub) -> None:
    """A whole hub is verified as it is."""
    before = [process.process_id for process in hub.processes()]
    result = hub.undo()
    assert result.verified
    assert [process.process_id for process in hub.processes()] == before
