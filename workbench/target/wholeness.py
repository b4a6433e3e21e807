"""Whether a hub is whole, and what is missing in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from workbench.errors import ToolFailed
from workbench.target.clients.asked import AskedHub

WHOLE: Final = "every server runs and answers, every broker is registered, every ISR is full"


def what_is_missing(hub: AskedHub, processes: Sequence[str]) -> str:
    """Return what keeps the hub from being whole, in words; "" when nothing does.

    `processes` is what was found of its processes. Then looks at ZooKeeper, Kafka, the stores and applications; at a
    later one only when nothing was found before, since a question to a hub that is under load costs it something.
    """
    looks: tuple[Callable[[AskedHub], Sequence[str]], ...] = (lambda _: processes, _quorum, _kafka, _doors)
    try:
        found = next((words for look in looks if (words := [each for each in look(hub) if each])), [])
    except ToolFailed as error:
        return str(error)
    return "; ".join(found)


def _quorum(hub: AskedHub) -> list[str]:
    if hub.topology.kafka.quorum is None:
        return _zookeeper(hub)
    return [] if hub.controller() >= 0 else ["no controller leads the quorum"]


def _zookeeper(hub: AskedHub) -> list[str]:
    serving = hub.ensemble().serving
    silent = [f"zookeeper-{each}" for each in hub.topology.zookeeper.server_ids if each not in serving]
    return [f"{', '.join(silent)} serving nobody" if silent else ""]


def _kafka(hub: AskedHub) -> list[str]:
    registered = hub.registered_brokers()
    absent = [f"kafka-{broker}" for broker in hub.topology.kafka.broker_ids if broker not in registered]
    outlived = [f"kafka-{broker}" for broker in registered if _outlived(hub, broker)]
    behind = [label for label, state in hub.partition_states().items() if set(state.isr) != set(state.replicas)]
    return [
        f"{', '.join(absent)} not registered" if absent else "",
        f"{', '.join(sorted(outlived))} registered by a process that has ended" if outlived else "",
        f"{len(behind)} partitions lack in-sync replicas" if behind else "",
    ]


def _doors(hub: AskedHub) -> list[str]:
    standbys, wanted = hub.standbys(), hub.topology.postgres.replicas - 1
    unready = [*hub.doors.unready_processors(), *hub.doors.unready_gateways()]
    return [
        "Postgres takes no writes" if standbys is None else "",
        f"{standbys} of {wanted} standbys connected" if standbys is not None and standbys < wanted else "",
        "" if hub.redis_answers() else "Redis does not answer",
        f"{', '.join(unready)} not ready" if unready else "",
    ]


def _outlived(hub: AskedHub, broker: int) -> bool:
    """Tell whether a broker's registration is older than its process: a dead one's session still holds it."""
    if hub.topology.kafka.quorum is not None:
        return not hub.kafka.answers(broker)
    registered_s = hub.kafka.registered_s(broker)
    starts = hub.process_starts(f"kafka-{broker}")
    return registered_s is not None and bool(starts) and registered_s < starts[-1].started_s
