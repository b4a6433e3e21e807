"""The hub without ZooKeeper: controllers, a killed broker's fencing, its return in one process, undo."""

from __future__ import annotations

import math
import time

import pytest

from tests.support.waiting import wait_for
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
