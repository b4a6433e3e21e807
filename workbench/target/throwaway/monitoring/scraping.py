"""Stand-in for prometheus-operator 0.75: the scrape configurations it makes of monitors.

Names, relabelings and their order are the operator's (promcfg.go, release 0.75). Different here: no sharding, which
one Prometheus does without; what the hub's monitors do not state (filters, authorisation by Secrets) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from workbench.errors import BadInput
from workbench.target.throwaway.hub.kinds import Object, name_of

MONITORS: Final = ("ServiceMonitor", "PodMonitor")
_TRANSLATED: Final = {
    "sourceLabels": "source_labels",
    "targetLabel": "target_label",
    "replacement": "replacement",
    "regex": "regex",
    "action": "action",
    "separator": "separator",
}
_TLS: Final = {"caFile": "ca_file", "insecureSkipVerify": "insecure_skip_verify"}
_ENDPOINT: Final = {"port", "path", "scheme", "interval", "relabelings", "honorLabels", "bearerTokenFile", "tlsConfig"}


def scrape_configs(monitors: Sequence[Mapping[str, Any]]) -> list[Object]:
    """Return one scrape configuration for each endpoint of each monitor. Raises BadInput for what is not known here."""
    return [
        _scrape(monitor, number, endpoint)
        for monitor in sorted(monitors, key=lambda each: (MONITORS.index(each["kind"]), name_of(each)))
        for number, endpoint in enumerate(endpoints_of(monitor))
    ]


def endpoints_of(monitor: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what a monitor scrapes of each of its pods or Services."""
    spec = monitor["spec"]
    return list(spec["podMetricsEndpoints"] if monitor["kind"] == "PodMonitor" else spec["endpoints"])


def namespaces_of(monitor: Mapping[str, Any]) -> list[str]:
    """Return the namespaces in which a monitor looks: its own where it names none."""
    return list(monitor["spec"].get("namespaceSelector", {}).get("matchNames", [monitor["metadata"]["namespace"]]))


def job_of(endpoint: Mapping[str, Any]) -> str:
    """Return the `job` that an endpoint's relabelings state. Raises BadInput where they state none."""
    for rule in endpoint.get("relabelings", ()):
        if rule.get("targetLabel") == "job":
            return str(rule["replacement"])
    raise BadInput(f"the endpoint of port {endpoint['port']} states no job, by which alert rules know it")


def _scrape(monitor: Mapping[str, Any], number: int, endpoint: Mapping[str, Any]) -> Object:
    of_pods = monitor["kind"] == "PodMonitor"
    if unknown := endpoint.keys() - _ENDPOINT:
        raise BadInput(f"{monitor['kind']} {name_of(monitor)}: the stand-in knows no {', '.join(sorted(unknown))}")
    where = f"{monitor['metadata']['namespace']}/{name_of(monitor)}"
    relabelings = (_pod_relabelings if of_pods else _service_relabelings)(monitor, endpoint)
    scrape: Object = {
        "job_name": f"{'podMonitor' if of_pods else 'serviceMonitor'}/{where}/{number}",
        "honor_labels": endpoint.get("honorLabels", False),
        "kubernetes_sd_configs": [
            {"role": "pod" if of_pods else "endpoints", "namespaces": {"names": namespaces_of(monitor)}}
        ],
        "relabel_configs": [
            {"source_labels": ["job"], "target_label": "__tmp_prometheus_job_name"},
            *relabelings,
            *(_translated(rule, _TRANSLATED) for rule in endpoint.get("relabelings", ())),
        ],
    }
    for key, name in (("interval", "scrape_interval"), ("path", "metrics_path"), ("scheme", "scheme")):
        if key in endpoint:
            scrape[name] = endpoint[key]
    if "bearerTokenFile" in endpoint:
        scrape["authorization"] = {"credentials_file": endpoint["bearerTokenFile"]}
    if "tlsConfig" in endpoint:
        scrape["tls_config"] = _translated(endpoint["tlsConfig"], _TLS)
    return scrape


def _pod_relabelings(monitor: Mapping[str, Any], endpoint: Mapping[str, Any]) -> list[Object]:
    return [
        _running_only(),
        *_selected("pod", monitor),
        {"source_labels": ["__meta_kubernetes_pod_container_port_name"], "regex": endpoint["port"], "action": "keep"},
        _copied("namespace", "namespace"),
        _copied("pod_container_name", "container"),
        _copied("pod_name", "pod"),
        {"target_label": "job", "replacement": f"{monitor['metadata']['namespace']}/{name_of(monitor)}"},
        {"target_label": "endpoint", "replacement": endpoint["port"]},
    ]


def _service_relabelings(monitor: Mapping[str, Any], endpoint: Mapping[str, Any]) -> list[Object]:
    kind_and_name = ["__meta_kubernetes_endpoint_address_target_kind", "__meta_kubernetes_endpoint_address_target_name"]
    owners: list[Object] = [
        {
            "source_labels": [*kind_and_name],
            "separator": ";",
            "regex": f"{kind};(.*)",
            "replacement": "${1}",
            "target_label": label,
        }
        for kind, label in (("Node", "node"), ("Pod", "pod"))
    ]
    return [
        *_selected("service", monitor),
        {"source_labels": ["__meta_kubernetes_endpoint_port_name"], "regex": endpoint["port"], "action": "keep"},
        *owners,
        _copied("namespace", "namespace"),
        _copied("service_name", "service"),
        _copied("pod_name", "pod"),
        _copied("pod_container_name", "container"),
        _running_only(),
        {
            "source_labels": ["__meta_kubernetes_service_name"],
            "target_label": "job",
            "replacement": "${1}",
        },
        {"target_label": "endpoint", "replacement": endpoint["port"]},
    ]


def _selected(role: str, monitor: Mapping[str, Any]) -> list[Object]:
    """Return what keeps the targets that a monitor's selector chooses."""
    selector = monitor["spec"]["selector"]
    if selector.keys() != {"matchLabels"}:
        raise BadInput(f"{monitor['kind']} {name_of(monitor)}: the stand-in selects by matchLabels alone")
    return [
        {
            "source_labels": [
                f"__meta_kubernetes_{role}_label_{_sanitized(label)}",
                f"__meta_kubernetes_{role}_labelpresent_{_sanitized(label)}",
            ],
            "regex": f"({re.escape(value)});true",
            "action": "keep",
        }
        for label, value in sorted(selector["matchLabels"].items())
    ]


def _running_only() -> Object:
    return {"source_labels": ["__meta_kubernetes_pod_phase"], "regex": "(Failed|Succeeded)", "action": "drop"}


def _copied(source: str, label: str) -> Object:
    return {"source_labels": [f"__meta_kubernetes_{source}"], "target_label": label}


def _sanitized(label: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", label)


def _translated(stated: Mapping[str, Any], names: Mapping[str, str]) -> Object:
    if unknown := stated.keys() - names.keys():
        raise BadInput(f"the stand-in knows no {', '.join(sorted(unknown))} of a scrape")
    return {names[key]: value for key, value in stated.items()}
