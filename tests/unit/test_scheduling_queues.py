"""The scheduler's queues by their published rules, and pods' ways through them in simulated time."""

from __future__ import annotations

import math

import pytest

from tests.support.scheduling_cases import a_node, a_pod, near
from workbench.errors import BadInput
from workbench.model.scheduling import Arrival, NodePut, PodDeleted, Timing, play
from workbench.model.scheduling.objects import Taint
from workbench.model.scheduling.queues import ClusterEvent, QueuedPod, SchedulingQueue

QUICK = Timing(cycle_s=0.001, answer_s=0.0, starts_per_s=1000.0)
FIT = frozenset({"NodeResourcesFit"})


def waiting(name: str, since_s: float = 0.0, priority: int = 0, attempts: int = 0) -> QueuedPod:
    """Return a pod that waits since a moment."""
    return QueuedPod(a_pod(name, priority=priority), since_s, since_s, attempts)


def failed_once(queue: SchedulingQueue, now_s: float, plugins: frozenset[str] = FIT) -> QueuedPod:
    """Return a pod that was tried and given back at `now_s`."""
    queue.add(waiting("x"))
    queued = queue.pop()
    queue.give_back(queued, plugins, now_s)
    return queued


def test_active_pods_go_by_priority_then_by_time() -> None:
    """A later one of higher priority overtakes; of the same priority the earlier is first, then the first added."""
    queue = SchedulingQueue()
    for queued in (waiting("late", 2.0), waiting("early", 1.0), waiting("urgent", 3.0, 10), waiting("also", 1.0)):
        queue.add(queued)
    assert [queue.pop().pod.name for _ in range(4)] == ["urgent", "early", "also", "late"]


@pytest.mark.parametrize(("attempts", "backoff_s"), [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 10.0), (40, 10.0)])
def test_backoff_doubles_from_1_s_to_10_s(attempts: int, backoff_s: float) -> None:
    """By the number of attempts made."""
    assert waiting("x", 100.0, attempts=attempts).backoff_until_s == 100.0 + backoff_s


def test_a_pod_that_fits_nowhere_waits_for_an_event_that_matters() -> None:
    """Rejected for want of room: a bound pod does not help, a deleted one does, once its backoff of 1 s is over."""
    queue = SchedulingQueue()
    queued = failed_once(queue, 10.0)
    queue.move(ClusterEvent.POD_BOUND, 10.2)
    assert queue.pool == [queued]
    queue.move(ClusterEvent.POD_DELETED, 10.4)
    assert not queue.pool
    queue.end_backoffs(10.9)
    assert not queue.active
    queue.end_backoffs(11.0)
    assert queue.pop() is queued


def test_a_pod_whose_backoff_is_over_is_active_at_once() -> None:
    """The backoff runs from the failed attempt, in the pool too."""
    queue = SchedulingQueue()
    queued = failed_once(queue, 10.0)
    queue.move(ClusterEvent.NODE_ADDED, 11.5)
    assert queue.pop() is queued


def test_an_event_during_the_cycle_is_not_missed() -> None:
    """Something moved after the pod was taken: it backs off instead of waiting in the pool."""
    queue = SchedulingQueue()
    queue.add(waiting("x"))
    queued = queue.pop()
    queue.move(ClusterEvent.POD_DELETED, 5.0)
    queue.give_back(queued, FIT, 5.0)
    assert not queue.pool
    queue.end_backoffs(6.0)
    assert queue.pop() is queued


def test_the_pool_is_emptied_after_five_minutes() -> None:
    """Whoever has been there for more than 300 s is tried again, whatever rejected it."""
    queue = SchedulingQueue()
    queued = failed_once(queue, 10.0, frozenset({"NodeAffinity"}))
    queue.empty_pool(310.0)
    assert queue.pool == [queued]
    queue.empty_pool(310.5)
    assert queue.pop() is queued


