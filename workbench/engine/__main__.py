"""`python -m workbench.engine` compiles every loop into the cache, so that no prediction waits for it."""

from __future__ import annotations

import time

import numpy as np

from workbench.compilation import cache_folder
from workbench.engine import NEVER, Disturbance, Fate, Service, Traffic, run
from workbench.engine.merging import merged
from workbench.engine.placing import PlacingInput, place_pods
from workbench.metrics import functions
from workbench.metrics.catalogue import evaluate
from workbench.metrics.tables import Counts, Evidence, Moments, WriteTable


def compile_all() -> float:
    """Run a tiny replication through every loop, the metrics' too; return the seconds it took."""
    began_s = time.perf_counter()
    index = np.array([0, 1], dtype=np.int64)
    intended_s, partition, client = merged(np.array([0.0, 2.0]), index, 1, np.array([1.0, 3.0]), index)
    traffic = Traffic(intended_s, partition, client, np.full(4, 0.001), np.ones(4))
    disturbance = Disturbance(
        np.zeros(2),
        np.array([[NEVER, 2.0], [2.0, NEVER]]),
        np.array([[0, 1], [2, 3]], dtype=np.int64),
        np.array([[NEVER, 1.5], [NEVER, NEVER]]),
        np.full(2, NEVER),
        np.full(2, NEVER),
        np.full(2, np.inf),
        index,
    )
    fate = run(
        traffic,
        disturbance,
        Service(0.005, 10, 0.001, 1e-6, 0.0, 0.001, 10, 0.05, 0.001, 0.001, 0.001, 1e-5, 1.2, 0.001, 0.0),
    )
    _metrics(traffic, fate)
    rows = np.ones((2, 4), dtype=np.int64)
    place_pods(PlacingInput(rows[:, :3].copy(), rows, np.ones((2, 2), dtype=np.bool_), index, np.zeros(2), 2))
    return time.perf_counter() - began_s


def _metrics(traffic: Traffic, fate: Fate) -> None:
    """Compute every metric and curve of a few events."""
    rows = np.arange(len(traffic.intended_s))
    canary = traffic.client == 0
    writes = WriteTable(rows, traffic.partition, traffic.intended_s, fate.acked_s, fate.committed_s, canary)
    evidence = Evidence(writes, Moments(0.0, 1.0, 4.0), Counts(), partitions=2)
    evaluate(evidence)
    grid_s = np.arange(0.0, 4.0, functions.GRID_STEP_S)
    functions.acked_per_s(evidence, grid_s)
    functions.ack_s_p99_curve(evidence, grid_s)


if __name__ == "__main__":
    print(f"kernels compiled in {compile_all():.1f} s into {cache_folder()}")
