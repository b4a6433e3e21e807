"""The scheduler's three queues: active, backoff, and the pool of pods that fit nowhere.

A pod that fits nowhere waits in the pool until something happens that the plugins which rejected it care about, or for
five minutes. It then passes through the backoff queue unless its backoff is over.
Source: Kubernetes v1.29 pkg/scheduler/internal/queue/scheduling_queue.go without SchedulerQueueingHints (off by default
in 1.29), plugins/queuesort/priority_sort.go, EventsToRegister of each plugin.
Left out: scheduling gates, nominated pods, updates of pods.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from workbench.model.scheduling.objects import Pod

BACKOFF_FIRST_S: Final = 1.0  # DefaultPodInitialBackoffDuration
BACKOFF_MAX_S: Final = 10.0  # DefaultPodMaxBackoffDuration
BACKOFF_CHECK_S: Final = 1.0  # flushBackoffQCompleted runs so often
POOL_MAX_S: Final = 300.0  # DefaultPodMaxInUnschedulablePodsDuration
POOL_CHECK_S: Final = 30.0  # flushUnschedulablePodsLeftover runs so often


Worth = Callable[["QueuedPod"], bool]  # whether another attempt makes sense


class ClusterEvent(Enum):
    """What may make a pod schedulable, and the plugins whose rejections it may lift (None: any)."""

    NODE_ADDED = frozenset(
        {
            "NodeUnschedulable",
            "TaintToleration",
            "NodeAffinity",
            "NodeResourcesFit",
            "VolumeBinding",
            "PodTopologySpread",
            "InterPodAffinity",
        }
    )
    NODE_ALLOCATABLE_CHANGED = frozenset({"TaintToleration", "NodeAffinity", "NodeResourcesFit"})
    NODE_LABELS_CHANGED = frozenset(
        {
            "TaintToleration",
            "NodeAffinity",
            "NodeResourcesFit",
            "VolumeBinding",
            "PodTopologySpread",
            "InterPodAffinity",
        }
    )
    NODE_TAINTS_CHANGED = frozenset(
        {"NodeUnschedulable", "TaintToleration", "NodeAffinity", "NodeResourcesFit"}
    )  # uncordoned too
    POD_DELETED = frozenset({"NodeResourcesFit", "PodTopologySpread", "InterPodAffinity"})
    POD_BOUND = frozenset({"PodTopologySpread", "InterPodAffinity"})
    POOL_TIMEOUT = None


@dataclass
class QueuedPod:
    """A pod that waits, since when it does in its queue, and what became of its attempts."""

    pod: Pod
    created_s: float
    since_s: float
    attempts: int = 0
    plugins: frozenset[str] = frozenset()  # those that rejected it last
    reason: str = ""
    order: int = 0

    @property
    def backoff_until_s(self) -> float:
        """Return when its backoff is over: 1 s after the first attempt, doubled by each, at most 10 s."""
        return self.since_s + min(BACKOFF_FIRST_S * 2.0 ** min(max(0, self.attempts - 1), 10), BACKOFF_MAX_S)


@dataclass
class SchedulingQueue:
    """Pods by where they wait. It knows no clock: each call says what time it is."""

    active: list[tuple[int, float, int, QueuedPod]] = field(default_factory=list)
    backoff: list[tuple[float, int, QueuedPod]] = field(default_factory=list)
    pool: list[QueuedPod] = field(default_factory=list)
    _cycle: int = 0
    _moved_in_cycle: int = -1
    _orders: Iterator[int] = field(default_factory=itertools.count)

    def add(self, queued: QueuedPod) -> None:
        """Put a pod into the active queue: higher priority first, then the one that has waited longest."""
        queued.order = next(self._orders)
        heapq.heappush(self.active, (-queued.pod.priority, queued.since_s, queued.order, queued))

    def pop(self) -> QueuedPod:
        """Take the next pod; a scheduling cycle begins, which counts as an attempt."""
        queued = heapq.heappop(self.active)[-1]
        queued.attempts += 1
        self._cycle += 1
        return queued

    def give_back(self, queued: QueuedPod, plugins: frozenset[str], now_s: float) -> None:
        """Put a pod back that fits nowhere: into the pool, or, where something has moved meanwhile, to back off."""
        queued.since_s, queued.plugins = now_s, plugins
        if self._moved_in_cycle >= self._cycle or not plugins:
            self._back_off(queued)
        else:
            self.pool.append(queued)

    def move(self, event: ClusterEvent, now_s: float, worth: Worth = lambda _: True) -> None:
        """Take those out of the pool whom an event may help and who are `worth` another attempt."""
        for queued in list(self.pool):
            if worth(queued) and (event.value is None or event.value & queued.plugins):
                self.pool.remove(queued)
                if queued.backoff_until_s > now_s:
                    self._back_off(queued)
                else:
                    self.add(queued)
        self._moved_in_cycle = self._cycle

    def end_backoffs(self, now_s: float) -> None:
        """Make those active whose backoff is over."""
        while self.backoff and self.backoff[0][0] <= now_s:
            self.add(heapq.heappop(self.backoff)[-1])

    def empty_pool(self, now_s: float) -> None:
        """Take those out of the pool who have been there for over five minutes."""
        old = [queued for queued in self.pool if now_s - queued.since_s > POOL_MAX_S]
        if old:
            self.move(ClusterEvent.POOL_TIMEOUT, now_s, lambda queued: any(queued is each for each in old))

    def _back_off(self, queued: QueuedPod) -> None:
        queued.order = next(self._orders)
        heapq.heappush(self.backoff, (queued.backoff_until_s, queued.order, queued))
