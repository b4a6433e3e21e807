"""Stand-in for prometheus-operator 0.75: what it makes of a `Prometheus` and an `Alertmanager`, as objects.

StatefulSets, governing Services, labels, claims, arguments, probes and times of grace are the operator's
(pkg/prometheus/server/statefulset.go, pkg/alertmanager/operator.go, release 0.75). Different here: settings are plain
files of a Secret and a ConfigMap, and changed ones start the pod anew: there is no config-reloader beside the servers.
It makes them once and does not watch. The kubelets' Endpoints, which the operator keeps, are those of the moment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from workbench.target.throwaway.hub.kinds import Object, name_of, volume_claim

MANAGED_BY: Final = "prometheus-operator-stand-in"
CONFIG: Final = "/etc/{}/config_out"
RULES: Final = "/etc/prometheus/rules"
KUBELET_PORTS: Final = {"https-metrics": 10250, "http-metrics": 10255, "cadvisor": 4194}
PROMETHEUS_GRACE_S: Final = 600
ALERTMANAGER_GRACE_S: Final = 120


class Server:
    """One of the two: its resource, and what both have in common."""

    def __init__(self, resource: Mapping[str, Any]) -> None:
        self.spec = resource["spec"]
        self.program = str(resource["kind"]).lower()
        self.resource = name_of(resource)
        self.name = f"{self.program}-{self.resource}"
        self.namespace = str(resource["metadata"]["namespace"])

    @property
    def service(self) -> str:
        """Return the Service by which its pods are found."""
        return f"{self.program}-operated"

    def labels(self) -> dict[str, str]:
        """Return the labels of its pods."""
        return {
            "app.kubernetes.io/instance": self.resource,
            "app.kubernetes.io/managed-by": MANAGED_BY,
            "app.kubernetes.io/version": self.spec["version"],
            self.program: self.resource,
            **self.spec["podMetadata"]["labels"],
        }

    def governing_service(self, ports: Mapping[str, tuple[int, str]]) -> Object:
        """Return the headless Service."""
        metadata = self.metadata(self.service)
        metadata["labels"] = {f"operated-{self.program}": "true"}
        spec = {
            "clusterIP": "None",
            "selector": {"app.kubernetes.io/name": self.spec["podMetadata"]["labels"]["app.kubernetes.io/name"]},
            "ports": [
                {"name": name, "port": port, "targetPort": port, "protocol": protocol}
                for name, (port, protocol) in ports.items()
            ],
        }
        return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}

    def stateful_set(
        self, container: Object, volumes: Sequence[Object], grace_s: int, settings: str, pod: Mapping[str, Any]
    ) -> Object:
        """Return the StatefulSet; other `settings` are another pod template."""
        template = self.spec["storage"]["volumeClaimTemplate"]["spec"]
        claim = volume_claim(
            f"{self.name}-db", template["storageClassName"], template["resources"]["requests"]["storage"]
        )
        spec = {
            "serviceName": self.service,
            "replicas": self.spec["replicas"],
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"app.kubernetes.io/instance": self.resource, self.program: self.resource}},
            "template": {
                "metadata": {"labels": self.labels(), "annotations": {"settings-sha256": _sha256(settings)}},
                "spec": {
                    "serviceAccountName": self.spec["serviceAccountName"],
                    "priorityClassName": self.spec["priorityClassName"],
                    "securityContext": self.spec["securityContext"],
                    "terminationGracePeriodSeconds": grace_s,
                    "enableServiceLinks": False,
                    **pod,
                    "containers": [container],
                    "volumes": list(volumes),
                },
            },
            "volumeClaimTemplates": [claim],
        }
        return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": self.metadata(self.name), "spec": spec}

    def container(self, args: Sequence[str], port: int, mounts: Sequence[Object], probes: Mapping[str, Any]) -> Object:
        """Return the server's container, as restricted as the operator writes it."""
        return {
            "name": self.program,
            "image": self.spec["image"],
            "args": list(args),
            "ports": [{"name": "web", "containerPort": port}],
            "resources": self.spec["resources"],
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [
                {"name": "config", "mountPath": CONFIG.format(self.program), "readOnly": True},
                {"name": f"{self.name}-db", "mountPath": f"/{self.program}", "subPath": f"{self.program}-db"},
                *mounts,
            ],
            **probes,
        }

    def metadata(self, name: str) -> Object:
        """Return what its objects are called and labelled."""
        labels = {"app.kubernetes.io/managed-by": MANAGED_BY, self.program: self.resource}
        return {"name": name, "namespace": self.namespace, "labels": labels}


