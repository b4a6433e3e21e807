"""Conducts a calibration: a hub, the steps in their order within a bounded time, the fits, what was left out."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workbench.calibrate import brokers, kraft, services, stores
from workbench.calibrate.bench import Bench
from workbench.calibrate.catalogue import Mode, Quantity, quantities_of
from workbench.calibrate.fitting import fit, prior_span
from workbench.drill.run_record import git_state, host_json
from workbench.errors import ToolFailed
from workbench.fault import RestartRule
from workbench.model.parameter import Distribution
from workbench.model.part_priors import every_prior
from workbench.records.calibration import FORMAT_VERSION, SAMPLES_MIN, Calibration, Measurement
from workbench.target.local import start
from workbench.topology.hub import HubTopology

BUDGET_S: Final = 600.0  # in all; the last round may begin LAST_ROUND_S before its end
LAST_ROUND_S: Final = 60.0
START_S: Final = 25.0  # of the hub, about


@dataclass(frozen=True)
class Step:
    """One step and how long it takes, about (s; measured on 2 cores); `mode`: of Kafka, where alone it can be done."""

    title: str
    does: Callable[[Bench], None]
    about_s: float
    mode: Mode | None = None


STEPS: Final = (
    Step("brokers: what the hub's start took", brokers.starts, 1.0),
    Step("a topic of our own", brokers.make_topic, 1.0),
    Step("produce, acks=all and acks=1", services.produce, 5.0),
    Step("fdatasync", services.fdatasync, 1.0),
    Step("Postgres commits, 1 to 8 at a time", services.commits, 2.0),
    Step("pgcrypto", services.pgcrypto, 4.0),
    Step("event processors: bursts", services.bursts, 12.0),
    Step("Redis: killed and started", stores.redis_kills, 2.0),
    Step("ZooKeeper: leaders killed", stores.elections, 10.0, Mode.ZOOKEEPER),
    Step("brokers: stopped and started", brokers.stops, 20.0),
    Step("brokers: killed, refused until their sessions end", brokers.kills, 85.0, Mode.ZOOKEEPER),
    Step("brokers: killed, waiting until their sessions end", kraft.kills, 60.0, Mode.KRAFT),
    Step("brokers: catch-ups", brokers.catch_ups, 30.0, Mode.ZOOKEEPER),
    Step("Postgres: killed and started", stores.postgres_kills, 8.0),
    Step("Postgres: recoveries", stores.recoveries, 12.0),
)


def calibrate(topology: HubTopology, seed: int, say: Callable[[str], None]) -> Calibration:
    """Measure on a fresh embedded hub and return the calibration; the hub is gone in every case.

    A step that fails is said and left out, those after it go on while the hub can be made whole. Raises
    MachineTrouble when there is no hub to measure on.
    """
    mode = Mode(topology.kafka.mode)
    steps = [step for step in STEPS if step.mode in (None, mode)]
    quantities = quantities_of(mode)
    created_utc = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    begun_s = time.monotonic()
    say(f"starting a hub (about {START_S:.0f} s; {_left(steps, START_S)} left)")
    with start(topology, seed=seed, restart=RestartRule.NONE, progress=say) as hub:
        bench = Bench(hub, say, begun_s + BUDGET_S - LAST_ROUND_S)
        failures = _measure(bench, steps, say, begun_s)
        versions = dict(hub.record.versions)
    found = {each.name: bench.samples.get(each.name, []) for each in quantities}
    left_out = {name: _why(values, failures) for name, values in found.items() if len(values) < SAMPLES_MIN}
    return Calibration(
        format=FORMAT_VERSION,
        created_utc=created_utc,
        target="local",
        took_s=round(time.monotonic() - begun_s, 1),
        git=git_state(),
        host=host_json(),
        versions=versions,
        manifests_sha256=topology.manifests_sha256,
        measurements=tuple(_measurement(each, found[each.name]) for each in quantities if each.name not in left_out),
        left_out=left_out,
    )


def _measure(bench: Bench, steps: Sequence[Step], say: Callable[[str], None], begun_s: float) -> list[str]:
    """Do every step; return what failed, in words."""
    failures = []
    for number, step in enumerate(steps):
        left_s = BUDGET_S - LAST_ROUND_S - (time.monotonic() - begun_s)
        if left_s > step.about_s:
            say(
                f"{number + 1} of {len(steps)}  {step.title} (about {step.about_s:.0f} s; {_left(steps[number:])} left)"
            )
            failed = _do(bench, step)
        else:
            failed = f"{step.title}: no time left"
        if failed:
            say(failed)
            failures.append(failed)
    return failures


def _do(bench: Bench, step: Step) -> str:
    """Do one step; return why it failed, "" if it did not. Raises ToolFailed when the hub stays broken."""
    try:
        step.does(bench)
    except ToolFailed as error:
        undone = bench.hub.undo()
        if not undone.verified:
            raise ToolFailed(f"{step.title}: {error}; the hub could not be made whole: {undone.detail}") from error
        return f"{step.title}: {error}"
    return ""


def _left(steps: Sequence[Step], before_s: float = 0.0) -> str:
    """Return the time that so many steps take, about."""
    left_s = before_s + sum(step.about_s for step in steps)
    return f"{left_s / 60.0:.0f} min" if left_s >= 90.0 else f"{left_s:.0f} s"


def _why(values: list[float], failures: list[str]) -> str:
    few = f"{len(values)} samples, {SAMPLES_MIN} are needed"
    return f"{few}; {'; '.join(failures)}" if failures else few


def _measurement(quantity: Quantity, values: list[float]) -> Measurement:
    known: Mapping[str, Any] = every_prior()
    before = known[quantity.parameter].value if quantity.parameter else None
    span = prior_span(before) if isinstance(before, Distribution) else None
    return Measurement(
        name=quantity.name,
        parameter=quantity.parameter,
        title=quantity.title,
        unit=quantity.unit,
        how=quantity.how,
        samples=tuple(float(f"{value:.6g}") for value in values),
        fit=fit(values, span, quantity.name),
        prior=span,
    )
