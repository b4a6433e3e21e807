"""What of a scenario no drill does, or none on this target: said before anything is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import BadInput, Problem
from workbench.fault import CUTS, FailoverRule, RestartRule
from workbench.workload import ClientLibrary

if TYPE_CHECKING:
    from workbench.scenario.drill_scenario import Scenario


def check_possible(scenario: Scenario, *, on_cluster: bool) -> None:
    """Raise BadInput where a scenario asks for what nobody does there."""
    library = scenario.workload.library
    if library is not ClientLibrary.LIBRDKAFKA:
        problem = Problem(str(scenario.path), "load.library", library.value, "librdkafka: the load's own")
        raise BadInput(f"{scenario.name}: a drill's load is librdkafka's; `workbench predict` covers others", [problem])
    if on_cluster:
        _check_rules(scenario)
    elif scenario.faults[0].type in CUTS:
        raise BadInput(f"{scenario.name}: nobody can be cut off on one loopback device: --target kubernetes")


def _check_rules(scenario: Scenario) -> None:
    rules = (
        ("restart", scenario.restart.value, RestartRule.KUBELET_RULES.value),
        ("failover", scenario.failover.value, FailoverRule.NONE.value),
    )
    found = [
        Problem(scenario.name, key, stated, f"on a cluster only {possible}")
        for key, stated, possible in rules
        if stated != possible
    ]
    if found:
        raise BadInput(f"{scenario.name} cannot be done on a cluster", found)
