"""Manifests to HubTopology: the project's own, and what is wrong with broken ones."""

from __future__ import annotations

import copy
import functools
import operator
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from workbench.errors import BadInput, Problem
from workbench.topology import HubTopology, read_topology, render

MANIFESTS = Path(__file__).parents[2] / "manifests"
KAFKA = "apiVersion: kafka.strimzi.io/v1beta2\nkind: Kafka\nmetadata: {name: hub, namespace: central-hub}\n"
TOPIC = "apiVersion: kafka.strimzi.io/v1beta2\nkind: KafkaTopic\nmetadata: {name: alerts, namespace: central-hub}\n"
POSTGRES = (
    "apiVersion: kubegres.reactive-tech.io/v1\nkind: Kubegres\nmetadata: {name: postgres, namespace: central-hub}\n"
)
PROCESSOR = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: event-processor, namespace: central-hub}\n"
REDIS = "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: redis, namespace: central-hub}\n"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME, namespace: central-hub}\n"


@pytest.fixture(scope="module")
def base() -> HubTopology:
    """Return the hub of manifests/base."""
    return read_topology(MANIFESTS / "base")


def overlay(folder: Path, *patches: str) -> Path:
    """Return an overlay of the base with files of one patch each, in a folder whose path holds a space."""
    root = folder / "an overlay"
    shutil.copytree(MANIFESTS / "base", root / "base")
    (root / "over").mkdir()
    names = ["patch.yaml", *(f"patch-{number}.yaml" for number in range(1, len(patches)))]
    paths = ", ".join(f"{{path: {name}}}" for name in names)
    (root / "over" / "kustomization.yaml").write_text(f"resources: [../base]\npatches: [{paths}]\n")
    for name, patch in zip(names, patches, strict=True):
        (root / "over" / name).write_text(patch)
    return root / "over"


def problems_of(folder: Path) -> list[Problem]:
    """Return the problems that reading a folder reports."""
    with pytest.raises(BadInput) as caught:
        read_topology(folder)
    return list(caught.value.problems)


def test_the_hub_of_the_base(base: HubTopology) -> None:
    """The numbers are the manifests', in seconds, bytes and cores."""
    assert base.namespace == "central-hub"
    assert base.nodes == ("worker-1", "worker-2", "worker-3")
    assert base.kafka.version == "3.7.1"
    assert base.kafka.broker_ids == (0, 1, 2)
    assert base.kafka.zookeeper_session_timeout_s == 18.0
    assert base.kafka.replica_lag_time_max_s == 30.0
    assert base.kafka.config["auto.create.topics.enable"] == "false"
    assert base.zookeeper.server_ids == (1, 2, 3)
    assert (base.zookeeper.tick_time_s, base.zookeeper.init_limit_ticks, base.zookeeper.sync_limit_ticks) == (2.0, 5, 2)
    assert [(topic.partitions, topic.replication_factor, topic.min_insync_replicas) for topic in base.topics] == [
        (6, 3, 2)
    ] * 4
    assert base.postgres.version == "14.12"
    assert base.postgres.config["track_commit_timestamp"] == "on"
    assert not base.postgres.failover_disabled
    assert (base.redis.version, base.redis.config["appendfsync"], base.redis.config["save"]) == (
        "6.2.14",
        "everysec",
        "",
    )
    assert (base.processors.batch_events_max, base.processors.batch_linger_s) == (500, 0.05)
    assert base.processors.resources.cpu_request_cores == 0.5
    assert base.kafka.resources.memory_limit_bytes == 2.0 * 2**30


def test_topics_are_in_the_order_of_their_names(base: HubTopology) -> None:
    """Flat partition indices rest on that order."""
    names = [topic.name for topic in base.topics]
    assert names == ["alerts", "event-authentication", "sdc-events", "technical-alerts"]
    assert base.partition_labels[7] == "event-authentication-1"
    assert base.partition_labels[base.flat_partition(2, 3)] == "sdc-events-3"


