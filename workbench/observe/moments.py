"""From samples to the instants of a recovery, each as metrics.tables.Moments defines it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from workbench.metrics.tables import NAN
from workbench.target.port import ProcessStart

Sample = dict[str, Any]


def seen(samples: Iterable[Sample]) -> list[Sample]:
    """Return the samples that are not blind."""
    return [sample for sample in samples if "blind" not in sample]


def deregistered_s(brokers: Sequence[Sample], victim: int, after_s: float) -> float:
    """Return when the victim's id was first seen gone, epoch s; NaN if never."""
    return _first(brokers, after_s, lambda sample: victim not in sample["registered"])


def registered_s(brokers: Sequence[Sample], victim: int, after_s: float) -> float:
    """Return when the victim's id was first seen (again) at or after a time, epoch s; NaN if never."""
    return _first(brokers, after_s, lambda sample: victim in sample["registered"])


def leaders_moved_s(partitions: Sequence[Sample], victim: int, after_s: float) -> float:
    """Return when no partition at all was led by the victim or by nobody, epoch s; NaN if never."""

    def moved(sample: Sample) -> bool:
        led_by = sample["led_by"]
        return bool(led_by.get(str(victim), 0) == 0 and led_by.get("-1", 0) == 0)

    return _first(partitions, after_s, moved)


def isr_full_s(partitions: Sequence[Sample], after_s: float) -> float:
    """Return when every in-sync replica set was first seen full at or after a time, epoch s; NaN if never.

    Meant for a time at which the victim had registered again: until then its replicas are missing.
    """
    return _first(partitions, after_s, lambda sample: bool(sample["short"] == 0))


def in_sync_again_s(partitions: Sequence[Sample], after_s: float) -> float:
    """Return when no partition was below min.insync.replicas any more, after one was, epoch s; NaN if never."""
    below_s = _first(partitions, after_s, lambda sample: bool(sample["below"] > 0))
    return _first(partitions, below_s, lambda sample: bool(sample["below"] == 0))


def registering_start_s(starts: Sequence[ProcessStart], after_s: float, registered_at_s: float) -> float:
    """Return the start of the process that registered: the last one between two times, epoch s; NaN without one.

    A broker that was frozen registers again without a start.
    """
    before = [start.started_s for start in starts if after_s <= start.started_s <= registered_at_s]
    return max(before) if before else NAN


def group_whole_s(processors: Sequence[Sample], partitions: int, after_s: float) -> float:
    """Return when the event processors alive after a time were first seen to hold every partition, epoch s; or NaN."""
    return _first(_asked(processors, after_s), after_s, lambda sample: bool(sample["assigned"] == partitions))


def postgres_writes_s(stores: Sequence[Sample], after_s: float) -> float:
    """Return when a question asked after a time first found a primary that takes writes, epoch s; NaN if never."""
    return _first(_asked(stores, after_s), after_s, lambda sample: sample["standbys"] is not None)


def standbys_connected_s(stores: Sequence[Sample], wanted: int, after_s: float) -> float:
    """Return when so many standbys were first seen connected, epoch s; NaN if never."""
    return _first(stores, after_s, lambda sample: sample["standbys"] is not None and sample["standbys"] >= wanted)


def standbys_lost_s(stores: Sequence[Sample], wanted: int, after_s: float) -> float:
    """Return when fewer standbys than wanted were first seen connected, epoch s; NaN if never."""
    return _first(stores, after_s, lambda sample: sample["standbys"] is None or sample["standbys"] < wanted)


def redis_answers_s(stores: Sequence[Sample], after_s: float) -> float:
    """Return when a question asked after a time first found Redis answering, epoch s; NaN if never."""
    return _first(_asked(stores, after_s), after_s, lambda sample: bool(sample["redis"]))


def states_current_s(processors: Sequence[Sample], after_s: float) -> float:
    """Return when the event processors, asked after a time, first had nothing that Redis lacks, epoch s; or NaN."""
    return _first(_asked(processors, after_s), after_s, lambda sample: bool(sample["pending"] == 0))


def keeper_leads_s(keepers: Sequence[Sample], after_s: float) -> float:
    """Return when a question asked after a time first found one that leads, epoch s; NaN if never.

    Of those who keep Kafka's metadata: ZooKeeper servers or, in KRaft mode, controllers.
    """
    return _first(_asked(keepers, after_s), after_s, lambda sample: bool(sample["leader"] >= 0))


def keepers_whole_s(keepers: Sequence[Sample], wanted: int, after_s: float) -> float:
    """Return when a question asked after a time first found so many of them serving, epoch s; NaN if never."""
    return _first(_asked(keepers, after_s), after_s, lambda sample: len(sample["serving"]) == wanted)


def broker_sessions_s(zookeeper: Sequence[Sample], after_s: float) -> float:
    """Return when a question asked after a time first found every broker's session connected, epoch s; or NaN."""
    return _first(_asked(zookeeper, after_s), after_s, lambda sample: -1 not in sample["server_of_broker"].values())


def started_again_s(starts: Sequence[ProcessStart], after_s: float) -> float:
    """Return the first start of a process after a time, epoch s; NaN without one."""
    return next((start.started_s for start in starts if start.started_s >= after_s), NAN)


def _asked(samples: Sequence[Sample], after_s: float) -> list[Sample]:
    return [sample for sample in samples if sample["asked"] >= after_s]


def _first(samples: Sequence[Sample], after_s: float, holds: Callable[[Sample], bool]) -> float:
    found = (float(sample["t"]) for sample in seen(samples) if sample["t"] >= after_s and holds(sample))
    return next(found, NAN)
