"""What the stand-in for the Prometheus operator makes of the manifests; nothing is started here but the receiver."""

from __future__ import annotations

import copy
import json
import re
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.metric_names import METRICS, metrics_of
from workbench.errors import BadInput
from workbench.target.throwaway.building import MONITORING
from workbench.target.throwaway.hub.images import AGENT_PLACE
from workbench.target.throwaway.hub.objects import hub_objects
from workbench.target.throwaway.monitoring.asking import expected_targets, is_described
from workbench.target.throwaway.monitoring.images import VERSIONS
from workbench.target.throwaway.monitoring.objects import MonitoringObjects, monitoring_objects
from workbench.target.throwaway.monitoring.receiver import Receiver
from workbench.target.throwaway.monitoring.sources import names_in, source_of
from workbench.topology.rendering import render

MANIFESTS = Path(__file__).parents[2] / "manifests"
OVERLAY = MANIFESTS / "overlays" / "throwaway" / "monitoring"
NODES = {"control-plane": "172.30.0.10", "worker-1": "172.30.0.11"}
GIVERS = {  # of tests/support/metric_names.py -> jobs of the monitors
    "jmx": {"kafka", "zookeeper"},
    "postgres-exporter": {"postgres"},
    "redis-exporter": {"redis"},
    "control plane": {"apiserver", "etcd", "kube-scheduler"},
}
Object = dict[str, Any]


@pytest.fixture(scope="module")
def objects() -> MonitoringObjects:
    """Monitoring as the overlay states it."""
    return monitoring_objects(OVERLAY)


@pytest.fixture(scope="module")
def made(objects: MonitoringObjects) -> list[Object]:
    """Every object that is applied."""
    return objects.all(NODES)


def _named(made: list[Object], kind: str, name: str) -> Object:
    return next(each for each in made if each["kind"] == kind and each["metadata"]["name"] == name)


def _stated(kind: str) -> Object:
    return next(dict(each) for each in render(MANIFESTS / "monitoring") if each["kind"] == kind)


def _settings(made: list[Object]) -> Any:
    return yaml.safe_load(_named(made, "Secret", "prometheus-hub")["stringData"]["prometheus.yaml"])


def test_every_rule_is_the_hub_s(made: list[Object], objects: MonitoringObjects) -> None:
    """Groups, expressions, `for`, labels: the file that Prometheus reads is the resource's own specification."""
    (file,) = _named(made, "ConfigMap", "prometheus-hub-rulefiles-0")["data"].values()
    assert yaml.safe_load(file) == _stated("PrometheusRule")["spec"]
    assert len(objects.alert_rules) == sum(len(group["rules"]) for group in yaml.safe_load(file)["groups"])
    assert all("interval" not in group for group in yaml.safe_load(file)["groups"])


def test_intervals_are_the_hub_s(made: list[Object]) -> None:
    """Scrapes and evaluations as often as the manifests say, and no scrape with an interval of its own."""
    stated, settings = _stated("Prometheus")["spec"], _settings(made)
    assert settings["global"]["scrape_interval"] == stated["scrapeInterval"]
    assert settings["global"]["evaluation_interval"] == stated["evaluationInterval"]
    assert all("scrape_interval" not in scrape for scrape in settings["scrape_configs"])


def test_routes_are_the_hub_s(made: list[Object]) -> None:
    """Waits of every route, in order, and the receiver's address from its Secret."""
    settings = yaml.safe_load(_named(made, "Secret", "alertmanager-hub-generated")["stringData"]["alertmanager.yaml"])
    stated = _stated("AlertmanagerConfig")["spec"]["route"]
    for ours, theirs in zip(
        (settings["route"], *settings["route"]["routes"]), (stated, *stated["routes"]), strict=True
    ):
        assert ours["group_wait"] == theirs["groupWait"]
        assert ours.get("group_interval") == theirs.get("groupInterval")
        assert ours["receiver"] == f"monitoring/hub/{theirs['receiver']}"
    assert settings["route"]["routes"][0]["matchers"] == ['severity="critical"']
    (hook,) = settings["receivers"][0]["webhook_configs"]
    assert hook == {"url": "http://alert-receiver.monitoring.svc/", "send_resolved": True}
    assert _named(made, "Service", "alert-receiver")["spec"]["ports"][0]["port"] == 80


