"""Faults of the hub on a real Kubernetes: its Postgres primary lost and replaced, a broker cut off from its peers."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tests.support.throwaway import BUILD_S, a_cluster, say
from tests.support.waiting import wait_for
from workbench.cli.cluster_cut import cut, heal
from workbench.errors import BadInput
from workbench.fault import FailoverRule
from workbench.model.control_plane import kubegres, release
from workbench.model.control_plane.constants import Draws, rows
from workbench.target.kubernetes.agent import containers
from workbench.target.kubernetes.api import Api
from workbench.target.kubernetes.cut_off import Cut, broker_cut
from workbench.target.kubernetes.doors import qualified
from workbench.target.throwaway.building import built_programs
from workbench.target.throwaway.cluster import Cluster
from workbench.target.throwaway.hub.deploying import deploy_hub
from workbench.target.throwaway.hub.kubegres_manager import NAME
from workbench.target.throwaway.hub.objects import hub_objects
from workbench.target.throwaway.hub.probing import run_probe
from workbench.target.throwaway.inside import command_inside
from workbench.target.throwaway.kubectl import Kubectl
from workbench.topology import read_topology

pytestmark = [pytest.mark.integration, pytest.mark.long]
MANIFESTS = Path(__file__).parents[2] / "manifests" / "overlays" / "throwaway"
NAMESPACE = "central-hub"
ENDS_S = 20.0
ROWS = 20
WHERE = f"--namespace={NAMESPACE}"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster of three workers with the hub on it."""
    with a_cluster(workers=3) as made:
        yield made


