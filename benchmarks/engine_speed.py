"""How fast the engine is: Kafka's path, the whole hub, and a drill replicated a thousand times; profiles of each.

    python benchmarks/engine_speed.py                        on an idle machine, a few minutes
    python benchmarks/engine_speed.py --replications 100     a tenth of the drills: their bound is for as many

Bounds: on one core 5 million messages a second through Kafka's path (three replicas, acks=all, a broker killed), and
the whole hub at 50,000 messages/s in a hundredth of the time that passes there; on two cores 1,000 replications of a
drill of 30 minutes at 300 messages/s in 60 s, and of broker-loss in 20 s. Every message counts: none is left out.
What one core does is measured in processor time, in the environment of a prediction's subprocesses.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import sys
import time
from dataclasses import replace

import numpy as np

from workbench import engine
from workbench.engine import Disturbance, Service, Traffic
from workbench.engine.__main__ import compile_all
from workbench.engine.inputs import NEVER
from workbench.model import predict
from workbench.model.parameters import Parameters, merge
from workbench.model.reference import Reference
from workbench.model.replication import Model, run_slice
from workbench.scenario import find_scenario, read_scenario
from workbench.scenario.drill_scenario import Scenario
from workbench.streams import stream
from workbench.subprocesses import ENVIRONMENT, PREDICTION_COUNT
from workbench.topology import HubTopology, read_topology

PARTITIONS = 24
CLIENTS = 3
ROUNDS = 5
SILENT_S = 17.0
KAFKA_EVENTS = 1_000_000
KAFKA_PER_S_MIN = 5e6
REFERENCE_EVENTS = 20_000  # event by event in SimPy: more would take minutes
HUB_PER_S = 50_000.0
HUB_LASTS_S = 60.0
HUB_PROCESSORS = 12
HUB_TIMES_MIN = 100.0
LONG_DRILL_S = 1800.0
AROUND_S = 90.0  # of a drill's load that is not its baseline: warm-up, fault, recovery
LONG_S_MAX = 60.0
SHORT_S_MAX = 20.0
PROFILED = 10  # replications
PROFILE_ROWS = 12


def traffic(per_s: float, count: int) -> Traffic:
    """Return evenly shared Poisson traffic around a fault, three fifths of it afterwards."""
    rng = stream(7, "benchmark", "traffic")
    lasts_s = count / per_s
    return Traffic(
        np.sort(rng.uniform(-0.4 * lasts_s, 0.6 * lasts_s, count)),
        rng.integers(0, PARTITIONS, count),
        rng.integers(0, CLIENTS, count),
        rng.lognormal(np.log(0.0035), 0.6, count),
        rng.lognormal(0.0, 0.2, count),
    )


def killed(silent_s: float, processors: int) -> Disturbance:
    """Return a broker's death with acks=all and three replicas: every partition silent, each client's heads apart."""
    held = np.full((CLIENTS, PARTITIONS), silent_s)
    led = np.arange(PARTITIONS) % 3 == 0
    return Disturbance(
        np.zeros(PARTITIONS),
        held,
        np.arange(CLIENTS)[:, None] * 3 + np.arange(PARTITIONS) % 3,
        np.where(led, NEVER, silent_s) + np.zeros(held.shape),
        np.full(PARTITIONS, NEVER),
        np.where(led, silent_s, NEVER),
        np.full(PARTITIONS, np.inf),
        np.arange(PARTITIONS) % processors if processors else np.full(PARTITIONS, -1),
    )


def service(events_s: float) -> Service:
    """Return stations that take so long for an event in a batch's database time."""
    return Service(
        linger_s=0.005,
        produce_events_max=2500,
        request_s=0.003,
        request_event_s=5e-6,
        replication_lag_s=0.0,
        fetch_s=0.002,
        batch_events_max=500,
        batch_linger_s=0.05,
        batch_fixed_s=0.003,
        batch_event_s=events_s,
        rest_fixed_s=0.002,
        rest_event_s=2e-5,
        saturation_factor=1.25,
        typical_response_s=0.0035,
        stamp_lead_s=0.001,
    )


def best_s(given: tuple[Traffic, Disturbance, Service]) -> float:
    """Return the least processor time (s) of a few runs of the engine, its checks included."""
    times_s = []
    for _ in range(ROUNDS):
        began_s = time.process_time()
        engine.run(*given)
        times_s.append(time.process_time() - began_s)
    return min(times_s)