def test_the_overlay_changes_images_alone() -> None:
    """What runs here asks for what it asks for on the hub, and the receiver comes with it."""
    ours = {(each["kind"], each["metadata"]["name"]): copy.deepcopy(dict(each)) for each in render(OVERLAY)}
    theirs = {(each["kind"], each["metadata"]["name"]): dict(each) for each in render(MANIFESTS / "monitoring")}
    assert {name for _, name in ours.keys() - theirs.keys()} == {"alert-receiver", "alertmanager-receiver"}
    for key in ours.keys() & theirs.keys():
        assert _without_image(ours[key]) == _without_image(theirs[key]), key
    images = set(re.findall(r'"hub-workbench.local/([^"]+)"', json.dumps(list(ours.values()))))
    assert images == {f"{name}:{version}" for name, version in VERSIONS.items()}
    assert [module.name for module in MONITORING] == list(VERSIONS)


def _without_image(each: Mapping[str, Any]) -> str:
    return re.sub(r'"image": "[^"]*"', "", json.dumps(each, sort_keys=True))


def test_every_pod_fits_its_namespace(made: list[Object]) -> None:
    """The quota asks for requests and limits of everything, and the restricted standard for a security context."""
    for each in made:
        if each["kind"] in ("StatefulSet", "Deployment"):
            pod = each["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"] is True
            for container in pod["containers"]:
                assert {"cpu", "memory"} <= container["resources"]["requests"].keys() & container["resources"]["limits"]
                assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_services_and_budgets_meet_the_pods(made: list[Object]) -> None:
    """Governing Services, budgets and the hub's own network policies choose the stand-in's pods."""
    pods = [
        each["spec"]["template"]["metadata"]["labels"] for each in made if each["kind"] in ("StatefulSet", "Deployment")
    ]
    for each in made:
        if each["kind"] in ("Service", "PodDisruptionBudget") and each["metadata"]["namespace"] == "monitoring":
            selector = each["spec"]["selector"]
            wanted = selector.get("matchLabels", selector)
            assert any(wanted.items() <= labels.items() for labels in pods), each["metadata"]["name"]
    manager = _settings(made)["alerting"]["alertmanagers"][0]
    kept = {rule["source_labels"][0]: rule["regex"] for rule in manager["relabel_configs"]}
    service = _named(made, "Service", kept["__meta_kubernetes_service_name"])
    assert kept["__meta_kubernetes_endpoint_port_name"] in [port["name"] for port in service["spec"]["ports"]]


def _relabelled(rules: list[Object], labels: dict[str, str]) -> dict[str, str] | None:
    """Do what Prometheus does to a target's labels (relabel.go); None: it is dropped."""
    for rule in rules:
        text = rule.get("separator", ";").join(labels.get(name, "") for name in rule.get("source_labels", ()))
        match = re.fullmatch(rule.get("regex", "(.*)"), text, re.DOTALL)
        action = rule.get("action", "replace")
        if action in ("keep", "drop"):
            if (match is None) == (action == "keep"):
                return None
        elif match is not None:
            template = re.sub(r"\$\{(\d)\}|\$(\d)", r"\\\1\2", rule.get("replacement", "$1"))
            labels = {**labels, rule["target_label"]: match.expand(template)}
    return labels


def _targets(made: list[Object], labels: dict[str, str]) -> list[dict[str, str]]:
    """Return what every scrape configuration makes of a discovered target."""
    found = (_relabelled(scrape["relabel_configs"], labels) for scrape in _settings(made)["scrape_configs"])
    return [each for each in found if each is not None]


def _pod_labels(each: Object) -> dict[str, str]:
    template = each["spec"]["template"]
    (container,) = template["spec"]["containers"]
    found = {
        "__meta_kubernetes_namespace": each["metadata"]["namespace"],
        "__meta_kubernetes_pod_name": f"{each['metadata']['name']}-0",
        "__meta_kubernetes_pod_node_name": "worker-1",
        "__meta_kubernetes_pod_phase": "Running",
        "__meta_kubernetes_pod_container_port_name": container["ports"][0]["name"],
    }
    for name, value in template["metadata"]["labels"].items():
        label = re.sub(r"\W", "_", name)
        found[f"__meta_kubernetes_pod_label_{label}"] = value
        found[f"__meta_kubernetes_pod_labelpresent_{label}"] = "true"
    return found


