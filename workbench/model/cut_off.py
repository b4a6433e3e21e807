"""The return of a broker that the network had cut off from ZooKeeper: it connects, and finds its session lapsed.

ZooKeeper 3.8.4 ClientCnxn.SendThread: a client that hears nothing for two thirds of its session's time-out drops its
server, sleeps for one to two seconds and connects again; an attempt lasts for at most the session's time-out over the
number of servers it knows (one: Strimzi names a Service). The first word of its TCP that gets through after the cut
connects it, the answer is that its session has expired, and it registers anew as after a freeze (freeze.py).

Meanwhile it goes on as a leader: it appends, but nobody replicates it from the controller's change on, so nothing is
acknowledged with acks=all, and no client learns that there is another leader until the broker itself says so. As a
follower it goes on as well: what it only follows hardly notices. Both were seen on a cluster.

Left out: a cut that ends before the session does, what the broker acknowledges by itself (acks below all), and, cut off
from everybody, a broker that coordinates the processors' group (seen once: they gave it up after their session's 45 s,
and then waited as long again for the members that they had been; it is refused).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from workbench.fault import FaultType
from workbench.model.restart import catch_up
from workbench.model.tcp import Attempt, connected_again_s
from workbench.model.world import Steps, VictimState, World

HEARS_SHARE: Final = 2.0 / 3.0  # ZooKeeper 3.8.4 ClientCnxn.onConnected: readTimeout
ATTEMPTS: Final = 8  # beyond the longest cut


def heals(world: World) -> Steps:
    """Let the victim reach ZooKeeper after its cut, register anew, learn who leads, and catch up."""
    draws, setting = world.draws, world.setting
    silent = setting.fault is FaultType.CUT_FROM_ALL
    if silent:
        world.victim_is(VictimState.GONE)
    yield world.until(connected_again_s(setting.cut_s, attempts(draws, setting.session_s)))
    yield world.env.timeout(draws["session_reopen_s"])
    world.note("registered")
    if silent:
        world.victim_is(VictimState.WHOLE)
    yield world.env.timeout(draws["controller_react_s"] + draws["leader_and_isr_s"])
    world.thawed.succeed()
    world.ready.succeed()
    yield from catch_up(world)


def attempts(draws: Mapping[str, float], session_s: float) -> Iterator[Attempt]:
    """Yield from when until when (s) each attempt to reach ZooKeeper lasts."""
    begins_s = HEARS_SHARE * session_s - draws["zookeeper_ping_age_s"]
    for turn in range(ATTEMPTS):
        begins_s += draws[f"zookeeper_cut_wait_{turn}"]
        yield begins_s, begins_s + session_s
        begins_s += session_s
