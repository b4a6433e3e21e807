"""Compiled placement of pods that ask for nothing but CPU and memory: many pods of few shapes onto many nodes.

The rules are those of NodeResourcesFit, its LeastAllocated score and NodeResourcesBalancedAllocation in kube-scheduler
1.29 (pkg/scheduler/framework/plugins/noderesources); every other default score is the same for all nodes then. A node's
score for a shape is kept and counted anew only when a pod is put there: the answer is the same as with every
score counted each time, the work is not. Which nodes a shape may use at all (taints, node affinity) is an input.

Left out: everything that looks at other pods (affinity, spreading), preferred nodes, PreferNoSchedule taints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from workbench.compilation import compiled
from workbench.engine.inputs import BoolArray, FloatArray, IntArray

SCORE_MAX: Final = 200  # 100 of each of the two plugins
ScoreArray = npt.NDArray[np.int16]  # 0..200, -1 for a node that does not fit


@dataclass(frozen=True)
class PlacingInput:
    """Nodes, shapes of pods, and the pods in the order of their turns.

    `allocatable` is (nodes, 3): millicores, bytes, pods. `shapes` is (shapes, 4): millicores, bytes, and both again as
    they are counted where unstated requests count too. `allowed` is (shapes, nodes). `shape` and `draw` (uniform in
    [0, 1), decides among equals) are per pod. The search for feasible nodes ends with `nodes_to_find`.
    """

    allocatable: IntArray
    shapes: IntArray
    allowed: BoolArray
    shape: IntArray
    draw: FloatArray
    nodes_to_find: int


def place_pods(given: PlacingInput) -> IntArray:
    """Return each pod's node, -1 for one that fits nowhere. Nodes are empty at first."""
    return place_each(given.allocatable, given.shapes, given.allowed, given.shape, given.draw, given.nodes_to_find)


@compiled
def score_of(allocatable: IntArray, used: IntArray, asked: IntArray) -> int:
    """Return LeastAllocated plus BalancedAllocation (0..200) of a node for a shape, -1 where it does not fit.

    `used` is millicores, bytes, pods, and the counted millicores and bytes.
    """
    cpu_m, memory_bytes, pods = allocatable[0], allocatable[1], allocatable[2]
    if used[2] + 1 > pods or 0 < asked[0] > cpu_m - used[0] or 0 < asked[1] > memory_bytes - used[1]:
        return -1
    points, stated = 0, 0
    for resource in range(2):
        room = allocatable[resource]
        if room > 0:
            counted = used[3 + resource] + asked[2 + resource]
            points += 0 if counted > room else (room - counted) * 100 // room
            stated += 1
    least = points // stated if stated > 0 else 0
    if cpu_m == 0 or memory_bytes == 0:
        return least + 100
    cpu_share = min(1.0, (used[0] + asked[0]) / cpu_m)
    memory_share = min(1.0, (used[1] + asked[1]) / memory_bytes)
    return least + int((1.0 - abs((cpu_share - memory_share) / 2.0)) * 100)


@compiled
def keep(scores: ScoreArray, tally: IntArray, node: int, score: int) -> None:
    """Write down a node's score for a shape, and in `tally` how many nodes have which."""
    if scores[node] >= 0:
        tally[scores[node]] -= 1
    if score >= 0:
        tally[score] += 1
    scores[node] = score


@compiled
def best_of_all(tally: IntArray) -> tuple[int, int]:
    """Return the best score that a node has, -1 without any, and how many have it."""
    for score in range(len(tally) - 1, -1, -1):
        if tally[score] > 0:
            return score, tally[score]
    return -1, 0


@compiled
def best_of_some(scores: ScoreArray, start: int, nodes_to_find: int) -> tuple[int, int, int]:
    """Look at nodes from `start` on until enough are feasible: the best score, how many have it, how many were seen."""
    nodes = len(scores)
    seen, found, best, equals = 0, 0, -1, 0
    node = start
    while seen < nodes and found < nodes_to_find:
        score = scores[node]
        if score >= 0:
            found += 1
            if score > best:
                best, equals = score, 1
            elif score == best:
                equals += 1
        seen += 1
        node = node + 1 if node + 1 < nodes else 0
    return best, equals, seen


@compiled
def nth_equal(scores: ScoreArray, start: int, best: int, before: int) -> int:
    """Return the node of score `best` that has `before` others before it, from `start` on; there must be one."""
    nodes = len(scores)
    node = start
    while scores[node] != best or before > 0:
        before -= scores[node] == best
        node = node + 1 if node + 1 < nodes else 0
    return node


@compiled
def place_each(
    allocatable: IntArray,
    shapes: IntArray,
    allowed: BoolArray,
    shape: IntArray,
    draw: FloatArray,
    nodes_to_find: int,
) -> IntArray:
    """Place one pod after another; see PlacingInput."""
    nodes = len(allocatable)
    used = np.zeros((nodes, 5), np.int64)
    scores = np.full((len(shapes), nodes), -1, np.int16)
    tally = np.zeros((len(shapes), SCORE_MAX + 1), np.int64)
    for each in range(len(shapes)):
        for node in range(nodes):
            if allowed[each, node]:
                keep(scores[each], tally[each], node, score_of(allocatable[node], used[node], shapes[each]))
    chosen = np.full(len(shape), -1, np.int64)
    start = 0
    for pod in range(len(shape)):
        mine = shape[pod]
        first, seen = start, nodes
        if nodes_to_find < nodes:
            best, equals, seen = best_of_some(scores[mine], start, nodes_to_find)
        else:
            best, equals = best_of_all(tally[mine])
        start = (start + seen) % nodes
        if best < 0:
            continue
        node = nth_equal(scores[mine], first, best, int(draw[pod] * equals))
        chosen[pod] = node
        used[node, :2] += shapes[mine, :2]
        used[node, 2] += 1
        used[node, 3:] += shapes[mine, 2:]
        for each in range(len(shapes)):
            if allowed[each, node]:
                keep(scores[each], tally[each], node, score_of(allocatable[node], used[node], shapes[each]))
    return chosen
