"""A scenario together with its hub: everything that is wrong with either, or with the two of them, at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from workbench.errors import BadInput, Problem
from workbench.fault import FaultType, mode_contradiction
from workbench.scenario.drill_scenario import Scenario
from workbench.scenario.reading import PROJECT_ROOT, document_of, read_scenario
from workbench.topology import HubTopology, read_topology
from workbench.topology.documents import Node, dotted, shown
from workbench.topology.fields import near


def read_with_hub(path: Path, manifests: Path | None = None) -> tuple[Scenario, HubTopology]:
    """Return a scenario and the topology of its manifests, or of other ones, which take their place in it.

    Raises BadInput with every problem of the scenario's form, of the manifests, and of servers and topics that
    the scenario names and the hub does not have.
    """
    found: list[Problem] = []
    scenario: Scenario | None = None
    topology: HubTopology | None = None
    document = document_of(path)
    try:
        scenario = read_scenario(path)
    except BadInput as error:
        found += error.problems_in(shown(path))
    folder = manifests or manifests_of(document)
    if folder is not None:
        try:
            topology = read_topology(folder)
        except BadInput as error:
            found += error.problems_in(shown(folder))
    if topology is not None:
        found += misfits(document, topology)
    if scenario is None or topology is None or found:
        raise BadInput(f"scenario {shown(path)} cannot be used", sorted(found, key=_place))
    return (replace(scenario, manifests=manifests.resolve()) if manifests else scenario), topology


def manifests_of(document: Node) -> Path | None:
    """Return the manifests' folder that a scenario's document names; None where there is no such folder."""
    named = document.get("manifests")
    if named is None or not isinstance(named.value, str) or not named.value:
        return None
    folder = (PROJECT_ROOT / named.value).resolve()
    return folder if folder.is_dir() else None


def misfits(document: Node, topology: HubTopology) -> list[Problem]:
    """Return where a scenario's document speaks of servers and topics that its hub does not have."""
    return [*_victims(document, topology), *_of_mode(document, topology), *_topics(document, topology)]


def _victims(document: Node, topology: HubTopology) -> Iterator[Problem]:
    there: dict[str, tuple[list[int] | list[str], str]] = {
        "broker": (list(topology.kafka.broker_ids), "a broker of the hub"),
        "processor": (list(range(topology.processors.replicas)), "an event processor of the hub"),
        "node": (list(topology.nodes), "a node of the hub"),
    }
    faults = document.get("faults")
    for index, fault in enumerate(faults.items if faults else ()):
        for key, (numbers, words) in there.items():
            named = fault.get("victim", key)
            if named is not None and type(named.value) is type(numbers[0]) and named.value not in numbers:
                bound = f"{words}: {numbers[0]} to {numbers[-1]}"
                path = f"faults[{index}].victim.{key}"
                yield Problem(named.place.file, path, str(named.value), bound, named.place.line)
        several, ids = fault.get("victim", "brokers"), list(topology.kafka.broker_ids)
        for place, each in enumerate(several.items if several is not None else ()):
            if isinstance(each.value, int) and each.value not in ids:
                path, bound = f"faults[{index}].victim.brokers[{place}]", f"a broker of the hub: {ids[0]} to {ids[-1]}"
                yield Problem(each.place.file, path, str(each.value), bound, each.place.line)


def _of_mode(document: Node, topology: HubTopology) -> Iterator[Problem]:
    """Yield the faults that contradict who keeps Kafka's metadata."""
    faults = document.get("faults")
    kraft = topology.kafka.quorum is not None
    for index, fault in enumerate(faults.items if faults else ()):
        stated = fault.get("type")
        if stated is not None and stated.plain in set(FaultType):
            reason = mode_contradiction(FaultType(stated.plain), fault.text("victim", "role") or None, kraft=kraft)
            if reason:
                yield Problem(stated.place.file, f"faults[{index}]", str(stated.value), reason, stated.place.line)


def _topics(document: Node, topology: HubTopology) -> Iterator[Problem]:
    names = [topic.name for topic in topology.topics]
    mix = document.get("load", "mix")
    for topic, share in (mix.fields if mix else {}).items():
        if topic not in names:
            bound = f"one of {', '.join(names)}{near(topic, names)}"
            yield Problem(
                share.place.file, dotted("load.mix", topic), "not a topic of the hub", bound, share.place.line
            )


def _place(problem: Problem) -> tuple[str, int]:
    return problem.file, problem.line or 0
