"""Takes a snapshot of a cluster: every object that a fault, or a drill's own tools, may touch, wherever it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from kubernetes import client

from workbench.safety.snapshot import Snapshot, facts, last_writer, object_name
from workbench.target.kubernetes.api import SIDE_BY_SIDE, Api, api_failures

NAMESPACE: Final = "hub-workbench"  # of the drill's record and its agents
# In that namespace while a drill holds the cluster, and no residue: the record, and what every namespace has.
OWN: Final = (
    f"Namespace {NAMESPACE}",
    f"ConfigMap {NAMESPACE}/kube-root-ca.crt",
    f"ServiceAccount {NAMESPACE}/default",
)
OWN_PREFIX: Final = f"ConfigMap {NAMESPACE}/drill"
PAGE: Final = 500  # objects a request, the API's own advice (kubectl's --chunk-size)
PAGES_MAX: Final = 200
CRDS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True)
class Kind:
    """One kind of objects, and where the API lists all of them."""

    name: str
    path: str


KINDS: Final = (
    *(
        Kind(name, f"/api/v1/{plural}")
        for name, plural in (
            ("Node", "nodes"),
            ("Namespace", "namespaces"),
            ("Pod", "pods"),
            ("Service", "services"),
            ("ConfigMap", "configmaps"),
            ("Secret", "secrets"),
            ("ServiceAccount", "serviceaccounts"),
            ("PersistentVolumeClaim", "persistentvolumeclaims"),
            ("ResourceQuota", "resourcequotas"),
            ("LimitRange", "limitranges"),
        )
    ),
    Kind("Deployment", "/apis/apps/v1/deployments"),
    Kind("StatefulSet", "/apis/apps/v1/statefulsets"),
    Kind("DaemonSet", "/apis/apps/v1/daemonsets"),
    Kind("Job", "/apis/batch/v1/jobs"),
    Kind("CronJob", "/apis/batch/v1/cronjobs"),
    Kind("HorizontalPodAutoscaler", "/apis/autoscaling/v2/horizontalpodautoscalers"),
    Kind("PodDisruptionBudget", "/apis/policy/v1/poddisruptionbudgets"),
    Kind("NetworkPolicy", "/apis/networking.k8s.io/v1/networkpolicies"),
    Kind("Ingress", "/apis/networking.k8s.io/v1/ingresses"),
    Kind("Role", "/apis/rbac.authorization.k8s.io/v1/roles"),
    Kind("RoleBinding", "/apis/rbac.authorization.k8s.io/v1/rolebindings"),
    Kind("ClusterRole", "/apis/rbac.authorization.k8s.io/v1/clusterroles"),
    Kind("ClusterRoleBinding", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"),
    Kind("PriorityClass", "/apis/scheduling.k8s.io/v1/priorityclasses"),
    Kind("ValidatingWebhook", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"),
    Kind("MutatingWebhook", "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"),
)
COME_AND_GO: Final = frozenset({"Pod", "Job"})  # those with an owner


def take_snapshot(api: Api) -> Snapshot:
    """Return what there is now, custom resources of every kind included; what a drill holds itself is left out.

    Raises ToolFailed when something cannot be listed: a snapshot with holes would verify nothing.
    """
    with api_failures("the cluster's snapshot could not be taken"):
        kinds = [*KINDS, *_custom_kinds(api)]
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            listed = list(pool.map(lambda kind: list(_listed(api, kind.path)), kinds))
    objects, writers = {}, {}
    for kind, items in zip(kinds, listed, strict=True):
        for raw in items:
            name = object_name(kind.name, raw)
            if name in OWN or name.startswith(OWN_PREFIX):
                continue
            if not _comes_and_goes(kind, raw):
                objects[name] = facts(kind.name, raw)
                writers[name] = last_writer(raw)
            elif left := _left_in_a_pod(raw):
                objects[name] = left
    return Snapshot(objects, writers)


def _custom_kinds(api: Api) -> Iterator[Kind]:
    yield Kind("CustomResourceDefinition", CRDS)
    for raw in _listed(api, CRDS):
        spec = raw["spec"]
        version = next(each["name"] for each in spec["versions"] if each["storage"])
        served = next((each["name"] for each in spec["versions"] if each["served"]), version)
        yield Kind(spec["names"]["kind"], f"/apis/{spec['group']}/{served}/{spec['names']['plural']}")


def _listed(api: Api, path: str) -> Iterator[Mapping[str, Any]]:
    """Return every object of a kind, a page at a time; none where this cluster does not serve the kind."""
    more = ""
    for _ in range(PAGES_MAX):
        try:
            answer = api.get(f"{path}?limit={PAGE}{more}")
        except client.ApiException as error:
            if error.status == 404:
                return
            raise
        yield from answer["items"]
        token = answer["metadata"].get("continue")
        if not token:
            return
        more = f"&continue={quote(token)}"


def _comes_and_goes(kind: Kind, raw: Mapping[str, Any]) -> bool:
    """Tell whether an object's owner makes and removes it as it likes: a pod of a Deployment, of a node itself."""
    return kind.name in COME_AND_GO and bool(raw["metadata"].get("ownerReferences"))


def _left_in_a_pod(raw: Mapping[str, Any]) -> dict[str, str]:
    """Return what somebody put into a pod that its owner did not: containers for looking into it."""
    put = raw["spec"].get("ephemeralContainers") or ()
    return {f"spec.ephemeralContainers[{each['name']}]": "there" for each in put}
