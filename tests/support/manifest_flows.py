"""Network policies as flows between pods: each end exists, each port is one of the pod's, and both sides agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.manifest_pods import BESIDE, Pod, Resource, named, pods


@dataclass(frozen=True)
class Flow:
    """One permission: from pods to pods on a port, said by a policy on one of the two sides."""

    policy: str
    incoming: bool
    source: str
    target: str
    port: int | str


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Return whether a label selector takes a pod's labels (In and Exists are the operators in use)."""
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    for expression in selector.get("matchExpressions", ()):
        value = labels.get(expression["key"])
        if value is None or (expression["operator"] == "In" and value not in expression["values"]):
            return False
    return True


def wrong_flows(resources: Sequence[Resource]) -> list[str]:
    """Policies that name pods or ports that do not exist, and flows that only one of the two sides permits."""
    known = [*pods(resources), *BESIDE]
    breaches: list[str] = []
    flows = [flow for policy in _policies(resources, "NetworkPolicy") for flow in _flows(policy, known, breaches)]
    for policy in _policies(resources, "CiliumNetworkPolicy"):
        selector, namespace = policy["spec"]["endpointSelector"], policy["metadata"]["namespace"]
        if not any(pod.namespace == namespace and matches(selector, pod.labels) for pod in known):
            breaches.append(f"{named(policy)}: selects no pod")
    closed = _closed(resources)
    said = {(flow.incoming, flow.source, flow.target, flow.port) for flow in flows}
    homes = {pod.owner: pod.namespace for pod in known}
    for flow in flows:
        other = flow.source if flow.incoming else flow.target
        if homes[other] in closed and (not flow.incoming, flow.source, flow.target, flow.port) not in said:
            breaches.append(
                f"{flow.policy}: {flow.source} to {flow.target}:{flow.port} is let through on one side only"
            )
    return breaches


def _policies(resources: Sequence[Resource], kind: str) -> list[Resource]:
    return [resource for resource in resources if resource["kind"] == kind]


def _closed(resources: Sequence[Resource]) -> set[str]:
    return {
        policy["metadata"]["namespace"]
        for policy in _policies(resources, "NetworkPolicy")
        if policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    }


def _flows(policy: Resource, known: Sequence[Pod], breaches: list[str]) -> Iterator[Flow]:
    spec, namespace = policy["spec"], policy["metadata"]["namespace"]
    own = [pod for pod in known if pod.namespace == namespace and matches(spec["podSelector"], pod.labels)]
    if not own:
        breaches.append(f"{named(policy)}: selects no pod")
    for side, key in (("ingress", "from"), ("egress", "to")):
        for rule in spec.get(side, ()):
            for peer in rule[key]:
                others = _peers(peer, namespace, known)
                if not others:
                    breaches.append(f"{named(policy)}: {side} names pods that do not exist: {peer}")
                targets = own if side == "ingress" else others
                for port in (item["port"] for item in rule["ports"]):
                    if not any(port in target.ports for target in targets):
                        breaches.append(f"{named(policy)}: {side} port {port} is none of its pods'")
                    yield from _permissions(named(policy), side == "ingress", own, others, port)


def _peers(peer: Mapping[str, Any], namespace: str, known: Sequence[Pod]) -> list[Pod]:
    names = peer.get("namespaceSelector", {}).get("matchLabels", {"kubernetes.io/metadata.name": namespace})
    home = names["kubernetes.io/metadata.name"]
    return [pod for pod in known if pod.namespace == home and matches(peer["podSelector"], pod.labels)]


def _permissions(
    policy: str, incoming: bool, own: Sequence[Pod], others: Sequence[Pod], port: int | str
) -> Iterator[Flow]:
    for mine in own:
        for other in others:
            source, target = (other, mine) if incoming else (mine, other)
            if port in target.ports:
                yield Flow(policy, incoming, source.owner, target.owner, port)
