"""A broker with a small disk: it halts when that is full, cannot start until there is room, and the undo makes some."""

from __future__ import annotations

import os

import pytest

from tests.support.waiting import wait_for
from workbench.errors import BadInput
from workbench.fault import Fault, FaultType, RestartRule, VictimSelector
from workbench.scenario import PROJECT_ROOT
from workbench.target.local import start
from workbench.topology import read_topology

pytestmark = [pytest.mark.integration, pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")]


@pytest.mark.timeout(240)
def test_a_broker_whose_disk_is_full_halts_and_fails_to_start_until_it_is_freed() -> None:
    """Its session lives on as after a kill; every new process ends with an error before it registers."""
    topology = read_topology(PROJECT_ROOT / "manifests" / "base")
    with start(topology, seed=7, restart=RestartRule.KUBELET_RULES, small_disk=1) as hub:
        assert hub.missing() == ""
        with pytest.raises(BadInput, match="kafka-0 has no small disk"):
            hub.resolve(Fault(FaultType.DISK_FULL, VictimSelector(broker=0), for_s=30.0))
        fault = Fault(FaultType.DISK_FULL, VictimSelector(broker=1), for_s=30.0)
        injection = hub.inject(fault, hub.resolve(fault))
        assert injection.effective, injection.evidence
        assert "halted by itself, exit 1, 0 bytes free" in injection.evidence
        assert 1 in hub.registered_brokers()
        wait_for(lambda: len([each for each in hub.process_starts("kafka-1") if each.exit]) == 2, 60.0, "a start fails")
        assert hub.process_starts("kafka-1")[-1].exit == "exit 1"
        log = (hub.directory / "logs" / "kafka-1.log").read_text()
        assert "No space left on device" in log
        assert "NodeExists" not in log
        assert hub.undo().verified
        assert hub.undo().verified
        assert hub.registered_brokers() == {0, 1, 2}
