"""Asks a throwaway cluster's Prometheus and its receiver of alerts, through the API server's proxy."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workbench.errors import ToolFailed
from workbench.target.throwaway.kubectl import Kubectl
from workbench.target.throwaway.monitoring.receiver import DELIVERIES
from workbench.target.throwaway.monitoring.scraping import endpoints_of, job_of, namespaces_of

PROMETHEUS: Final = "prometheus-operated:web"
RECEIVER: Final = "alert-receiver:http"
# Of series that are described without: a histogram's, and a counter's in OpenMetrics.
_SUFFIXES: Final = ("_bucket", "_sum", "_count", "_total")


@dataclass(frozen=True)
class Delivery:
    """One alert in one message to the receiver."""

    received_s: float  # epoch, on this machine's clock
    status: str  # "firing" or "resolved"
    labels: Mapping[str, str]

    @property
    def alert(self) -> str:
        """Return the alert's name."""
        return self.labels["alertname"]


class Asking:
    """Every method raises ToolFailed where nobody answers."""

    def __init__(self, kubectl: Kubectl, namespace: str) -> None:
        self._kubectl = kubectl
        self._services = f"/api/v1/namespaces/{namespace}/services"

    def targets_up(self) -> Counter[str]:
        """Return how many targets of each job are up."""
        active = self._prometheus("targets?state=active")["activeTargets"]
        return Counter(target["labels"]["job"] for target in active if target["health"] == "up")

    def alert_states(self) -> dict[str, str]:
        """Return the state of every alert rule: "inactive", "pending" or "firing"."""
        groups = self._prometheus("rules?type=alert")["groups"]
        return {rule["name"]: rule["state"] for group in groups for rule in group["rules"]}

    def rule_intervals_s(self) -> dict[str, float]:
        """Return how often each group of rules is evaluated, by its name."""
        return {group["name"]: group["interval"] for group in self._prometheus("rules?type=alert")["groups"]}

    def described(self) -> set[str]:
        """Return every metric that some target describes."""
        return set(self._prometheus("metadata"))

    def deliveries(self) -> list[Delivery]:
        """Return every alert that the receiver was told of, in order."""
        messages = json.loads(self._kubectl.raw(f"{self._services}/{RECEIVER}/proxy{DELIVERIES}"))
        return [
            Delivery(message["received_s"], alert["status"], alert["labels"])
            for message in messages
            for alert in message["alerts"]
        ]

    def _prometheus(self, question: str) -> Any:
        answer = json.loads(self._kubectl.raw(f"{self._services}/{PROMETHEUS}/proxy/api/v1/{question}"))
        if answer["status"] != "success":
            raise ToolFailed(f"Prometheus: {answer.get('error', 'no answer')}")
        return answer["data"]


def is_described(metric: str, described: set[str]) -> bool:
    """Tell whether a metric, or the histogram or counter that it is a series of, is described."""
    return metric in described or any(metric.removesuffix(suffix) in described for suffix in _SUFFIXES)


def expected_targets(kubectl: Kubectl, monitors: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """Return how many targets of each job there are to be: pods and addresses as Kubernetes tells them."""
    everywhere = "--all-namespaces"
    pods = kubectl.items("pods", everywhere)
    services, endpoints = kubectl.items("services", everywhere), kubectl.items("endpoints", everywhere)
    expected: Counter[str] = Counter()
    for monitor in monitors:
        of_pods = monitor["kind"] == "PodMonitor"
        chosen = [each for each in (pods if of_pods else services) if _is_chosen(monitor, each)]
        for endpoint in endpoints_of(monitor):
            port = endpoint["port"]
            number = sum(_has_port(pod, port) for pod in chosen) if of_pods else _addresses(chosen, endpoints, port)
            if number:
                expected[job_of(endpoint)] += number
    return expected


def _is_chosen(monitor: Mapping[str, Any], each: Mapping[str, Any]) -> bool:
    metadata, wanted = each["metadata"], monitor["spec"]["selector"]["matchLabels"]
    return metadata["namespace"] in namespaces_of(monitor) and wanted.items() <= metadata.get("labels", {}).items()


def _has_port(pod: Mapping[str, Any], port: str) -> bool:
    """Tell whether a pod that has not ended names this port."""
    if pod["status"]["phase"] in ("Failed", "Succeeded"):
        return False
    return any(each.get("name") == port for one in pod["spec"]["containers"] for each in one.get("ports", ()))


def _addresses(services: Sequence[Mapping[str, Any]], endpoints: Sequence[Mapping[str, Any]], port: str) -> int:
    """Return how many addresses the Endpoints of these Services have for a port."""
    names = {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in services}
    return sum(
        len(subset.get("addresses", ())) + len(subset.get("notReadyAddresses", ()))
        for each in endpoints
        if (each["metadata"]["namespace"], each["metadata"]["name"]) in names
        for subset in each.get("subsets", ())
        if any(one.get("name") == port for one in subset.get("ports", ()))
    )
