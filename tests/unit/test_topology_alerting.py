"""The way of an alert, read from manifests."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench import api
from workbench.errors import BadInput
from workbench.scenario import PROJECT_ROOT
from workbench.topology.alerting import Alerting, read_alerting

MONITORING = PROJECT_ROOT / "manifests" / "monitoring"
RESOURCES = """\
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {name: hub, namespace: m}
spec: {scrapeInterval: 1m30s}
---
apiVersion: monitoring.coreos.com/v1alpha1
kind: AlertmanagerConfig
metadata: {name: hub, namespace: m}
spec:
  route:
    receiver: r
    groupWait: 20s
    routes:
      - matchers: [{name: severity, value: critical}]
        groupWait: 5s
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: hub, namespace: m}
spec:
  groups:
    - name: g
      rules:
        - {alert: Urgent, expr: "1", labels: {severity: critical}}
        - {alert: Slow, expr: "1", for: 500ms, labels: {severity: warning}}
"""


def folder(tmp_path: Path, text: str = RESOURCES) -> Path:
    """Return a kustomization of these resources."""
    (tmp_path / "kustomization.yaml").write_text("resources: [all.yaml]\n")
    (tmp_path / "all.yaml").write_text(text)
    return tmp_path


def test_the_hubs_own_alert_goes_out_at_once() -> None:
    """What the monitoring manifests say; the base alone has no Prometheus."""
    assert read_alerting(MONITORING, "NodeNotReady") == Alerting(15.0, 15.0, 0.0, 10.0)
    assert read_alerting(PROJECT_ROOT / "manifests" / "base", "NodeNotReady") is None


@pytest.mark.parametrize(
    ("alert", "expected"),
    [("Urgent", Alerting(90.0, 30.0, 0.0, 5.0)), ("Slow", Alerting(90.0, 30.0, 0.5, 20.0))],
)
def test_an_alert_waits_as_its_route_says(tmp_path: Path, alert: str, expected: Alerting) -> None:
    """The first route whose matchers hold, else the root; what is not stated is the operator's default."""
    assert read_alerting(folder(tmp_path), alert) == expected


def test_what_is_no_duration_is_named(tmp_path: Path) -> None:
    """With its place; so is an alert without a rule."""
    with pytest.raises(BadInput) as caught:
        read_alerting(folder(tmp_path, RESOURCES.replace("1m30s", "soon")), "Slow")
    assert [(each.key, each.value) for each in caught.value.problems] == [("spec.scrapeInterval", "soon")]
    with pytest.raises(BadInput, match="no rule for the alert Missing"):
        read_alerting(folder(tmp_path), "Missing")


def test_a_forecast_uses_what_the_manifests_state() -> None:
    """The alert of a lost node comes sooner than by the defaults."""
    by_default = api.node_loss("worker-2", replications=50)
    stated = api.node_loss("worker-2", PROJECT_ROOT / "manifests" / "overlays" / "onprem", replications=50)
    assert stated.parameters["scrape_interval_s"].source == "manifest"
    delivered_s = [each.moment("alert_delivered_s").percentile(50.0) for each in (stated, by_default)]
    assert delivered_s[0] < delivered_s[1]
