"""The manifests' policy as rules over rendered resources; each returns one sentence a breach, empty when there is none.

A rule takes resources, not the checkout, so that a test can hand it a planted breach. Who may break which rule, and
why, stands in EXCEPTIONS and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from tests.support.manifest_pods import WORKLOADS, Pod, Resource, named, pods

type Rule = Callable[[Sequence[Resource]], list[str]]

_OPERATED: Final = "the operator writes it, and its resource has no field for it"
# (rule, owner): why it may.
EXCEPTIONS: Final[Mapping[tuple[str, str], str]] = {
    ("probes", "Deployment local-path-storage/local-path-provisioner"): "0.0.24 listens on no port",
    ("non-root", "DaemonSet node-agents/promtail"): "a machine's log files are root's, and it has no capability",
    ("host", "DaemonSet node-agents/promtail"): "it reads the machine's log files",
    ("host", "DaemonSet node-agents/node-exporter"): "it measures the machine",
    ("container security", "Kubegres central-hub/postgres"): "Kubegres 1.16 knows none (1.18 does)",
    ("container security", "Prometheus monitoring/hub"): _OPERATED + "; it is restricted",
    ("container security", "Alertmanager monitoring/hub"): _OPERATED + "; it is restricted",
    ("read-only root", "Kafka central-hub/hub"): "Strimzi writes its settings into the container at each start",
    ("default-deny", "kube-system"): "RKE2's CIS profile puts its own policies there",
    ("quota", "kube-system"): "a quota there could keep the cluster's own pods out",
    ("quota", "local-path-storage"): "its helper pods come one a volume, in bursts",
}


def excepted(rule: str, owner: str) -> bool:
    """Return whether `owner` ("Kind namespace/name", or a namespace) may break `rule`."""
    return (rule, " ".join(owner.split()[:2])) in EXCEPTIONS


def unbounded(resources: Sequence[Resource]) -> list[str]:
    """Containers without a request or limit of processor or memory."""
    return [
        f"{pod.owner}: container {container['name']} has no {side} of {what}"
        for pod in pods(resources)
        for container in pod.containers
        for side in ("requests", "limits")
        for what in ("cpu", "memory")
        if what not in container.get("resources", {}).get(side, {})
    ]


def unprobed(resources: Sequence[Resource]) -> list[str]:
    """Containers that run on and on without a readiness or liveness probe. Strimzi and the others bring their own."""
    return [
        f"{pod.owner}: container {container['name']} has no {probe}"
        for pod in pods(resources)
        if pod.owner.split()[0] in (*WORKLOADS, "Kubegres") and not excepted("probes", pod.owner)
        for container in pod.containers
        for probe in ("readinessProbe", "livenessProbe")
        if probe not in container
    ]


def unrestricted(resources: Sequence[Resource]) -> list[str]:
    """Pods and containers outside the restricted level of Kubernetes' pod security standards, and writable roots."""
    breaches: list[str] = []
    for pod in pods(resources):
        if pod.containers:
            breaches += [f"{pod.owner}: {words}" for words in _pod_security(pod)]
            breaches += [f"{pod.owner}: {words}" for words in _container_security(pod)]
    return breaches


