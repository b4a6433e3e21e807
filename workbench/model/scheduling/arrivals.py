"""When pods come to be: throttled clients of the API server, and a ReplicaSet's slow start.

Sources (Kubernetes v1.29): client-go util/flowcontrol/throttle.go (a token bucket that is full at first and serves in
order); pkg/controller/replicaset/replica_set.go (BurstReplicas, slowStartBatch: 1, 2, 4 ... creations at once, the next
batch when all of one are answered); pkg/controller/controller_utils.go SlowStartInitialBatchSize; 20 requests a second
and a burst of 30 for kube-controller-manager's clients, pkg/controller/apis/config/v1alpha1/defaults.go.

The controller tells of each pod it made by an event, which takes a token of the same bucket: one event after the other,
and of one ReplicaSet at most 25 before they are dropped (client-go tools/record/events_cache.go, spam filter).

Left out: its wait until its watch has seen one round's pods; StatefulSets, which create one pod when the one before is
ready.
"""

from __future__ import annotations

from typing import Final

CONTROLLER_REQUESTS_PER_S: Final = 20.0
CONTROLLER_BURST_REQUESTS: Final = 30
SLOW_START_FIRST_PODS: Final = 1
EVENTS_MAX: Final = 25  # of one object
ROUND_PODS_MAX: Final = 500  # BurstReplicas: one pass of the controller creates no more


class TokenBucket:
    """A client's limit: `burst_requests` at once, after that `requests_per_s`, in the order they ask."""

    def __init__(self, requests_per_s: float, burst_requests: int) -> None:
        self.requests_per_s = requests_per_s
        self.burst_requests = burst_requests
        self._tokens = float(burst_requests)
        self._at_s = 0.0

    def wait_s(self, now_s: float) -> float:
        """Take a token at `now_s` (never earlier than the call before) and return how long its request waits."""
        self._tokens = min(self.burst_requests, self._tokens + (now_s - self._at_s) * self.requests_per_s) - 1.0
        self._at_s = now_s
        return max(0.0, -self._tokens / self.requests_per_s)


def replicaset_arrivals(replicas: int, create_s: float, events: int = 0) -> list[float]:
    """Return when each pod of a new ReplicaSet exists (s after its controller begins, ascending).

    Args:
        replicas: how many pods.
        create_s: from a creation's request to its answer.
        events: how many events the controller tells meanwhile; each is asked for when the one before is answered.
    """
    bucket = TokenBucket(CONTROLLER_REQUESTS_PER_S, CONTROLLER_BURST_REQUESTS)
    created_s: list[float] = []
    now_s = told_s = 0.0
    batch = SLOW_START_FIRST_PODS
    while len(created_s) < replicas:
        while events and created_s and told_s <= now_s:  # those asked for before this batch is
            asked_s = max(told_s, created_s[0])
            told_s = asked_s + bucket.wait_s(asked_s) + create_s
            events -= 1
        left_of_round = ROUND_PODS_MAX - len(created_s) % ROUND_PODS_MAX
        batch = min(batch, left_of_round, replicas - len(created_s))
        created_s += [now_s + bucket.wait_s(now_s) + create_s for _ in range(batch)]
        now_s = created_s[-1]
        batch = SLOW_START_FIRST_PODS if batch == left_of_round else 2 * batch
    return created_s
