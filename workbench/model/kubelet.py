"""When a kubelet starts a container again that has ended more than once.

The rule that is documented says 10, 20, 40 .. 300 s (Kubernetes documentation, Pod Lifecycle). A kubelet only looks
whether that time is over when it syncs the pod: after a failed sync it does so 10 to 15 s later (Kubernetes 1.29
pkg/kubelet/pod_workers.go completeWork, backOffPeriod 10 s, jitter 0.5), and any event of the pod in between is a sync
too, fails, and sets the next one anew. The liveness probe's next tick is such an event: it finds no container running
and says so once (prober/worker.go). So 10 s become 10 to 25 s; measured: 22.9 s, the probe's tick 8.8 s after the end.

Left out: other events of the pod, a change of its object for one; and a liveness probe that failed before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workbench.model.parameter import Parameter, prior, triangular, uniform

_KUBELET: Final = "Kubernetes 1.29 pkg/kubelet"
LONGEST_WAIT_S: Final = 300.0
FIRST_WAIT_S: Final = 10.0
SYNCS_MAX: Final = 40  # beyond the longest wait

# In place of the stand-in's, where a kubelet decides.
PRIORS: Final[Mapping[str, Parameter]] = {
    "restart_notice_s": prior(
        triangular(0.1, 0.3, 1.0),
        "s",
        f"{_KUBELET}/pleg: the sync after the look, then containerd makes and starts a container",
        "from the kubelet's look to the new process",
    ),
    "kubelet_requeue_s": prior(
        uniform(10.0, 15.0),
        "s",
        f"{_KUBELET}/pod_workers.go completeWork: backOffPeriod 10 s, workerBackOffPeriodJitterFactor 0.5",
        "from a sync that found the container in its back-off to the next one",
    ),
    "liveness_tick_s": prior(
        uniform(0.0, 10.0),
        "s",
        f"{_KUBELET}/prober/worker.go: a tick each periodSeconds (manifests: 10 s), at a phase that nobody knows",
        "from a container's end to the liveness probe's next tick",
    ),
}


def wait_s(start: int, draws: Mapping[str, float]) -> float:
    """Return the wait (s) before start number `start` (2, 3, ..) after an exit.

    By the documented rule alone, as the stand-in has it, unless the draws hold what a kubelet adds to it.
    """
    rule_s = min(FIRST_WAIT_S * 2.0 ** (start - 2), LONGEST_WAIT_S)
    if "kubelet_requeue_s" not in draws:
        return rule_s
    requeue_s, tick_s = draws["kubelet_requeue_s"], draws["liveness_tick_s"]
    sync_s = requeue_s + (tick_s if tick_s < requeue_s else 0.0)
    for _ in range(SYNCS_MAX):
        if sync_s >= rule_s:
            break
        sync_s += requeue_s
    return draws["kubelet_relist_s"] + sync_s
