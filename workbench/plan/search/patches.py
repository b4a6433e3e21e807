"""A set-up as a kustomize folder over the present manifests: one patch a resource, only what differs.

Strategic merge as kubectl's kustomize does it: lists of custom resources and tolerations are replaced whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from workbench.plan.search.set_up import (
    MIB,
    SHAPE,
    SetUp,
    min_insync_replicas,
    redis_bytes,
    shapes_of,
    zookeeper_servers,
)
from workbench.plan.volumes import FULL_SHARE
from workbench.units import quantity

HEADER: Final = "# The set-up that `workbench plan` recommends, over the manifests it was asked about.\n"
TAINTS: Final = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
type Resource = dict[str, Any]


def patches(resources: list[Resource], present: SetUp, wanted: SetUp) -> dict[str, Resource]:
    """Return the patches by file name; none where nothing differs."""
    changed = set(wanted.changes_from(present))
    found: dict[str, Resource] = {}
    for each in resources:
        content = _content(each, resources, wanted, changed)
        if content:
            name = f"{each['kind'].lower()}-{each['metadata']['name']}.yaml"
            found[name] = {**_identity(each), **content}
    return found


def write_overlay(folder: Path, base: str, resources: list[Resource], present: SetUp, wanted: SetUp) -> None:
    """Write a kustomization of `base` (relative to `folder`) with the patches; the folder may be there already."""
    folder.mkdir(parents=True, exist_ok=True)
    found = patches(resources, present, wanted)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [base],
        **({"patches": [{"path": name} for name in found]} if found else {}),
    }
    for old in folder.glob("*.yaml"):
        old.unlink()
    (folder / "kustomization.yaml").write_text(HEADER + yaml.safe_dump(kustomization, sort_keys=False))
    for name, patch in found.items():
        (folder / name).write_text(yaml.dump(patch, Dumper=_Blocks, sort_keys=False))


class _Blocks(yaml.SafeDumper):
    """Writes texts of several lines as blocks, as a person would."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Blocks.add_representer(str, _text)


def _identity(resource: Resource) -> Resource:
    metadata = {key: resource["metadata"][key] for key in ("name", "namespace") if key in resource["metadata"]}
    return {"apiVersion": resource["apiVersion"], "kind": resource["kind"], "metadata": metadata}


def _content(resource: Resource, resources: list[Resource], wanted: SetUp, changed: set[str]) -> Resource:
    """Return what a patch of this resource holds, {} for nothing."""
    name = resource["metadata"]["name"]
    match resource["kind"]:
        case "ConfigMap" if name == SHAPE:
            return _shape(resources, wanted, changed)
        case "ConfigMap" if "redis.conf" in resource.get("data", {}):
            return _redis_conf(resource, wanted) if "redis_memory_mib" in changed else {}
        case "ConfigMap" if "POOL_SIZE_MAX" in resource.get("data", {}):
            return {"data": {"POOL_SIZE_MAX": str(wanted.gateway_pool)}} if "gateway_pool" in changed else {}
        case "Kafka":
            return _kafka(resource, resources, wanted, changed)
        case "KafkaTopic":
            return _topic(resource, wanted, changed)
        case "Kubegres":
            return _postgres(resource, wanted, changed)
        case "Deployment" if name == "event-processor":
            return _processors(resource, wanted, changed)
        case "StatefulSet" if name == "redis":
            return _redis(resource, resources, wanted) if "redis_memory_mib" in changed else {}
    return {}


def _shape(resources: list[Resource], wanted: SetUp, changed: set[str]) -> Resource:
    sizes = {"worker_cpu_cores", "worker_memory_gb", "worker_disk_gb"}
    if not changed & {"workers", *sizes}:
        return {}
    old = list(shapes_of(resources))
    names = worker_names(old, wanted.workers)
    text = (
        f'cpu: "{wanted.worker_cpu_cores:g}"\nmemory: {wanted.worker_memory_gb:g}G\ndisk: {wanted.worker_disk_gb:g}G\n'
    )
    touched = names if changed & sizes else [name for name in names if name not in old]
    gone = [name for name in old if name not in names]
    return {"data": {**dict.fromkeys(touched, text), **dict.fromkeys(gone)}}


def worker_names(present: list[str], count: int) -> list[str]:
    """Return the names of so many workers: those there are, then worker-N."""
    more = (name for index in range(1, len(present) + count + 1) if (name := f"worker-{index}") not in present)
    return [*present[:count], *(next(more) for _ in range(count - len(present)))]


def _kafka(resource: Resource, resources: list[Resource], wanted: SetUp, changed: set[str]) -> Resource:
    kafka: Resource = {}
    config: Resource = {}
    stated = resource["spec"]["kafka"]["config"]
    if "brokers" in changed:
        kafka["replicas"] = wanted.brokers
    if "replication_factor" in changed:
        factor, least = wanted.replication_factor, min_insync_replicas(wanted.replication_factor)
        factors = ("default", "offsets.topic", "transaction.state.log")
        config |= {f"{name}.replication.factor": factor for name in factors}
        config |= {"min.insync.replicas": least, "transaction.state.log.min.isr": least}
    if "zookeeper_session_s" in changed:
        config["zookeeper.session.timeout.ms"] = round(wanted.zookeeper_session_s * 1000.0)
    bound = retention_bytes(resource, resources, wanted)
    if bound != int(stated.get("log.retention.bytes", -1)):
        config["log.retention.bytes"] = bound
    content = {**kafka, **({"config": config} if config else {})}
    spec: Resource = {"kafka": content} if content else {}
    servers = resource["spec"]["zookeeper"]["replicas"]
    keepers = zookeeper_servers(wanted.workers, servers)
    if "workers" in changed and keepers != servers:
        spec["zookeeper"] = {"replicas": keepers}
    return {"spec": spec} if spec else {}


