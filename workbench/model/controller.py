"""The controller and the leaders after a broker is gone: new leaders first, then smaller in-sync replica sets.

Kafka 3.7.1: KafkaController.onReplicasBecomeOffline elects leaders for what the victim led and then removes it
from the sets of what it followed. If it was the controller, its /controller znode went with the same session,
another broker is elected first, and onControllerFailover does the two in the other order (replica state machine,
then partition state machine). A leader drops a follower by itself after replica.lag.time.max.ms, looked
at every half of that (ReplicaManager isr-expiration).

Left out: failures during an election, partitions being reassigned, topics being deleted, that one broker's
LeaderAndIsr may arrive milliseconds before another's, and the preferred leaders' return: the controller looks for
it every 300 s and 5 s after it took over, and where it moves leaders back, writes wait for a second again.
"""

from __future__ import annotations

from collections.abc import Mapping

from workbench.fault import FaultType
from workbench.model.world import Setting, Steps, World, next_on_grid


def controller(world: World) -> Steps:
    """After a SIGKILL: react to the znode's disappearance."""
    draws, setting = world.draws, world.setting
    yield world.deregistered
    yield world.env.timeout(draws["controller_react_s"])
    if setting.fault is FaultType.CUT_FROM_ZOOKEEPER:
        world.note("change_begins")
    moved = "leaders_moved", setting.led
    shrunk = "isr_shrunk", setting.followed
    if setting.victim_is_controller:
        yield world.env.timeout(draws["controller_failover_s"])
        yield from change(world, shrunk, moved)
    else:
        yield from change(world, moved, shrunk)


def change(world: World, first: tuple[str, int], second: tuple[str, int]) -> Steps:
    """Write and send two changes of so many partitions each; a broker carries them out one after the other."""
    draws, env = world.draws, world.env
    yield env.timeout(draws["controller_partition_s"] * first[1])
    done_s = float(env.now) + draws["leader_and_isr_s"]
    sent_s = float(env.now) + draws["controller_partition_s"] * second[1]
    yield world.until(done_s)
    world.note(first[0])
    world.event(first[0]).succeed()
    yield world.until(sent_s)
    world.note("second_change_arrives")
    yield env.timeout(draws["leader_and_isr_s"])
    world.note(second[0])
    world.event(second[0]).succeed()


def controlled_shutdown(world: World) -> Steps:
    """After a SIGTERM: leaders move and sets shrink at the broker's own request, then it deregisters and ends."""
    draws = world.draws
    yield world.env.timeout(draws["stop_moves_leaders_s"])
    world.note("change_begins")
    yield from change(world, ("leaders_moved", 0), ("isr_shrunk", world.setting.followed))
    yield world.env.timeout(draws["stop_deregisters_s"])
    world.note("deregistered")
    world.deregistered.succeed()
    world.exited.succeed()


def own_look_s(setting: Setting, draws: Mapping[str, float], broker: int) -> float:
    """Return when a leader's own check first finds a follower that has been silent for too long (s after the fault)."""
    limit_s = setting.replica_lag_time_max_s
    period_s = limit_s / 2.0
    position = setting.brokers.index(broker) / len(setting.brokers)
    phase_s = (draws["isr_check_phase"] + position) % 1.0 * period_s
    return next_on_grid(limit_s, period_s, phase_s)


def leaders_own_check(world: World, broker: int) -> Steps:
    """One surviving leader drops the silent victim from sets it leads, unless the controller was faster.

    Only where something was appended since: see broker_links.py.
    """
    yield world.until(own_look_s(world.setting, world.draws, broker))
    if world.setting.quorum_away_s > 0.0 and not world.quorum_back.triggered:
        yield world.quorum_back  # AlterPartition is written to ZooKeeper
    controller_lives = world.setting.fault is FaultType.BROKER_STOP or not world.setting.victim_is_controller
    if controller_lives and not world.isr_shrunk.triggered:
        world.shrunk_by_leader_s[broker] = float(world.env.now)
