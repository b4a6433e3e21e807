"""The kubelet's stand-in: when a server that died is started again.

Follows the kubelet's published rule (Kubernetes documentation, "Pod Lifecycle", restart policy; kubelet's
MaxContainerBackOff): at once after the first exit, then after 10, 20, 40 .. 300 s, and from the beginning
again after 10 minutes of good running. What it decides is never an observation of Kubernetes.
"""

from __future__ import annotations

from typing import Final

FIRST_WAIT_S: Final = 10.0
LONGEST_WAIT_S: Final = 300.0
GOOD_RUNNING_S: Final = 600.0
_DOUBLINGS_MAX: Final = 5  # 10 s doubled five times is above 300 s


class KubeletStandIn:
    """Decides the wait before each restart of one server."""

    def __init__(self) -> None:
        self._exits_in_a_row = 0

    def wait_s(self, ran_s: float) -> float:
        """Return the wait (s) from this exit to the next start, after a run of `ran_s` seconds."""
        if ran_s >= GOOD_RUNNING_S:
            self._exits_in_a_row = 0
        earlier_exits = self._exits_in_a_row
        self._exits_in_a_row += 1
        if earlier_exits == 0:
            return 0.0
        return float(min(FIRST_WAIT_S * 2 ** min(earlier_exits - 1, _DOUBLINGS_MAX), LONGEST_WAIT_S))
