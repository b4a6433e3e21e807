"""How much slower a starting broker gets on with its work while the hub uses the same cores.

Processor sharing (Kleinrock, Queueing Systems II, 4.4) of two kinds of work: tasks that run for milliseconds and
then wait - the load, the brokers' requests - get what they ask for, since a fair scheduler owes them time; work
that always wants to go on - the starting JVM, and while a backlog drains one database session a processor -
shares the cores that are left.

Left out: clock speeds and caches that several busy cores share; the wait for a disk.
"""

from __future__ import annotations

from typing import Final

LEFT_MIN: Final = 0.25  # cores; even short tasks cannot keep a runnable thread off all cores


def slow_down(cores: float, parallel: float, short_tasks: float, threads: float, rivals: float) -> float:
    """Return by which factor (1 or more) work takes longer than alone.

    All in cores: `cores` of the machine, `parallel` that the work keeps busy when it is alone, `short_tasks` that
    short tasks keep busy. `threads` of the work want to run at once beside `rivals` that never wait.
    """
    left = max(cores - short_tasks, LEFT_MIN)
    share = left * threads / (threads + rivals) if rivals else left
    return max(1.0, parallel / share)
