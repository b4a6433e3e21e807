"""The hub without ZooKeeper: controllers, a killed broker's fencing, its return in one process, undo."""

from __future__ import annotations

import math
import os
import time

import pytest

from tests.support.waiting import wait_for
from workbench.calibrate import kraft
from workbench.calibrate.bench import Bench
from workbench.errors import BadInput
from workbench.fault import Fault, FaultType, RestartRule, VictimSelector
from workbench.scenario import PROJECT_ROOT
from workbench.target.local import start
from workbench.topology import read_topology

pytestmark = pytest.mark.integration


@pytest.mark.timeout(240)
def test_a_killed_broker_is_fenced_and_waits_for_it_before_it_comes_back() -> None:
    """Fenced when its last heartbeat (every 2 s) is 9 s old; its new process asks again until then and never exits."""
    topology = read_topology(PROJECT_ROOT / "manifests" / "overlays" / "kraft")
    with start(topology, seed=7, restart=RestartRule.KUBELET_RULES) as hub:
        assert hub.missing() == ""
        assert hub.controller() in {3, 4, 5}
        assert hub.registered_brokers() == {0, 1, 2}
        with pytest.raises(BadInput, match="without ZooKeeper"):
            hub.resolve(Fault(FaultType.ZOOKEEPER_KILL, VictimSelector(role="zookeeper-leader")))
        kill = Fault(FaultType.BROKER_KILL, VictimSelector(broker=1))
        injection = hub.inject(kill, hub.resolve(kill))
        assert injection.effective, injection.evidence
        assert "not running" in hub.missing() or "kafka-1" in hub.missing()
        wait_for(lambda: 1 not in hub.registered_brokers(), 30.0, "it is fenced")
        assert 6.5 <= time.time() - injection.effective_s <= 15.0
        assert all(state.leader in {0, 2} for state in hub.partition_states().values())
        wait_for(lambda: hub.registered_brokers() == {0, 1, 2}, 60.0, "it is back")
        killed, again = hub.process_starts("kafka-1")
        assert (killed.exit, math.isnan(again.ended_s)) == ("SIGKILL", True)
        assert hub.undo().verified


@pytest.mark.timeout(300)
def test_what_a_calibration_measures_of_a_killed_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the servers' own logs: it asks to be registered within its start, and all know of a fencing soon after it."""
    monkeypatch.setattr(kraft, "KILLS", 2)
    topology = read_topology(PROJECT_ROOT / "manifests" / "overlays" / "kraft")
    with start(topology, seed=8, restart=RestartRule.NONE) as hub:
        bench = Bench(hub, print, time.monotonic() + 120.0)
        kraft.kills(bench)
        assert len(bench.samples["registration_share"]) == len(bench.samples["fence_commit_s"]) == 2
        assert all(0.2 < each < 0.95 for each in bench.samples["registration_share"])
        assert all(each < 2.0 for each in bench.samples["fence_commit_s"])


@pytest.mark.timeout(240)
def test_another_controller_takes_over_and_a_small_disk_has_the_brokers_storage() -> None:
    """The active one is killed: another answers for the quorum within seconds, and the killed one is back."""
    topology = read_topology(PROJECT_ROOT / "manifests" / "overlays" / "kraft")
    disk = 1 if os.geteuid() == 0 else None
    with start(topology, seed=9, restart=RestartRule.KUBELET_RULES, small_disk=disk) as hub:
        if disk is not None:
            assert (hub.small_disk("kafka-1") / "meta.properties").exists()
        kill = Fault(FaultType.CONTROLLER_KILL, VictimSelector(role="active-controller"))
        victim = hub.resolve(kill)
        assert victim.server == f"controller-{hub.controller()}"
        assert hub.ensemble().serving == (3, 4, 5)
        injection = hub.inject(kill, victim)
        assert injection.effective, injection.evidence
        dead = int(victim.server.removeprefix("controller-"))
        wait_for(lambda: hub.controller() not in (-1, dead), 30.0, "another controller is active")
        wait_for(lambda: hub.ensemble().serving == (3, 4, 5), 60.0, "all controllers answer")
        assert hub.registered_brokers() == {0, 1, 2}
        assert hub.undo().verified
