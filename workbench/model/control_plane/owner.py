"""Who makes a pod again: the controllers that own the hub's pods.

Left out: Jobs and bare pods, of which the hub has none.
"""

from __future__ import annotations

from enum import StrEnum


class Owner(StrEnum):
    """The controller that makes a pod again."""

    REPLICA_SET = "ReplicaSet"
    STATEFUL_SET = "StatefulSet"
    POD_SET = "StrimziPodSet"
    DAEMON_SET = "DaemonSet"
