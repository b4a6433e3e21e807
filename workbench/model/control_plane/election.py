"""How long a controller that starts again waits for the lease of its predecessor.

client-go tools/leaderelection/leaderelection.go: a process has an identity of its own, so it must see the old lease
unchanged for the whole lease duration (15 s) by its own clock, and asks again every 2 s times 1 to 2.2
(wait.JitterUntil, JitterFactor 1.2): the wait is 15 s and the rest of the retry under way then.

Left out: a lease that was given back (neither kube-controller-manager nor kube-scheduler does so when killed), a
second candidate, API requests that fail, coordinated leader election (1.31 alpha).
"""

from __future__ import annotations

import math

import numpy as np

from workbench.model.control_plane.constants import Draws
from workbench.model.parameter import FloatArray


def election_wait_s(draws: Draws, candidate: str) -> FloatArray:
    """Return the wait from the first look at the lease to holding it, one number a replication."""
    lease_s, retry_s = draws.number("election_lease_s"), draws.number("election_retry_s")
    attempts = math.ceil(lease_s / retry_s)
    shares = draws.shares("election_retry", candidate, columns=attempts)
    at_s = np.cumsum(retry_s * (1.0 + draws.number("election_jitter_factor") * shares), axis=1)
    late_enough = at_s >= lease_s
    return at_s[np.arange(draws.replications), late_enough.argmax(axis=1)]
