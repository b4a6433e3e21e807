"""Does a selector select, a toleration tolerate, a term mean a pod: the scheduler's yes-or-no questions.

Sources (Kubernetes v1.29): apimachinery/pkg/labels/selector.go, api/core/v1/toleration.go,
component-helpers/scheduling/corev1/nodeaffinity/nodeaffinity.go, pkg/scheduler/framework/types.go.
Left out: matchFields, and namespace selectors other than the one that selects every namespace.
"""

from __future__ import annotations

from collections.abc import Mapping

from workbench.model.scheduling.objects import Node, Pod, PodTerm, Requirement, Selector, Taint, Toleration


def selects(selector: Selector | None, labels: Mapping[str, str]) -> bool:
    """Tell whether every expression holds; None selects nothing."""
    return selector is not None and all(_holds(each, labels) for each in selector.requirements)


def _holds(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case operator:
            return value is not None and _compares(operator, value, requirement.values[0])


def _compares(operator: str, value: str, bound: str) -> bool:
    """Tell whether a label is a whole number above (Gt) or below (Lt) a bound."""
    try:
        return int(value) > int(bound) if operator == "Gt" else int(value) < int(bound)
    except ValueError:
        return False


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Tell whether one toleration lets a taint pass."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    return toleration.operator == "Exists" or toleration.value == taint.value


def tolerated(pod: Pod, taint: Taint) -> bool:
    """Tell whether any of a pod's tolerations lets a taint pass."""
    return any(tolerates(each, taint) for each in pod.tolerations)


def wants_node(pod: Pod, node: Node) -> bool:
    """Tell whether a node is among those of a pod's node selector and required node affinity."""
    if pod.node_selector is not None and not selects(pod.node_selector, node.labels):
        return False
    # A term without expressions selects no node, unlike an empty label selector.
    return pod.node_terms is None or any(term.requirements and selects(term, node.labels) for term in pod.node_terms)


def means(term: PodTerm, pod: Pod) -> bool:
    """Tell whether a pod affinity term is about a pod."""
    return (term.all_namespaces or pod.namespace in term.namespaces) and selects(term.selector, pod.labels)
