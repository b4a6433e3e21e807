"""The victim's return: restart rule, registration, and its way back into the in-sync replica sets.

The restart rule is the kubelet's (kubelet.py): once it has seen the first exit, then after 10, 20, 40 .. 300 s. A
broker that registers while its old session is alive is refused (Kafka 3.7.1 KafkaZkClient.CheckedEphemeral,
NodeExists), shuts down and exits, so the rule decides. Log recovery comes before registration (KafkaServer.startup)
and only after SIGKILL: a refused broker shuts its logs down cleanly.

Left out: a back-off that a long good run resets (the hub is fresh), a broker killed by its liveness probe,
segments rolled in between, throttled replication.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, Final

import simpy

from workbench.fault import FaultType, RestartRule
from workbench.model import kubelet
from workbench.model.cores import slow_down
from workbench.model.world import Steps, VictimState, World

LABOUR_DONE_S: Final = 1e-6
ATTEMPTS_MAX: Final = 12  # beyond any recovery time-out: the waits sum up to over 30 minutes


def restart(world: World) -> Steps:
    """Start the broker until it registers; then let it catch up."""
    draws, setting = world.draws, world.setting
    if setting.fault is FaultType.BROKER_STOP:
        yield world.exited
    if setting.disk_full_s > 0.0:
        yield world.env.timeout(draws["disk_halt_s"])
    world.victim_is(VictimState.GONE)
    if setting.restart is RestartRule.NONE:
        return
    if setting.fault is FaultType.NODE_POWER_OFF:
        yield world.until(setting.freeze_s)
    recovered = False
    for attempt in range(1, ATTEMPTS_MAX + 1):
        waits_s = draws["kubelet_relist_s"] if attempt == 1 else kubelet.wait_s(attempt, draws)
        yield world.env.timeout(waits_s + draws["restart_notice_s"])
        started_s = float(world.env.now)
        world.victim_is(VictimState.STARTING)
        start_s = draws["broker_start_s"] * draws["start_again_factor"]
        if setting.quorum_away_s > 0.0:
            asks_s = draws["zookeeper_asked_share"] * start_s
            yield from labour(world, asks_s)
            if not (yield from finds_zookeeper(world)):
                yield world.env.timeout(draws["node_exists_exit_s"])
                world.victim_is(VictimState.GONE)
                continue
            start_s -= asks_s
        logs_s = draws["log_load_partition_s"] * hosted(world) + (0.0 if recovered else recovery_of_logs_s(world))
        recovered = True
        yield from labour(world, start_s + logs_s)
        if world.env.now < setting.disk_full_s:  # it could not write what it recovered
            recovered = False
            yield world.env.timeout(draws["node_exists_exit_s"])
            world.victim_is(VictimState.GONE)
            continue
        if world.deregistered.triggered:
            world.moments["registering_process_started"] = started_s
            world.note("registered")
            break
        yield world.env.timeout(draws["node_exists_exit_s"])
        world.victim_is(VictimState.GONE)
    else:
        return
    yield from rejoin(world)


def finds_zookeeper(world: World) -> Generator[simpy.Event, Any, bool]:
    """Wait for a ZooKeeper that has a quorum, as long as a new process does; tell whether it came."""
    if world.quorum_back.triggered:
        return True
    came = yield world.quorum_back | world.env.timeout(world.draws["zookeeper_connection_timeout_s"])
    if world.quorum_back in came:
        yield world.env.timeout(world.draws["zookeeper_found_s"])
    return world.quorum_back in came


def rejoin(world: World) -> Steps:
    """From registered to every in-sync replica set full, and until it is as fast as the others."""
    draws = world.draws
    world.victim_is(VictimState.CATCHING_UP)
    yield from labour(world, draws["broker_ready_s"] * draws["cold_rejoin_factor"])
    world.note("ready")
    world.ready.succeed()
    yield from catch_up(world, draws["cold_rejoin_factor"])
    world.victim_is(VictimState.WARMING_UP)
    yield world.env.timeout(draws["broker_warm_up_s"])
    world.victim_is(VictimState.WHOLE)


def catch_up(world: World, cold_factor: float = 1.0) -> Steps:
    """From a victim that answers again to every in-sync replica set full; `cold_factor` on what it computes."""
    draws = world.draws
    yield world.isr_shrunk
    followed = world.follows.triggered  # it has fetched since
    missed_bytes = 0.0 if followed else world.setting.bytes_per_s * float(world.env.now)
    waits_s = draws["isr_rejoin_waits_share"] * draws["isr_rejoin_s"]
    yield world.env.timeout(waits_s)
    computes_s = (draws["isr_rejoin_s"] - waits_s) * cold_factor
    yield from labour(world, computes_s + missed_bytes / draws["catch_up_bytes_per_s"])
    world.note("isr_full")
    world.isr_full.succeed()


def labour(world: World, alone_s: float) -> Steps:
    """Do work that takes `alone_s` on an idle machine, beside whatever else the machine does meanwhile."""
    env, left_s = world.env, alone_s
    while left_s > LABOUR_DONE_S:
        began_s = float(env.now)
        factor, change = surroundings(world)
        yield env.timeout(left_s * factor) | change
        left_s -= (float(env.now) - began_s) / factor


def surroundings(world: World) -> tuple[float, simpy.Event]:
    """Return by which factor work is slower now, and the event that ends this.

    With acks=all nothing moves until the session expires; then the backlog drains on every core (drained_s). Where an
    event processor died with the broker its group waits for longer than the broker needs: no row is written meanwhile.
    """
    draws, env = world.draws, world.env
    if world.setting.victim_processor >= 0:
        return _surroundings_on_a_lost_node(world)
    if world.setting.fault is FaultType.NODE_POWER_OFF and env.now < (started_s := _all_started_s(world)):
        return start_factor(draws, draws["short_tasks_cores"], rivals=2.0), env.timeout(started_s - env.now)
    if world.setting.second_victim >= 0:  # the other one starts as well, and nothing is written until one is back
        silent = draws["busy_in_silence_share"] * draws["short_tasks_cores"]
        return start_factor(draws, silent, rivals=draws["broker_start_threads"]), env.event()
    if world.setting.acks == "all" and not (world.deregistered.triggered or world.follows.triggered):
        silent = draws["busy_in_silence_share"] * draws["short_tasks_cores"]
        return start_factor(draws, silent), world.deregistered | world.follows
    short_tasks = draws["short_tasks_cores"] + draws["taken_over_share"] * draws["victim_cores"]
    if world.deregistered.triggered and env.now < drained_s(world):
        sessions = float(len(world.setting.consumers))
        return start_factor(draws, short_tasks, sessions), env.timeout(drained_s(world) - env.now)
    return start_factor(draws, short_tasks + draws["database_cores"]), env.event()


def _all_started_s(world: World) -> float:
    """Return until when a node's other servers start as well, once it has power (s after the fault)."""
    return world.setting.freeze_s + world.draws["node_starts_s"]


