"""Alert rules and dashboards: parsed by Prometheus' grammar, over metrics that somebody gives, one for each fault."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.manifest_pods import Resource, named
from tests.support.metric_names import METRICS, jmx_names, metrics_of
from workbench.fault import Part
from workbench.topology import render

MANIFESTS = Path(__file__).parents[2] / "manifests"
# What a dashboard's own variables stand for when its expressions are parsed.
VARIABLES = {f"${{{kind}_{bound}}}": "1" for kind in ("backlog", "redundancy") for bound in ("low", "median", "high")}
JMX_BEANS = {
    "kafka.controller<type=KafkaController, name=ActiveControllerCount><>Value",
    "kafka.controller<type=KafkaController, name=OfflinePartitionsCount><>Value",
    "kafka.controller<type=ControllerStats, name=UncleanLeaderElectionsPerSec><>Count",
    "kafka.server<type=ReplicaManager, name=UnderReplicatedPartitions><>Value",
    "kafka.server<type=ReplicaManager, name=UnderMinIsrPartitionCount><>Value",
    "kafka.server<type=ReplicaManager, name=IsrShrinksPerSec><>Count",
    "kafka.server<type=BrokerTopicMetrics, name=MessagesInPerSec, topic=alerts><>Count",
    "kafka.server<type=BrokerTopicMetrics, name=FailedProduceRequestsPerSec, topic=alerts><>Count",
    "kafka.server<type=KafkaRequestHandlerPool, name=RequestHandlerAvgIdlePercent><>OneMinuteRate",
    "kafka.network<type=RequestMetrics, name=TotalTimeMs, request=Produce><>99thPercentile",
    "kafka.log<type=LogManager, name=OfflineLogDirectoryCount><>Value",
    "org.apache.ZooKeeperService<name0=ReplicatedServer_id1, name1=replica.1, name2=Follower><>AvgRequestLatency",
    "org.apache.ZooKeeperService<name0=ReplicatedServer_id1, name1=replica.1, name2=Leader><>OutstandingRequests",
}


@functools.cache
def monitoring() -> dict[str, Resource]:
    """Return the resources of monitoring by "Kind namespace/name"."""
    return {named(resource): resource for resource in render(MANIFESTS / "monitoring")}


def alerts() -> list[dict[str, Any]]:
    """Return every alert rule."""
    groups = monitoring()["PrometheusRule monitoring/hub"]["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


@functools.cache
def dashboards() -> dict[str, dict[str, Any]]:
    """Return every dashboard by its file's name."""
    maps = [item for name, item in monitoring().items() if name.startswith("ConfigMap monitoring/grafana-dashboards-")]
    return {file: json.loads(text) for item in maps for file, text in item["data"].items()}


def datasources() -> dict[str, str]:
    """Return the type of each data source by its uid."""
    text = monitoring()["ConfigMap monitoring/grafana-provisioning"]["data"]["datasources.yaml"]
    return {source["uid"]: source["type"] for source in yaml.safe_load(text)["datasources"]}


def targets() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every query of every dashboard with the dashboard's file."""
    for file, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                yield file, target


def test_alerts_are_parsed_and_use_known_metrics() -> None:
    """No expression that Prometheus would refuse, no name that nobody gives."""
    for rule in alerts():
        used = metrics_of(rule["expr"])
        assert used <= METRICS.keys(), rule["alert"]
        assert used or rule["alert"] == "Watchdog"


@pytest.mark.parametrize("expression", ["sum(up) >", "kafka_brokerz < 3", "rate(up)"])
def test_a_wrong_expression_is_noticed(expression: str) -> None:
    """Broken grammar, a name nobody gives, a rate without its window."""
    try:
        known = metrics_of(expression) <= METRICS.keys()
    except ValueError:
        known = False
    assert not known


def test_alerts_say_what_is_wrong_and_what_to_do() -> None:
    """Each has a severity, a part, a summary and a runbook of more than a word; names are unique."""
    names = [rule["alert"] for rule in alerts()]
    assert len(names) == len({*names})
    for rule in alerts():
        assert rule["labels"]["severity"] in ("critical", "warning", "info", "none"), rule["alert"]
        assert rule["labels"]["part"], rule["alert"]
        assert rule["annotations"]["summary"], rule["alert"]
        assert len(rule["annotations"]["runbook"].split()) >= 4, rule["alert"]


ALERTED_AS = {
    Part.POSTGRES_FAILOVER: Part.POSTGRES,
    Part.POSTGRES_BACKEND: Part.POSTGRES,
    Part.BROKERS: Part.BROKER,
    Part.BROKER_LINKS: Part.BROKER,
    Part.CONTROLLER: Part.BROKER,
    Part.FROZEN_NODE: Part.NODE,
    Part.DARK_NODE: Part.NODE,
    Part.QUORUM: Part.ZOOKEEPER,
    Part.LOAD: Part.PROCESSOR,
}


