"""`python -m workbench.engine` compiles every kernel into the cache, so that no prediction waits for it."""

from __future__ import annotations

import time

import numpy as np

from workbench.engine import NEVER, Disturbance, Service, Traffic, run
from workbench.engine.cache import cache_folder


def compile_all() -> float:
    """Run a tiny replication through every kernel; return the seconds it took."""
    began_s = time.perf_counter()
    events = np.arange(4, dtype=np.float64)
    index = np.array([0, 1, 0, 1], dtype=np.int64)
    traffic = Traffic(events, index, index, np.full(4, 0.001), np.ones(4))
    disturbance = Disturbance(
        0.0,
        np.array([[NEVER, 2.0], [2.0, NEVER]]),
        np.array([[0, 1], [2, 3]], dtype=np.int64),
        np.array([[NEVER, 1.5], [NEVER, NEVER]]),
        np.full(2, NEVER),
        np.full(2, NEVER),
        np.zeros(2, dtype=np.bool_),
        np.array([0, 1], dtype=np.int64),
    )
    run(traffic, disturbance, Service(0.005, 10, 0.001, 1e-6, 0.0, 0.001, 10, 0.05, 0.001, 0.001, 0.001, 1e-5, 1.2))
    return time.perf_counter() - began_s


if __name__ == "__main__":
    print(f"kernels compiled in {compile_all():.1f} s into {cache_folder()}")
