"""From a pod's creation to its bound moment: queues, one scheduling cycle at a time, and throttled answers.

The scheduler takes one pod at a time. Where it finds a node, the pod counts as being there at once and is bound
beside the next cycles; each bind is one request of a client with 50 a second and a burst of 100. Where it finds none,
the pod goes back and its status is patched, within the cycle and from the same bucket, if the reason is a new one.
Sources (Kubernetes v1.29): pkg/scheduler/schedule_one.go, eventhandlers.go, apis/config/v1/defaults.go.

Left out: preemption, volumes bound on the way (up to 600 s), requests that fail, the API server's own limits and the
delay of its watches, nodes that go away, pods deleted while they wait. How long a cycle, an answer and a container's
start take is not in Kubernetes' sources: they are parameters, to be measured.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import simpy

from workbench.errors import BadInput
from workbench.model.scheduling.arrivals import TokenBucket
from workbench.model.scheduling.cluster import Cluster
from workbench.model.scheduling.filters import may_help
from workbench.model.scheduling.matching import means
from workbench.model.scheduling.objects import Node, Pod
from workbench.model.scheduling.placing import TIES, decide
from workbench.model.scheduling.queues import (
    BACKOFF_CHECK_S,
    POOL_CHECK_S,
    ClusterEvent,
    QueuedPod,
    SchedulingQueue,
    Worth,
)
from workbench.streams import stream

SCHEDULER_REQUESTS_PER_S: Final = 50.0
SCHEDULER_BURST_REQUESTS: Final = 100

Steps = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class Timing:
    """What must be measured: nothing of it is a default of Kubernetes."""

    cycle_s: float  # one scheduling cycle, from the pod's turn to the node's choice; above 0
    answer_s: float  # a bind or a status patch, from its request to its answer
    starts_per_s: float  # pods that one kubelet starts a second, one after another


@dataclass(frozen=True)
class Arrival:
    """A pod and when it is created."""

    at_s: float
    pod: Pod


@dataclass(frozen=True)
class NodePut:
    """A node that joins, or one of that name with other labels, taints or room."""

    at_s: float
    node: Node


@dataclass(frozen=True)
class PodDeleted:
    """A pod (namespace/name) that leaves its node; one that is on no node then has no effect."""

    at_s: float
    key: str


@dataclass
class PodTimes:
    """One pod's way. None: had not happened when watching ended."""

    pod: Pod
    created_s: float
    scheduled_s: float | None = None
    bound_s: float | None = None
    started_s: float | None = None
    node: str | None = None
    attempts: int = 0
    reason: str = ""  # of the last failed attempt


@dataclass(frozen=True)
class Course:
    """What became of every pod, in the order of arrivals."""

    pods: tuple[PodTimes, ...]

    @property
    def bind_s(self) -> list[float]:
        """Return each bound pod's time from creation to its bind's answer."""
        return [each.bound_s - each.created_s for each in self.pods if each.bound_s is not None]

    def bind_s_percentile(self, percent: float) -> float:
        """Return a percentile of the time to bind over the pods that were bound; NaN without any."""
        return float(np.percentile(self.bind_s, percent)) if self.bind_s else float("nan")

    @property
    def total_s(self) -> float:
        """Return the time from the first creation to the last bind; NaN while a pod is pending."""
        bound = [each.bound_s for each in self.pods if each.bound_s is not None]
        if not bound or len(bound) < len(self.pods):
            return float("nan")
        return max(bound) - min(each.created_s for each in self.pods)


def play(
    nodes: Sequence[Node],
    arrivals: Sequence[Arrival],
    timing: Timing,
    changes: Sequence[NodePut | PodDeleted] = (),
    seed: int = 1,
    horizon_s: float = 3600.0,
) -> Course:
    """Play every pod's way until all are bound or `horizon_s` is over.

    Ties between nodes are decided by the seed's stream of the scheduler. Raises BadInput for pods or nodes of the same
    name.
    """
    return _Control(Cluster(nodes), timing, seed).run(arrivals, changes, horizon_s)