def test_secrets_stay_out_of_the_topology(base: HubTopology) -> None:
    """Only literal values of the environment are kept."""
    assert "POSTGRES_DSN" not in base.processors.environment
    assert base.processors.environment["KAFKA_GROUP"] == "event-processor"


def test_placement_is_one_each_by_anti_affinity_and_always_the_same(base: HubTopology) -> None:
    """No worker holds two brokers, ZooKeepers, Postgres instances or, here, processors."""
    for kind, count in (("kafka", 3), ("zookeeper", 3), ("postgres", 3), ("event-processor", 2), ("redis", 1)):
        nodes = [node for server, node in base.placement.items() if server.rpartition("-")[0] == kind]
        assert len(nodes) == len(set(nodes)) == count
    assert base.placement["kafka-1"] == "worker-2"
    assert base.placement["zookeeper-1"] == "worker-1"
    assert base.placement["postgres-3"] == "worker-3"
    assert read_topology(MANIFESTS / "base") == base


@pytest.mark.parametrize("session_s", [6, 30])
def test_overlays_change_the_session_and_nothing_else(base: HubTopology, session_s: int) -> None:
    """The overlay's hub is the base's but for one setting and the hash."""
    other = read_topology(MANIFESTS / "overlays" / f"session-timeout-{session_s}s")
    assert other.kafka.zookeeper_session_timeout_s == session_s
    assert other.manifests_sha256 != base.manifests_sha256
    changed = {name for name, value in other.kafka.config.items() if base.kafka.config[name] != value}
    assert changed == {"zookeeper.session.timeout.ms"}
    assert (other.topics, other.postgres, other.redis, other.processors, other.placement) == (
        base.topics,
        base.postgres,
        base.redis,
        base.processors,
        base.placement,
    )


def test_silent_manifests_take_kafkas_defaults(tmp_path: Path) -> None:
    """Where a setting is not stated, Kafka's and Strimzi's own default counts."""
    patch = KAFKA + "spec: {kafka: {config: {zookeeper.session.timeout.ms: null, replica.lag.time.max.ms: null}}, "
    patch += "zookeeper: {config: null}}\n"
    hub = read_topology(overlay(tmp_path, patch))
    assert (hub.kafka.zookeeper_session_timeout_s, hub.kafka.replica_lag_time_max_s) == (18.0, 30.0)
    assert (hub.zookeeper.tick_time_s, hub.zookeeper.init_limit_ticks, hub.zookeeper.sync_limit_ticks) == (2.0, 5, 2)


