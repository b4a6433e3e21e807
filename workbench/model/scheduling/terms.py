"""Selectors, affinities, tolerations and spread constraints from YAML; what is not modelled is noted by name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from workbench.model.scheduling.objects import (
    HOSTNAME,
    NodePreference,
    PodPreference,
    PodTerm,
    Requirement,
    Selector,
    SpreadConstraint,
    Taint,
    Toleration,
)
from workbench.topology.documents import Node as YamlNode
from workbench.topology.documents import dotted
from workbench.topology.fields import Reader, near

LABEL_OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist")
NODE_OPERATORS: Final = (*LABEL_OPERATORS, "Gt", "Lt")
EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")
REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
WEIGHT_MAX: Final = 100  # of a preferred term, by the API's validation
NOT_MODELLED: Final = "not modelled"


def check_keys(reader: Reader, node: YamlNode, key: str, known: Collection[str]) -> None:
    """Note every key of a map that is not known here, by its name."""
    for name, child in node.fields.items():
        if name not in known:
            bound = "a pod without it, since it could decide where it runs" + near(name, known, cutoff=0.75)
            reader.note(child.place, dotted(key, name), NOT_MODELLED, bound)


def entries(node: YamlNode | None, key: str) -> Iterator[tuple[str, YamlNode]]:
    """Go over a list's elements with the dotted path of each."""
    for index, child in enumerate(node.items if node else []):
        yield f"{key}[{index}]", child


def label_selector(reader: Reader, node: YamlNode | None, key: str) -> Selector | None:
    """Return a LabelSelector; None where none is stated, which selects nothing."""
    if node is None:
        return None
    check_keys(reader, node, key, ("matchLabels", "matchExpressions"))
    equal = Selector.of(reader.settings(node, "matchLabels"))
    return Selector(equal.requirements + _expressions(reader, node, key, LABEL_OPERATORS))


def node_term(reader: Reader, node: YamlNode, key: str) -> Selector:
    """Return a node selector term, whose expressions must all hold."""
    check_keys(reader, node, key, ("matchExpressions",))
    return Selector(_expressions(reader, node, key, NODE_OPERATORS))


def node_terms(reader: Reader, affinity: YamlNode, key: str) -> tuple[Selector, ...] | None:
    """Return the terms of required node affinity, of which one must hold; None where none are required."""
    node = affinity.get("nodeAffinity", REQUIRED)
    if node is None:
        return None
    path = f"{key}.nodeAffinity.{REQUIRED}"
    check_keys(reader, node, path, ("nodeSelectorTerms",))
    listed = entries(node.get("nodeSelectorTerms"), f"{path}.nodeSelectorTerms")
    return tuple(node_term(reader, child, below) for below, child in listed)


def node_preferences(reader: Reader, affinity: YamlNode, key: str) -> tuple[NodePreference, ...]:
    """Return the preferred node affinity terms."""
    found = []
    for below, child in entries(affinity.get("nodeAffinity", PREFERRED), f"{key}.nodeAffinity.{PREFERRED}"):
        check_keys(reader, child, below, ("weight", "preference"))
        preference = reader.find(child, ("preference",), "a node selector term")
        if preference is not None:
            term = node_term(reader, preference, f"{below}.preference")
            found.append(NodePreference(_weight(reader, child), term))
    return tuple(found)


def pod_terms(reader: Reader, affinity: YamlNode, kind: str, key: str, namespace: str) -> tuple[PodTerm, ...]:
    """Return the required terms of podAffinity or podAntiAffinity."""
    listed = entries(affinity.get(kind, REQUIRED), f"{key}.{kind}.{REQUIRED}")
    return tuple(_pod_term(reader, child, below, namespace) for below, child in listed)


def pod_preferences(
    reader: Reader, affinity: YamlNode, kind: str, key: str, namespace: str
) -> tuple[PodPreference, ...]:
    """Return the preferred terms of podAffinity or podAntiAffinity."""
    found = []
    for below, child in entries(affinity.get(kind, PREFERRED), f"{key}.{kind}.{PREFERRED}"):
        check_keys(reader, child, below, ("weight", "podAffinityTerm"))
        term = reader.find(child, ("podAffinityTerm",), "a pod affinity term")
        if term is not None:
            read = _pod_term(reader, term, f"{below}.podAffinityTerm", namespace)
            found.append(PodPreference(_weight(reader, child), read))
    return tuple(found)


