"""A frozen broker's return: a new ZooKeeper session, then the way back of a broker that never stopped to be warm.

Its session has lapsed meanwhile, which its client learns from the first answer (Kafka 3.7.1 ZooKeeperClient
.scheduleReinitialize); it registers anew, and the controller tells it who leads (KafkaController.onBrokerStartup).
Until then it takes itself for the leader: it appends what had arrived in its sockets, nobody replicates it, and
those requests are answered NOT_LEADER_OR_FOLLOWER with the controller's word.

Left out: a freeze that ends before the session does, a liveness probe that ends the frozen broker, what a thawed
leader acknowledges by itself (acks below all).
"""

from __future__ import annotations

from workbench.model.restart import catch_up
from workbench.model.world import Steps, VictimState, World


def thaw(world: World) -> Steps:
    """Let the victim go on after its freeze, register anew, learn who leads, and catch up."""
    draws = world.draws
    world.victim_is(VictimState.GONE)
    yield world.until(world.setting.freeze_s)
    yield world.env.timeout(draws["session_reopen_s"])
    world.note("registered")
    world.victim_is(VictimState.WHOLE)
    yield world.env.timeout(draws["controller_react_s"] + draws["leader_and_isr_s"])
    world.thawed.succeed()
    world.ready.succeed()
    yield from catch_up(world)