def prometheus_objects(prometheus: Mapping[str, Any], settings: str, rules: Mapping[str, str]) -> list[Object]:
    """Return what is made of a Prometheus: `settings` is prometheus.yaml, `rules` are files of rule groups."""
    server = Server(prometheus)
    secret, rule_files = server.name, f"{server.name}-rulefiles-0"
    spec = server.spec
    args = [
        f"--config.file={CONFIG.format(server.program)}/prometheus.yaml",
        "--storage.tsdb.path=/prometheus",
        f"--storage.tsdb.retention.time={spec['retention']}",
        f"--storage.tsdb.retention.size={spec['retentionSize']}",
        "--web.enable-lifecycle",
        "--web.route-prefix=/",
    ]
    probes = {
        "startupProbe": _probe("/-/ready", periodSeconds=15, failureThreshold=60),
        "readinessProbe": _probe("/-/ready", periodSeconds=5, failureThreshold=3),
        "livenessProbe": _probe("/-/healthy", periodSeconds=5, failureThreshold=6),
    }
    container = server.container(args, 9090, [{"name": rule_files, "mountPath": RULES, "readOnly": True}], probes)
    volumes = [
        {"name": "config", "secret": {"secretName": secret}},
        {"name": rule_files, "configMap": {"name": rule_files}},
    ]
    all_settings = settings + yaml.safe_dump(dict(rules))
    # Finding targets asks the API server, so the pod has the account's token, whatever the account says.
    pod = {"automountServiceAccountToken": True}
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": server.metadata(secret),
            "stringData": {"prometheus.yaml": settings},
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": server.metadata(rule_files), "data": dict(rules)},
        server.governing_service({"web": (9090, "TCP")}),
        server.stateful_set(container, volumes, PROMETHEUS_GRACE_S, all_settings, pod),
    ]


def alertmanager_objects(alertmanager: Mapping[str, Any], settings: str) -> list[Object]:
    """Return what is made of an Alertmanager: `settings` is alertmanager.yaml."""
    server = Server(alertmanager)
    secret = f"{server.name}-generated"
    args = [
        f"--config.file={CONFIG.format(server.program)}/alertmanager.yaml",
        "--storage.path=/alertmanager",
        "--data.retention=120h",
        "--cluster.listen-address=",  # one replica: no mesh
        "--web.listen-address=:9093",
        "--web.route-prefix=/",
    ]
    probes = {
        "readinessProbe": _probe("/-/ready", initialDelaySeconds=3, periodSeconds=5, failureThreshold=10),
        "livenessProbe": _probe("/-/healthy", failureThreshold=10),
    }
    volumes = [{"name": "config", "secret": {"secretName": secret}}]
    ports = {"web": (9093, "TCP"), "tcp-mesh": (9094, "TCP"), "udp-mesh": (9094, "UDP")}
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": server.metadata(secret),
            "stringData": {"alertmanager.yaml": settings},
        },
        server.governing_service(ports),
        server.stateful_set(server.container(args, 9093, [], probes), volumes, ALERTMANAGER_GRACE_S, settings, {}),
    ]


def kubelet_objects(addresses: Mapping[str, str]) -> list[Object]:
    """Return the Service `kubelet` and its Endpoints: every node, by name, with its address."""
    labels = {"k8s-app": "kubelet", "app.kubernetes.io/name": "kubelet", "app.kubernetes.io/managed-by": MANAGED_BY}
    metadata = {"name": "kubelet", "namespace": "kube-system", "labels": labels}
    ports = [{"name": name, "port": port} for name, port in KUBELET_PORTS.items()]
    nodes = [
        {"ip": address, "nodeName": name, "targetRef": {"apiVersion": "v1", "kind": "Node", "name": name}}
        for name, address in addresses.items()
    ]
    subsets = [{"addresses": nodes, "ports": ports}]
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"clusterIP": "None", "ports": ports, "type": "ClusterIP"},
        },
        {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets},
    ]


def _probe(path: str, **rest: int) -> Object:
    return {"httpGet": {"path": path, "port": "web"}, "timeoutSeconds": 3, **rest}


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
