"""How fast pods are placed: the compiled path at the size of kube-scheduler's own benchmarks, and the explained path.

    python benchmarks/placing_speed.py                  on an idle machine

Bounds: 150,000 pods onto 5,000 nodes on one core in 3 s with every node scored, in 0.6 s with the default sampling.
Pods ask for 100m and 128Mi of nodes with 4 CPU and 16 Gi, so that 200,000 would fit. Best of three runs, compiling
left out.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from workbench.engine.__main__ import compile_all
from workbench.model.scheduling import Node, Pod, Requests, place_all, place_bulk

NODES = 5_000
PODS = 150_000
ALL_NODES_S_MAX = 3.0
SAMPLED_S_MAX = 0.6
ROUNDS = 3
DECADES = ((10, 50), (100, 500), (1_000, 5_000), (5_000, 150_000))
EXPLAINED = ((4, 40), (100, 400))
MI = 2**20


def cluster(nodes: int) -> list[Node]:
    """Return nodes of 4 CPU, 16 Gi and 110 pods."""
    return [Node(f"node-{index}", 4_000, 16_384 * MI, 110) for index in range(nodes)]


def pod() -> Pod:
    """Return a pod of 100m and 128Mi."""
    return Pod("pod", requests=Requests(100, 128 * MI, 100, 128 * MI))


def best_s(run: Callable[[], object]) -> float:
    """Return the shortest of a few runs."""
    times_s = []
    for _ in range(ROUNDS):
        began_s = time.perf_counter()
        run()
        times_s.append(time.perf_counter() - began_s)
    return min(times_s)


def bulk_s(nodes: int, pods: int, every_node: bool) -> float:
    """Return how long the compiled path takes, with making its arrays."""
    machines = cluster(nodes)
    return best_s(lambda: place_bulk(machines, [(pod(), pods)], every_node=every_node))


def main() -> int:
    """Measure, print a table and return 0 if both bounds hold."""
    print(f"kernels ready after {compile_all():.1f} s")
    print(f"{'':38}{'every node scored':>28}{'default sampling':>28}")
    full_s = sampled_s = 0.0
    decades = [(NODES, PODS // factor) for factor in (1000, 100, 10)]
    for nodes, pods in (*decades, *DECADES):
        full_s, sampled_s = bulk_s(nodes, pods, True), bulk_s(nodes, pods, False)
        rates = [f"{took_s:8.4f} s {pods / took_s:11,.0f} pods/s" for took_s in (full_s, sampled_s)]
        print(f"{pods:8,} pods onto {nodes:6,} nodes       {rates[0]:>28}{rates[1]:>28}")
    print(f"bounds of the last row{f'{ALL_NODES_S_MAX:g} s':>25}{f'{SAMPLED_S_MAX:g} s':>35}")
    for nodes, pods in EXPLAINED:
        machines = cluster(nodes)
        took_s = best_s(lambda: place_all(machines, [pod()] * pods))  # noqa: B023 - called at once
        print(f"{pods:8,} pods onto {nodes:6,} nodes, explained {took_s:8.4f} s {took_s / pods * 1000.0:8.2f} ms a pod")
    return int(full_s > ALL_NODES_S_MAX or sampled_s > SAMPLED_S_MAX)


if __name__ == "__main__":
    sys.exit(main())
