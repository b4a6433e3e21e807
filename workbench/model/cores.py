"""How fast work gets on that always wants to, while the hub uses the same cores.

Processor sharing (Kleinrock, Queueing Systems II, 4.4) of two kinds of work: tasks that run for milliseconds and
then wait - the load, the brokers' requests - and work that always wants to go on - a starting JVM, and while a
backlog drains one database session a processor. For a start, which takes seconds, short tasks get what they ask
for, since a fair scheduler owes them time, and the rest is shared. A session waits for the disk in between, so
it is owed time as well, and shares with as many short tasks as happen to run (M/M/c).

Left out: clock speeds and caches that several busy cores share; the wait for a disk.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from workbench.metrics.tables import FloatArray

OFFERED_MIN: Final = 1e-9  # cores
RUNNING_MAX: Final = 200  # short tasks at once
UTILIZATION_MAX: Final = 0.95  # of short tasks: what was measured as more is a machine that others use as well
LEFT_MIN: Final = 0.25  # cores; even short tasks cannot keep a runnable thread off all cores


def slow_down(cores: float, parallel: float, short_tasks: float, threads: float, rivals: float) -> float:
    """Return by which factor (1 or more) work takes longer than alone.

    All in cores: `cores` of the machine, `parallel` that the work keeps busy when it is alone, `short_tasks` that
    short tasks keep busy. `threads` of the work want to run at once beside `rivals` that never wait.
    """
    left = max(cores - short_tasks, LEFT_MIN)
    share = left * threads / (threads + rivals) if rivals else left
    return max(1.0, parallel / share)


def task_slow_down(cores: float, short_tasks: FloatArray, permanent: FloatArray) -> FloatArray:
    """Return by which factors (1 or more) a short task takes longer than alone, beside others and permanent work.

    `short_tasks` is what they keep busy, in cores, at most UTILIZATION_MAX of all; `permanent` is how many threads
    always want to run. With n tasks each has cores / (n + permanent) of a core, at most one; the mean time follows
    from the mean number by Little's law.
    """
    running = np.arange(1, RUNNING_MAX)
    offered = np.clip(short_tasks, OFFERED_MIN, UTILIZATION_MAX * cores)[:, None]
    served = running * np.minimum(1.0, cores / (running + permanent[:, None]))
    weight = np.cumprod(offered / served, axis=1)
    slow_down: FloatArray = weight @ running / (1.0 + weight.sum(axis=1)) / offered[:, 0]
    return slow_down


def session_speed(cores: int, short_tasks: float, sessions: int) -> float:
    """Return the mean speed (1 alone) of each of `sessions` that always run, beside short tasks.

    `short_tasks` is what they keep busy, in cores. With n of them running each session has cores / (n + sessions)
    of a core, at most one; n is distributed as in an M/M/c queue of their load.
    """
    running = np.arange(RUNNING_MAX)
    offered = min(short_tasks, UTILIZATION_MAX * cores)
    ratios = np.where(running > 0, offered / np.minimum(np.maximum(running, 1), cores), 1.0)
    weight = np.cumprod(ratios)
    return float(np.sum(weight * np.minimum(1.0, cores / (running + sessions))) / np.sum(weight))


def left_for_sessions(cores: float, short_tasks: float, sessions: int) -> float:
    """Return how many cores sessions that always run have beside short tasks, when those get what they ask for.

    A session is one thread, so each has one core at most. Between two measured stretches whose cores are all busy the
    ratio of this is what was measured (1.0 to 1.1 times it in five of six drains); that of session_speed is half of it.
    """
    return min(max(cores - short_tasks, LEFT_MIN), float(sessions))
