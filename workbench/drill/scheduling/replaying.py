"""The model's decision beside each of kube-scheduler's: from the same state, with the real choice kept each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from workbench.drill.scheduling.verbose_log import Attempt
from workbench.model.scheduling import Decision, Node, Pod
from workbench.model.scheduling.cluster import Cluster
from workbench.model.scheduling.placing import decide
from workbench.model.scheduling.scores import WEIGHTS

TIED_MAX: Final = 3  # a choice among more nodes shows little
KEPT_MAX: Final = 20  # differences written down in full


@dataclass
class Replayed:
    """How the decisions of one mix compare."""

    mix: str
    attempts: int = 0
    scored: int = 0  # attempts in which kube-scheduler scored nodes: where two or more fitted
    scores_equal: int = 0  # of those: every plugin's score of every node, and no other nodes
    placed: int = 0
    chosen_among_best: int = 0  # of those placed: kube-scheduler's node is among the model's best
    few_tied: int = 0  # placed, with at most TIED_MAX best nodes
    few_tied_among_best: int = 0
    pending_equal: int = 0  # attempts that failed in both
    differences: list[dict[str, Any]] = field(default_factory=list)

    @property
    def alike(self) -> bool:
        """Tell whether the model never differed."""
        failed = self.attempts - self.placed
        return (self.scored, self.placed, failed) == (self.scores_equal, self.chosen_among_best, self.pending_equal)


def replay(
    mix: str, nodes: Sequence[Node], pods: Mapping[str, Pod], attempts: Sequence[Attempt], placed: Mapping[str, str]
) -> Replayed:
    """Go through the attempts in their order; `placed` tells the node of every pod (namespace/name) that got one."""
    cluster, result = Cluster(nodes), Replayed(mix)
    for attempt in attempts:
        decision = decide(cluster, pods[attempt.pod], 0.0)
        real = placed[attempt.pod] if attempt.fitted else None
        _compare(result, attempt, decision, real)
        if real is not None:
            cluster.place(real).add(decision.pod)
    return result


def weighted_scores(decision: Decision) -> dict[str, dict[str, int]]:
    """Return node -> plugin -> score times weight, as kube-scheduler logs it."""
    return {
        node: {plugin: WEIGHTS[plugin] * points for plugin, points in scores.items()}
        for node, scores in decision.scores.items()
    }


def _compare(result: Replayed, attempt: Attempt, decision: Decision, real: str | None) -> None:
    result.attempts += 1
    problems = []
    if attempt.totals:
        result.scored += 1
        unequal = _unequal(attempt, decision)
        result.scores_equal += not unequal
        problems += unequal[:3]
    if real is None:
        result.pending_equal += decision.node is None
        problems += [] if decision.node is None else [f"the model would have placed it on {decision.node}"]
    else:
        result.placed += 1
        among = real in decision.tied
        result.chosen_among_best += among
        few = 0 < len(decision.tied) <= TIED_MAX
        result.few_tied += few
        result.few_tied_among_best += few and among
        problems += [] if among else [f"kube-scheduler chose {real}, the model's best are {', '.join(decision.tied)}"]
    if problems and len(result.differences) < KEPT_MAX:
        result.differences.append({"attempt": result.attempts, "pod": attempt.pod, "problems": problems})


def _unequal(attempt: Attempt, decision: Decision) -> list[str]:
    """Return where scores differ. A plugin that kube-scheduler skipped must have made no difference."""
    ours = weighted_scores(decision)
    if set(ours) != set(attempt.totals):
        return [f"other nodes fitted: {', '.join(sorted(set(ours) ^ set(attempt.totals)))}"]
    problems = []
    for plugin in WEIGHTS:
        logged = {node: scores[plugin] for node, scores in attempt.weighted.items() if plugin in scores}
        mine = {node: scores[plugin] for node, scores in ours.items()}
        if logged and logged != mine:
            node = next(node for node in mine if logged.get(node) != mine[node])
            problems.append(f"{plugin} of {node}: {logged.get(node)} logged, {mine[node]} by the model")
        elif not logged and len(set(mine.values())) > 1:
            problems.append(f"{plugin} was skipped, but decides in the model")
    return problems
