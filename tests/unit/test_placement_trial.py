"""kube-scheduler's log read and set beside the model's decisions."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from workbench.drill.scheduling import mixes, placements
from workbench.drill.scheduling.replaying import replay, weighted_scores
from workbench.drill.scheduling.verbose_log import Attempt, attempts_of
from workbench.model.scheduling import place_all, read_nodes, read_workloads

PODS = 40
LOG = """\
I1124 08:00:00.000001   1 schedule_one.go:98] "Attempting to schedule pod" pod="placements/a"
I1124 08:00:00.000002   1 schedule_one.go:745] "Plugin scored node for pod" pod="placements/a" plugin="NodeAffinity" \
node="n-1" score=200
I1124 08:00:00.000003   1 schedule_one.go:812] "Calculated node's final score for pod" pod="placements/a" node="n-1" \
score=417
I1124 08:00:00.000004   1 schedule_one.go:98] "Attempting to schedule pod" pod="placements/b"
I1124 08:00:00.000005   1 schedule_one.go:1002] "Unable to schedule pod; no fit; waiting" pod="placements/b" err="0/1"
I1124 08:00:00.000006   1 schedule_one.go:98] "Attempting to schedule pod" pod="placements/b"
"""


def test_the_log_is_read_attempt_by_attempt() -> None:
    """Scores and failures belong to the newest attempt of their pod."""
    assert attempts_of(LOG.splitlines()) == [
        Attempt("placements/a", {"n-1": {"NodeAffinity": 200}}, {"n-1": 417}),
        Attempt("placements/b", fitted=False),
        Attempt("placements/b"),
    ]


@pytest.mark.parametrize("mix", mixes.MIXES, ids=lambda mix: mix.name)
def test_a_scheduler_like_the_model_is_found_alike_and_one_that_is_not_is_found_out(
    mix: mixes.Mix, tmp_path: Path
) -> None:
    """The model's own decisions as a log: no difference; one score or one choice changed: told, with the pod's name."""
    nodes = read_nodes(_written(tmp_path / "nodes.yaml", mixes.nodes_of(mix, 1)))
    pods = read_workloads(placements._written(tmp_path / "pods.yaml", mixes.pods_of(mix, PODS, 1, "x"), "x")).pods
    decisions = place_all(nodes, pods)
    attempts = [
        Attempt(each.pod.key, weighted_scores(each), dict(each.totals), each.node is not None) for each in decisions
    ]
    placed = {each.pod.key: each.node for each in decisions if each.node is not None}
    models = {pod.key: pod for pod in pods}
    result = replay(mix.name, nodes, models, attempts, placed)
    assert (result.alike, result.differences, result.attempts) == (True, [], PODS)
    scored = next(attempt for attempt in reversed(attempts) if attempt.totals)
    node = next(iter(scored.totals))
    scored.weighted[node]["NodeResourcesFit"] += 1
    worst = min(scored.totals, key=lambda name: scored.totals[name])
    result = replay(mix.name, nodes, models, attempts, {**placed, scored.pod: worst})
    assert not result.alike
    assert any(scored.pod == difference["pod"] for difference in result.differences)


def test_mixes_have_what_their_names_say() -> None:
    """The last has it all; the same seed gives the same objects."""
    (everything,) = (mix for mix in mixes.MIXES if mix.name == "everything")
    text = yaml.safe_dump([mixes.nodes_of(everything, 1), mixes.pods_of(everything, 300, 1, "x")])
    for word in ("PreferNoSchedule", "podAntiAffinity", "DoNotSchedule", "ScheduleAnyway", "NotIn", "tolerations"):
        assert word in text
    assert text == yaml.safe_dump([mixes.nodes_of(everything, 1), mixes.pods_of(everything, 300, 1, "x")])
    assert len(mixes.MIXES) >= 5


def _written(path: Path, objects: list[dict[str, object]]) -> Path:
    path.write_text(yaml.safe_dump_all(objects))
    return path
