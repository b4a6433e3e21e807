"""Fail-over on real servers: a standby takes over, the other follows, the lost one is rebuilt, the hub is whole."""

from __future__ import annotations

import time

import psycopg
import pytest

from tests.support.waiting import wait_for
from workbench.errors import BadInput
from workbench.fault import FailoverRule, Fault, FaultType, RestartRule, VictimSelector
from workbench.scenario import PROJECT_ROOT
from workbench.target.local import start
from workbench.topology import read_topology

pytestmark = pytest.mark.integration


@pytest.mark.timeout(300)
def test_a_standby_takes_over_and_the_undo_finds_the_hub_whole() -> None:
    """The undo starts no second primary: it waits until the stand-in has made the lost instance a standby."""
    topology = read_topology(PROJECT_ROOT / "manifests" / "base")
    rules = RestartRule.KUBELET_RULES, FailoverRule.KUBEGRES_RULES
    with start(topology, seed=7, restart=rules[0], failover=rules[1]) as hub:
        with pytest.raises(BadInput, match="fail-over none"):
            hub.resolve(Fault(FaultType.POSTGRES_PRIMARY_KILL, VictimSelector(role="primary")))
        loss = Fault(FaultType.POSTGRES_PRIMARY_LOSS, VictimSelector(role="primary"))
        with psycopg.connect(hub.endpoints.postgres_dsn) as client:
            client.execute("CREATE TABLE kept AS SELECT 1 AS number")
        victim = hub.resolve(loss)
        injection = hub.inject(loss, victim)
        assert (victim.server, injection.effective) == ("postgres-1", True), injection.evidence
        wait_for(lambda: hub.standbys() is not None, 60.0, "a standby takes writes")
        assert time.time() - injection.effective_s > 11.0  # Kubegres's waits
        assert hub.resolve(loss).server == "postgres-2"
        wait_for(lambda: hub.standbys() == 1, 30.0, "the third instance follows it")
        with psycopg.connect(hub.endpoints.postgres_dsn) as client:
            assert client.execute("SELECT number FROM kept").fetchall() == [(1,)]
        undone = hub.undo()
        assert undone.verified, undone.detail
        assert hub.standbys() == topology.postgres.replicas - 1
        assert set(hub.failover_steps()) == {"begun", "promotion-asked", "promoted", "rebuilt"}
