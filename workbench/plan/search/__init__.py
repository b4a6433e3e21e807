"""The cheapest set-up that keeps a question's objectives: what is tried, how it is judged, what is recommended."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from workbench.model.scheduling import read_nodes
from workbench.plan.basis import basis_of
from workbench.plan.question import Question
from workbench.plan.search.context import context_of
from workbench.plan.search.keeping import Kept
from workbench.plan.search.patches import write_overlay
from workbench.plan.search.recommending import search
from workbench.plan.search.set_up import SetUp
from workbench.plan.search.tasks import Crew, DaskCrew, Progress
from workbench.scenario import find_scenario, read_scenario
from workbench.topology import render

__all__ = ["CHANGE", "Crew", "DaskCrew", "Progress", "cheapest"]

ASSESSMENTS: Final = "assessments.sqlite"
CHANGE: Final = "change"


def cheapest(
    question: Question,
    nodes: Path,
    seed: int,
    run: Path | None,
    played: int,
    crew: Crew,
    out: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Return what the search finds, as JSON values, and write the recommended change below `out`.

    Args:
        question: one with a section `search`.
        nodes: YAML of the Nodes there are.
        seed: every draw and every choice follows from it.
        run: a kept run whose measured parameters are taken; None: published priors.
        played: how many draws are played through the engine.
        crew: who assesses the set-ups.
        out: a folder: ASSESSMENTS keeps each assessment as it comes in, CHANGE is the kustomization.
        progress: is told how it goes.

    Raises BadInput for what cannot be searched, MachineTrouble where the crew cannot work.
    """
    basis = basis_of(question.scenario, run)
    scenario = read_scenario(find_scenario(question.scenario))
    context = context_of(question, scenario, basis, tuple(read_nodes(nodes)), seed, played)
    with Kept(out / ASSESSMENTS, context.sha256) as kept:
        found = search(context, crew, kept, progress)
    if found["recommended"] is not None:
        folder = out / CHANGE
        base = os.path.relpath(basis.manifests.resolve(), folder.resolve())
        wanted = SetUp(**found["recommended"]["set_up"])
        write_overlay(folder, base, render(basis.manifests), context.present, wanted)
    return found
