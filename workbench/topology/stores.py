"""Kubegres and Redis to typed values: their resources and the configuration files their ConfigMaps hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from workbench.errors import BadInput
from workbench.topology.documents import Node, Place
from workbench.topology.fields import Reader, near, one_of
from workbench.topology.finding import config_map_text
from workbench.topology.hub import PostgresCluster, RedisServer
from workbench.topology.placement import PodGroup, check_one_a_node
from workbench.topology.rendering import Resources
from workbench.units import POSTGRES_BYTES, POSTGRES_S, postgres_setting

POSTGRES_CONF: Final = "postgres.conf"
REDIS_CONF: Final = "redis.conf"
# Values as each server names them; other settings pass as they are.
_POSTGRES_ENUMS: Final[Mapping[str, tuple[str, ...]]] = {
    "synchronous_commit": ("on", "off", "local", "remote_write", "remote_apply"),
    "track_commit_timestamp": ("on", "off"),
    "fsync": ("on", "off"),
    "full_page_writes": ("on", "off"),
    "wal_level": ("minimal", "replica", "logical"),
}
_POSTGRES_NUMBERS: Final[Mapping[str, tuple[Mapping[str, float], str]]] = {
    "checkpoint_timeout": (POSTGRES_S, "s"),
    "max_wal_size": (POSTGRES_BYTES, "MB"),
    "checkpoint_completion_target": ({"": 1.0}, ""),
}
_REDIS_ENUMS: Final[Mapping[str, tuple[str, ...]]] = {
    "appendonly": ("yes", "no"),
    "appendfsync": ("always", "everysec", "no"),
    "maxmemory-policy": (
        "noeviction",
        "allkeys-lru",
        "allkeys-lfu",
        "allkeys-random",
        "volatile-lru",
        "volatile-lfu",
        "volatile-random",
        "volatile-ttl",
    ),
}
_POSTGRES_LINE: Final = re.compile(
    r"^\s*(?P<name>[A-Za-z_][A-Za-z0-9_.]*)\s*(?:=|\s)\s*(?P<value>'[^']*'|[^#\s]+)\s*(?:#.*)?$"
)
_REDIS_LINE: Final = re.compile(r"^\s*(?P<name>[A-Za-z][A-Za-z0-9-]*)\s+(?P<value>\S.*?)\s*$")


def read_postgres(reader: Reader, node: Node, resources: Resources, nodes: int) -> PostgresCluster:
    """Return the Kubegres resource as a cluster; `nodes` is how many workers there are."""
    replicas = reader.whole(node, "spec", "replicas", at_least=1, at_most=100)
    group = PodGroup("spec.replicas", replicas, "spec.scheduler.affinity")
    place = (node.get("spec", "replicas") or node).place
    check_one_a_node(reader, group, node.get("spec", "scheduler", "affinity"), place, nodes)
    config: dict[str, str] = {}
    custom = reader.find(node, ("spec", "customConfig"), f"the ConfigMap that holds {POSTGRES_CONF}")
    if custom is not None:
        namespace = node.text("metadata", "namespace")
        text, where = config_map_text(reader, resources, str(custom.plain), namespace, POSTGRES_CONF, custom.place)
        config = _read_lines(reader, text, where, POSTGRES_CONF, _POSTGRES_LINE, _POSTGRES_ENUMS)
        _check_numbers(reader, config, where)
        if text and config.get("track_commit_timestamp") != "on":
            found = config.get("track_commit_timestamp", "missing")
            bound = "on: without it no row has the time of its commit, the end of an event's way"
            reader.note(where, f"{POSTGRES_CONF}: track_commit_timestamp", found, bound)
    return PostgresCluster(
        name=reader.text(node, "metadata", "name"),
        version=reader.version(node, "spec", "image"),
        replicas=replicas,
        config=config,
        failover_disabled=reader.truth(node, "spec", "failover", "isDisabled", default=False),
        resources=reader.resources(node, "spec", "resources"),
    )


def _check_numbers(reader: Reader, config: Mapping[str, str], where: Place) -> None:
    """Note a setting that the models read as a number and that is none, or not above 0."""
    for name, (units, bare) in _POSTGRES_NUMBERS.items():
        text = config.get(name)
        if text is None:
            continue
        try:
            fits = postgres_setting(text, units, bare) > 0.0
        except BadInput:
            fits = False
        if not fits:
            bound = f"a number above 0 with one of the units {', '.join(units)}" if bare else "a number above 0"
            reader.note(where, f"{POSTGRES_CONF}: {name}", text, bound)


def read_redis(reader: Reader, node: Node, resources: Resources) -> RedisServer:
    """Return the Redis StatefulSet as a single server."""
    replicas = reader.whole(node, "spec", "replicas", at_least=1, at_most=100, default=1)
    if replicas != 1:
        place = node.get("spec", "replicas") or node
        bound = "1: two instances without replication between them would each hold half the state"
        reader.note(place.place, "spec.replicas", replicas, bound)
    container = only_container(reader, node)
    text, where = _mounted_config(reader, node, resources)
    return RedisServer(
        name=reader.text(node, "metadata", "name"),
        version=reader.version(container, "image"),
        config=_read_lines(reader, text, where, REDIS_CONF, _REDIS_LINE, _REDIS_ENUMS),
        resources=reader.resources(container, "resources"),
    )


def only_container(reader: Reader, node: Node) -> Node:
    """Return the one container of a workload's pod; a pod with none or several is noted."""
    containers = node.get("spec", "template", "spec", "containers")
    items = containers.items if containers else []
    if len(items) != 1:
        place = containers or node
        reader.note(place.place, "spec.template.spec.containers", f"{len(items)} containers", "one container")
    return items[0] if items else node


def _mounted_config(reader: Reader, node: Node, resources: Resources) -> tuple[str, Place]:
    """Return the redis.conf among the ConfigMaps that a pod mounts."""
    volumes = node.get("spec", "template", "spec", "volumes")
    mounted = [volume.get("configMap", "name") for volume in (volumes.items if volumes else [])]
    names = [name for name in mounted if name is not None]
    if len(names) != 1:
        place = (volumes or node).place
        bound = f"one volume from a ConfigMap, the one with {REDIS_CONF}"
        reader.note(place, "spec.template.spec.volumes", f"{len(names)} ConfigMaps", bound)
        return "", node.place
    namespace = node.text("metadata", "namespace")
    return config_map_text(reader, resources, str(names[0].plain), namespace, REDIS_CONF, names[0].place)


def _read_lines(
    reader: Reader,
    text: str,
    where: Place,
    file: str,
    line_form: re.Pattern[str],
    enums: Mapping[str, tuple[str, ...]],
) -> dict[str, str]:
    """Return a configuration file's settings; a line that is none, one stated twice or out of range is noted."""
    settings: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        # A block text starts on the line below its key.
        place = Place(where.file, None if where.line is None else where.line + number)
        match = line_form.match(line)
        if match is None:
            reader.note(place, file, line.strip(), "a setting: its name and its value")
            continue
        name, value = match["name"].lower(), match["value"].strip("'\"")
        if name in settings:
            reader.note(place, f"{file}: {name}", "there twice", "stated once")
        if name in enums and value.lower() not in enums[name]:
            reader.note(place, f"{file}: {name}", value, one_of(enums[name]) + near(value, enums[name]))
        settings[name] = value
    return settings
