"""What a drill needs to be allowed to do on a cluster, asked of the API server before anything happens."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from kubernetes import client

from workbench.errors import BadInput, Problem
from workbench.fault import ClusterFault
from workbench.target.kubernetes.api import SIDE_BY_SIDE, Api, api_failures
from workbench.target.kubernetes.snapshots import CRDS, KINDS, NAMESPACE, Kind

UNAUTHORIZED = 401


@dataclass(frozen=True)
class Right:
    """One thing that one may be allowed to do."""

    verb: str
    resource: str  # "pods", "pods/exec"
    group: str = ""
    namespace: str = ""  # "": in all of them, or a kind without

    def __str__(self) -> str:
        place = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{'.' + self.group if self.group else ''}{place}"


# The record and its agents.
HOLDING: tuple[Right, ...] = (
    *(Right(verb, "namespaces") for verb in ("create", "delete")),
    *(Right(verb, "configmaps", namespace=NAMESPACE) for verb in ("create", "get", "list", "update", "patch")),
    *(Right(verb, "pods", namespace=NAMESPACE) for verb in ("create", "list", "delete")),
    Right("get", "pods/log", namespace=NAMESPACE),
    Right("create", "pods/exec", namespace=NAMESPACE),
)


def drill_rights(namespace: str) -> tuple[Right, ...]:
    """Return what a drill on the hub in `namespace` needs: snapshot, record, agents, the hub's pods and Secrets."""
    hub = (Right("get", "secrets", namespace=namespace), Right("delete", "pods", namespace=namespace))
    listing = tuple(_listing(kind) for kind in (*KINDS, Kind("CustomResourceDefinition", CRDS)))
    return (*listing, *HOLDING, *hub)


def fault_rights(fault: ClusterFault, namespace: str) -> tuple[Right, ...]:
    """Return what one fault of a cluster's own needs beside that: to hit, and to look first."""
    nodes = (Right("get", "nodes"), Right("patch", "nodes"))
    own = {
        ClusterFault.POD_DELETE: (Right("get", "pods", namespace=namespace),),
        ClusterFault.NODE_CORDON: nodes,
        ClusterFault.NODE_DRAIN: (
            *nodes,
            Right("create", "pods/eviction"),
            Right("get", "pods"),
            Right("list", "persistentvolumes"),
        ),
        ClusterFault.KUBELET_STOP: (Right("get", "leases", "coordination.k8s.io", "kube-node-lease"),),
        ClusterFault.NODE_POWER_OFF: (),
    }
    return (*drill_rights(namespace), *own[fault])


def check_rights(api: Api, wanted: Iterable[Right]) -> None:
    """Raise BadInput with every right that is missing, and for credentials that the cluster refuses."""
    rights = tuple(wanted)
    with api_failures("the cluster could not be asked for this user's rights"):
        try:
            with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
                allowed = list(pool.map(lambda right: _is_allowed(api, right), rights))
        except client.ApiException as error:
            if error.status == UNAUTHORIZED:
                raise BadInput(
                    "the cluster refuses the kubeconfig's credentials: they have expired or are not its own"
                ) from error
            raise
    missing = [
        Problem("kubeconfig", str(right), "not allowed", "a role that allows it to this kubeconfig's user")
        for right, may in zip(rights, allowed, strict=True)
        if not may
    ]
    if missing:
        raise BadInput("this kubeconfig's user may not do what a drill needs; nothing was done", missing)


def _is_allowed(api: Api, right: Right) -> bool:
    resource, _, subresource = right.resource.partition("/")
    attributes = {
        "verb": right.verb,
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "namespace": right.namespace,
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return bool(api.authorization.create_self_subject_access_review(body).status.allowed)


def _listing(kind: Kind) -> Right:
    """Return the right to list a kind everywhere, by its path: /api/v1/pods, /apis/apps/v1/deployments."""
    *place, plural = kind.path.strip("/").split("/")
    return Right("list", plural, place[1] if place[0] == "apis" else "")
