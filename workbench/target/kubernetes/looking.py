"""Looks at a cluster's hub before anything happens: whether it may be drilled, and exactly whom a fault would hit."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from workbench.errors import BadInput
from workbench.fault import ClusterFault, Fault, Risk
from workbench.safety.blast_radius import HubState, risks
from workbench.safety.undo import ClusterObject
from workbench.target.kubernetes.api import Api, api_failures
from workbench.target.kubernetes.doors import Secrets, bootstrap, check_names, endpoints
from workbench.target.kubernetes.hold import a_record
from workbench.target.kubernetes.hub import KubernetesHub, hub_state, servers_of
from workbench.target.kubernetes.likeness import check_likeness
from workbench.target.kubernetes.pods import HubPod, hub_pods
from workbench.target.kubernetes.record import ClusterRecord
from workbench.target.kubernetes.rights import check_rights, drill_rights
from workbench.target.kubernetes.session import Session
from workbench.target.port import Victim
from workbench.topology.hub import HubTopology

CONTROL_PLANE_LABEL: Final = "node-role.kubernetes.io/control-plane"
HARMLESS: Final = (ClusterFault.NODE_CORDON, ClusterFault.KUBELET_STOP)  # no process of the hub ends
OWN_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")  # in a pod: its own


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
    pods = pods_of_hub(api, topology)
    version = check_likeness(api, topology, pods, servers_of(topology))
    with unwatched(api, topology, pods) as hub:
        victim = hub.resolve(fault)
    return Preview(version, victim, pods)


@contextmanager
def unwatched(api: Api, topology: HubTopology, pods: tuple[HubPod, ...]) -> Iterator[KubernetesHub]:
    """Give the hub to ask questions of for a block's time, without agents on its nodes."""
    check_names(bootstrap(topology).partition(":")[0])
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        doors = endpoints(topology, pods, Secrets(api, topology.namespace), directory)
        record = a_record("preview", "", topology.namespace)
        session = Session(api.kubeconfig, api.context, topology, doors, (), record, directory)
        hub = KubernetesHub(directory, session, None, owned=False)
        try:
            yield hub
        finally:
            hub.disconnect()


def check_loss(
    topology: HubTopology, fault: ClusterFault, lost: Sequence[ClusterObject], allowed: Sequence[Risk], api: Api
) -> None:
    """Raise BadInput with all that a fault of pods or nodes would break beyond them and that is not allowed."""
    nodes = [each.name for each in lost if each.kind == "Node"]
    servers, state = [], HubState()
    if fault not in HARMLESS:
        pods, uids = pods_of_hub(api, topology), {each.uid for each in lost}
        servers = [pod.name for pod in pods if pod.uid in uids or pod.node in nodes]
        with unwatched(api, topology, pods) as hub:
            state = hub_state(hub)
    with api_failures("the nodes could not be listed"):
        control_plane = [each.metadata.name for each in api.core.list_node(label_selector=CONTROL_PLANE_LABEL).items]
    state = replace(state, control_plane_nodes=frozenset(control_plane), driver_nodes=_driver_nodes(api))
    found = risks(servers, nodes, state)
    if refused := [f"{risk}: {words}" for risk, words in found.items() if risk not in allowed]:
        names = ", ".join(each.name for each in lost)
        raise BadInput(f"{fault} of {names} is refused, since what it breaks is not named: {'; '.join(refused)}")


def image_with_python(pods: Sequence[HubPod], topology: HubTopology) -> str:
    """Return an image with Python that the cluster has: the event processors'."""
    return next(pod.image for pod in pods if pod.name.startswith(f"{topology.processors.name}-"))


def _driver_nodes(api: Api) -> frozenset[str]:
    """Return the node of the pod that this process runs in, none where it runs in none."""
    if not OWN_NAMESPACE.exists():
        return frozenset()
    name, namespace = socket.gethostname(), OWN_NAMESPACE.read_text().strip()
    with api_failures("the driver's own pod could not be looked for"):
        found = api.core.list_namespaced_pod(namespace, field_selector=f"metadata.name={name}").items
    return frozenset(pod.spec.node_name for pod in found)


def victim_words(victim: Victim) -> str:
    """Return whom a fault hits, for a person: every object by name and uid."""
    return ", ".join(map(str, victim.objects)) or victim.server


def pods_of_hub(api: Api, topology: HubTopology) -> tuple[HubPod, ...]:
    """Return the hub's pods. Raises BadInput where there are none."""
    with api_failures(f"the pods of {topology.namespace} could not be listed"):
        pods = hub_pods(api.core.list_namespaced_pod(topology.namespace).items, topology)
    if not pods:
        raise BadInput(f"no hub in namespace {topology.namespace}: `workbench cluster hub` brings one up")
    return pods
