"""YAML to typed values: what a drill is told to do, checked before anything is touched."""

from workbench.scenario.checking import manifests_of, misfits, read_with_hub
from workbench.scenario.drill_scenario import Expectation, Objective, PrimaryMetric, Scenario
from workbench.scenario.question import question_of
from workbench.scenario.reading import (
    PROJECT_ROOT,
    all_scenarios,
    document_of,
    find_scenario,
    read_scenario,
    scenario_of,
)
from workbench.scenario.suite import RealHub, StopConditions, Suite, all_suites, find_suite, is_suite, read_suite

__all__ = [
    "PROJECT_ROOT",
    "Expectation",
    "Objective",
    "PrimaryMetric",
    "RealHub",
    "Scenario",
    "StopConditions",
    "Suite",
    "all_scenarios",
    "all_suites",
    "document_of",
    "find_scenario",
    "find_suite",
    "is_suite",
    "manifests_of",
    "misfits",
    "question_of",
    "read_scenario",
    "read_suite",
    "read_with_hub",
    "scenario_of",
]