def kafka() -> bool:
    """Measure Kafka's path beside the reference; return whether the bound is kept."""
    given = traffic(10_000.0, KAFKA_EVENTS), killed(SILENT_S, 0), service(1e-4)
    per_s = KAFKA_EVENTS / best_s(given)
    few = traffic(REFERENCE_EVENTS / 40.0, REFERENCE_EVENTS), *given[1:]
    began_s = time.process_time()
    slow = Reference(*few).run()
    slow_per_s = REFERENCE_EVENTS / (time.process_time() - began_s)
    apart_s = float(np.nanmax(np.abs(slow.acked_s - engine.run(*few).acked_s)))
    print(f"Kafka's path, a broker killed   {per_s / 1e6:8.2f} million messages/s   at least {KAFKA_PER_S_MIN / 1e6:g}")
    print(f"  the reference (SimPy)         {slow_per_s / 1e6:8.4f} million messages/s   1 : {per_s / slow_per_s:,.0f}")
    print(f"  of {REFERENCE_EVENTS:,} messages none further apart than {apart_s * 1e9:.3f} ns")
    return per_s >= KAFKA_PER_S_MIN


def whole_hub() -> bool:
    """Measure Kafka, processors and Postgres at HUB_PER_S, a fault and the drain in it."""
    given = traffic(HUB_PER_S, round(HUB_PER_S * HUB_LASTS_S)), killed(5.0, HUB_PROCESSORS), service(5e-5)
    took_s = best_s(given)
    waiting = np.count_nonzero(~(engine.run(*given).committed_s < 0.6 * HUB_LASTS_S))
    times = HUB_LASTS_S / took_s
    print(f"whole hub at {HUB_PER_S:,.0f} messages/s  {times:8.0f} times real time          at least {HUB_TIMES_MIN:g}")
    print(f"  {len(given[0].intended_s):,} messages in {took_s:.2f} s; {waiting:,} without a row at the end")
    return times >= HUB_TIMES_MIN


def drills(name: str, scenario: Scenario, replications: int, bound_s: float) -> bool:
    """Measure a prediction of `scenario`; return whether the bound, which is for 1,000 replications, is kept."""
    topology, parameters = _given(scenario)
    began_s = time.perf_counter()
    predict(scenario, topology, parameters, 7, replications, PREDICTION_COUNT)
    took_s = time.perf_counter() - began_s
    bound_s *= replications / 1000
    print(f"{name:32}{took_s:8.2f} s                         at most {bound_s:g} s")
    profile(scenario, parameters)
    return took_s <= bound_s


def profile(scenario: Scenario, parameters: Parameters) -> None:
    """Print messages, processor time a message, and where it goes, of some replications in this process."""
    model, sent = Model.of(parameters, scenario.workload, 7), 0
    run_slice(model, range(1))
    began_s, profiler = time.process_time(), cProfile.Profile(time.process_time)
    original = engine.run

    def counted(traffic: Traffic, disturbance: Disturbance, service: Service) -> engine.Fate:
        nonlocal sent
        sent += len(traffic.intended_s)
        return original(traffic, disturbance, service)

    engine.run = counted
    profiler.enable()
    run_slice(model, range(PROFILED))
    profiler.disable()
    engine.run = original
    took_s = time.process_time() - began_s
    print(f"  {sent / PROFILED:,.0f} messages a replication, {took_s / sent * 1e9:.0f} ns each in one process")
    for place, own_s in sorted(owners(profiler).items(), key=lambda row: -row[1])[:PROFILE_ROWS]:
        print(f"    {own_s / took_s:6.1%}  {place}")


def owners(profiler: cProfile.Profile) -> dict[str, float]:
    """Return the time (s) of each function, that of compiled loops by who calls them."""
    found: dict[str, float] = {}
    for (file, _, function), row in pstats.Stats(profiler).stats.items():  # type: ignore[attr-defined]
        callers = row[4] if file.endswith("compilation.py") else {(file, 0, function): (0, 0, row[2])}
        for (other, _, name), (_, _, own_s, *_) in callers.items():
            place = f"{other.rsplit('/workbench/')[-1]} {name}{', compiled' if callers is row[4] else ''}"
            found[place] = found.get(place, 0.0) + own_s
    return found


def _given(scenario: Scenario) -> tuple[HubTopology, Parameters]:
    topology = read_topology(scenario.manifests)
    return topology, merge(scenario, topology, None, None)


def as_in_predictions() -> None:
    """Begin this program anew in the environment of a prediction's subprocesses, unless it is in it."""
    if not ENVIRONMENT.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ENVIRONMENT})


def main() -> int:
    """Measure, print a table and return 0 if every bound holds."""
    as_in_predictions()
    parser = argparse.ArgumentParser(description="Measure the engine's speed.")
    parser.add_argument("--replications", type=int, default=1000)
    replications = parser.parse_args().replications
    print(f"kernels ready after {compile_all():.1f} s")
    short = read_scenario(find_scenario("broker-loss"))
    long = replace(short, baseline_s=LONG_DRILL_S - AROUND_S)
    kept = [
        kafka(),
        whole_hub(),
        drills(f"broker-loss, {replications:,} times", short, replications, SHORT_S_MAX),
        drills(f"30 minutes of it, {replications:,} times", long, replications, LONG_S_MAX),
    ]
    return int(not all(kept))


if __name__ == "__main__":
    sys.exit(main())
