"""Looks at a cluster's hub before anything happens: whether it may be drilled, and exactly whom a fault would hit."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import BadInput
from workbench.fault import Fault
from workbench.target.kubernetes.api import Api, api_failures
from workbench.target.kubernetes.doors import Secrets, bootstrap, check_names, endpoints
from workbench.target.kubernetes.hold import a_record
from workbench.target.kubernetes.hub import KubernetesHub, servers_of
from workbench.target.kubernetes.likeness import check_likeness
from workbench.target.kubernetes.pods import HubPod, hub_pods
from workbench.target.kubernetes.record import ClusterRecord
from workbench.target.kubernetes.rights import check_rights, drill_rights
from workbench.target.kubernetes.session import Session
from workbench.target.port import Victim
from workbench.topology.hub import HubTopology


@dataclass(frozen=True)
class Preview:
    """What a drill would do now."""

    kubernetes: str
    victim: Victim
    pods: tuple[HubPod, ...]  # the hub's


def look(topology: HubTopology, fault: Fault, kubeconfig: Path, context: str) -> Preview:
    """Return whom a fault would hit now; nothing is changed.

    Raises BadInput, with every problem of its kind, where the kubeconfig is wrong, rights are missing, the hub differs
    from the manifests, another drill holds the cluster, its names are not known here, or the fault is refused.
    """
    api = Api(kubeconfig, context)
    check_rights(api, drill_rights(topology.namespace))
    if holder := ClusterRecord(api).holder():
        raise BadInput(f"drill {holder} holds this cluster or died holding it: `workbench recover` looks")
    pods = _pods(api, topology)
    version = check_likeness(api, topology, pods, servers_of(topology))
    check_names(bootstrap(topology).partition(":")[0])
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        doors = endpoints(topology, pods, Secrets(api, topology.namespace), directory)
        record = a_record("preview", "", topology.namespace)
        session = Session(kubeconfig, context, topology, doors, (), record, directory)
        hub = KubernetesHub(directory, session, None, owned=False)
        try:
            victim = hub.resolve(fault)
        finally:
            hub.disconnect()
    return Preview(version, victim, pods)


def victim_words(victim: Victim) -> str:
    """Return whom a fault hits, for a person: every object by name and uid."""
    return ", ".join(map(str, victim.objects)) or victim.server


def _pods(api: Api, topology: HubTopology) -> tuple[HubPod, ...]:
    with api_failures(f"the pods of {topology.namespace} could not be listed"):
        pods = hub_pods(api.core.list_namespaced_pod(topology.namespace).items, topology)
    if not pods:
        raise BadInput(f"no hub in namespace {topology.namespace}: `workbench cluster hub` brings one up")
    return pods
