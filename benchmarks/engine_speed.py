"""How fast the model is: the compiled path, the catalogue's metrics, and a whole prediction.

    python benchmarks/engine_speed.py                   on an idle machine
    python benchmarks/engine_speed.py --replications 200

Bounds: 40,000 events through every metric in 5 ms, 1,000 replications of broker-loss in 20 s on two cores.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from workbench import engine
from workbench.engine import Disturbance, Service, Traffic
from workbench.engine.__main__ import compile_all
from workbench.engine.inputs import NEVER
from workbench.metrics.catalogue import evaluate
from workbench.metrics.tables import Counts, Evidence, Moments, WriteTable
from workbench.model import predict
from workbench.model.parameters import merge
from workbench.scenario import find_scenario, read_scenario
from workbench.topology import read_topology

EVENTS = 40_000
PARTITIONS = 24
CLIENTS = 3
ROUNDS = 30
EVALUATE_MS_MAX = 5.0
PREDICTION_S_MAX = 20.0
SUBPROCESSES = 2


def case() -> tuple[Traffic, Disturbance, Service]:
    """Return 100 s of traffic with a silence of 17 s in the middle of it."""
    rng = np.random.default_rng(7)
    traffic = Traffic(
        np.sort(rng.uniform(-35.0, 65.0, EVENTS)),
        rng.integers(0, PARTITIONS, EVENTS),
        rng.integers(0, CLIENTS, EVENTS),
        rng.lognormal(np.log(0.0035), 0.6, EVENTS),
        rng.lognormal(0.0, 0.2, EVENTS),
    )
    held = np.full((CLIENTS, PARTITIONS), 17.0)
    disturbance = Disturbance(
        0.0,
        held,
        np.tile(np.arange(PARTITIONS) % 3, (CLIENTS, 1)),
        np.full((CLIENTS, PARTITIONS), NEVER),
        np.full(PARTITIONS, NEVER),
        np.full(PARTITIONS, NEVER),
        np.zeros(PARTITIONS, dtype=np.bool_),
        np.arange(PARTITIONS) % 2,
    )
    service = Service(0.005, 2500, 0.003, 5e-6, 0, 0.002, 500, 0.05, 0.003, 5e-4, 0.002, 2e-5, 1.25, 0.0035, 0.001)
    return traffic, disturbance, service


def path_and_metrics() -> tuple[float, float]:
    """Return the best times (ms) of one replication's path and of all its metrics."""
    traffic, disturbance, service = case()
    path_s, metrics_s = [], []
    for _ in range(ROUNDS):
        began_s = time.perf_counter()
        fate = engine.run(traffic, disturbance, service)
        path_s.append(time.perf_counter() - began_s)
        writes = WriteTable(
            np.arange(EVENTS),
            traffic.partition,
            traffic.intended_s,
            fate.acked_s,
            fate.committed_s,
            traffic.client == 0,
        )
        evidence = Evidence(writes, Moments(-35.0, -2.0, 65.0, 0.0, 16.5, 16.8, 20.0, 25.0, 27.0), Counts(), PARTITIONS)
        began_s = time.perf_counter()
        evaluate(evidence)
        metrics_s.append(time.perf_counter() - began_s)
    return min(path_s) * 1000.0, min(metrics_s) * 1000.0


def main() -> int:
    """Measure, print a table and return 0 if both bounds hold."""
    parser = argparse.ArgumentParser(description="Measure the model's speed.")
    parser.add_argument("--replications", type=int, default=1000)
    replications = parser.parse_args().replications
    print(f"kernels ready after {compile_all():.1f} s")
    path_ms, metrics_ms = path_and_metrics()
    print(f"path of {EVENTS} events     {path_ms:8.2f} ms   {EVENTS / path_ms / 1000.0:6.1f} million events/s")
    print(f"metrics of {EVENTS} events  {metrics_ms:8.2f} ms   bound {EVALUATE_MS_MAX:g} ms")
    scenario = read_scenario(find_scenario("broker-loss"))
    topology = read_topology(scenario.manifests)
    parameters = merge(scenario, topology, None, None)
    began_s = time.perf_counter()
    predict(scenario, topology, parameters, 7, replications, SUBPROCESSES)
    took_s = time.perf_counter() - began_s
    print(f"{replications} replications      {took_s:8.2f} s    bound {PREDICTION_S_MAX:g} s for 1000")
    return int(metrics_ms > EVALUATE_MS_MAX or took_s > PREDICTION_S_MAX)


if __name__ == "__main__":
    sys.exit(main())