def test_a_pod_is_bound_after_one_cycle() -> None:
    """Created at 2 s, a cycle of 5 ms, an answer after 3 ms, started by a kubelet that takes half a second."""
    course = play([a_node("a")], [Arrival(2.0, a_pod())], Timing(0.005, 0.003, 2.0))
    times = course.pods[0]
    assert (times.created_s, times.node, times.attempts) == (2.0, "a", 1)
    assert times.scheduled_s == pytest.approx(2.005)
    assert times.bound_s == pytest.approx(2.008)
    assert times.started_s == pytest.approx(2.508)
    assert course.total_s == pytest.approx(0.008)


def test_a_kubelet_starts_one_pod_after_another() -> None:
    """Four pods on one node at 2 a second: the last starts 2 s after the first bind."""
    course = play([a_node("a")], [Arrival(0.0, a_pod(str(index))) for index in range(4)], Timing(0.001, 0.0, 2.0))
    started_s = [each.started_s for each in course.pods]
    assert started_s == pytest.approx([0.501, 1.001, 1.501, 2.001])


def test_a_new_node_brings_a_pending_pod_back() -> None:
    """No room until b joins at 20 s: bound within a cycle of that, on the second attempt."""
    changes = [NodePut(10.0, a_node("small", cpu_m=100)), NodePut(20.0, a_node("b"))]
    course = play([a_node("a", cpu_m=100)], [Arrival(0.0, a_pod(cpu_m=500))], QUICK, changes)
    times = course.pods[0]
    assert (times.node, times.attempts, times.reason) == ("b", 2, "0/1 nodes are available: 1 Insufficient cpu.")
    assert times.bound_s == pytest.approx(20.001)


def test_a_deleted_pod_makes_room() -> None:
    """The second pod waits for the first to go at 7 s; a volume's host it could not wait for in this way."""
    arrivals = [Arrival(0.0, a_pod("first", 3000)), Arrival(1.0, a_pod("second", 3000))]
    changes = [PodDeleted(7.0, "default/first"), PodDeleted(8.0, "default/nobody")]
    times = play([a_node("a")], arrivals, QUICK, changes).pods[1]
    assert times.bound_s == pytest.approx(7.001)
    held = Arrival(1.0, a_pod("second", volume_hostnames=frozenset({"b"})))
    stuck = play([a_node("a")], [arrivals[0], held], QUICK, changes, horizon_s=60.0).pods[1]
    assert (stuck.bound_s, stuck.attempts) == (None, 1)


def test_a_lifted_taint_lets_a_pod_in() -> None:
    """The node's change at 5 s is an event of its taints."""
    tainted = a_node("a", taints=(Taint("maintenance", "", "NoSchedule"),))
    times = play([tainted], [Arrival(0.0, a_pod())], QUICK, [NodePut(5.0, a_node("a"))]).pods[0]
    assert times.bound_s == pytest.approx(5.001)


def test_a_bound_neighbour_brings_back_who_wants_it_near() -> None:
    """The follower finds no leader at 0 s; moved at 0.5 s it backs off until 1.001 s, which the check at 2 s sees."""
    follower = a_pod("follower", affinity=(near("db"),))
    leader = a_pod("leader", labels={"app": "db"})
    course = play([a_node("a"), a_node("b")], [Arrival(0.0, follower), Arrival(0.5, leader)], QUICK)
    assert course.pods[0].node == course.pods[1].node
    assert course.pods[0].bound_s == pytest.approx(2.001)


def test_without_an_event_the_pool_is_asked_after_five_minutes() -> None:
    """Failed at 0.001 s, asked about at 300 s (not over 300 s yet) and at 330 s: the second attempt comes then."""
    for horizon_s, attempts in ((329.0, 1), (331.0, 2)):
        course = play([a_node("a", cpu_m=1)], [Arrival(0.0, a_pod(cpu_m=2))], QUICK, horizon_s=horizon_s)
        assert course.pods[0].attempts == attempts
    assert math.isnan(course.total_s)
    assert math.isnan(course.bind_s_percentile(50.0))


def test_two_arrivals_of_one_pod_are_refused() -> None:
    """A namespace and a name stand for one pod."""
    with pytest.raises(BadInput, match="same pod"):
        play([a_node("a")], [Arrival(0.0, a_pod()), Arrival(1.0, a_pod())], QUICK)
