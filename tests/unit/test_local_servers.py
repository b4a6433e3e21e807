"""Servers' settings: the manifests' numbers are kept, every listener is on loopback."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.errors import BadInput
from workbench.scenario import PROJECT_ROOT
from workbench.target.local import servers
from workbench.target.local.artifacts import Artifacts
from workbench.target.local.places import NODE_MARK
from workbench.target.local.record import Ports
from workbench.target.local.startup import _replicas
from workbench.topology import read_topology


@pytest.fixture
def plan(tmp_path: Path) -> servers.Plan:
    """Return a plan of the base manifests in a folder with a space in its name."""
    directory = tmp_path / "a hub"
    for path in (directory, directory / "logs", directory / "tmp"):
        path.mkdir()
    three = {0: 1, 1: 2, 2: 3}
    ones = {1: 11, 2: 12, 3: 13}
    ports = Ports(three, ones, ones, ones, ones, 20, {0: 30, 1: 31}, {0: 40})
    programs = Artifacts(Path("/java"), "/a.jar", None, Path("/pg"), Path("/redis"), {})
    topology = read_topology(PROJECT_ROOT / "manifests" / "base")
    return servers.Plan(topology, directory, ports, programs, servers.Secrets("a", "b", "c", "d", "e", "f"))


def test_every_broker_setting_of_the_manifest_is_kept(plan: servers.Plan) -> None:
    """What the manifest states stands in server.properties unchanged."""
    spec = servers.broker(plan, 1)
    lines = Path(spec.argv[-1]).read_text().splitlines()
    for key, value in plan.topology.kafka.config.items():
        assert f"{key}={value}" in lines
    assert "broker.id=1" in lines
    assert "listeners=PLAINTEXT://127.0.0.1:2" in lines
    assert spec.environment[NODE_MARK] == plan.topology.placement["kafka-1"] == spec.node


def test_zookeeper_listens_on_loopback_alone(plan: servers.Plan) -> None:
    """Client port, quorum and election; no admin server."""
    text = Path(servers.zookeeper(plan, 2).argv[-1]).read_text()
    assert "clientPortAddress=127.0.0.1\n" in text
    assert "admin.enableServer=false\n" in text
    assert text.count("=127.0.0.1:") == 3
    assert "tickTime=2000\n" in text


def test_postgres_keeps_the_manifests_settings_but_not_its_address(plan: servers.Plan) -> None:
    """The manifest listens everywhere inside its pod; here only loopback will do."""
    text = servers.postgres_settings(plan, 2)
    assert "track_commit_timestamp = 'on'\n" in text
    assert "listen_addresses = '127.0.0.1'\n" in text
    assert text.count("listen_addresses") == 1
    assert "application_name=postgres-2" in text


def test_redis_is_closed_to_others(plan: servers.Plan) -> None:
    """Loopback, a password, and the manifest's own durability."""
    spec = servers.redis(plan)
    text = Path(spec.argv[-1]).read_text()
    assert "bind 127.0.0.1\n" in text
    assert "requirepass c\n" in text
    assert "appendfsync everysec\n" in text
    assert Path(spec.argv[-1]).stat().st_mode & 0o077 == 0


def test_the_gateway_takes_the_manifests_numbers_and_this_hubs_doors(plan: servers.Plan) -> None:
    """Every number of the ConfigMap, but loopback and the drawn port and secrets in place of the pod's."""
    environment = servers.gateway(plan, 0).environment
    stated = plan.topology.gateways.environment
    own = {name for name in stated if environment[name] != stated[name]}
    assert own == {"LISTEN_ADDRESS", "PORT"}
    assert (environment["LISTEN_ADDRESS"], environment["PORT"]) == ("127.0.0.1", "40")
    assert (environment["LOGIN_SECRET"], environment["TOKEN_KEY"], environment["ENCRYPTION_KEY"]) == ("e", "f", "d")
    assert plan.endpoints.gateway_url == "http://127.0.0.1:40"


def test_a_server_inherits_nothing_of_the_users_environment(
    plan: servers.Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JAVA_TOOL_OPTIONS and the like would change what is measured."""
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xmx1g")
    assert "JAVA_TOOL_OPTIONS" not in servers.broker(plan, 0).environment


def test_preferred_leaders_are_dealt_out_evenly() -> None:
    """24 partitions on 3 brokers: 8 first replicas each, three different replicas, both orders of followers."""
    rows = [_replicas([0, 1, 2], flat, 3) for flat in range(24)]
    assert [sum(row[0] == broker for row in rows) for broker in range(3)] == [8, 8, 8]
    assert all(sorted(row) == [0, 1, 2] for row in rows)
    assert {tuple(row) for row in rows if row[0] == 0} == {(0, 1, 2), (0, 2, 1)}
    assert _replicas([0], 3, 1) == [0]


@pytest.mark.parametrize(
    ("stated", "given"), [("1024m", "256m"), ("200M", "200m"), (None, "256m"), ("209715200", "200m")]
)
def test_a_brokers_heap_is_the_manifests_up_to_a_bound(
    tmp_path: Path, plan: servers.Plan, stated: str | None, given: str
) -> None:
    """A heap that is cut in the manifests is cut here; a larger one than all brokers together have room for is not."""
    heap_bytes = None if stated is None else heap_of(tmp_path, stated)
    kafka = replace(plan.topology.kafka, heap_bytes=heap_bytes)
    cut = replace(plan, topology=replace(plan.topology, kafka=kafka))
    assert f"-Xmx{given}" in servers.broker(cut, 0).argv
    assert f"-Xms{given}" in servers.broker(cut, 0).argv


def heap_of(tmp_path: Path, stated: str) -> float | None:
    """Return the heap (bytes) of the base manifests with another -Xmx."""
    (tmp_path / "patch.yaml").write_text(
        "apiVersion: kafka.strimzi.io/v1beta2\nkind: Kafka\nmetadata: {name: hub, namespace: central-hub}\n"
        f"spec: {{kafka: {{jvmOptions: {{-Xms: 64m, -Xmx: '{stated}'}}}}}}\n"
    )
    base = os.path.relpath(PROJECT_ROOT / "manifests" / "base", tmp_path.resolve())
    (tmp_path / "kustomization.yaml").write_text(f"resources: [{base}]\npatches: [{{path: patch.yaml}}]\n")
    return read_topology(tmp_path).kafka.heap_bytes


@pytest.mark.parametrize("stated", ["8g", "12 MB", "1m", "-5"])
def test_a_heap_that_cannot_be_is_refused(tmp_path: Path, stated: str) -> None:
    """More than the container's memory, no size, too small for any Java."""
    with pytest.raises(BadInput, match="jvmOptions"):
        heap_of(tmp_path, stated)


def test_a_kraft_brokers_heap_is_its_pools() -> None:
    """KRaft mode states it in the pool of brokers."""
    assert read_topology(PROJECT_ROOT / "manifests" / "overlays" / "kraft").kafka.heap_bytes == 1024 * 2**20