def retention_bytes(kafka: Resource, resources: list[Resource], wanted: SetUp) -> int:
    """Return the bound of a partition's log with which all copies on a broker fit its volume, at most the present."""
    stated = int(kafka["spec"]["kafka"]["config"].get("log.retention.bytes", -1))
    size = FULL_SHARE * quantity(kafka["spec"]["kafka"]["storage"]["size"])
    topics = [each["spec"] for each in resources if each["kind"] == "KafkaTopic"]
    copies = sum(max(wanted.partitions, topic["partitions"]) for topic in topics) * wanted.replication_factor
    a_broker = -(-copies // wanted.brokers)
    fits = int(size / a_broker // 1e8 * 1e8)
    return stated if 0 <= stated * a_broker <= size else fits


def _topic(resource: Resource, wanted: SetUp, changed: set[str]) -> Resource:
    spec: Resource = {}
    if "partitions" in changed and resource["spec"]["partitions"] < wanted.partitions:
        spec["partitions"] = wanted.partitions
    if "replication_factor" in changed:
        spec["replicas"] = wanted.replication_factor
        spec["config"] = {"min.insync.replicas": min_insync_replicas(wanted.replication_factor)}
    return {"spec": spec} if spec else {}


def _postgres(resource: Resource, wanted: SetUp, changed: set[str]) -> Resource:
    spec: Resource = {}
    if resource["spec"]["replicas"] > wanted.workers:
        spec["replicas"] = wanted.workers
    if "postgres_cpu_cores" in changed:
        old = resource["spec"]["resources"]
        share = quantity(old["requests"]["cpu"]) / quantity(old["limits"]["cpu"])
        spec["resources"] = {
            "requests": {"cpu": _cpu(share * wanted.postgres_cpu_cores)},
            "limits": {"cpu": _cpu(wanted.postgres_cpu_cores)},
        }
    return {"spec": spec} if spec else {}


def _processors(resource: Resource, wanted: SetUp, changed: set[str]) -> Resource:
    pod: Resource = {}
    if "processor_toleration_s" in changed:
        seconds = (
            {}
            if wanted.processor_toleration_s == float("inf")
            else {"tolerationSeconds": round(wanted.processor_toleration_s)}
        )
        pod["tolerations"] = [{"key": key, "operator": "Exists", "effect": "NoExecute", **seconds} for key in TAINTS]
    env = {}
    if "group_session_s" in changed:
        env["GROUP_SESSION_TIMEOUT_S"] = f"{wanted.group_session_s:g}"
    if "encryption" in changed:
        env["ENCRYPTION"] = wanted.encryption
    if env:
        container = resource["spec"]["template"]["spec"]["containers"][0]["name"]
        rows = [{"name": name, "value": value} for name, value in env.items()]
        pod["containers"] = [{"name": container, "env": rows}]
    spec: Resource = {"replicas": wanted.processors} if "processors" in changed else {}
    return {"spec": {**spec, **({"template": {"spec": pod}} if pod else {})}} if spec or pod else {}


def _redis_conf(resource: Resource, wanted: SetUp) -> Resource:
    text = resource["data"]["redis.conf"]
    line = f"maxmemory {wanted.redis_memory_mib:g}mb"
    return {"data": {"redis.conf": re.sub(r"(?m)^maxmemory\s.*$", line, text)}}


def _redis(resource: Resource, resources: list[Resource], wanted: SetUp) -> Resource:
    """Return the container's memory, in the proportion to maxmemory that it has."""
    container = resource["spec"]["template"]["spec"]["containers"][0]
    conf = next(each["data"]["redis.conf"] for each in resources if "redis.conf" in (each.get("data") or {}))
    stated = re.search(r"(?m)^maxmemory\s+(\S+)", conf)
    old = redis_bytes(stated[1]) if stated else quantity(container["resources"]["limits"]["memory"])
    factor = wanted.redis_memory_mib * MIB / old
    memory = {
        part: {"memory": f"{round(factor * quantity(container['resources'][part]['memory']) / MIB)}Mi"}
        for part in ("requests", "limits")
    }
    return {"spec": {"template": {"spec": {"containers": [{"name": container["name"], "resources": memory}]}}}}


def _cpu(cores: float) -> str:
    return f"{round(1000.0 * cores)}m"


def by_hand(present: SetUp, wanted: SetUp) -> list[str]:
    """Return what applying the patches does not do by itself."""
    steps: Mapping[str, str] = {
        "workers": "Machines are added or drained by a person; hub-shape only states them.",
        "worker_cpu_cores": "Machines are enlarged by a person; hub-shape only states them.",
        "worker_memory_gb": "Machines are enlarged by a person; hub-shape only states them.",
        "worker_disk_gb": "Machines are enlarged by a person; hub-shape only states them.",
        "brokers": "Partitions do not move by themselves: kafka-reassign-partitions, before brokers go and after new "
        "ones came.",
        "replication_factor": "Strimzi 0.42 refuses a topic's new number of replicas until kafka-reassign-partitions "
        "has made it so.",
        "partitions": "Devices' events change partition once, so a device's order breaks at that moment.",
        "encryption": "The event processor and the gateway know pgcrypto only and refuse to start otherwise: a change "
        "of the applications, and of the rows that are there.",
    }
    changed = wanted.changes_from(present)
    return list(dict.fromkeys(steps[name] for name in changed if name in steps))
