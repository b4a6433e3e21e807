"""The hub on a Kubernetes cluster, by a kubeconfig."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.target.kubernetes.hub import KubernetesHub
    from workbench.target.kubernetes.opening import attach, open_hub

__all__ = ["KubernetesHub", "attach", "open_hub"]


def __getattr__(name: str) -> object:
    """Import on first use: agent.py lives in this package and runs where the rest is not."""
    if name == "KubernetesHub":
        from workbench.target.kubernetes.hub import KubernetesHub

        return KubernetesHub
    if name in __all__:
        from workbench.target.kubernetes import opening

        return getattr(opening, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