def _pod_security(pod: Pod) -> Iterator[str]:
    security = pod.spec.get("securityContext", {})
    if security.get("runAsNonRoot") is not True and not excepted("non-root", pod.owner):
        yield "may run as root"
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "has no seccomp profile"
    host = any(pod.spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC"))
    host = host or any("hostPath" in volume for volume in pod.spec.get("volumes", ()))
    if host and not excepted("host", pod.owner):
        yield "reaches into the machine"


def _container_security(pod: Pod) -> Iterator[str]:
    if excepted("container security", pod.owner):
        return
    for container in pod.containers:
        security = container.get("securityContext", {})
        name = f"container {container['name']}"
        if security.get("allowPrivilegeEscalation") is not False or security.get("privileged"):
            yield f"{name} may gain privileges"
        if security.get("capabilities", {}).get("drop") != ["ALL"] or security.get("capabilities", {}).get("add"):
            yield f"{name} has capabilities"
        if security.get("readOnlyRootFilesystem") is not True and not excepted("read-only root", pod.owner):
            yield f"{name} may write into its image"


def unpinned(resources: Sequence[Resource]) -> list[str]:
    """Images and charts without a tag that names a version."""
    breaches = [
        f"{pod.owner}: image {container['image']}"
        for pod in pods(resources)
        for container in pod.containers
        if "image" in container and not re.search(r":v?\d[\w.-]*$", container["image"])
    ]
    charts = [resource for resource in resources if resource["kind"] == "HelmChart"]
    return breaches + [
        f"{named(chart)}: version {chart['spec'].get('version')}"
        for chart in charts
        if not re.fullmatch(r"\d+\.\d+\.\d+", str(chart["spec"].get("version")))
    ]


def without_budget(resources: Sequence[Resource]) -> list[str]:
    """Workloads no PodDisruptionBudget speaks of. DaemonSets need none: a drain passes them by."""
    budgets = [resource for resource in resources if resource["kind"] == "PodDisruptionBudget"]
    of_strimzi = [
        f"{named(resource)} {part}"
        for resource in resources
        if resource["kind"] == "Kafka"
        for part in ("entityOperator", "kafkaExporter")
    ]
    of_strimzi += [
        f"{named(resource)} {part}"
        for resource in resources
        if resource["kind"] == "Kafka"
        for part in ("kafka", "zookeeper")
        if "podDisruptionBudget" in resource["spec"][part].get("template", {})
    ]
    return [
        f"{pod.owner}: no PodDisruptionBudget"
        for pod in pods(resources)
        if pod.containers and not pod.each_node and pod.owner not in of_strimzi
        if not any(
            budget["metadata"]["namespace"] == pod.namespace
            and budget["spec"]["selector"]["matchLabels"].items() <= pod.labels.items()
            for budget in budgets
        )
    ]


def of_default_account(resources: Sequence[Resource]) -> list[str]:
    """Workloads that use the default account, one that does not exist, or leave open whether they get its token."""
    accounts = {named(resource) for resource in resources if resource["kind"] == "ServiceAccount"}
    breaches = []
    for pod in pods(resources):
        if pod.owner.split()[0] not in (*WORKLOADS, "Prometheus", "Alertmanager"):
            continue  # Strimzi makes one for each; Kubegres 1.16 has no field for it
        account = pod.spec.get("serviceAccountName", "default")
        if account == "default" or f"ServiceAccount {pod.namespace}/{account}" not in accounts:
            breaches.append(f"{pod.owner}: account {account}")
        if pod.owner.split()[0] in WORKLOADS and "automountServiceAccountToken" not in pod.spec:
            breaches.append(f"{pod.owner}: automountServiceAccountToken is not stated")
    return breaches


def secrets(resources: Sequence[Resource]) -> list[str]:
    """Secrets, and literal values where the name says that a secret belongs."""
    breaches = [f"{named(resource)} in git" for resource in resources if resource["kind"] == "Secret"]
    return breaches + [
        f"{pod.owner}: {variable['name']} is written out"
        for pod in pods(resources)
        for container in pod.containers
        for variable in container.get("env", ())
        if re.search(r"PASS|SECRET|TOKEN|_KEY$|DSN", variable["name"]) and "secretKeyRef" not in str(variable)
        if not str(variable.get("value", "")).startswith("$(")
    ]


def without_priority(resources: Sequence[Resource]) -> list[str]:
    """Workloads without one of the stated priority classes. Kubegres 1.16 has no field: the default is for it."""
    classes = {resource["metadata"]["name"] for resource in resources if resource["kind"] == "PriorityClass"}
    return [
        f"{pod.owner}: priority class {pod.spec.get('priorityClassName')}"
        for pod in pods(resources)
        if pod.containers and not pod.owner.startswith("Kubegres")
        if pod.spec.get("priorityClassName") not in classes
    ]


def too_mighty(resources: Sequence[Resource]) -> list[str]:
    """Roles with a star, roles that read every Secret, and bindings of accounts that do not exist."""
    accounts = {named(resource) for resource in resources if resource["kind"] == "ServiceAccount"}
    breaches = []
    for resource in resources:
        for rule in resource.get("rules", ()) if resource["kind"] in ("Role", "ClusterRole") else ():
            stars = [key for key in ("apiGroups", "resources", "verbs") if "*" in rule.get(key, ())]
            breaches += [f"{named(resource)}: {key} *" for key in stars]
            reads = {"get", "list", "watch"} & {*rule["verbs"]}
            if "secrets" in rule.get("resources", ()) and reads and "resourceNames" not in rule:
                breaches.append(f"{named(resource)}: reads every Secret")
        for subject in resource.get("subjects", ()) if resource["kind"].endswith("RoleBinding") else ():
            if f"ServiceAccount {subject['namespace']}/{subject['name']}" not in accounts:
                breaches.append(f"{named(resource)}: binds {subject['name']}, which does not exist")
    return breaches


def stated_namespaces(resources: Sequence[Resource]) -> dict[str, list[Resource]]:
    """Return the namespaces that this project puts pods into, with all that is in each."""
    inside: dict[str, list[Resource]] = {pod.namespace: [] for pod in pods(resources)}
    for resource in resources:
        inside.get(resource["metadata"].get("namespace", ""), []).append(resource)
    return inside


def without_default_deny(resources: Sequence[Resource]) -> list[str]:
    """Namespaces with pods in which what nobody asks for is let through, and those without a quota."""
    breaches = []
    for namespace, inside in stated_namespaces(resources).items():
        denies: Any = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        denied = any(item["kind"] == "NetworkPolicy" and item["spec"] == denies for item in inside)
        if not denied and not excepted("default-deny", namespace):
            breaches.append(f"{namespace}: no default-deny NetworkPolicy")
        if not any(item["kind"] == "ResourceQuota" for item in inside) and not excepted("quota", namespace):
            breaches.append(f"{namespace}: no ResourceQuota")
    return breaches
