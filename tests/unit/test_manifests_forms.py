"""Every resource has the form its API asks for: Kubernetes' own by its schemas, the operators' by short forms."""

from __future__ import annotations

import copy
import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from pydantic import ValidationError

from tests.support.custom_resources import FORMS
from tests.support.manifest_pods import Resource, named
from workbench.topology import read_topology, render

MANIFESTS = Path(__file__).parents[2] / "manifests"
OVERLAYS = sorted(path.parent for path in (MANIFESTS / "overlays").glob("*/kustomization.yaml"))
KUBERNETES = "1.29"  # the hub's


@functools.cache
def onprem() -> tuple[Resource, ...]:
    """Return the reference hub's resources; nobody may change them."""
    return tuple(render(MANIFESTS / "overlays" / "onprem"))


def misfit(resource: Resource) -> str:
    """Return why a resource is none, "" if it is one."""
    form = FORMS.get((resource["apiVersion"], resource["kind"]))
    try:
        if form is None:
            kubernetes_validate.validate(dict(resource), KUBERNETES, strict=True)
        else:
            form.model_validate(resource.get("spec", {}))
    except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError, ValidationError) as error:
        return f"{named(resource)}: {error}"
    return ""


def changed(owner: str, where: str, value: object) -> dict[str, Any]:
    """Return a copy of one resource with one value set."""
    resource = copy.deepcopy(dict(next(item for item in onprem() if named(item) == owner)))
    *path, last = where.split(".")
    place: Any = resource
    for key in path:
        place = place[int(key)] if isinstance(place, list) else place[key]
    place[last] = value
    return resource


def test_every_resource_has_its_form() -> None:
    """Strictly: an unknown key is refused as well."""
    misfits = [words for resource in onprem() if (words := misfit(resource))]
    assert not misfits, "\n".join(misfits)


@pytest.mark.parametrize(
    ("owner", "where", "value"),
    [
        ("Deployment central-hub/event-processor", "spec.template.spec.tolerationz", []),
        ("Deployment central-hub/event-processor", "spec.replicas", "two"),
        ("Deployment central-hub/event-processor", "apiVersion", "extensions/v1beta1"),
        ("NetworkPolicy central-hub/redis", "spec.policyTypes", "Ingress"),
        ("PodDisruptionBudget central-hub/redis", "spec.maxUnavailabel", 1),
        ("Kafka central-hub/hub", "spec.kafka.jvmOption", {}),
        ("Kafka central-hub/hub", "spec.kafka.listeners.0.port", 80),
        ("KafkaUser central-hub/event-source", "spec.authorization.acls.0.operations", ["write"]),
        ("Kubegres central-hub/postgres", "spec.containerSecurityContext", {}),
        ("PeerAuthentication central-hub/default", "spec.mtls.mode", "strict"),
        ("CiliumNetworkPolicy monitoring/prometheus-machines", "spec.podSelector", {}),
        ("Prometheus monitoring/hub", "spec.scrapeIntervall", "15s"),
    ],
)
def test_a_misfit_is_noticed(owner: str, where: str, value: object) -> None:
    """Unknown keys, wrong types, dead API versions, fields of a later release."""
    assert misfit(changed(owner, where, value))


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_every_overlay_is_a_hub(overlay: Path) -> None:
    """It renders, and gives the base's hub but for what it is there to change."""
    base, other = read_topology(MANIFESTS / "base"), read_topology(overlay)
    one_a_worker = ("kafka-", "zookeeper-", "postgres-")  # the rest goes where room is
    for server, worker in other.placement.items():
        assert not server.startswith(one_a_worker) or base.placement[server] == worker
    wanted = (
        [replace(topic, partitions=12) for topic in base.topics] if overlay.name == "partitions-12" else base.topics
    )
    assert list(other.topics) == list(wanted)
    if overlay.name == "throwaway":  # it is there to change what pods ask for: tests/unit/test_throwaway_hub.py
        return
    assert other.redis == base.redis
    assert other.zookeeper == base.zookeeper or other.kafka.mode == "kraft"
    assert other.kafka.resources == base.kafka.resources


def test_the_reference_hub_is_the_base_with_tls() -> None:
    """Platform and monitoring change no number of the hub; Postgres's settings are the base's and three of TLS."""
    base, onprem_hub = read_topology(MANIFESTS / "base"), read_topology(MANIFESTS / "overlays" / "onprem")
    tls = {key: value for key, value in onprem_hub.postgres.config.items() if key.startswith("ssl")}
    assert dict(onprem_hub.postgres.config) == {**base.postgres.config, **tls}
    assert tls == {
        "ssl": "on",
        "ssl_cert_file": "/etc/postgres-tls/tls.crt",
        "ssl_key_file": "/etc/postgres-tls/tls.key",
    }
    assert (onprem_hub.kafka, onprem_hub.processors) == (base.kafka, base.processors)


def test_each_part_renders_alone() -> None:
    """Platform and monitoring are folders of their own, and state every namespace that they put something into."""
    stated = {item["metadata"]["name"] for item in onprem() if item["kind"] == "Namespace"} | {"kube-system"}
    assert {item["metadata"]["namespace"] for item in onprem() if "namespace" in item["metadata"]} <= stated
    assert len(render(MANIFESTS / "platform")) + len(render(MANIFESTS / "monitoring")) < len(onprem())


def test_secrets_that_are_asked_for_are_documented() -> None:
    """docs/manifests.md lists each Secret that a resource refers to; those of Strimzi it names as Strimzi's."""
    text = (MANIFESTS.parent / "docs" / "manifests.md").read_text(encoding="utf-8")
    asked: set[str] = set()

    def collect(value: Any) -> None:
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            if key in ("secretKeyRef", "urlSecret"):
                asked.add(child["name"])
            elif key == "secretName":
                asked.add(child)
            elif isinstance(child, dict | list):
                collect(child)

    for resource in onprem():
        collect(resource)
    assert len(asked) >= 8
    assert not {name for name in asked if f"`{name}`" not in text}


def test_the_machines_files_are_read() -> None:
    """RKE2's files are YAML, its audit policy has rules, kube-proxy speaks iptables and no cloud is asked."""
    folder = MANIFESTS / "platform" / "rke2"
    server, agent = (yaml.safe_load((folder / f"{name}.yaml").read_text()) for name in ("server", "agent"))
    policy = yaml.safe_load((folder / "audit-policy.yaml").read_text())
    assert (policy["apiVersion"], policy["kind"]) == ("audit.k8s.io/v1", "Policy")
    assert {rule["level"] for rule in policy["rules"]} <= {"None", "Metadata", "Request", "RequestResponse"}
    assert server["disable-cloud-controller"] is True
    assert "proxy-mode=iptables" in server["kube-proxy-arg"]
    assert "proxy-mode=iptables" in agent["kube-proxy-arg"]
