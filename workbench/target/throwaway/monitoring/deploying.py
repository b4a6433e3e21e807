"""Monitoring onto a throwaway cluster with the hub on it: images onto the nodes, the objects, targets that are up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workbench.errors import BadInput, ToolFailed
from workbench.target.throwaway.building import built_programs
from workbench.target.throwaway.cluster import Cluster, import_images
from workbench.target.throwaway.hub.deploying import hand_workers, wait_until_ready
from workbench.target.throwaway.hub.images import applications_archive
from workbench.target.throwaway.hub.kinds import listed, name_of
from workbench.target.throwaway.kubectl import Kubectl
from workbench.target.throwaway.monitoring.asking import Asking, expected_targets, is_described
from workbench.target.throwaway.monitoring.images import monitoring_archives
from workbench.target.throwaway.monitoring.objects import MonitoringObjects, monitoring_objects
from workbench.target.throwaway.monitoring.sources import source_of
from workbench.waiting import happens

Progress = Callable[[str], None]
TARGETS_TIMEOUT_S: Final = 120.0  # two scrapes of 15 s, a start of Prometheus; seen: 25 s
POLL_S: Final = 0.5
PRIORITY: Final = "hub-monitoring"  # comes with the hub


@dataclass(frozen=True)
class AlertWithoutSource:
    """An alert rule that cannot tell what it is about here."""

    alert: str
    lacks: tuple[str, ...]  # jobs without a target, or metrics that no target describes
    fires: bool  # all the same: it takes the absence for the fault


@dataclass(frozen=True)
class DeployedMonitoring:
    """Monitoring that is up."""

    objects: int
    ready_s: float  # from the first object until every pod was ready
    targets_s: float  # until every target was up
    targets: dict[str, int]  # that are up, by job
    alert_rules: int
    without_target: list[AlertWithoutSource]
    undescribed: list[AlertWithoutSource]  # its targets are up, but give no such metric, or not before it has a value


def deploy_monitoring(cluster: Cluster, manifests: Path, progress: Progress) -> DeployedMonitoring:
    """Bring monitoring up on a cluster with the hub on it.

    Raises BadInput for manifests that the stand-in does not understand or a cluster without the hub, ToolFailed when
    something does not get ready or a target does not answer.
    """
    objects = monitoring_objects(manifests)
    kubectl = Kubectl(built_programs(progress), cluster.kubeconfig)
    if PRIORITY not in map(name_of, kubectl.items("priorityclasses")):
        raise BadInput(f"no hub on cluster {cluster.layout.cluster_id}: workbench cluster hub brings it up")
    archives = monitoring_archives(progress)
    progress("handing the nodes their images")
    hand_workers(cluster, archives)
    import_images(cluster, cluster.layout.control_plane, [applications_archive(progress)])
    begun_s = time.monotonic()
    made = objects.all({node.name: node.address for node in cluster.layout.nodes})
    progress(f"applying {len(made)} objects")
    kubectl.apply(listed(made))
    wait_until_ready(kubectl, objects.namespace, (), progress)
    ready_s = time.monotonic() - begun_s
    asking = Asking(kubectl, objects.namespace)
    targets = _targets(kubectl, asking, objects, progress)
    targets_s = time.monotonic() - begun_s
    without, undescribed = _without_source(asking, objects, targets)
    return DeployedMonitoring(
        len(made), ready_s, targets_s, dict(targets), len(objects.alert_rules), without, undescribed
    )


def _targets(kubectl: Kubectl, asking: Asking, objects: MonitoringObjects, progress: Progress) -> Counter[str]:
    """Wait until every target that exists is up; return how many there are of each job."""
    progress("waiting for Prometheus' targets")
    up: Counter[str] = Counter()
    expected: Counter[str] = Counter()

    def all_up() -> bool:
        nonlocal up, expected
        up, expected = asking.targets_up(), expected_targets(kubectl, objects.monitors)
        return up == expected

    if not happens(all_up, TARGETS_TIMEOUT_S, POLL_S):
        words = ", ".join(f"{job} {up[job]}/{expected[job]}" for job in sorted({*up, *expected}) if up != expected)
        raise ToolFailed(f"not every target is up after {TARGETS_TIMEOUT_S:.0f} s: {words}")
    return up


def _without_source(
    asking: Asking, objects: MonitoringObjects, targets: Counter[str]
) -> tuple[list[AlertWithoutSource], list[AlertWithoutSource]]:
    """Return the rules that lack a target, and those whose targets give no such metric."""
    states, described = asking.alert_states(), asking.described()
    without, undescribed = [], []
    for source in map(source_of, objects.alert_rules):
        fires = states[source.alert] != "inactive"
        jobs = tuple(job for job in source.jobs if not targets[job])
        metrics = tuple(name for name in source.metrics if not is_described(name, described))
        if jobs:
            without.append(AlertWithoutSource(source.alert, jobs, fires))
        elif metrics:
            undescribed.append(AlertWithoutSource(source.alert, metrics, fires))
    return without, undescribed
