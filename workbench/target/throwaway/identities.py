"""Who is who in a cluster: writes every component's certificates and kubeconfig where the component looks for them."""

from __future__ import annotations

from typing import Final

from workbench.target.throwaway.certificates import Authority, kubeconfig, signing_keys, write_secret
from workbench.target.throwaway.layout import API_PORT, API_SERVICE_ADDRESS, Layout, Node

LOOPBACK: Final = "127.0.0.1"
ADMINISTRATORS: Final = "system:masters"


def write_identities(layout: Layout, port: int) -> None:
    """Write all certificates; `port` is where the API answers on this machine's loopback address."""
    authority, etcd_authority = Authority("kubernetes"), Authority("etcd")
    node = layout.control_plane
    server = f"https://{node.address}:{API_PORT}"
    for each in layout.nodes:
        _write_node(authority, each, server)
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
    serves = [*names, node.name, node.address, API_SERVICE_ADDRESS, LOOPBACK, "localhost"]
    authority.issue("kube-apiserver", serves=serves).write(node.settings, "apiserver")
    kubelets_client = authority.issue("kube-apiserver-kubelet-client", [ADMINISTRATORS])
    kubelets_client.write(node.settings, "apiserver-kubelet-client")
    (node.settings / "etcd-ca.crt").write_bytes(etcd_authority.certificate)
    etcd_authority.issue("etcd", serves=[LOOPBACK, "localhost"]).write(node.settings, "etcd")
    etcd_authority.issue("kube-apiserver").write(node.settings, "apiserver-etcd-client")
    private, public = signing_keys()
    write_secret(node.settings / "service-accounts.key", private)
    (node.settings / "service-accounts.pub").write_bytes(public)
    for component in ("kube-controller-manager", "kube-scheduler"):
        identity = authority.issue(f"system:{component}")
        path = node.settings / f"{component}.kubeconfig"
        write_secret(path, kubeconfig(server, authority, identity, layout.cluster_id))
    administrator = authority.issue("hub-workbench", [ADMINISTRATORS])
    outside = kubeconfig(f"https://{LOOPBACK}:{port}", authority, administrator, layout.cluster_id)
    write_secret(layout.kubeconfig, outside)
    inside = kubeconfig(server, authority, administrator, layout.cluster_id)
    write_secret(layout.inside_kubeconfig, inside)


def _write_node(authority: Authority, node: Node, server: str) -> None:
    settings = node.settings
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "ca.crt").write_bytes(authority.certificate)
    kubelet = authority.issue(f"system:node:{node.name}", ["system:nodes"], [node.name, node.address])
    kubelet.write(settings, "kubelet")
    write_secret(settings / "kubelet.kubeconfig", kubeconfig(server, authority, kubelet, "cluster"))
    proxy = authority.issue("system:kube-proxy")
    write_secret(settings / "kube-proxy.kubeconfig", kubeconfig(server, authority, proxy, "cluster"))