@contextmanager
def _writer(cluster: Cluster, dsn: str) -> Iterator[list[dict[str, Any]]]:
    """Write rows for the block's time; the list it gives grows with each attempt."""
    words, environment = command_inside(cluster, [sys.executable, "-m", "tests.support.postgres_writer"])
    attempts: list[dict[str, Any]] = []
    process = subprocess.Popen(
        words,
        env={**os.environ, **environment, "HUB_DSN": dsn},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    lines = process.stdout
    reader = threading.Thread(target=lambda: attempts.extend(map(json.loads, lines)), daemon=True)
    reader.start()
    try:
        yield attempts
    finally:
        process.stdin.close()
        reader.join(ENDS_S)
        process.wait(ENDS_S)
        lines.close()


def _committed_since(attempts: list[dict[str, Any]], epoch_s: float) -> int:
    return sum(each["committed"] and each["begun_s"] > epoch_s for each in list(attempts))


def _dsn(kubectl: Kubectl) -> str:
    secret = kubectl.items("secrets", WHERE, "--field-selector=metadata.name=event-processor")[0]
    return qualified(base64.b64decode(secret["data"]["postgres-dsn"]).decode(), NAMESPACE)


def _steps(kubectl: Kubectl) -> dict[str, float]:
    lines = kubectl.logs(f"deploy/{NAME}", NAMESPACE).splitlines()
    return {each["step"]: each["t"] for each in map(json.loads, lines)}


@pytest.mark.timeout(BUILD_S)
def test_a_lost_primary_is_replaced(cluster: Cluster, kubectl: Kubectl) -> None:
    """Killed in place, it is given up; the standby of the lowest index takes writes, and a new instance is made.

    The writes' outage is inside what the model allows. Acknowledged rows are missing only of the time in which the old
    primary, started again in place by its kubelet, took writes before it was given up: no standby had found it again.
    Kubegres itself is not here: what is seen of it is its stand-in's.
    """
    deploy_hub(cluster, MANIFESTS, say, FailoverRule.KUBEGRES_RULES)
    pod = next(each for each in kubectl.items("pods", WHERE) if each["metadata"]["name"] == "postgres-1-0")
    (process_id,) = (pid for pid, (uid, _, _) in containers().items() if uid == pod["metadata"]["uid"])
    with _writer(cluster, _dsn(kubectl)) as attempts:
        wait_for(lambda: _committed_since(attempts, 0.0) >= ROWS, 60.0, "rows are written")
        killed_s = time.time()
        os.kill(process_id, signal.SIGKILL)
        wait_for(lambda: "rebuilt" in _steps(kubectl), 400.0, "a new instance is ready")
        rebuilt_s = time.time()
        wait_for(lambda: _committed_since(attempts, rebuilt_s) >= ROWS, 60.0, "rows are written again")
    steps = _steps(kubectl)
    committed = [each for each in attempts if each["committed"]]
    outage_s = min(each["ended_s"] for each in committed if each["begun_s"] > steps["promotion-asked"]) - killed_s
    low_s, high_s = _predicted_s()
    say(f"writes stood still for {outage_s:.1f} s (predicted {low_s:.1f} to {high_s:.1f}); steps after the kill: ")
    say(", ".join(f"{name} {at_s - killed_s:.1f} s" for name, at_s in steps.items()))
    assert low_s - 2.0 <= outage_s <= high_s + 10.0  # all replications, and a loaded machine's seconds
    roles = {each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"] for each in _instances(kubectl)}
    assert set(roles) == {"postgres-2", "postgres-3", "postgres-4"}
    assert roles["postgres-2"]["replicationRole"] == "primary"
    told = kubectl.execute("postgres-2-0", NAMESPACE, "psql", "-h", "/tmp", "-U", "postgres", "-d", "hub", "-Atc",
                           "SELECT number FROM written")  # fmt: skip
    there = set(map(int, told.split()))
    missing = [each for each in committed if each["number"] not in there]
    say(f"{len(missing)} acknowledged rows are missing, of {len(committed)}")
    assert all(killed_s < each["ended_s"] and each["begun_s"] < steps["promotion-asked"] for each in missing)
    query = "SELECT count(*) FROM pg_stat_replication WHERE state = $$streaming$$"
    told = kubectl.execute("postgres-2-0", NAMESPACE, "psql", "-h", "/tmp", "-U", "postgres", "-Atc", query)
    assert int(told) == read_topology(MANIFESTS).postgres.replicas - 1


@pytest.mark.timeout(BUILD_S)
def test_deployed_again_the_new_primary_stays(cluster: Cluster, kubectl: Kubectl) -> None:
    """`workbench cluster hub` again leaves the instances alone, and an event gets through every partition."""
    before = sorted(each["metadata"]["name"] for each in _instances(kubectl))
    seen = deploy_hub(cluster, MANIFESTS, say, FailoverRule.KUBEGRES_RULES).probe
    assert seen.committed == seen.partitions
    assert sorted(each["metadata"]["name"] for each in _instances(kubectl)) == before


def test_the_stand_in_may_touch_stateful_sets_alone(cluster: Cluster, kubectl: Kubectl) -> None:
    """Its service account reads no Secret and changes no pod."""
    account = f"--as=system:serviceaccount:{NAMESPACE}:{NAME}"
    words = [str(built_programs(say)["kubectl"]), f"--kubeconfig={cluster.kubeconfig}", account, WHERE]
    for refused in (["get", "secrets"], ["delete", "pod", "redis-0"]):
        done = subprocess.run([*words, *refused], capture_output=True, text=True, timeout=60, check=False)
        assert "forbidden" in done.stderr
    assert subprocess.run([*words, "get", "statefulsets"], capture_output=True, timeout=60, check=False).returncode == 0


def _instances(kubectl: Kubectl) -> list[dict[str, Any]]:
    return kubectl.items("statefulsets", WHERE, "--selector=app=postgres")


def _predicted_s() -> tuple[float, float]:
    """Return the least and the longest outage of writes of 1000 replications of the control plane's model."""
    draws = Draws(rows(release("1.29")), 1, 1000)
    postgres = read_topology(MANIFESTS).postgres
    seen_s = draws.of("kubelet_look_s")
    outage_s = kubegres.writable_s(draws, postgres, seen_s, float("inf"))
    return float(np.min(outage_s)), float(np.max(outage_s))


@pytest.mark.timeout(BUILD_S)
def test_a_broker_is_cut_off_from_whom_it_is_told(cluster: Cluster, kubectl: Kubectl) -> None:
    """Three cuts, three sets of peers: packets of open connections are dropped each time, and events go on after it.

    A Service is a peer where only peers are behind it: brokers know ZooKeeper by one. The broker's container is not
    started again: its kubelet reaches it meanwhile.
    """
    deploy_hub(cluster, MANIFESTS, say, FailoverRule.KUBEGRES_RULES)
    api = Api(cluster.kubeconfig)
    peers = {kind: broker_cut(api, NAMESPACE, 1, kind).peers for kind in Cut}
    services = {each["metadata"]["name"]: each["spec"]["clusterIP"] for each in kubectl.items("services", WHERE)}
    pods = {each["metadata"]["name"]: each for each in kubectl.items("pods", WHERE)}
    addresses = {name: pod["status"]["podIP"] for name, pod in pods.items()}
    assert set(peers[Cut.BROKERS]) == {
        addresses["hub-kafka-0"],
        addresses["hub-kafka-2"],
        services["hub-kafka-bootstrap"],
    }
    ensemble = {addresses[f"hub-zookeeper-{server}"] for server in range(3)}
    assert set(peers[Cut.ZOOKEEPER]) == {*ensemble, services["hub-zookeeper-client"]}
    assert set(peers[Cut.BROKERS]) | set(peers[Cut.ZOOKEEPER]) < set(peers[Cut.EVERYBODY])
    assert addresses["hub-kafka-1"] not in peers[Cut.EVERYBODY]
    which = ["--cluster", cluster.layout.cluster_id]
    for kind in Cut:
        told = CliRunner().invoke(cut, ["1", "--from", kind.value, "--for", "120", *which], catch_exceptions=False)
        say(told.output)
        assert "packets of open connections were dropped" in told.output
        again = CliRunner().invoke(heal, ["1", *which], catch_exceptions=False)
        assert again.output == "hub-kafka-1 reaches everybody\n"
    seen = run_probe(kubectl, hub_objects(MANIFESTS))
    assert seen.committed == seen.partitions
    (broker,) = (each for each in kubectl.items("pods", WHERE) if each["metadata"]["name"] == "hub-kafka-1")
    assert broker["metadata"]["uid"] == pods["hub-kafka-1"]["metadata"]["uid"]
    assert broker["status"]["containerStatuses"][0]["restartCount"] == 0
    with pytest.raises(BadInput, match="no broker 9"):
        broker_cut(api, NAMESPACE, 9, Cut.BROKERS)