def tolerations(reader: Reader, node: YamlNode | None, key: str) -> tuple[Toleration, ...]:
    """Return a pod's tolerations; tolerationSeconds decides about eviction only."""
    found = []
    for below, child in entries(node, key):
        check_keys(reader, child, below, ("key", "operator", "value", "effect", "tolerationSeconds"))
        operator = reader.text(child, "operator", allowed=("Exists", "Equal")) if child.get("operator") else "Equal"
        effect = reader.text(child, "effect", allowed=EFFECTS) if child.text("effect") else ""
        if not child.text("key") and operator != "Exists":
            reader.note(child.place, f"{below}.key", "missing", "a key, or operator Exists for all taints")
        found.append(Toleration(child.text("key"), operator, child.text("value"), effect))
    return tuple(found)


def taints(reader: Reader, node: YamlNode | None) -> tuple[Taint, ...]:
    """Return a node's taints."""
    return tuple(
        Taint(reader.text(child, "key"), child.text("value"), reader.text(child, "effect", allowed=EFFECTS))
        for _, child in entries(node, "spec.taints")
    )


def spread_constraints(reader: Reader, node: YamlNode | None, key: str) -> tuple[SpreadConstraint, ...]:
    """Return a pod's topologySpreadConstraints, at most one a topology key and action."""
    found: dict[tuple[str, bool], SpreadConstraint] = {}
    for below, child in entries(node, key):
        check_keys(reader, child, below, ("maxSkew", "topologyKey", "whenUnsatisfiable", "labelSelector"))
        action = reader.text(child, "whenUnsatisfiable", allowed=("DoNotSchedule", "ScheduleAnyway"))
        topology_key, hard = reader.text(child, "topologyKey"), action == "DoNotSchedule"
        if (topology_key, hard) in found:
            reader.note(child.place, f"{below}.topologyKey", topology_key, f"one constraint a key and {action}")
        found[topology_key, hard] = SpreadConstraint(
            reader.whole(child, "maxSkew", at_least=1, at_most=2**31 - 1),
            topology_key,
            hard,
            label_selector(reader, child.get("labelSelector"), f"{below}.labelSelector"),
        )
    return tuple(found.values())


def hostnames(reader: Reader, volume: YamlNode) -> frozenset[str] | None:
    """Return the hosts that a PersistentVolume's node affinity names; None where it names none."""
    node = volume.get("spec", "nodeAffinity", "required", "nodeSelectorTerms")
    if node is None:
        return None
    found: set[str] = set()
    key = "spec.nodeAffinity.required.nodeSelectorTerms"
    for below, child in entries(node, key):
        term = node_term(reader, child, below)
        if len(term.requirements) != 1 or (term.requirements[0].key, term.requirements[0].operator) != (HOSTNAME, "In"):
            reader.note(child.place, below, NOT_MODELLED, f"one expression, {HOSTNAME} In, as a local volume has it")
            continue
        found.update(term.requirements[0].values)
    return frozenset(found)


def _pod_term(reader: Reader, node: YamlNode, key: str, namespace: str) -> PodTerm:
    check_keys(reader, node, key, ("topologyKey", "labelSelector", "namespaces", "namespaceSelector"))
    everywhere = node.get("namespaceSelector")
    if everywhere is not None and everywhere.fields:
        bound = "{} for every namespace, or namespaces by name: labels of namespaces are not read"
        reader.note(everywhere.place, f"{key}.namespaceSelector", NOT_MODELLED, bound)
    named = frozenset(str(child.plain) for _, child in entries(node.get("namespaces"), f"{key}.namespaces"))
    own = frozenset([namespace]) if not named and everywhere is None else frozenset()
    selector = label_selector(reader, node.get("labelSelector"), f"{key}.labelSelector")
    return PodTerm(reader.text(node, "topologyKey"), selector, named | own, everywhere is not None)


def _weight(reader: Reader, node: YamlNode) -> int:
    return reader.whole(node, "weight", at_least=1, at_most=WEIGHT_MAX)


def _expressions(reader: Reader, node: YamlNode, key: str, operators: Collection[str]) -> tuple[Requirement, ...]:
    found = []
    for below, child in entries(node.get("matchExpressions"), f"{key}.matchExpressions"):
        check_keys(reader, child, below, ("key", "operator", "values"))
        operator = reader.text(child, "operator", allowed=operators)
        listed = child.get("values")
        values = tuple(str(each.plain) for _, each in entries(listed, f"{below}.values"))
        wanted = {"In": "one value or more", "NotIn": "one value or more", "Gt": "one value", "Lt": "one value"}
        fits = (len(values) == 1 if operator in ("Gt", "Lt") else bool(values)) == (operator in wanted)
        if not fits:
            found_values = f"{len(values)} values"
            place = listed.place if listed else child.place
            reader.note(place, f"{below}.values", found_values, f"{wanted.get(operator, 'no value')} for {operator}")
        found.append(Requirement(reader.text(child, "key"), operator, values))
    return tuple(found)
