"""The kubelet's stand-in: when a server that died is started again.

Follows the kubelet's published rules: it looks at its containers every second (Kubernetes 1.29
pkg/kubelet/kubelet.go genericPlegRelistPeriod), starts what it finds dead at once after the first exit, then
after 10, 20, 40 .. 300 s, and from the beginning again after 10 minutes of good running (Kubernetes
documentation, "Pod Lifecycle", restart policy; kubelet's MaxContainerBackOff). What it decides is never an
observation of Kubernetes.
"""

from __future__ import annotations

from typing import Final

RELIST_S: Final = 1.0
FIRST_WAIT_S: Final = 10.0
LONGEST_WAIT_S: Final = 300.0
GOOD_RUNNING_S: Final = 600.0
_DOUBLINGS_MAX: Final = 5  # 10 s doubled five times is above 300 s


class KubeletStandIn:
    """Decides when one server is started again."""

    def __init__(self) -> None:
        self._exits_in_a_row = 0

    def restart_due_s(self, started_s: float, ended_s: float) -> float:
        """Return when (epoch s) the process that ran from `started_s` to `ended_s` is started again."""
        if ended_s - started_s >= GOOD_RUNNING_S:
            self._exits_in_a_row = 0
        earlier_exits = self._exits_in_a_row
        self._exits_in_a_row += 1
        if earlier_exits == 0:
            return (ended_s // RELIST_S + 1.0) * RELIST_S
        return ended_s + float(min(FIRST_WAIT_S * 2 ** min(earlier_exits - 1, _DOUBLINGS_MAX), LONGEST_WAIT_S))
