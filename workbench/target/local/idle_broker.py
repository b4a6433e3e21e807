"""A broker that leads nothing, on a hub where each leads its share: stopped in good order, and started again.

Its leaders move when it stops, and stay where they are until Kafka next looks for the preferred ones: 5 s after the
controller's election, and then every 300 s (model/preferred_leaders.py), which is longer than a drill takes. So it is
not the controller that is stopped: its successor would bring the leaders back after those 5 s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from workbench.errors import ToolFailed
from workbench.fault import Fault, FaultType, VictimSelector
from workbench.target.local.hub import LocalHub
from workbench.waiting import happens

IDLE_TIMEOUT_S: Final = 120.0
POLL_S: Final = 0.2


def make_idle(hub: LocalHub, say: Callable[[str], None]) -> int:
    """Have a broker lead nothing; return which, when it is in every in-sync set again.

    Raises ToolFailed when it does not come to that.
    """
    controller = hub.controller()
    broker = max(each for each in hub.topology.kafka.broker_ids if each != controller)
    say(f"restarting kafka-{broker}, so that it leads nothing")
    stop = Fault(FaultType.BROKER_STOP, VictimSelector(broker=broker))
    injection = hub.inject(stop, hub.resolve(stop))
    if not injection.effective:
        raise ToolFailed(f"kafka-{broker} did not stop: {injection.evidence}")

    def idle() -> bool:
        states = hub.partition_states().values()
        followed = all(broker in state.isr for state in states if broker in state.replicas)
        return not hub.missing() and followed and all(state.leader not in (broker, -1) for state in states)

    if not happens(idle, IDLE_TIMEOUT_S, POLL_S):
        raise ToolFailed(f"kafka-{broker} leads something, or is not whole, {IDLE_TIMEOUT_S:.0f} s after its restart")
    return broker
