"""How fast a plan searches: what a second worker brings, and how many hubs are simulated an hour.

    python benchmarks/plan_search.py                    on an idle machine with two free cores
    python benchmarks/plan_search.py --set-ups 12

Bounds: 2 workers assess a fixed list of set-ups 1.8 times as fast as 1; on 2 workers 10,000 simulations an hour of ten
minutes of the whole hub at 300 events/s, each from its traffic to its p99. Starting the cluster is left out, and each
worker has done one of the kind before.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import sys
import time
from pathlib import Path
from typing import Any

from distributed import Client, LocalCluster

from workbench.cli.place import REFERENCE_NODES
from workbench.model.scheduling import read_nodes
from workbench.plan.basis import Basis, basis_of
from workbench.plan.draws import draws_of
from workbench.plan.question import read_question
from workbench.plan.rates import simulate
from workbench.plan.search.assessing import assess
from workbench.plan.search.context import Context, context_of
from workbench.plan.search.set_up import SetUp
from workbench.scenario import PROJECT_ROOT, find_scenario, read_scenario

SPEED_UP_MIN = 1.8
SIMULATIONS_AN_HOUR_MIN = 10_000.0
RATE_PER_S = 300.0
LASTS_S = 600.0
SIMULATIONS = 40
PLAYED = 12


def a_cluster(workers: int) -> LocalCluster:
    """Return a cluster as a search starts one: a process with one thread for each worker."""
    return LocalCluster(n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0")


def the_search() -> tuple[Context, list[SetUp]]:
    """Return the example question's context, and set-ups that all can be, each another."""
    question = read_question(PROJECT_ROOT / "questions" / "cheapest.yaml")
    scenario = read_scenario(find_scenario(question.scenario))
    nodes = tuple(read_nodes(Path(REFERENCE_NODES)))
    context = context_of(question, scenario, basis_of(question.scenario, None), nodes, 1, PLAYED)
    rows = itertools.product([2, 3, 4, 6], [4.0, 8.0], [10.0, 45.0], [1.0, 2.0])
    names = ("processors", "worker_cpu_cores", "group_session_s", "postgres_cpu_cores")
    return context, [dataclasses.replace(context.present, **dict(zip(names, row, strict=True))) for row in rows]


def assessed_s(workers: int, context: Context, set_ups: list[SetUp]) -> tuple[float, list[Any]]:
    """Return how long so many workers take for all set-ups, and what they find."""
    with a_cluster(workers) as cluster, Client(cluster) as client:
        shared = client.scatter(context, broadcast=True)
        client.run(assess, context, context.present)
        began_s = time.perf_counter()
        found = client.gather(client.map(assess, [shared] * len(set_ups), set_ups, pure=False))
        return time.perf_counter() - began_s, found


def one_simulation(basis: Basis, draws: dict[str, float], index: int) -> float:
    """Return p99 (s) of ten minutes of the whole hub."""
    return simulate(basis, basis.topology.processors.replicas, draws, RATE_PER_S, 1, index, LASTS_S)[0]


def simulations_an_hour(workers: int, count: int) -> float:
    """Return how many simulations so many workers do an hour, from a batch of `count`."""
    basis = basis_of("broker-loss", None)
    rows = draws_of(basis, 1, count)
    with a_cluster(workers) as cluster, Client(cluster) as client:
        shared = client.scatter(basis, broadcast=True)
        client.run(one_simulation, basis, rows[0], 0)
        began_s = time.perf_counter()
        client.gather(client.map(one_simulation, [shared] * count, rows, range(count), pure=False))
        return count * 3600.0 / (time.perf_counter() - began_s)


def main() -> int:
    """Measure, print a table and return 0 if both bounds hold."""
    parser = argparse.ArgumentParser(description="Measure a plan's search.")
    parser.add_argument("--set-ups", type=int, default=32, help="how many are assessed, at most 32")
    context, set_ups = the_search()
    set_ups = set_ups[: parser.parse_args().set_ups]
    alone_s, first = assessed_s(1, context, set_ups)
    both_s, second = assessed_s(2, context, set_ups)
    speed_up = alone_s / both_s
    print(f"{len(set_ups)} set-ups, 1 worker   {alone_s:8.1f} s   {alone_s / len(set_ups):6.2f} s each")
    print(f"{len(set_ups)} set-ups, 2 workers  {both_s:8.1f} s   {speed_up:6.2f} times as fast, bound {SPEED_UP_MIN:g}")
    print(f"the same answers       {first == second}")
    an_hour = simulations_an_hour(2, SIMULATIONS)
    print(f"simulations an hour    {an_hour:8,.0f}     bound {SIMULATIONS_AN_HOUR_MIN:,.0f}")
    return int(speed_up < SPEED_UP_MIN or first != second or an_hour < SIMULATIONS_AN_HOUR_MIN)


if __name__ == "__main__":
    sys.exit(main())
