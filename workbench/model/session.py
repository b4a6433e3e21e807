"""The victim's ZooKeeper session after a SIGKILL or SIGSTOP: its last ping, the report to the leader, expiry at a tick.

ZooKeeper 3.8.4: ClientCnxn.SendThread pings, LearnerSessionTracker collects what followers' clients sent and
Leader.lead fetches it every half tick, ExpiryQueue rounds a session's end up to the next tick, and the leader
closes it, which removes its znodes.

Where a ZooKeeper server dies with the broker: a new leader starts every session's time-out afresh
(LeaderZooKeeperServer.createSessionTracker); a follower takes with it what it had not reported of the last ping. A
leader that goes silent is given up only when its followers have heard nothing for syncLimit ticks; it pings them every
half tick (Leader.lead).

Where the quorum is away for a while, no session lapses meanwhile, and the leader it comes back with does the same.

Left out: garbage collection and swapping in ZooKeeper, other traffic on the broker's session (a broker in ZooKeeper
mode sends none while nothing changes; the controller's changes come with the faults themselves), the client's own
drift of a few milliseconds a ping.
"""

from __future__ import annotations

from workbench.fault import SILENCES
from workbench.model.world import Steps, World, next_on_grid


def session(world: World) -> Steps:
    """Wait for the expiry of the killed broker's session, then for its znodes to be gone."""
    if world.setting.quorum_away_s > 0.0:
        yield world.quorum_back
    yield world.until(expiry_s(world))
    yield world.env.timeout(world.draws["zookeeper_close_s"])
    world.note("deregistered")
    world.deregistered.succeed()


def expiry_s(world: World) -> float:
    """Return when the session expires (s after the fault)."""
    draws, setting = world.draws, world.setting
    heard_s = -draws["zookeeper_ping_age_s"]
    if setting.quorum_away_s > 0.0:
        heard_s = float(world.env.now)
    elif setting.victim_leads_zookeeper:
        heard_s = draws["zookeeper_election_s"] + _leader_given_up_s(world)
    elif not on_leader(world):
        heard_s += draws["zookeeper_forward_s"]
        if heard_s > 0.0 and setting.zookeeper_of_broker.get(setting.victim) == setting.victim_zookeeper:
            heard_s -= ping_interval_s(setting.session_s)  # that report was never sent
    heard_s += draws["disk_halt_s"] if setting.disk_full_s > 0.0 else 0.0  # it pinged until then
    return next_on_grid(heard_s + setting.session_s, setting.tick_s, draws["zookeeper_tick_phase_s"])


def _leader_given_up_s(world: World) -> float:
    """Return when the followers give their leader up: a dead one's sockets close, a silent one's time out."""
    if world.setting.fault not in SILENCES:  # one that is cut off is another server
        return 0.0
    return world.draws["zookeeper_sync_limit_s"] - world.draws["zookeeper_leader_ping_age_s"]


def ping_interval_s(session_s: float) -> float:
    """Return how often a client that has nothing to say pings: see workbench.model.stated.session."""
    return min(session_s * 2.0 / 3.0 / 2.0, 10.0)


def on_leader(world: World) -> bool:
    """Tell whether the session is on ZooKeeper's leader; drawn where it is not known."""
    if world.setting.session_on_zookeeper_leader is not None:
        return world.setting.session_on_zookeeper_leader
    return world.draws["zookeeper_server_share"] * world.setting.zookeeper_servers < 1.0