def test_scrapes_choose_the_pods_that_exist(made: list[Object]) -> None:
    """kube-state-metrics by its labels and port, once, under the job that the rules name; no other pod of here."""
    (target,) = _targets(made, _pod_labels(_named(made, "Deployment", "kube-state-metrics")))
    assert (target["job"], target["node"]) == ("kube-state-metrics", "worker-1")
    assert (target["namespace"], target["endpoint"]) == ("monitoring", "http")
    for kind, name in (("StatefulSet", "prometheus-hub"), ("Deployment", "alert-receiver")):
        assert _targets(made, _pod_labels(_named(made, kind, name))) == []
    ended = _pod_labels(_named(made, "Deployment", "kube-state-metrics"))
    assert _targets(made, {**ended, "__meta_kubernetes_pod_phase": "Failed"}) == []


@pytest.mark.parametrize("part", ["kafka", "zookeeper"])
def test_scrapes_choose_the_hub_s_servers(made: list[Object], part: str) -> None:
    """Pods of Strimzi's stand-in have the port that the monitors name, and the agent that answers there."""
    hub = [each for stage in hub_objects(OVERLAY.parent).stages() for each in stage]
    servers = _named(hub, "StatefulSet", f"hub-{part}")
    (target,) = _targets(made, _pod_labels(servers))
    assert (target["job"], target["endpoint"]) == (part, "tcp-prometheus")
    (container,) = servers["spec"]["template"]["spec"]["containers"]
    rules = next(each for each in servers["spec"]["template"]["spec"]["volumes"] if each["name"] == "metrics-config")
    place = next(each["mountPath"] for each in container["volumeMounts"] if each["name"] == "metrics-config")
    (item,) = rules["configMap"]["items"]
    assert item["key"] in _named(hub, "ConfigMap", rules["configMap"]["name"])["data"]
    port = container["ports"][0]["containerPort"]
    assert f"-javaagent:{AGENT_PLACE}={port}:{place}/{item['path']} " in container["command"][-1]


def test_scrapes_choose_kubelets_by_their_endpoints(made: list[Object]) -> None:
    """Every node is an address, the scraped port is the one with TLS, and the target says which node it is."""
    service, endpoints = (_named(made, kind, "kubelet") for kind in ("Service", "Endpoints"))
    (subset,) = endpoints["subsets"]
    assert {each["nodeName"]: each["ip"] for each in subset["addresses"]} == NODES
    labels = {"__meta_kubernetes_namespace": "kube-system", "__meta_kubernetes_service_name": "kubelet"}
    for name, value in service["metadata"]["labels"].items():
        labels[f"__meta_kubernetes_service_label_{re.sub(r'[^a-z0-9]', '_', name)}"] = value
        labels[f"__meta_kubernetes_service_labelpresent_{re.sub(r'[^a-z0-9]', '_', name)}"] = "true"
    labels["__meta_kubernetes_endpoint_address_target_kind"] = "Node"
    labels["__meta_kubernetes_endpoint_address_target_name"] = "worker-1"
    ports = [port["name"] for port in subset["ports"]]
    chosen = [_targets(made, {**labels, "__meta_kubernetes_endpoint_port_name": port}) for port in ports]
    assert [len(each) for each in chosen] == [1, 0, 0]
    assert (chosen[0][0]["job"], chosen[0][0]["node"]) == ("kubelet", "worker-1")


class _FakeKubectl:
    """Answers with objects that are given."""

    def __init__(self, **objects: list[Object]) -> None:
        self._objects = objects

    def items(self, kind: str, *_: str) -> list[Object]:
        return self._objects.get(kind, [])