class _Control:
    """The scheduler and those it answers to, in simulated time."""

    def __init__(self, cluster: Cluster, timing: Timing, seed: int) -> None:
        self.env = simpy.Environment()
        self.cluster = cluster
        self.timing = timing
        self.queue = SchedulingQueue()
        self.client = TokenBucket(SCHEDULER_REQUESTS_PER_S, SCHEDULER_BURST_REQUESTS)
        self.ties = stream(seed, *TIES)
        self.woken = self.env.event()
        self.all_bound = self.env.event()
        self.times: dict[str, PodTimes] = {}
        self.unbound = 0
        self.kubelet_free_s: dict[str, float] = {}

    def run(self, arrivals: Sequence[Arrival], changes: Sequence[NodePut | PodDeleted], horizon_s: float) -> Course:
        """Start every role and let time pass."""
        self.unbound = len(arrivals)
        self.times = {each.pod.key: PodTimes(each.pod, each.at_s) for each in arrivals}
        if len(self.times) < len(arrivals):
            raise BadInput("two arrivals of the same pod: a name and namespace stand for one")
        for arrival in arrivals:
            self.env.process(self._create(arrival))
        for change in changes:
            self.env.process(self._change(change))
        self.env.process(self._schedule())
        self.env.process(self._check_backoffs())
        self.env.process(self._check_pool())
        if arrivals:
            self.env.run(self.all_bound | self.env.timeout(horizon_s))
        return Course(tuple(self.times.values()))

    def _create(self, arrival: Arrival) -> Steps:
        yield self.env.timeout(arrival.at_s)
        self.queue.add(QueuedPod(arrival.pod, arrival.at_s, arrival.at_s))
        self._wake()

    def _schedule(self) -> Steps:
        while True:  # ends with the simulation
            if not self.queue.active:
                self.woken = self.env.event()
                yield self.woken
            queued = self.queue.pop()
            times = self.times[queued.pod.key]
            times.attempts = queued.attempts
            decision = decide(self.cluster, queued.pod, float(self.ties.random()))
            yield self.env.timeout(self.timing.cycle_s)
            if decision.node is not None:
                self.cluster.place(decision.node).add(queued.pod)
                times.scheduled_s, times.node = self.env.now, decision.node
                self.env.process(self._bind(times, decision.node))
                continue
            plugins = frozenset(rejection.plugin for rejection in decision.rejections.values())
            self.queue.give_back(queued, plugins, self.env.now)
            if decision.reason != queued.reason:
                times.reason = queued.reason = decision.reason
                yield self.env.timeout(self.client.wait_s(self.env.now) + self.timing.answer_s)

    def _bind(self, times: PodTimes, node: str) -> Steps:
        yield self.env.timeout(self.client.wait_s(self.env.now) + self.timing.answer_s)
        times.bound_s = self.env.now
        free_s = max(self.kubelet_free_s.get(node, 0.0), self.env.now) + 1.0 / self.timing.starts_per_s
        times.started_s = self.kubelet_free_s[node] = free_s
        self._move(ClusterEvent.POD_BOUND, lambda queued: any(means(term, times.pod) for term in queued.pod.affinity))
        self.unbound -= 1
        if self.unbound == 0:
            self.all_bound.succeed()

    def _change(self, change: NodePut | PodDeleted) -> Steps:
        yield self.env.timeout(change.at_s)
        if isinstance(change, PodDeleted):
            if self.cluster.remove_pod(change.key) is not None:
                self._move(ClusterEvent.POD_DELETED)
            return
        event = _event_of(self.cluster.put(change.node), change.node)
        place = self.cluster.place(change.node.name)
        self._move(event, lambda queued: may_help(queued.pod, place))

    def _check_backoffs(self) -> Steps:
        while True:  # ends with the simulation
            yield self.env.timeout(BACKOFF_CHECK_S)
            self.queue.end_backoffs(self.env.now)
            self._wake()

    def _check_pool(self) -> Steps:
        while True:  # ends with the simulation
            yield self.env.timeout(POOL_CHECK_S)
            self.queue.empty_pool(self.env.now)
            self._wake()

    def _move(self, event: ClusterEvent, worth: Worth = lambda _: True) -> None:
        self.queue.move(event, self.env.now, worth)
        self._wake()

    def _wake(self) -> None:
        if self.queue.active and not self.woken.triggered:
            self.woken.succeed()


def _event_of(before: Node | None, after: Node) -> ClusterEvent:
    """Return what kind of change a node's is: the first that applies, as eventhandlers.go asks."""
    if before is None:
        return ClusterEvent.NODE_ADDED
    if before.unschedulable != after.unschedulable:
        return ClusterEvent.NODE_TAINTS_CHANGED
    if (before.cpu_m, before.memory_bytes, before.pods) != (after.cpu_m, after.memory_bytes, after.pods):
        return ClusterEvent.NODE_ALLOCATABLE_CHANGED
    return ClusterEvent.NODE_LABELS_CHANGED if before.labels != after.labels else ClusterEvent.NODE_TAINTS_CHANGED