@pytest.mark.parametrize("part", Part)
def test_every_part_that_a_drill_breaks_has_an_alert(part: Part) -> None:
    """At least one that calls somebody; some parts' losses are alerts of another, and too much load is a lag."""
    alerted = ALERTED_AS.get(part, part)
    severities = {rule["labels"]["severity"] for rule in alerts() if rule["labels"]["part"] == alerted.value}
    assert severities & {"critical", "warning"}


def test_jobs_that_alerts_name_are_scraped() -> None:
    """A job label in an expression is one that a monitor sets, or that a scrape configuration states."""
    text = json.dumps([item for item in monitoring().values() if item["kind"].endswith(("Monitor", "ScrapeConfig"))])
    for rule in alerts():
        for job in rule["expr"].split('job="')[1:]:
            name = job.split('"')[0]
            assert f'"replacement": "{name}"' in text or f'"job": "{name}"' in text, rule["alert"]


def test_kafkas_metrics_get_the_names_that_rules_use() -> None:
    """Each bean becomes exactly one metric, and all of the JMX exporter's in the list come from one."""
    (config,) = (
        item
        for item in render(MANIFESTS / "base" / "kafka")
        if (item["kind"], item["metadata"]["name"]) == ("ConfigMap", "kafka-metrics")
    )
    rules = [yaml.safe_load(text) for text in config["data"].values()]
    given = [name for bean in JMX_BEANS for file in rules for name in jmx_names(file, bean)]
    assert sorted(given) == sorted(name for name, source in METRICS.items() if source == "jmx")


def test_dashboards_are_there_and_use_data_sources_that_exist() -> None:
    """Alert panels, a table of alerts, drills, logs; every panel's source is provisioned under its uid and type."""
    known = datasources() | {"-- Grafana --": "grafana"}
    assert {"alert-panels.json", "alert-table.json", "drills.json", "logs.json"} == {*dashboards()}
    for file, dashboard in dashboards().items():
        assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"]), file
        for source in _sources(dashboard):
            assert known.get(source["uid"]) == source["type"], file


def _sources(value: Any) -> Iterator[dict[str, str]]:
    if isinstance(value, dict):
        if isinstance(value.get("datasource"), dict):
            yield value["datasource"]
        for child in value.values():
            yield from _sources(child)
    elif isinstance(value, list):
        for child in value:
            yield from _sources(child)


def test_dashboards_queries_are_parsed_and_use_known_metrics() -> None:
    """Those of Prometheus; those of Loki are LogQL, of which only the braces are checked."""
    count = 0
    for file, target in targets():
        expression = target["expr"]
        if target["datasource"]["type"] == "loki":
            assert expression.count("{") == expression.count("}") >= 1, file
            continue
        for variable, value in VARIABLES.items():
            expression = expression.replace(variable, value)
        assert metrics_of(expression) <= METRICS.keys(), (file, expression)
        count += 1
    assert count > 20


def test_the_drill_dashboard_draws_a_band_and_annotations() -> None:
    """Bounds come from variables that exist, the band is filled between them, and drills' marks are shown."""
    drills = dashboards()["drills.json"]
    names = {variable["name"] for variable in drills["templating"]["list"]}
    assert {variable.strip("${}") for variable in VARIABLES} == names
    text = json.dumps(drills)
    assert text.count('"custom.fillBelowTo", "value": "predicted, low"') == 2
    assert [item["target"]["tags"] for item in drills["annotations"]["list"]] == [["drill"]]


def test_every_panel_of_a_part_asks_for_alerts_that_exist() -> None:
    """The coloured panels cover all parts that alerts name (but for the metrics' own)."""
    parts = {rule["labels"]["part"] for rule in alerts()} - {"metrics"}
    asked = {
        target["expr"].split('part="')[1].split('"')[0]
        for file, target in targets()
        if file == "alert-panels.json" and 'part="' in target["expr"]
    }
    assert asked == parts


def test_promtail_runs_on_every_machine_and_reads_the_audit_log() -> None:
    """It tolerates every taint, the control plane's too, and mounts what it is told to read."""
    pod = monitoring()["DaemonSet node-agents/promtail"]["spec"]["template"]["spec"]
    assert pod["tolerations"] == [{"operator": "Exists"}]
    jobs = yaml.safe_load(monitoring()["ConfigMap node-agents/promtail"]["data"]["promtail.yaml"])["scrape_configs"]
    assert [job["job_name"] for job in jobs] == ["pods", "audit", "journal"]
    audit = jobs[1]["static_configs"][0]["labels"]["__path__"]
    server = yaml.safe_load((MANIFESTS / "platform" / "rke2" / "server.yaml").read_text())
    assert f"audit-log-path={audit}" in server["kube-apiserver-arg"]
    mounts = [mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]]
    assert any(audit.startswith(mount + "/") for mount in mounts)
