"""How slow requests and batches are, from the fault on: while the victim is away, starts, catches up and warms up.

In the baseline a task waits for the cores that all of the hub's programs share (cores.py). Without the victim there
is less to do; while it starts there is more. With acks=all a request also waits for the slowest in-sync follower: one
follower less answers sooner, one whose code is not compiled yet later. Slow moments get slower still than usual ones
while the broker comes back: the times' distance from their median grows on the logarithmic scale.

Left out: that a partition waits for the cold follower from its own return into the in-sync set on (here from the
broker's registration on), pauses of the garbage collector, and full batches: how fast they are while a backlog drains
is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from workbench.engine import EVEN, NEVER, Pace
from workbench.fault import FaultType
from workbench.metrics.tables import BoolArray, FloatArray
from workbench.model.cores import task_slow_down
from workbench.model.restart import drained_s
from workbench.model.world import VictimState, World

AWAY: Final = (VictimState.GONE, VictimState.STARTING)
COLD: Final = (VictimState.CATCHING_UP, VictimState.WARMING_UP)
CROWDED: Final = (VictimState.STARTING, *COLD)


def pace_of(world: World) -> Pace:
    """Return the factors on the baseline's times, stretch by stretch."""
    changes = [(NEVER, VictimState.WHOLE), *world.victim_states]
    drains_s = _drain(world)
    from_s = np.array(sorted({t_s for t_s, _ in changes} | {*drains_s}))
    states = [next(state for since_s, state in reversed(changes) if since_s <= t_s) for t_s in from_s]
    draining = (from_s >= drains_s[0]) & (from_s < drains_s[1])
    crowding = _crowding(world, states + states, np.append(draining, np.zeros(len(states), np.bool_)))
    spread = np.array([world.draws["crowded_spread"] if state in CROWDED else 1.0 for state in states])
    even = np.ones(len(states))
    return Pace(from_s, crowding[: len(states)] * _followers(world, states), crowding[len(states) :], spread, even)


def pace_of_outage(draws: Mapping[str, float], sessions: int, stops_s: float, resumes_s: float) -> Pace:
    """Return the factors where the brokers go on and the processors stop for a while, `sessions` of them.

    Without rows to write the database takes no cores; while the backlog drains each session always wants to run.
    """
    if not np.isfinite([stops_s, resumes_s]).all():
        return EVEN
    drained_s = resumes_s + (resumes_s - stops_s) * draws["drain_per_silent_s"]
    usual = draws["short_tasks_cores"] + draws["victim_cores"] + draws["database_cores"]
    quiet = usual - draws["database_cores"]
    slow_down = task_slow_down(
        draws["machine_cores"], np.array([usual, quiet, quiet, usual]), np.array([0.0, 0.0, float(sessions), 0.0])
    )
    factors = slow_down / slow_down[0]
    return Pace(np.array([NEVER, stops_s, resumes_s, drained_s]), factors, factors, np.ones(4), np.ones(4))


def both(one: Pace, other: Pace) -> Pace:
    """Return the factors of two causes that have nothing to do with each other: their products."""
    from_s = np.union1d(one.from_s, other.from_s)
    first, second = (np.searchsorted(pace.from_s, from_s, side="right") - 1 for pace in (one, other))
    return Pace(
        from_s,
        one.response[first] * other.response[second],
        one.batch[first] * other.batch[second],
        one.spread[first] * other.spread[second],
        one.full[first] * other.full[second],
    )


def _drain(world: World) -> tuple[float, float]:
    """Return from when to when the silence's backlog drains; (-infinity, -infinity) where there is none."""
    if world.setting.victim_processor >= 0:
        return NEVER, NEVER  # nothing drains before the processors' group is whole again
    silent = world.setting.acks == "all" and world.setting.fault is not FaultType.BROKER_STOP
    return (world.moments["deregistered"], drained_s(world)) if silent else (NEVER, NEVER)


def _crowding(world: World, states: list[VictimState], draining: BoolArray) -> FloatArray:
    """Return how much longer than in the baseline a short task takes, the victim being so, beside a drain or not."""
    draws = world.draws
    usual = draws["short_tasks_cores"] + draws["victim_cores"] + draws["database_cores"]
    saved = (1.0 - draws["taken_over_share"]) * draws["victim_cores"]
    offered = np.array([usual - saved if state in AWAY else usual for state in states])
    threads = {
        VictimState.STARTING: draws["broker_start_threads"],
        **dict.fromkeys(COLD, draws["broker_warm_up_threads"]),
    }
    computing = np.array([threads.get(state, 0.0) for state in states])
    # Every processor's database session always runs while there is a backlog.
    offered = np.append(offered - draining * draws["database_cores"], usual)
    permanent = computing + draining * len(world.setting.consumers)
    slow_down = task_slow_down(draws["machine_cores"], offered, np.append(permanent, 0.0))
    crowding: FloatArray = slow_down[:-1] / slow_down[-1]
    return crowding


def _followers(world: World, states: list[VictimState]) -> FloatArray:
    """Return by which factor the in-sync followers change how long a request takes in each stretch."""
    if world.setting.acks != "all":
        return np.ones(len(states))
    fewer, cold = 1.0 - world.draws["fewer_followers_gain"], world.draws["cold_follower_factor"]
    return np.array(
        [fewer if state in AWAY else cold if state in (VictimState.FOLLOWING, *COLD) else 1.0 for state in states]
    )