CONFIG = "spec: {kafka: {config: {%s}}}\n"
CONTAINER = "spec: {template: {spec: {containers: [{name: event-processor, %s}]}}}\n"
BROKEN = {
    "more brokers than workers": (KAFKA + "spec: {kafka: {replicas: 4}}\n", "spec.kafka.replicas", "4", "at most 3"),
    "more ZooKeepers than workers": (KAFKA + "spec: {zookeeper: {replicas: 5}}\n", "spec.zookeeper.replicas", "5", "3"),
    "more Postgres than workers": (POSTGRES + "spec: {replicas: 4}\n", "spec.replicas", "4", "at most 3"),
    "no anti-affinity": (KAFKA + "spec: {kafka: {template: null}}\n", "template.pod.affinity", "missing", "worker"),
    "replication above brokers": (TOPIC + "spec: {replicas: 4}\n", "spec.replicas", "4", "at most 3, the brokers"),
    "min ISR above replicas": (
        TOPIC + "spec: {config: {min.insync.replicas: 4}}\n",
        "min.insync.replicas",
        "4",
        "at most 3",
    ),
    "cluster's min ISR above its factor": (KAFKA + CONFIG % "min.insync.replicas: 4", "min.insync", "4", "at most 3"),
    "offsets above brokers": (
        KAFKA + CONFIG % "offsets.topic.replication.factor: 5",
        "offsets.topic.replication.factor",
        "5",
        "at most 3",
    ),
    "session too long": (KAFKA + CONFIG % "zookeeper.session.timeout.ms: 45000", "session", "45000", "4000 to 40000"),
    "session too short": (KAFKA + CONFIG % "zookeeper.session.timeout.ms: 3000", "session", "3000", "4000 to 40000"),
    "session outside smaller ticks": (
        KAFKA + "spec: {zookeeper: {config: {tickTime: 500}}}\n",
        "session",
        "18000",
        "1000 to 10000",
    ),
    "session in seconds": (KAFKA + CONFIG % "zookeeper.session.timeout.ms: 18s", "session", "18s", "whole number"),
    "misspelt setting": (KAFKA + CONFIG % "zookeper.session.timeout.ms: 9000", "zookeper", "not a", "did you mean zoo"),
    "setting Strimzi owns": (KAFKA + CONFIG % "broker.id: 1", "broker.id", "1", "Strimzi"),
    "nested setting": (KAFKA + CONFIG % "log.dirs: {a: 1}", "log.dirs", "{'a': 1}", "text"),
    "misspelt key": (KAFKA + "spec: {kafka: {replicas: null, replica: 3}}\n", "replicas", "missing", "mean replica?"),
    "cpu in bytes": (KAFKA + "spec: {kafka: {resources: {limits: {cpu: 2Gi}}}}\n", "limits.cpu", "2Gi", "cores"),
    "memory in milli": (KAFKA + "spec: {kafka: {resources: {limits: {memory: 512m}}}}\n", "memory", "512m", "512Mi"),
    "request above limit": (KAFKA + "spec: {kafka: {resources: {limits: {cpu: 500m}}}}\n", "cpu", "1", "500m"),
    "worker too small": (
        KAFKA + "spec: {kafka: {resources: {requests: {memory: 9Gi}, limits: {memory: 9Gi}}}}\n",
        "data.worker-1",
        "too small",
        "GB",
    ),
    "moving tag": (POSTGRES + "spec: {image: 'postgres:latest'}\n", "spec.image", "postgres:latest", "exact"),
    "version as a number": (KAFKA + "spec: {kafka: {version: 3.7}}\n", "version", "3.7", "in quotes"),
    "failover as a word": (POSTGRES + "spec: {failover: {isDisabled: 'no'}}\n", "isDisabled", "no", "true or false"),
    "no commit times": (
        CONFIG_MAP.replace("NAME", "postgres-config") + "data: {postgres.conf: 'wal_level = replica'}\n",
        "track_commit_timestamp",
        "missing",
        "on",
    ),
    "unknown word in postgres.conf": (
        CONFIG_MAP.replace("NAME", "postgres-config")
        + 'data: {postgres.conf: "track_commit_timestamp = on\\nsynchronous_commit = remote_aply"}\n',
        "synchronous_commit",
        "remote_aply",
        "did you mean remote_apply",
    ),
    "checkpoints at no time": (
        CONFIG_MAP.replace("NAME", "postgres-config")
        + 'data: {postgres.conf: "track_commit_timestamp = on\\ncheckpoint_timeout = 5minutes"}\n',
        "checkpoint_timeout",
        "5minutes",
        "min",
    ),
    "no line of postgres.conf": (
        CONFIG_MAP.replace("NAME", "postgres-config") + 'data: {postgres.conf: "track_commit_timestamp = on\\n= 3"}\n',
        "postgres.conf",
        "= 3",
        "a setting",
    ),
    "custom config that is not there": (
        POSTGRES + "spec: {customConfig: postgres-confg}\n",
        "",
        "postgres-confg",
        "did you mean postgres-config",
    ),
    "config map without its key": (
        CONFIG_MAP.replace("NAME", "redis-config") + "data: {redis.conf: null, redis.cnf: x}\n",
        'data["redis.conf"]',
        "missing",
        "did you mean redis.cnf",
    ),
    "unknown word in redis.conf": (
        CONFIG_MAP.replace("NAME", "redis-config") + "data: {redis.conf: 'appendfsync everysecond'}\n",
        "appendfsync",
        "everysecond",
        "did you mean everysec",
    ),
    "setting twice in redis.conf": (
        CONFIG_MAP.replace("NAME", "redis-config") + 'data: {redis.conf: "appendonly yes\\nappendonly no"}\n',
        "appendonly",
        "there twice",
        "once",
    ),
    "two Redis": (REDIS + "spec: {replicas: 2}\n", "spec.replicas", "2", "1"),
    "batch in words": (
        PROCESSOR + CONTAINER % "env: [{name: BATCH_EVENTS_MAX, value: many}]",
        "BATCH_EVENTS_MAX",
        "many",
        "whole number from 1",
    ),
    "batch as a number": (
        PROCESSOR + CONTAINER % "env: [{name: BATCH_EVENTS_MAX, value: 500}]",
        "BATCH_EVENTS_MAX",
        "500",
        "in quotes",
    ),
    "linger out of range": (
        PROCESSOR + CONTAINER % 'env: [{name: BATCH_LINGER_S, value: "61"}]',
        "BATCH_LINGER_S",
        "61",
        "from 0 to 60",
    ),
    "group session too short for a broker": (
        PROCESSOR + CONTAINER % 'env: [{name: GROUP_SESSION_TIMEOUT_S, value: "5"}]',
        "GROUP_SESSION_TIMEOUT_S",
        "5",
        "from 6 to 1800",
    ),
    "group from elsewhere": (
        PROCESSOR
        + CONTAINER % "env: [{name: KAFKA_GROUP, value: null, valueFrom: {configMapKeyRef: {name: a, key: b}}}]",
        "KAFKA_GROUP",
        "not stated here",
        "literal",
    ),
    "unknown topic": (
        PROCESSOR
        + CONTAINER
        % 'env: [{name: KAFKA_TOPICS, value: "alert,alerts,event-authentication,sdc-events,technical-alerts"}]',
        "KAFKA_TOPICS",
        "alert",
        "did you mean alerts",
    ),
    "topic nobody consumes": (
        PROCESSOR + CONTAINER % 'env: [{name: KAFKA_TOPICS, value: "alerts,event-authentication,sdc-events"}]',
        "KAFKA_TOPICS",
        "alerts,",
        "technical-alerts as well",
    ),
    "no key": (
        PROCESSOR + CONTAINER % "env: [{name: ENCRYPTION_KEY, $patch: delete}]",
        "ENCRYPTION_KEY",
        "missing",
        "secret",
    ),
    "topic of another cluster": (
        TOPIC.replace("{name", "{labels: {strimzi.io/cluster: other}, name") + "spec: {}\n",
        "strimzi.io/cluster",
        "other",
        "hub",
    ),
    "no resource": (KAFKA + "$patch: delete\n", "", "without a Kafka", "exactly one"),
    "no shape": (CONFIG_MAP.replace("NAME", "hub-shape") + "$patch: delete\n", "", "0 ConfigMaps", "exactly one"),
    "worker without memory": (
        CONFIG_MAP.replace("NAME", "hub-shape") + "data: {worker-3: 'cpu: 8'}\n",
        "memory",
        "missing",
        "memory with its unit",
    ),
    "no worker": (CONFIG_MAP.replace("NAME", "hub-shape") + "data: {$patch: replace}\n", "data", "without", "one key"),
    "worker that is no map": (
        CONFIG_MAP.replace("NAME", "hub-shape") + "data: {worker-3: big}\n",
        "worker-3",
        "",
        "map",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_is_named(tmp_path: Path, name: str) -> None:
    """Key path, value and bound of each contradiction are reported."""
    patch, key, value, bound = BROKEN[name]
    problems = problems_of(overlay(tmp_path, patch))
    assert any(key in found.key and value in found.value and bound in found.bound for found in problems), problems


def test_problems_name_the_file_in_which_the_key_stands(tmp_path: Path) -> None:
    """A value from the patch is reported in the patch, one from the base in the base, both with their lines."""
    folder = overlay(tmp_path, KAFKA + "spec:\n  kafka:\n    replicas: 4\n")
    (folder.parent / "base" / "postgres" / "postgres.yaml").write_text(
        (folder.parent / "base" / "postgres" / "postgres.yaml").read_text().replace("replicas: 3", "replicas: 9")
    )
    by_key = {problem.key: problem for problem in problems_of(folder)}
    patched, stated = by_key["spec.kafka.replicas"], by_key["spec.replicas"]
    assert (Path(patched.file).name, patched.line) == ("patch.yaml", 6)
    assert Path(stated.file).name == "postgres.yaml"
    line = (folder.parent / "base" / "postgres" / "postgres.yaml").read_text().splitlines()[(stated.line or 0) - 1]
    assert line == "  replicas: 9"


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    """One reading tells everything that is wrong, in any number of resources."""
    kafka = KAFKA + "spec: {kafka: {replicas: 4, config: {zookeeper.session.timeout.ms: 1}}}\n"
    postgres = POSTGRES + "spec: {replicas: x, resources: {limits: {memory: 1}}}\n"
    topic = TOPIC + "spec: {partitions: 0}\n"
    keys = {problem.key for problem in problems_of(overlay(tmp_path, kafka, postgres, topic))}
    assert keys >= {
        "spec.kafka.replicas",
        'spec.kafka.config["zookeeper.session.timeout.ms"]',
        "spec.replicas",
        "spec.resources.limits.memory",
        "spec.partitions",
    }


def test_a_line_inside_a_config_file_is_found(tmp_path: Path) -> None:
    """A problem in postgres.conf names the line of the manifest that holds it."""
    folder = overlay(tmp_path, KAFKA)
    path = folder.parent / "base" / "postgres" / "postgres-config.yaml"
    path.write_text(path.read_text().replace("wal_level = replica", "wal_level = replicas"))
    (problem,) = problems_of(folder)
    assert Path(problem.file).name == "postgres-config.yaml"
    assert path.read_text().splitlines()[(problem.line or 0) - 1].strip() == "wal_level = replicas"


def test_two_kafkas_are_one_too_many(tmp_path: Path) -> None:
    """The workbench models one cluster and says so."""
    folder = overlay(tmp_path, KAFKA)
    path = folder.parent / "base" / "kafka" / "topics.yaml"
    path.write_text(path.read_text() + "---\n" + KAFKA.replace("name: hub", "name: other") + "spec: {}\n")
    assert any("a second Kafka" in problem.value for problem in problems_of(folder))


def test_everything_lives_in_one_namespace(tmp_path: Path) -> None:
    """A resource of the hub in another namespace is a mistake, not a second hub."""
    folder = overlay(tmp_path, KAFKA)
    path = folder.parent / "base" / "redis" / "redis.yaml"
    path.write_text(path.read_text().replace("namespace: central-hub", "namespace: elsewhere"))
    assert any(problem.key == "metadata.namespace" for problem in problems_of(folder))


def paths_of(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of every value below a plain document."""
    children = list(value.items()) if isinstance(value, dict) else []
    children += list(enumerate(value)) if isinstance(value, list) else []
    return [path, *(found for key, child in children for found in paths_of(child, (*path, key)))]


@pytest.mark.parametrize("junk", [None, "x", "", -1, 0, 10**9, 1.5, True, [], {}, [{}], {"x": {"y": []}}], ids=repr)
def test_nonsense_anywhere_is_refused_or_read(tmp_path: Path, junk: object) -> None:
    """Whatever stands in any place of the manifests, reading ends in a hub or in named problems, never in a crash."""
    rendered = render(MANIFESTS / "base")
    places = [(index, path) for index, resource in enumerate(rendered) for path in paths_of(resource) if path]
    rng = np.random.default_rng(7)
    (tmp_path / "kustomization.yaml").write_text("resources: [all.yaml]\n")
    for choice in rng.choice(len(places), size=12, replace=False):
        index, path = places[choice]
        resources = copy.deepcopy(rendered)
        *above, last = path
        functools.reduce(operator.getitem, above, resources[index])[last] = junk  # type: ignore[arg-type]
        (tmp_path / "all.yaml").write_text(yaml.dump_all(resources, Dumper=yaml.CSafeDumper))
        try:
            assert isinstance(read_topology(tmp_path), HubTopology)
        except BadInput as error:
            assert error.problems
