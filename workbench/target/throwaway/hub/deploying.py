"""The hub onto a throwaway cluster: images onto the nodes, the objects applied in stages, a probe through all of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workbench.errors import ToolFailed
from workbench.fault import FailoverRule
from workbench.target.clients.zookeeper_words import mode_told
from workbench.target.local.artifacts import prepare
from workbench.target.throwaway.building import built_programs
from workbench.target.throwaway.cluster import Cluster, import_images
from workbench.target.throwaway.hub import kubegres_manager
from workbench.target.throwaway.hub.images import hub_archives
from workbench.target.throwaway.hub.kinds import Object, listed, name_of
from workbench.target.throwaway.hub.objects import PROBE, HubObjects, hub_objects
from workbench.target.throwaway.hub.probing import ProbeResult, run_probe
from workbench.target.throwaway.kubectl import Kubectl
from workbench.waiting import happens

Progress = Callable[[str], None]
READY_TIMEOUT_S: Final = 400.0  # of one stage; seen: the first 45 s, all 90 s, on two cores
POLL_S: Final = 0.5
SERVER_STATE: Final = ("sh", "-c", "echo srvr | nc 127.0.0.1 2181")  # "Mode: follower", or that it serves nobody
WORKLOADS: Final = ("statefulsets", "deployments")
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
APPLICATIONS: Final = ("event-processor", "gateway")  # not ready before the last stage: they need Kafka


@dataclass(frozen=True)
class DeployedHub:
    """A hub that is up, and what its probe saw."""

    objects: int
    ready_s: float  # from the first object until every pod was ready
    probe: ProbeResult


def deploy_hub(
    cluster: Cluster, manifests: Path, progress: Progress, failover: FailoverRule = FailoverRule.NONE
) -> DeployedHub:
    """Bring the hub of an overlay up on a cluster, and send an event through every partition of it.

    `failover` says whether the stand-in for Kubegres looks after Postgres or rests.

    Again on the same cluster it changes only what differs; Secrets that are there stay. Raises BadInput for manifests
    that do not render or need what is not here, ToolFailed when something does not get ready or an event is lost.
    """
    objects = hub_objects(manifests, failover)
    archives = hub_archives(prepare(progress), progress)
    progress("handing the nodes their images")
    hand_workers(cluster, archives)
    kubectl = Kubectl(built_programs(progress), cluster.kubeconfig)
    begun_s = time.monotonic()
    stages = objects.stages()
    for number, stage in enumerate(stages, 1):
        progress(f"applying {len(stage)} objects")
        _apply(kubectl, objects.namespace, stage)
        waits_for_applications = number == len(stages)
        wait_until_ready(kubectl, objects.namespace, () if waits_for_applications else APPLICATIONS, progress)
        if number == 1:
            wait_for_quorum(kubectl, objects, progress)
    ready_s = time.monotonic() - begun_s
    progress("sending an event through every partition")
    return DeployedHub(sum(len(stage) for stage in stages), ready_s, run_probe(kubectl, objects))


def hand_workers(cluster: Cluster, archives: Sequence[Path]) -> None:
    """Hand every worker the images that it has not been handed."""
    workers = [node for node in cluster.layout.nodes if not node.is_control_plane]
    with ThreadPoolExecutor(len(workers)) as pool:
        list(pool.map(lambda node: import_images(cluster, node, archives), workers))


def _apply(kubectl: Kubectl, namespace: str, objects: Sequence[Object]) -> None:
    """Apply objects; what is there and not ours to change any more stays.

    A Secret keeps its passwords, certificates and keys. Instances of Postgres are the stand-in's, who may have made
    another one the primary.
    """
    where = f"--namespace={namespace}"
    secrets = {name_of(secret) for secret in kubectl.items("secrets", where)}
    has_postgres = bool(kubectl.items("statefulsets", where, f"--selector={MANAGED_BY}={kubegres_manager.NAME}"))

    def stays(each: Object) -> bool:
        maker = each["metadata"].get("labels", {}).get(MANAGED_BY)
        is_instance = each["kind"] == "StatefulSet" and maker == kubegres_manager.NAME
        return (each["kind"] == "Secret" and name_of(each) in secrets) or (is_instance and has_postgres)

    kubectl.apply(listed([each for each in objects if not stays(each)]))


def wait_until_ready(kubectl: Kubectl, namespace: str, but: Sequence[str], progress: Progress) -> None:
    """Wait until every workload of a namespace has all of its pods ready and every Job is done.

    It tells what is missing; those named in `but` may be. Raises ToolFailed when it takes too long.
    """
    deadline_s = time.monotonic() + READY_TIMEOUT_S
    told = ""
    while missing := _missing(kubectl, namespace, but):
        if time.monotonic() > deadline_s:
            raise ToolFailed(f"{namespace} is not ready after {READY_TIMEOUT_S:.0f} s: {', '.join(missing)}")
        if (words := ", ".join(missing)) != told:
            told = words
            progress(f"waiting for {words}")
        time.sleep(POLL_S)


def wait_for_quorum(kubectl: Kubectl, objects: HubObjects, progress: Progress) -> None:
    """Wait until every server of ZooKeeper serves requests, as a leader or a follower.

    Ready they are before that: "ruok" is answered without a quorum too, and a broker that finds none within its
    session time-out ends. Strimzi waits as well: before it makes brokers it asks the ensemble for its members
    (ZooKeeperReconciler.scalingCheck, release 0.42). Raises ToolFailed when it takes too long.
    """

    def serve() -> bool:
        told = [kubectl.execute(pod, objects.namespace, *SERVER_STATE) for pod in objects.zookeeper_pods]
        return all(map(mode_told, told))

    progress("waiting for ZooKeeper's quorum")
    if not happens(serve, READY_TIMEOUT_S, POLL_S):
        raise ToolFailed(f"{', '.join(objects.zookeeper_pods)} found no quorum within {READY_TIMEOUT_S:.0f} s")


def _missing(kubectl: Kubectl, namespace: str, but: Sequence[str]) -> list[str]:
    """Return what is not ready, as "name 1/3"."""
    found = []
    for kind in WORKLOADS:
        for each in kubectl.items(kind, f"--namespace={namespace}"):
            ready, wanted = each["status"].get("readyReplicas", 0), each["spec"]["replicas"]
            if ready < wanted and name_of(each) not in but:
                found.append(f"{name_of(each)} {ready}/{wanted}")
    jobs = kubectl.items("jobs", f"--namespace={namespace}")
    return [*found, *(name_of(job) for job in jobs if not job["status"].get("succeeded") and name_of(job) != PROBE)]
