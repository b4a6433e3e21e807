"""Objects made around a snapshot of etcd, and what is left of them after its restore.

ConfigMaps at moments of chance, of a stated rate, from before the snapshot until the loss; after the snapshot a bare
pod on each worker too, whose container runs on when the pod is forgotten.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from workbench.drill.nodes import trial
from workbench.drill.nodes.absent import lost_and_kept
from workbench.drill.nodes.meanwhile import processes_of
from workbench.errors import ToolFailed
from workbench.target.kubernetes.api import Api, api_failures
from workbench.target.throwaway.cluster import Cluster
from workbench.target.throwaway.etcd import save_snapshot
from workbench.waiting import happens, sleep_until

BEFORE_S: Final = 10.0  # made before the snapshot for so long
START_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.25


@dataclass
class Made:
    """What was made."""

    snapshot: Path
    snapshot_s: tuple[float, float]  # taken between (epoch s)
    objects: dict[str, float]  # ConfigMap -> the API's answer (epoch s)
    orphans: Sequence[str]  # uids of the pods that the restore forgets
    ended_s: float | None = field(default=None)  # the last of their containers was seen to be gone (epoch s)

    def look(self) -> None:
        """Look whether the forgotten pods' containers still run."""
        if self.ended_s is None and not any(map(processes_of, self.orphans)):
            self.ended_s = time.time()

    def found(self, api: Api, back_s: float) -> dict[str, float]:
        """Return the counts of lost and kept objects, and when the last orphan ended after `back_s`, once it has."""
        with api_failures("the objects could not be listed"):
            there = {each.metadata.name for each in api.core.list_namespaced_config_map(trial.NAMESPACE).items}
        counts = lost_and_kept(self.objects, there, self.snapshot_s)
        return counts | ({} if self.ended_s is None else {"orphans_ended_s": self.ended_s - back_s})


def make_objects(
    cluster: Cluster, api: Api, workers: Sequence[str], rate_per_s: float, age_s: float, moments: np.random.Generator
) -> Made:
    """Make objects, take a snapshot, make more for `age_s`; return what was made. Raises ToolFailed."""
    objects: dict[str, float] = {}
    _make(api, objects, rate_per_s, BEFORE_S, moments)
    snapshot = cluster.layout.directory / "etcd-snapshot.db"
    begun_s = time.time()
    save_snapshot(cluster, snapshot)
    done_s = time.time()
    with api_failures("a pod could not be made"):
        pods = [
            api.core.create_namespaced_pod(trial.NAMESPACE, trial.bare_pod(f"orphan-{name}", name)) for name in workers
        ]
    uids = [pod.metadata.uid for pod in pods]
    _make(api, objects, rate_per_s, age_s - (time.time() - done_s), moments)
    if not happens(lambda: all(map(processes_of, uids)), START_TIMEOUT_S, POLL_S):
        raise ToolFailed(f"the pods made after the snapshot do not run after {START_TIMEOUT_S:.0f} s")
    return Made(snapshot, (begun_s, done_s), objects, uids)


def _make(
    api: Api, objects: dict[str, float], rate_per_s: float, duration_s: float, moments: np.random.Generator
) -> None:
    """Make ConfigMaps for a while, at moments of chance that do not wait for answers."""
    end_s = time.time() + duration_s
    due_s = time.time() + moments.exponential(1.0 / rate_per_s)
    while due_s < end_s:
        sleep_until(due_s)
        name = f"made-{len(objects)}"
        with api_failures(f"{name} could not be made"):
            api.core.create_namespaced_config_map(trial.NAMESPACE, {"metadata": {"name": name}})
        objects[name] = time.time()
        due_s += moments.exponential(1.0 / rate_per_s)
    sleep_until(end_s)
