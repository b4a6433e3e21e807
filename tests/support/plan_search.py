"""What tests of a plan's search share: a context of the base manifests, and a crew that reckons instead of playing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.cli.place import REFERENCE_NODES
from workbench.model.scheduling import read_nodes
from workbench.plan.basis import basis_of
from workbench.plan.question import read_question
from workbench.plan.search.context import Context, context_of
from workbench.plan.search.set_up import SetUp
from workbench.plan.search.tasks import Found
from workbench.scenario import PROJECT_ROOT, find_scenario, read_scenario

CHEAPEST = PROJECT_ROOT / "questions" / "cheapest.yaml"


def a_context(search: dict[str, Any], question: Path = CHEAPEST, played: int = 2) -> Context:
    """Return the context of the example question with this section `search` in place of its own."""
    asked = read_question(question)
    assert asked.search is not None
    form = type(asked.search).model_validate(search)
    basis, nodes = basis_of(asked.scenario, None), tuple(read_nodes(REFERENCE_NODES))
    scenario = read_scenario(find_scenario(asked.scenario))
    return context_of(replace(asked, search=form), scenario, basis, nodes, seed=1, played=played)


class Reckoner:
    """A crew whose assessments are a formula, in the order of `arrange`; it stops after `until` of them."""

    def __init__(
        self,
        formula: Callable[[SetUp], dict[str, Any]],
        arrange: Callable[[Sequence[SetUp]], Sequence[SetUp]] = list,
        until: int = 10**6,
    ) -> None:
        self.formula, self.arrange, self.until = formula, arrange, until
        self.assessed: list[SetUp] = []

    def assess(self, context: Context, set_ups: Sequence[SetUp], found: Found) -> None:
        """Assess each by the formula."""
        for each in self.arrange(set_ups):
            if len(self.assessed) >= self.until:
                raise KeyboardInterrupt(context.seed)
            self.assessed.append(each)
            found(each, self.formula(each))


class Silent:
    """Progress that nobody looks at."""

    def begins(self, kept: int) -> None:
        """Say nothing."""

    def found(self, done: int, set_ups: int, computed: int) -> None:
        """Say nothing."""


def a_formula(p99_bound_s: float = 1.0) -> Callable[[SetUp], dict[str, Any]]:
    """Return a formula: capacity is processors times CPUs, an outage shrinks with brokers."""

    def formula(it: SetUp) -> dict[str, Any]:
        p99_s = 12.0 / (it.processors * it.worker_cpu_cores)
        excess = max(0.0, p99_s / p99_bound_s - 1.0)
        impossible = ["more brokers than workers"] if it.brokers > it.workers else []
        row = {"objective": "p99", "value": p99_s, "bound": p99_bound_s, "unit": "s", "excess": excess}
        return {
            "set_up": it.to_dict(),
            "cost": it.workers * (it.worker_cpu_cores + 0.1 * it.worker_memory_gb),
            "impossible": impossible,
            "objectives": [] if impossible else [row],
            "p99_s": None if impossible else p99_s,
            "outage_s": None if impossible else 60.0 / it.brokers,
        }

    return formula


def every_set_up(context: Context, choices: dict[str, list[Any]]) -> list[SetUp]:
    """Return all combinations of the choices over the present set-up."""
    names = list(choices)
    rows = itertools.product(*choices.values())
    return [replace(context.present, **dict(zip(names, row, strict=True))) for row in rows]
