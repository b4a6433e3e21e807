"""The control plane away and back: who acts when the API server answers again, and what a lost disk would cost.

While it is away nothing changes for running pods: kubelets restart containers, kube-proxy keeps its rules, nobody is
evicted, placed or failed over. When it is back the controller manager starts, waits for its predecessor's lease and
gives every node a fresh grace period ("Missing timestamp for Node. Assuming now" in node_lifecycle_controller.go);
kubelets renew within 7 s. A single etcd member commits without a round trip: one fdatasync and little more. Its disk
lost, it comes back from the newest snapshot.

Left out: how long the machine and etcd take to start (times count from the API server's first answer), certificates
and tokens that lapse, several etcd members, a snapshot that cannot be read, pods created after it (orphans).
"""

from __future__ import annotations

import numpy as np

from workbench.model.control_plane.constants import Draws
from workbench.model.control_plane.election import election_wait_s
from workbench.model.parameter import FloatArray


def controllers_act_s(draws: Draws) -> FloatArray:
    """Return when the controllers act again, counted from the API server's return."""
    return draws.of("controller_start_s") + election_wait_s(draws, "controller-manager") + draws.of("informers_sync_s")


def etcd_commit_s(draws: Draws) -> FloatArray:
    """Return how long a write of a single-member etcd takes to be safe."""
    return draws.of("fdatasync_s") + draws.of("etcd_work_s")


def objects_lost(draws: Draws, snapshot_age_s: FloatArray) -> FloatArray:
    """Return how many writes a restore from a snapshot of that age undoes, on average: rate times age."""
    return np.asarray(draws.of("object_writes_per_s") * snapshot_age_s)
