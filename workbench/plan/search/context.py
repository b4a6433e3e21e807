"""What every assessment of a search needs, in a form that travels to other machines: texts and numbers, no folders."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import yaml

from workbench.model.parameter import Parameter
from workbench.model.scheduling import Node
from workbench.plan.basis import Basis, measured
from workbench.plan.question import Question
from workbench.plan.search.set_up import SetUp, set_up_of
from workbench.scenario.drill_scenario import Scenario
from workbench.topology import render
from workbench.topology.pods import read_pod_traits

PACKAGE: Final = Path(__file__).resolve().parents[2]
BASE: Final = "base"


@dataclass(frozen=True)
class Context:
    """A search's fixed part."""

    question: Question
    scenario: Scenario
    manifests: str  # rendered, as YAML
    nodes: tuple[Node, ...]  # what pods may request of the machines there are
    measured: Mapping[str, Parameter]  # in place of priors
    measured_at_per_s: float
    present: SetUp
    seed: int
    played: int

    @property
    def rate_per_s(self) -> float:
        """Return the rate that a set-up has to carry: that of the last day asked about."""
        search = self.question.search
        days = search.for_days if search else 0.0
        return float(self.question.rate_per_s * (1.0 + self.question.growth_per_year) ** (days / 365.25))

    @property
    def sha256(self) -> str:
        """Return the hash of everything that an assessment is a function of, the code included."""
        parts = (self.manifests.encode(), code_sha256().encode(), repr(_plain(self)).encode())
        return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _plain(context: Context) -> tuple[Any, ...]:
    question = context.question
    search = question.search.model_dump(exclude={"set_ups"}) if question.search else None
    return (
        question.rate_per_s,
        question.growth_per_year,
        repr(question.objectives),
        repr(question.node),
        repr(search),
        context.scenario.text,
        repr(context.nodes),
        repr(sorted(context.measured.items())),
        context.measured_at_per_s,
        repr(context.present),
        context.seed,
        context.played,
    )


def context_of(
    question: Question, scenario: Scenario, basis: Basis, nodes: tuple[Node, ...], seed: int, played: int
) -> Context:
    """Return the context of a search. Raises BadInput for a hub that a search does not know."""
    resources = render(basis.manifests)
    present = set_up_of(basis.topology, resources, read_pod_traits(basis.manifests))
    text = yaml.safe_dump_all(resources, sort_keys=False)
    return Context(question, scenario, text, nodes, measured(basis), basis.measured_at_per_s, present, seed, played)


@lru_cache(maxsize=4)
def unpacked(manifests: str) -> tuple[TemporaryDirectory[str], list[dict[str, Any]]]:
    """Return a folder with the rendered manifests as BASE, and the resources; once a process."""
    folder: TemporaryDirectory[str] = TemporaryDirectory(prefix="workbench-plan-")
    base = Path(folder.name) / BASE
    base.mkdir()
    (base / "manifests.yaml").write_text(manifests)
    (base / "kustomization.yaml").write_text("resources:\n  - manifests.yaml\n")
    return folder, render(base)


@lru_cache(maxsize=1)
def code_sha256() -> str:
    """Return the hash of the workbench's own source: what another version computed is not this one's."""
    found = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        found.update(str(path.relative_to(PACKAGE)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()
