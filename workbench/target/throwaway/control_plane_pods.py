"""The control plane as its node's kubelet runs it: etcd, API server, controllers, scheduler, each a static pod.

Flags are defaults of 1.29 but for addresses, identities and what RKE2 sets too; the probes are kubeadm's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import yaml

from workbench.target.throwaway import images
from workbench.target.throwaway.layout import API_PORT, POD_NETWORK, SERVICE_NETWORK, Layout, Node
from workbench.target.throwaway.node_files import STATIC_PODS

ETCD_PORT: Final = 2379
LOOPBACK: Final = "127.0.0.1"
EVERYWHERE: Final = "0.0.0.0"  # where metrics are answered, as on the hub (manifests/platform/rke2/server.yaml)
ETCD_DATA: Final = "/var/lib/etcd"
IMAGE: Final = "control-plane:1"


def write_static_pods(layout: Layout) -> None:
    """Write the four manifests where the control plane's kubelet looks."""
    node = layout.control_plane
    folder = node.settings / STATIC_PODS
    folder.mkdir(parents=True, exist_ok=True)
    for name, command, probe in (
        ("etcd", _etcd(node), {"path": "/health?serializable=true", "port": 2381, "scheme": "HTTP", "host": LOOPBACK}),
        (
            "kube-apiserver",
            _api_server(node),
            {"path": "/livez", "port": API_PORT, "scheme": "HTTPS", "host": node.address},
        ),
        ("kube-controller-manager", _controllers(node), _health(10257)),
        ("kube-scheduler", _scheduler(node), _health(10259)),
    ):
        pod = _pod(name, command, probe, node)
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(pod, sort_keys=False))


def _health(port: int) -> dict[str, Any]:
    return {"path": "/healthz", "port": port, "scheme": "HTTPS", "host": LOOPBACK}


def _pod(name: str, command: Sequence[str], probe: Mapping[str, Any], node: Node) -> dict[str, Any]:
    container = {
        "name": name,
        "image": f"{images.REGISTRY}/{IMAGE}",
        "imagePullPolicy": "Never",
        "command": list(command),
        "livenessProbe": {
            "httpGet": dict(probe),
            "initialDelaySeconds": 10,
            "timeoutSeconds": 15,
            "periodSeconds": 10,
            "failureThreshold": 8,
        },
        "resources": {"requests": {"cpu": "100m"}},
        "volumeMounts": [
            {"name": "settings", "mountPath": str(node.settings), "readOnly": True},
            *([{"name": "data", "mountPath": ETCD_DATA}] if name == "etcd" else []),
        ],
    }
    volumes = [{"name": "settings", "hostPath": {"path": str(node.settings)}}]
    if name == "etcd":
        volumes.append({"name": "data", "hostPath": {"path": ETCD_DATA, "type": "DirectoryOrCreate"}})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "kube-system", "labels": {"component": name, "tier": "control-plane"}},
        "spec": {
            "hostNetwork": True,
            "priorityClassName": "system-node-critical",
            "containers": [container],
            "volumes": volumes,
        },
    }


def _etcd(node: Node) -> list[str]:
    settings = node.settings
    client = f"https://{LOOPBACK}:{ETCD_PORT}"
    peer = f"http://{LOOPBACK}:2380"  # the only member: nobody ever connects
    return [
        "/bin/etcd",
        f"--data-dir={ETCD_DATA}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        f"--listen-metrics-urls=http://{EVERYWHERE}:2381",
        "--client-cert-auth",
        f"--trusted-ca-file={settings}/etcd-ca.crt",
        f"--cert-file={settings}/etcd.crt",
        f"--key-file={settings}/etcd.key",
    ]


def _api_server(node: Node) -> list[str]:
    settings = node.settings
    return [
        "/bin/kube-apiserver",
        f"--advertise-address={node.address}",
        f"--secure-port={API_PORT}",
        f"--tls-cert-file={settings}/apiserver.crt",
        f"--tls-private-key-file={settings}/apiserver.key",
        f"--client-ca-file={settings}/ca.crt",
        f"--etcd-servers=https://{LOOPBACK}:{ETCD_PORT}",
        f"--etcd-cafile={settings}/etcd-ca.crt",
        f"--etcd-certfile={settings}/apiserver-etcd-client.crt",
        f"--etcd-keyfile={settings}/apiserver-etcd-client.key",
        f"--kubelet-client-certificate={settings}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={settings}/apiserver-kubelet-client.key",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={settings}/service-accounts.pub",
        f"--service-account-signing-key-file={settings}/service-accounts.key",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        "--anonymous-auth=true",  # the probe asks without a certificate; RBAC gives it the health pages alone
    ]


def _controllers(node: Node) -> list[str]:
    settings = node.settings
    kubeconfig = settings / "kube-controller-manager.kubeconfig"
    return [
        "/bin/kube-controller-manager",
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={EVERYWHERE}",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={settings}/service-accounts.key",
        f"--root-ca-file={settings}/ca.crt",
        "--allocate-node-cidrs=false",  # each node's range is in its own network file
        f"--cluster-cidr={POD_NETWORK}",
    ]


def _scheduler(node: Node) -> list[str]:
    kubeconfig = node.settings / "kube-scheduler.kubeconfig"
    return [
        "/bin/kube-scheduler",
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={EVERYWHERE}",
    ]
