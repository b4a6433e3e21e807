"""Every object of monitoring on a throwaway cluster: an overlay's own, and those the operator would make of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from workbench.errors import BadInput
from workbench.target.throwaway.hub.kinds import Object, name_of
from workbench.target.throwaway.hub.objects import FIRST, NOT_HERE
from workbench.target.throwaway.monitoring.operator import (
    RULES,
    alertmanager_objects,
    kubelet_objects,
    prometheus_objects,
)
from workbench.target.throwaway.monitoring.routing import alertmanager_settings
from workbench.target.throwaway.monitoring.scraping import MONITORS, scrape_configs
from workbench.topology.rendering import render

OPERATED: Final = ("Prometheus", "Alertmanager", "AlertmanagerConfig", "PrometheusRule", "ScrapeConfig", *MONITORS)


def monitoring_objects(manifests: Path) -> MonitoringObjects:
    """Return the objects of a kustomization folder. Raises BadInput for one that does not render."""
    return MonitoringObjects(render(manifests))


class MonitoringObjects:
    """An overlay's objects. Raises BadInput where it states what the stand-in does not know."""

    def __init__(self, rendered: Sequence[Mapping[str, Any]]) -> None:
        self._rendered = rendered
        self._prometheus = self._only("Prometheus")
        self._alertmanager = self._only("Alertmanager")
        self._routes = self._only("AlertmanagerConfig")
        if self._of("ScrapeConfig"):
            raise BadInput("a ScrapeConfig is of machines outside, and none is here: the overlay has to leave it out")

    @property
    def namespace(self) -> str:
        """Return the namespace of Prometheus and Alertmanager."""
        return str(self._prometheus["metadata"]["namespace"])

    @property
    def monitors(self) -> list[Mapping[str, Any]]:
        """Return every ServiceMonitor and PodMonitor."""
        return [each for each in self._rendered if each["kind"] in MONITORS]

    @property
    def alert_rules(self) -> list[Mapping[str, Any]]:
        """Return every alert rule."""
        groups = [group for each in self._of("PrometheusRule") for group in each["spec"]["groups"]]
        return [rule for group in groups for rule in group["rules"]]

    def all(self, node_addresses: Mapping[str, str]) -> list[Object]:
        """Return every object, in the order in which they can be applied."""
        stated = [dict(each) for each in self._rendered if each["kind"] not in (*OPERATED, *NOT_HERE)]
        made = [
            *prometheus_objects(self._prometheus, self._prometheus_settings(), self._rule_files()),
            *alertmanager_objects(self._alertmanager, _yaml(alertmanager_settings(self._routes, self._secret))),
            *kubelet_objects(node_addresses),
        ]
        return sorted([*stated, *made], key=_order)

    def _prometheus_settings(self) -> str:
        """Return prometheus.yaml, with the labels and relabelings that the operator adds."""
        spec = self._prometheus["spec"]
        settings = {
            "global": {
                "scrape_interval": spec["scrapeInterval"],
                "scrape_timeout": spec["scrapeTimeout"],
                "evaluation_interval": spec["evaluationInterval"],
                "external_labels": {
                    "prometheus": f"{self.namespace}/{name_of(self._prometheus)}",
                    "prometheus_replica": f"prometheus-{name_of(self._prometheus)}-0",
                },
            },
            "rule_files": [f"{RULES}/*.yaml"],
            "scrape_configs": scrape_configs(self.monitors),
            "alerting": {
                "alert_relabel_configs": [{"action": "labeldrop", "regex": "prometheus_replica"}],
                "alertmanagers": [_alertmanager(each) for each in spec["alerting"]["alertmanagers"]],
            },
        }
        return _yaml(settings)

    def _rule_files(self) -> dict[str, str]:
        """Return the rules' files by name; their content is the resources' own."""
        return {
            f"{each['metadata']['namespace']}-{name_of(each)}.yaml": _yaml(each["spec"])
            for each in self._of("PrometheusRule")
        }

    def _secret(self, name: str, key: str) -> str:
        for each in self._of("Secret"):
            if (name_of(each), each["metadata"]["namespace"]) == (name, self.namespace):
                return str(each["stringData"][key])
        raise BadInput(f"no Secret {name}: where alerts go is not known")

    def _of(self, kind: str) -> list[Mapping[str, Any]]:
        return [each for each in self._rendered if each["kind"] == kind]

    def _only(self, kind: str) -> Mapping[str, Any]:
        found = self._of(kind)
        if len(found) != 1:
            raise BadInput(f"the manifests have {len(found)} resources {kind}; monitoring has one")
        return found[0]


def _alertmanager(stated: Mapping[str, Any]) -> Object:
    """Return how Prometheus finds an Alertmanager (promcfg.go)."""
    keep = {"__meta_kubernetes_service_name": stated["name"], "__meta_kubernetes_endpoint_port_name": stated["port"]}
    return {
        "api_version": "v2",
        "kubernetes_sd_configs": [{"role": "endpoints", "namespaces": {"names": [stated["namespace"]]}}],
        "relabel_configs": [
            {"source_labels": [label], "regex": value, "action": "keep"} for label, value in keep.items()
        ],
    }


def _order(each: Object) -> int:
    return FIRST.index(each["kind"]) if each["kind"] in FIRST else len(FIRST)


def _yaml(value: Any) -> str:
    text: str = yaml.safe_dump(value, sort_keys=False, width=1000)
    return text
