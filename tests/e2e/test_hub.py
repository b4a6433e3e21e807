"""The whole hub on a real Kubernetes: it comes up from the manifests, events get through, a broker is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.throwaway import BUILD_S, a_cluster, say
from workbench.target.kubernetes.snapshots import NAMESPACE as NAMESPACE_OF_RECORD
from workbench.target.throwaway.cluster import Cluster
from workbench.target.throwaway.hub.deploying import deploy_hub
from workbench.target.throwaway.hub.objects import hub_objects
from workbench.target.throwaway.hub.probing import run_probe
from workbench.target.throwaway.inside import command_inside
from workbench.target.throwaway.kubectl import Kubectl
from workbench.topology import read_topology

pytestmark = pytest.mark.integration
MANIFESTS = Path(__file__).parents[2] / "manifests" / "overlays" / "throwaway"
NAMESPACE = "central-hub"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of three workers with the hub on it, for all tests of this file."""
    with a_cluster(workers=3) as made:
        yield made


def _pods(kubectl: Kubectl) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in kubectl.items("pods", f"--namespace={NAMESPACE}")}


def _answer(kubectl: Kubectl, pod: str, script: str) -> str:
    return kubectl.execute(pod, NAMESPACE, "sh", "-c", script).strip()


@pytest.mark.timeout(BUILD_S)
def test_the_hub_comes_up_and_events_get_through(cluster: Cluster, kubectl: Kubectl) -> None:
    """Every pod is ready, and an event through each partition has its row and its device's state."""
    deployed = deploy_hub(cluster, MANIFESTS, say)
    partitions = len(read_topology(MANIFESTS).partition_labels)
    seen = deployed.probe
    assert (seen.partitions, seen.acknowledged, seen.committed, seen.states) == (partitions,) * 4
    assert 0.0 < seen.acknowledged_s <= seen.committed_s
    for name, pod in _pods(kubectl).items():
        assert pod["status"]["containerStatuses"][0]["restartCount"] == 0, name


def test_it_runs_what_the_manifests_say(kubectl: Kubectl) -> None:
    """Placement, requests, and the settings that the servers themselves tell are those of the topology."""
    topology, pods = read_topology(MANIFESTS), _pods(kubectl)
    for part, number in (("hub-kafka", 0), ("hub-zookeeper", 0), ("postgres", 1)):
        names = [f"{part}-{number + each}" + ("-0" if part == "postgres" else "") for each in range(3)]
        assert {pods[name]["spec"]["nodeName"] for name in names} == set(topology.nodes)
    resources = pods["hub-kafka-0"]["spec"]["containers"][0]["resources"]
    assert (resources["requests"]["cpu"], topology.kafka.resources.cpu_request_cores) == ("250m", 0.25)
    for setting, stated in topology.postgres.config.items():
        told = _answer(kubectl, "postgres-1-0", f"psql -h /tmp -U postgres -Atc 'SHOW {setting}'")
        assert told == stated, setting
    for setting in ("appendonly", "appendfsync", "maxmemory-policy"):
        told = _answer(kubectl, "redis-0", f"redis-cli config get {setting}").splitlines()[1]
        assert told == topology.redis.config[setting]
    streaming = "SELECT count(*) FROM pg_stat_replication WHERE state = $$streaming$$"
    told = _answer(kubectl, "postgres-1-0", f"psql -h /tmp -U postgres -Atc '{streaming}'")
    assert int(told) == topology.postgres.replicas - 1
    broker = _answer(kubectl, "hub-kafka-2", "cat /tmp/strimzi.properties")
    assert {"broker.id=2", "zookeeper.session.timeout.ms=18000"} <= set(broker.splitlines())


def test_another_s_certificate_writes_nothing(kubectl: Kubectl) -> None:
    """The event processor may read its topics; Kafka refuses to let it write one."""
    script = (
        "import json; from confluent_kafka import Producer; f='/etc/kafka-'; said=[]; "
        "p=Producer({'bootstrap.servers':'hub-kafka-bootstrap:9093','security.protocol':'SSL',"
        "'ssl.ca.location':f+'cluster/ca.crt','ssl.certificate.location':f+'user/user.crt',"
        "'ssl.key.location':f+'user/user.key','log_level':0}); "
        "p.produce('alerts',b'{}',on_delivery=lambda e,m: said.append(e.name() if e else 'written')); "
        "p.flush(30); print(json.dumps(said))"
    )
    pod = next(name for name in _pods(kubectl) if name.startswith("event-processor"))
    told = kubectl.execute(pod, NAMESPACE, "/usr/local/bin/python", "-c", script)
    assert json.loads(told.splitlines()[-1]) == ["TOPIC_AUTHORIZATION_FAILED"]


@pytest.mark.timeout(600)
def test_a_broker_killed_in_place_delays_events_and_loses_none(cluster: Cluster, kubectl: Kubectl) -> None:
    """acks=all waits for the dead broker's session (18 s); the kubelet starts its container again where it was."""
    before = _pods(kubectl)["hub-kafka-1"]
    words, environment = command_inside(cluster, [sys.executable, "-m", "tests.support.broker_kill", str(MANIFESTS)])
    with subprocess.Popen(words, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True) as drill:
        assert drill.stdout is not None
        injection = json.loads(drill.stdout.readline())
        delayed = run_probe(kubectl, hub_objects(MANIFESTS))
        undone = json.loads(drill.communicate()[0])
    assert injection["effective"], injection["evidence"]
    assert injection["server"] == "kafka-1"
    assert undone["verified"], undone["detail"]
    assert undone["starts_after_s"], "the kubelet started its container again"
    assert delayed.acknowledged == delayed.committed == delayed.states == delayed.partitions
    after = _pods(kubectl)["hub-kafka-1"]
    assert after["status"]["containerStatuses"][0]["restartCount"] > 0
    assert (after["metadata"]["uid"], after["spec"]["nodeName"]) == (
        before["metadata"]["uid"],
        before["spec"]["nodeName"],
    )
    assert NAMESPACE_OF_RECORD not in [each["metadata"]["name"] for each in kubectl.items("namespaces")]
    again = run_probe(kubectl, hub_objects(MANIFESTS))
    assert again.acknowledged_s < delayed.acknowledged_s


@pytest.mark.timeout(600)
def test_a_drill_whose_driver_is_killed_is_recovered(cluster: Cluster, kubectl: Kubectl) -> None:
    """SIGKILL right after the fault: from the cluster's record alone, on the outside, the hub is as it was."""
    words, environment = command_inside(cluster, [sys.executable, "-m", "tests.support.broker_kill", str(MANIFESTS)])
    with subprocess.Popen(words, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True) as drill:
        assert drill.stdout is not None
        assert json.loads(drill.stdout.readline())["effective"]
        drill.kill()
    assert NAMESPACE_OF_RECORD in [each["metadata"]["name"] for each in kubectl.items("namespaces")]
    command = [sys.executable, "-m", "workbench.cli", "recover", "--kubeconfig", str(cluster.kubeconfig)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=580, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "BrokerKill of Pod central-hub/hub-kafka-1" in told.stdout
    assert NAMESPACE_OF_RECORD not in [each["metadata"]["name"] for each in kubectl.items("namespaces")]
    seen = run_probe(kubectl, hub_objects(MANIFESTS))
    assert seen.acknowledged == seen.committed == seen.partitions
