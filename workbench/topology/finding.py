"""Finds the hub's resources among the rendered ones: by type, or by the label that names the application."""

from __future__ import annotations

from typing import Final

from workbench.errors import Problem
from workbench.topology.documents import Node, Place
from workbench.topology.fields import Reader, near
from workbench.topology.rendering import Resources

KAFKA: Final = ("kafka.strimzi.io/v1beta2", "Kafka")
NODE_POOL: Final = ("kafka.strimzi.io/v1beta2", "KafkaNodePool")
TOPIC: Final = ("kafka.strimzi.io/v1beta2", "KafkaTopic")
KUBEGRES: Final = ("kubegres.reactive-tech.io/v1", "Kubegres")
STATEFUL_SET: Final = ("apps/v1", "StatefulSet")
DEPLOYMENT: Final = ("apps/v1", "Deployment")
CONFIG_MAP: Final = ("v1", "ConfigMap")
NAME_LABEL: Final = "app.kubernetes.io/name"


def of_type(resources: Resources, wanted: tuple[str, str]) -> list[Node]:
    """Return every resource of an apiVersion and kind."""
    return [node for identity, node in resources.items() if (identity.api_version, identity.kind) == wanted]


def the_only(
    reader: Reader, resources: Resources, folder: str, wanted: tuple[str, str], app: str | None = None
) -> Node | None:
    """Return the one resource of a type (and with the label app.kubernetes.io/name); else note what is wrong."""
    found = of_type(resources, wanted)
    if app is not None:
        found = [node for node in found if node.text("metadata", "labels", NAME_LABEL) == app]
    label = "" if app is None else f" with the label {NAME_LABEL}: {app}"
    if len(found) == 1:
        return found[0]
    if not found:
        other = sorted({identity.api_version for identity in resources if identity.kind == wanted[1]} - {wanted[0]})
        hint = f"; there is one of apiVersion {other[0]}" if other else ""
        problem = Problem(folder, "", f"without a {wanted[1]} ({wanted[0]}){label}", f"exactly one{hint}")
        reader.problems.append(problem)
        return None
    for node in found[1:]:
        first = found[0].place
        reader.note(node.place, "", f"a second {wanted[1]}{label}", f"one; the first is {first.file}:{first.line}")
    return None


def config_map(reader: Reader, resources: Resources, name: str, namespace: str, user: Place) -> Node | None:
    """Return a ConfigMap; a missing one is noted where it is used (`user`)."""
    named = {node.text("metadata", "name"): node for node in of_type(resources, CONFIG_MAP)}
    node = named.get(name)
    if node is None or node.text("metadata", "namespace") != namespace:
        where = f"a ConfigMap that exists in namespace {namespace}"
        hint = near(name, [known for known in named if known != name])
        reader.note(user, "", f"refers to ConfigMap {name}", where + hint)
        return None
    return node


def config_map_text(
    reader: Reader, resources: Resources, name: str, namespace: str, key: str, user: Place
) -> tuple[str, Place]:
    """Return a ConfigMap's text under `key` and its place; what is missing is noted where it is used (`user`)."""
    node = config_map(reader, resources, name, namespace, user)
    if node is None:
        return "", user
    data = node.get("data", key)
    if data is None or not isinstance(data.value, str):
        known = node.get("data")
        hint = near(key, known.fields if known else {})
        reader.note(node.place, f'data["{key}"]', "missing", f"the text that {user.file}:{user.line} mounts{hint}")
        return "", node.place
    return data.value, data.place
