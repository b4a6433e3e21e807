"""A node's configuration files and the plan of its process 1: containerd, kubelet and kube-proxy, as on any node.

Inside its mount namespace a node has /run, /var/lib and /var/log of its own, so every program keeps its usual paths.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import psutil
import yaml

from workbench.target.throwaway import images
from workbench.target.throwaway.layout import DNS_ADDRESS, GATEWAY_ADDRESS, NODE_NETWORK_BITS, POD_NETWORK, Layout, Node
from workbench.target.throwaway.machine import CNI_PLUGINS
from workbench.target.throwaway.node_init import NodePlan, Service
from workbench.target.throwaway.places import CGROUP_ROOT

CONTAINERD_SOCKET: Final = "/run/containerd/containerd.sock"
MEMORY_FOR_PODS_BYTES: Final = 4 << 30  # of each node; else each would offer the whole machine's
MAX_PODS: Final = 110  # kubelet's default
CONTROL_PLANE_LABEL: Final = "node-role.kubernetes.io/control-plane"
STATIC_PODS: Final = "manifests"  # below a node's settings


def write_node_files(layout: Layout, node: Node, programs: Mapping[str, Path]) -> NodePlan:
    """Write the files of `node` below its settings; return its plan. Certificates are written elsewhere."""
    settings = node.settings
    (settings / "cni").mkdir(parents=True, exist_ok=True)
    for kept in ("lib", "varlog", "log"):
        (node.disk / kept).mkdir(parents=True, exist_ok=True)
    (settings / "containerd.toml").write_text(_containerd(settings))
    (settings / "cni" / "10-nodes.conflist").write_text(json.dumps(_pod_network(node), indent=1))
    (settings / "resolv.conf").write_text("")  # nothing outside of the cluster has a name
    (settings / "kubelet.yaml").write_text(yaml.safe_dump(_kubelet(layout, node), sort_keys=False))
    (settings / "kube-proxy.yaml").write_text(yaml.safe_dump(_kube_proxy(node), sort_keys=False))
    return _plan(layout, node, programs)


def images_mark(node: Node) -> Path:
    """Return the file that says that the node's containerd has its images."""
    return node.disk / "images-imported"


def _plan(layout: Layout, node: Node, programs: Mapping[str, Path]) -> NodePlan:
    settings, disk = node.settings, node.disk
    routes = [
        ["ip", "route", "add", other.pod_network, "via", other.address] for other in layout.nodes if other != node
    ]
    commands = [
        ["mount", "--make-rshared", "/"],
        ["mount", "--bind", str(disk / "lib"), "/var/lib"],
        ["mount", "--bind", str(disk / "varlog"), "/var/log"],
        ["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"],
        ["hostname", node.name],
        ["ip", "link", "set", "lo", "up"],
        ["ip", "address", "add", f"{node.address}/{NODE_NETWORK_BITS}", "dev", "eth0"],
        ["ip", "link", "set", "eth0", "up"],
        ["ip", "route", "add", "default", "via", GATEWAY_ADDRESS],
        *routes,
    ]
    kubelet = [
        str(programs["kubelet"]),
        f"--config={settings / 'kubelet.yaml'}",
        f"--kubeconfig={settings / 'kubelet.kubeconfig'}",
        f"--hostname-override={node.name}",
        f"--node-ip={node.address}",
        f"--node-labels=topology.kubernetes.io/zone=machine,hub-workbench/cluster={layout.cluster_id}",
        "--v=2",
    ]
    proxy = [str(programs["kube-proxy"]), f"--config={settings / 'kube-proxy.yaml'}", "--v=2"]
    containerd = ["containerd", "--config", str(settings / "containerd.toml")]
    needs = (CONTAINERD_SOCKET, str(images_mark(node)))
    services = (
        Service("containerd", containerd, str(node.logs / "containerd.log")),
        Service("kubelet", kubelet, str(node.logs / "kubelet.log"), needs),
        Service("kube-proxy", proxy, str(node.logs / "kube-proxy.log"), needs),
    )
    return NodePlan("eth0", commands, {"net/ipv4/ip_forward": "1"}, services)


def _containerd(settings: Path) -> str:
    """Return containerd's configuration (version 2, containerd 1.6)."""
    return f"""version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{images.REGISTRY}/pause:1"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{CNI_PLUGINS}"
conf_dir = "{settings / "cni"}"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
"""


def _pod_network(node: Node) -> dict[str, Any]:
    """Return the pods' network: a bridge of the node with its own range; other nodes are reached by routes."""
    ipam = {"type": "host-local", "ranges": [[{"subnet": node.pod_network}]], "routes": [{"dst": "0.0.0.0/0"}]}
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False, "hairpinMode": True, "ipam": ipam}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, ports]}


def _kubelet(layout: Layout, node: Node) -> dict[str, Any]:
    settings = node.settings
    memory = psutil.virtual_memory().total
    kept_back = max(0, memory - MEMORY_FOR_PODS_BYTES)
    configuration: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(settings / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(settings / "kubelet.crt"),
        "tlsPrivateKeyFile": str(settings / "kubelet.key"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{CGROUP_ROOT}/{layout.cluster_id}/{node.name}",
        "enforceNodeAllocatable": [],
        "systemReserved": {"memory": f"{kept_back >> 20}Mi"},
        "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "100Mi"},
        "failSwapOn": False,
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "resolvConf": str(settings / "resolv.conf"),
        "clusterDNS": [DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        "maxPods": MAX_PODS,
    }
    if node.is_control_plane:
        configuration["staticPodPath"] = str(settings / STATIC_PODS)
        configuration["registerWithTaints"] = [{"key": CONTROL_PLANE_LABEL, "effect": "NoSchedule"}]
    return configuration


def _kube_proxy(node: Node) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(node.settings / "kube-proxy.kubeconfig")},
        "mode": "iptables",
        "clusterCIDR": POD_NETWORK,
        "hostnameOverride": node.name,
        "conntrack": {"maxPerCore": 0},  # that limit belongs to the machine, not to a namespace
    }
