"""Brokers of a hub without ZooKeeper, killed and started at once: they wait in one process until they are fenced.

What is measured is in the servers' own logs, whose clock is this machine's: the controller's word that a session is
over, the new process's first refusal and its registration.
"""

from __future__ import annotations

import re
from typing import Final

from workbench.calibrate.bench import Bench, LogTail, logged_s
from workbench.calibrate.brokers import victims
from workbench.errors import ToolFailed

KILLS: Final = 5
LOG_S: Final = 5.0
_FENCED: Final = r"^(\S+ \S+) INFO.*Fencing broker {broker} because its session has timed out"
_REFUSED: Final = r"^(\S+ \S+) .*Unable to register broker {broker} because the controller returned error DUPLICATE"
_REGISTERED: Final = r"^(\S+ \S+) INFO.*Successfully registered broker {broker} with broker epoch"


def kills(bench: Bench) -> None:
    """Kill brokers and start them at once: fenced, refused until then, registered in the same process."""
    for broker in victims(bench, KILLS):
        _kill(bench, broker)


def _kill(bench: Bench, broker: int) -> None:
    name, hub = f"kafka-{broker}", bench.hub
    log, controller = bench.log(name), bench.log(f"controller-{hub.controller()}")
    bench.kill(name)
    began_s = bench.start(name)
    gone_s = bench.until(lambda: broker not in hub.registered_brokers(), f"{name} is fenced")
    answers_s = bench.until(lambda: hub.kafka.answers(broker), f"{name} answers")
    bench.note("fence_commit_s", gone_s - said_s(bench, controller, _FENCED, broker))
    asks_s, registered_s = said_s(bench, log, _REFUSED, broker), said_s(bench, log, _REGISTERED, broker)
    until_asked_s, afterwards_s = asks_s - began_s, answers_s - registered_s
    bench.note("registration_share", until_asked_s / (until_asked_s + afterwards_s))


def said_s(bench: Bench, log: LogTail, pattern: str, broker: int) -> float:
    """Return when (epoch s, 1 ms resolution) a server first logged a line. Raises ToolFailed when it did not."""
    line = re.compile(pattern.format(broker=broker), re.MULTILINE)
    bench.until(lambda: line.search(log.text()) is not None, f"a log tells: {line.pattern}", LOG_S)
    found = line.search(log.text())
    if found is None:
        raise ToolFailed("a server's log was cut short")
    return logged_s(found[1])
