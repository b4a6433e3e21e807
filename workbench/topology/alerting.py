"""What manifests say of the way of one alert: scraped, evaluated, pending for its `for`, grouped, delivered.

Prometheus and Alertmanager as the Prometheus operator's resources describe them. Left out: an interval of its own in a
ServiceMonitor or PodMonitor, a rule group's own interval, inhibition and silences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workbench.errors import BadInput
from workbench.topology.documents import Node, shown
from workbench.topology.fields import Reader, path_of
from workbench.topology.finding import of_type, the_only
from workbench.topology.rendering import Resources, render_nodes

PROMETHEUS: Final = ("monitoring.coreos.com/v1", "Prometheus")
RULES: Final = ("monitoring.coreos.com/v1", "PrometheusRule")
ROUTES: Final = ("monitoring.coreos.com/v1alpha1", "AlertmanagerConfig")
INTERVAL_DEFAULT: Final = "30s"  # prometheus-operator api.md: scrapeInterval, evaluationInterval
GROUP_WAIT_DEFAULT: Final = "30s"  # Alertmanager, configuration: route group_wait
_UNIT_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION: Final = re.compile(r"(?:[0-9]+(?:ms|[smhd]))+")
_PART: Final = re.compile(r"([0-9]+)(ms|[smhd])")


@dataclass(frozen=True)
class Alerting:
    """The way of one alert, seconds."""

    scrape_interval_s: float
    evaluation_interval_s: float
    for_s: float
    group_wait_s: float


def read_alerting(manifests: Path, alert: str) -> Alerting | None:
    """Return the way of the alert of this name; None where the manifests have no Prometheus.

    Raises BadInput with every problem: what cannot be rendered, no rule of this name, a duration that is none.
    """
    resources = render_nodes(manifests)
    if not of_type(resources, PROMETHEUS):
        return None
    reader, folder = Reader(), shown(manifests)
    prometheus = the_only(reader, resources, folder, PROMETHEUS)
    routes = the_only(reader, resources, folder, ROUTES)
    rule = next((each for each in _rules(resources) if each.text("alert") == alert), None)
    if rule is None:
        raise BadInput(f"manifests {folder} have a Prometheus and no rule for the alert {alert}")
    if prometheus is None or routes is None:
        raise BadInput(f"manifests {folder} do not say how alerts travel", reader.problems)
    labels = rule.get("labels")
    known = {"alertname": alert, **{name: str(each.plain) for name, each in (labels.fields if labels else {}).items()}}
    found = Alerting(
        _duration_s(reader, prometheus, ("spec", "scrapeInterval"), INTERVAL_DEFAULT),
        _duration_s(reader, prometheus, ("spec", "evaluationInterval"), INTERVAL_DEFAULT),
        _duration_s(reader, rule, ("for",), "0s"),
        _group_wait_s(reader, routes, known),
    )
    if reader.problems:
        raise BadInput(f"manifests {folder} do not say how alerts travel", reader.problems)
    return found


def _rules(resources: Resources) -> Iterator[Node]:
    for node in of_type(resources, RULES):
        groups = node.get("spec", "groups")
        for group in groups.items if groups else ():
            rules = group.get("rules")
            yield from rules.items if rules else ()


def _group_wait_s(reader: Reader, routes: Node, labels: dict[str, str]) -> float:
    """Return what holds for an alert with these labels: the first route that matches them all, else the root's."""
    root = routes.get("spec", "route")
    if root is None:
        return _seconds(GROUP_WAIT_DEFAULT)
    waits_s = _duration_s(reader, root, ("groupWait",), GROUP_WAIT_DEFAULT)
    children = root.get("routes")
    for child in children.items if children else ():
        matchers = child.get("matchers")
        wanted = matchers.items if matchers else []
        if all(labels.get(each.text("name")) == each.text("value") for each in wanted):
            return waits_s if child.get("groupWait") is None else _duration_s(reader, child, ("groupWait",), "")
    return waits_s


def _duration_s(reader: Reader, node: Node, path: tuple[str, ...], default: str) -> float:
    found = node.get(*path)
    text = default if found is None else str(found.plain)
    if found is not None and not _DURATION.fullmatch(text):
        reader.note(found.place, path_of(path), text, "a duration, such as 15s or 1m30s")
        return 0.0
    return _seconds(text)


def _seconds(text: str) -> float:
    return sum(int(number) * _UNIT_S[unit] for number, unit in _PART.findall(text))
