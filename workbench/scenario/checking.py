"""What only scenario and topology together can tell: brokers and topics that do not exist."""

from __future__ import annotations

from workbench.errors import BadInput, Problem
from workbench.scenario.drill_scenario import Scenario
from workbench.topology.documents import Place, dotted, parse, shown
from workbench.topology.fields import near
from workbench.topology.hub import HubTopology


def check_against(scenario: Scenario, topology: HubTopology) -> None:
    """Raise BadInput, with every problem, where a scenario speaks of what its hub does not have."""
    file = shown(scenario.path)
    document = parse(scenario.text, Place(file))[0]
    problems = []

    def note(key: str, value: str, bound: str, *path: str) -> None:
        node = document.get(*path)
        problems.append(Problem(file, key, value, bound, None if node is None else node.place.line))

    brokers = topology.kafka.broker_ids
    for index, fault in enumerate(scenario.faults):
        broker = fault.victim.broker
        if broker is not None and broker not in brokers:
            bound = f"a broker of the hub: {brokers[0]} to {brokers[-1]}"
            note(f"faults[{index}].victim.broker", str(broker), bound, "faults")
    names = [topic.name for topic in topology.topics]
    for topic in scenario.workload.mix:
        if topic not in names:
            bound = f"one of {', '.join(names)}{near(topic, names)}"
            note(dotted("load.mix", topic), "not a topic of the hub", bound, "load", "mix", topic)
    if problems:
        raise BadInput(f"scenario {file} does not fit its hub", problems)
