"""What was seen of a node's loss, and the moments that follow from it: pure functions over a list of facts.

A fact is a change as a watch told it, with the driver's own clock at its arrival; nothing is taken from the time stamps
of other machines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

UNREACHABLE: Final = "node.kubernetes.io/unreachable"


@dataclass(frozen=True)
class NodeFact:
    """A node changed."""

    at_s: float  # epoch
    name: str
    ready: bool
    evicting: bool  # it carries the unreachable taint with NoExecute


@dataclass(frozen=True)
class PodFact:
    """A pod changed."""

    at_s: float
    name: str
    node: str  # "" before it is bound
    address: str
    running: bool
    ready: bool
    terminating: bool
    gone: bool = False


@dataclass(frozen=True)
class EndpointsFact:
    """An EndpointSlice changed: its pods that get traffic."""

    at_s: float
    ready: tuple[str, ...]  # pods


@dataclass(frozen=True)
class RulesFact:
    """A node's rules were read: which of the lost pods' addresses are still in them."""

    at_s: float
    node: str
    addresses: tuple[str, ...]


@dataclass
class Facts:
    """Everything seen, in the order of arrival."""

    nodes: list[NodeFact] = field(default_factory=list)
    pods: list[PodFact] = field(default_factory=list)
    endpoints: list[EndpointsFact] = field(default_factory=list)
    rules: list[RulesFact] = field(default_factory=list)


@dataclass(frozen=True)
class Lost:
    """What went with the node."""

    node: str
    pods: Mapping[str, str]  # name -> address
    cut_s: float  # epoch


def observed_moments(facts: Facts, lost: Lost, survivors: Sequence[str]) -> dict[str, float | None]:
    """Return each moment in seconds after the cut, by the model's own names; None: not seen.

    `survivors` are the nodes whose rules were read.
    """
    nodes = [fact for fact in facts.nodes if fact.name == lost.node and fact.at_s >= lost.cut_s]
    theirs = [fact for fact in facts.pods if fact.name in lost.pods and fact.at_s >= lost.cut_s]
    moments = {
        "not_ready_s": _first(nodes, lambda fact: not fact.ready),
        "tainted_s": _first(nodes, lambda fact: fact.evicting),
        "endpoints_gone_s": _first(
            [fact for fact in facts.endpoints if fact.at_s >= lost.cut_s],
            lambda fact: not set(fact.ready) & set(lost.pods),
        ),
        "rules_gone_s": _last_of(_first(_rules_of(facts, node, lost), _without) for node in survivors),
        "evicted_s": _first(theirs, lambda fact: fact.terminating),
        "replacement_running_s": _replaced(facts, lost),
    }
    return {name: None if at_s is None else at_s - lost.cut_s for name, at_s in moments.items()}


def endpoint_moments(facts: Facts, pod: str, nodes: Sequence[str], deleted_s: float) -> dict[str, float | None]:
    """Return when a deleted pod was out of the EndpointSlices and of each node's rules, s after its deletion's answer.

    A watch may tell of it before the deletion is answered: that counts as at once.
    """
    told = [fact.at_s for fact in facts.endpoints[1:] if pod not in fact.ready]
    moments = {"endpoints_gone_s": min(told, default=None)}
    for node in nodes:
        seen = [fact.at_s for fact in facts.rules if fact.node == node and fact.at_s > deleted_s and _without(fact)]
        moments[f"rules_gone_{node}_s"] = min(seen, default=None)
    return {name: None if at_s is None else max(0.0, at_s - deleted_s) for name, at_s in moments.items()}


def replacements(facts: Facts, lost: Lost) -> dict[str, list[PodFact]]:
    """Return the facts of each pod that was first seen after the cut."""
    before = {fact.name for fact in facts.pods if fact.at_s < lost.cut_s} | set(lost.pods)
    found: dict[str, list[PodFact]] = {}
    for fact in facts.pods:
        if fact.name not in before:
            found.setdefault(fact.name, []).append(fact)
    return found


def _replaced(facts: Facts, lost: Lost) -> float | None:
    """Return when the last of as many new pods as were lost runs."""
    new = [_first(seen, lambda fact: fact.running) for seen in replacements(facts, lost).values()]
    running = sorted(at_s for at_s in new if at_s is not None)
    return running[len(lost.pods) - 1] if len(running) >= len(lost.pods) else None


def _rules_of(facts: Facts, node: str, lost: Lost) -> list[RulesFact]:
    return [fact for fact in facts.rules if fact.node == node and fact.at_s >= lost.cut_s]


def _without(fact: RulesFact) -> bool:
    return not fact.addresses


def _first(facts: Iterable[Any], condition: Callable[[Any], bool]) -> float | None:
    return next((fact.at_s for fact in facts if condition(fact)), None)


def _last_of(moments: Iterable[float | None]) -> float | None:
    known = list(moments)
    return None if None in known or not known else max(at_s for at_s in known if at_s is not None)