def test_as_many_targets_are_expected_as_there_are_pods_and_addresses(
    objects: MonitoringObjects, made: list[Object]
) -> None:
    """A pod that has ended is none; monitors of what is not here expect nothing."""
    pod = copy.deepcopy(_named(made, "Deployment", "kube-state-metrics")["spec"]["template"])
    pod["metadata"]["namespace"] = "monitoring"
    pods = [{**pod, "status": {"phase": phase}} for phase in ("Running", "Failed")]
    kubectl = _FakeKubectl(
        pods=pods,
        services=[_named(made, "Service", "kubelet")],
        endpoints=[_named(made, "Endpoints", "kubelet")],
    )
    assert expected_targets(kubectl, objects.monitors) == Counter({"kubelet": 2, "kube-state-metrics": 1})  # type: ignore[arg-type]


def test_what_a_rule_needs_is_what_it_asks_about(objects: MonitoringObjects) -> None:
    """Names as Prometheus' own grammar finds them, jobs as those who give the metrics."""
    for rule in objects.alert_rules:
        assert names_in(rule["expr"]) == metrics_of(rule["expr"]), rule["alert"]
        source = source_of(rule)
        givers = [GIVERS.get(METRICS[name], {METRICS[name]}) for name in source.metrics]
        assert all(each & {*source.jobs} for each in givers), rule["alert"]
        assert all(f'job="{job}"' in rule["expr"] or any(job in each for each in givers) for job in source.jobs)
    assert source_of({"alert": "A", "expr": 'absent(up{job="apiserver"} == 1)'}).jobs == ("apiserver",)
    with pytest.raises(BadInput, match="nobody is known to give other_metric"):
        source_of({"alert": "A", "expr": "other_metric > 0"})


def test_a_histogram_s_series_is_described_by_its_name() -> None:
    """Its buckets have no description of their own; nor has a counter's series in OpenMetrics."""
    described = {"request_duration_seconds", "isr_shrinks", "pods"}
    assert is_described("request_duration_seconds_bucket", described)
    assert is_described("isr_shrinks_total", described)
    assert is_described("pods", described)
    assert not is_described("nodes", described)


@pytest.mark.parametrize(
    ("kind", "where", "words"),
    [
        ("PodMonitor", ("podMetricsEndpoints", 0, "filterRunning"), "knows no filterRunning"),
        ("AlertmanagerConfig", ("receivers", 0, "emailConfigs"), "knows no emailConfigs of a receiver"),
        ("AlertmanagerConfig", ("route", "muteTimeIntervals"), "knows no muteTimeIntervals of a route"),
    ],
)
def test_what_the_stand_in_does_not_know_is_refused(kind: str, where: tuple[str | int, ...], words: str) -> None:
    """Nothing that the operator would act on is left out in silence."""
    rendered = [copy.deepcopy(dict(each)) for each in render(OVERLAY)]
    *path, last = where
    place = next(each for each in rendered if each["kind"] == kind)["spec"]
    for key in path:
        place = place[key]
    place[last] = []
    with pytest.raises(BadInput, match=words):
        MonitoringObjects(rendered).all(NODES)


def test_a_scrape_of_a_machine_that_is_not_here_is_refused() -> None:
    """The hub's own monitoring as a whole has one, and the overlay leaves it out."""
    with pytest.raises(BadInput, match="ScrapeConfig"):
        monitoring_objects(MANIFESTS / "monitoring")


@pytest.fixture
def address() -> Iterator[str]:
    """Where a receiver listens."""
    with Receiver(("127.0.0.1", 0)) as receiver:
        thread = threading.Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{receiver.server_address[1]}"
        receiver.shutdown()
        thread.join()


def test_the_receiver_keeps_every_message_with_its_time(address: str) -> None:
    """In order, with the alerts as Alertmanager sends them; what is no message is refused and not kept."""
    for status in ("firing", "resolved"):
        message = {"status": status, "alerts": [{"status": status, "labels": {"alertname": "A"}}], "version": "4"}
        with urllib.request.urlopen(address, json.dumps(message).encode(), timeout=5.0) as answer:
            assert answer.status == 200
    for body in (b"no JSON", b"[]", b"{}"):
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(address, body, timeout=5.0)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{address}/other", timeout=5.0)
    with urllib.request.urlopen(f"{address}/deliveries?timeout=20s", timeout=5.0) as answer:
        kept = json.load(answer)
    assert [each["status"] for each in kept] == ["firing", "resolved"]
    assert 0.0 < kept[0]["received_s"] <= kept[1]["received_s"]
