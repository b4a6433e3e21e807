"""The stand-in for Kubegres: when it promotes and rebuilds, what it writes down, and what the hub is given for it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.support.model_cases import a_topology
from workbench.fault import FailoverRule
from workbench.target.local import kubegres_steps, servers
from workbench.target.local.artifacts import Artifacts
from workbench.target.local.hub import LocalHub
from workbench.target.local.kubegres import promotion_due_s, rebuild_due_s
from workbench.target.local.record import Ports
from workbench.target.local.servers import Plan, Secrets
from workbench.target.local.wholeness import missing


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Return a plan of a hub that fails over, its first Postgres port 5001."""
    (tmp_path / "logs").mkdir()
    ports = Ports({}, {}, {}, {}, {1: 5001, 2: 5002, 3: 5003}, 6001, {}, {})
    topology = replace(a_topology(), placement={f"postgres-{each}": f"worker-{each}" for each in (1, 2, 3)})
    programs = Artifacts(Path("java"), "", None, Path("programs"), Path("redis"), {})
    return Plan(topology, tmp_path, ports, programs, Secrets(*"abcdef"), FailoverRule.KUBEGRES_RULES)


def test_a_standby_is_promoted_by_kubegres_waits() -> None:
    """The kubelet's next look, a second of sleep, ten of waiting; the rebuild 40 s after the promotion."""
    assert promotion_due_s(1000.25) == 1012.0
    assert promotion_due_s(1000.0) == 1012.0  # a look at the very moment comes too early
    assert rebuild_due_s(1012.0) == 1052.0


def test_only_the_last_fail_over_is_told(tmp_path: Path) -> None:
    """Each begins anew; before the first there is nothing."""
    assert kubegres_steps.read(tmp_path) == {}
    for step in (kubegres_steps.BEGUN, kubegres_steps.ASKED, kubegres_steps.REBUILT, kubegres_steps.BEGUN):
        kubegres_steps.write(tmp_path, step, 1)
    assert list(kubegres_steps.read(tmp_path)) == [kubegres_steps.BEGUN]
    lines = (tmp_path / kubegres_steps.FILE_NAME).read_text().splitlines()
    assert [json.loads(line)["instance"] for line in lines] == [1] * 4


def test_a_hub_is_not_whole_before_its_fail_over_is_over() -> None:
    """The lost instance may stream again while the stand-in still waits for its answer: it would begin no other."""
    steps = {kubegres_steps.BEGUN: 1.0, kubegres_steps.ASKED: 12.0, kubegres_steps.PROMOTED: 12.1}
    hub = cast(LocalHub, SimpleNamespace(processes=list, failover_steps=lambda: steps))
    assert missing(hub) == "a fail-over of Postgres not over"
    assert not kubegres_steps.is_under_way({**steps, kubegres_steps.REBUILT: 53.0})
    assert not kubegres_steps.is_under_way({})


def test_applications_are_given_every_instance_where_the_primary_may_change(plan: Plan) -> None:
    """And take the one that accepts writes; without fail-over they know one address."""
    hosts = "127.0.0.1:5001,127.0.0.1:5002,127.0.0.1:5003"
    assert plan.postgres_dsn == f"postgresql://hub:b@{hosts}/hub?target_session_attrs=read-write"
    alone = replace(plan, failover=FailoverRule.NONE)
    assert alone.postgres_dsn == "postgresql://hub:b@127.0.0.1:5001/hub"


def test_nobody_but_the_stand_in_starts_an_instance_that_died(plan: Plan) -> None:
    """A primary that came back on its own data would be a second one."""
    assert not servers.postgres(plan, 1).restarts
    assert servers.postgres(replace(plan, failover=FailoverRule.NONE), 1).restarts
    assert not servers.kubegres(plan).is_server


def test_any_instance_but_the_primary_streams_from_it(plan: Plan) -> None:
    """Also the first one, once another took over."""
    assert "primary_conninfo" not in servers.postgres_settings(plan, 2, primary=2)
    assert "port=5002" in servers.postgres_settings(plan, 1, primary=2)
