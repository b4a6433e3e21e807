"""Fail-over on real servers: a standby takes over, the other follows, the lost one is rebuilt, the hub is whole."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import psycopg
import pytest

from tests.support.waiting import wait_for
from workbench.errors import BadInput
from workbench.fault import FailoverRule, Fault, FaultType, RestartRule, VictimSelector
from workbench.scenario import PROJECT_ROOT
from workbench.target.local import LocalHub, start
from workbench.target.local.frozen import all_frozen
from workbench.target.local.postgres_children import title
from workbench.topology import read_topology

pytestmark = pytest.mark.integration


@pytest.mark.timeout(420)
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
        lose_what_is_committed_meanwhile(hub)


def lose_what_is_committed_meanwhile(hub: LocalHub) -> None:
    """Lose the primary while its standbys lag: a row of before is kept, one committed meanwhile is not."""
    lagging = Fault(FaultType.POSTGRES_PRIMARY_LOSS, VictimSelector(role="primary"), lag_s=3.0)
    victim = hub.resolve(lagging)
    assert victim.server == "postgres-2"
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(hub.endpoints.postgres_dsn, autocommit=True) as client,
    ):
        client.execute("INSERT INTO kept VALUES (2)")
        under_way = pool.submit(hub.inject, lagging, victim)
        wait_for(lambda: stream_is_stopped(victim.process_id), 3.0, "its WAL senders are stopped")
        client.execute("INSERT INTO kept VALUES (3)")
        injection = under_way.result(60.0)
    assert injection.effective, injection.evidence
    assert "its WAL senders to postgres-3 and postgres-1 3." in injection.evidence
    wait_for(lambda: hub.standbys() is not None, 60.0, "a standby takes writes")
    assert hub.primary() == "postgres-1"
    with psycopg.connect(hub.endpoints.postgres_dsn) as client:
        assert client.execute("SELECT number FROM kept ORDER BY 1").fetchall() == [(1,), (2,)]
    undone = hub.undo()
    assert undone.verified, undone.detail
    assert hub.standbys() == hub.topology.postgres.replicas - 1  # the other one was not ahead: it follows


def stream_is_stopped(primary: int) -> bool:
    """Tell whether all of a primary's WAL senders are stopped."""
    senders = [each for each in psutil.Process(primary).children(recursive=True) if "walsender" in title(each)]
    return len(senders) == 2 and all_frozen(senders)