def _surroundings_on_a_lost_node(world: World) -> tuple[float, simpy.Event]:
    draws, env = world.draws, world.env
    if env.now < draws["node_starts_s"]:
        silent = draws["busy_in_silence_share"] * draws["short_tasks_cores"]
        return start_factor(draws, silent, rivals=2.0), env.timeout(draws["node_starts_s"] - env.now)
    if not world.deregistered.triggered:
        return start_factor(draws, draws["busy_in_silence_share"] * draws["short_tasks_cores"]), world.deregistered
    return start_factor(
        draws, draws["short_tasks_cores"] + draws["taken_over_share"] * draws["victim_cores"]
    ), env.event()


def drained_s(world: World) -> float:
    """Return when the backlog of the silence has drained (s after the fault), in the fluid limit.

    Where the new process follows before its predecessor is out of the sets, the backlog is of what that led alone.
    """
    silent_s = world.moments.get("deregistered", 0.0)
    early = world.moments.get("follows", silent_s) < silent_s
    leaders = world.setting.leaders
    share = leaders.count(world.setting.victim) / len(leaders) if early else 1.0
    return silent_s * (1.0 + share * world.draws["drain_per_silent_s"])


def start_factor(draws: Mapping[str, float], short_tasks: float, rivals: float = 0.0) -> float:
    """Return by which factor a broker starts more slowly than alone; see cores.py for `short_tasks` and `rivals`."""
    parallel = draws["broker_start_cpu_s"] / draws["broker_start_s"]
    return slow_down(draws["machine_cores"], parallel, short_tasks, draws["broker_start_threads"], rivals)


def recovery_of_logs_s(world: World) -> float:
    """Return how long the first start after an unclean end re-reads logs: every partition's active segment."""
    if world.setting.fault not in (FaultType.BROKER_KILL, FaultType.NODE_POWER_OFF):
        return 0.0
    scan_s = world.setting.log_bytes_at_fault / world.draws["log_scan_bytes_per_s"]
    return world.draws["log_recovery_partition_s"] * hosted(world) + scan_s


def hosted(world: World) -> int:
    """Return how many partitions the victim has a replica of, about."""
    return world.setting.led + world.setting.followed
