"""Parameters that this run measured of its own hub before the seal (workbench.records.baseline).

The processors' batches are measured in two stretches, the steady one and the calibration burst or, better, the
drain of its backlog (batches.py makes any batch's time of them). The acknowledgement time of an undisturbed
request is the measured one less the client's linger: at the rates of a drill a request carries one event, so
the measurement needs no model of the broker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from workbench.model.batch_spread import spread
from workbench.model.batches import OF_BATCHES, batch_time
from workbench.model.checkpoints import Checkpoints
from workbench.model.client_library import AFTER_ACK
from workbench.model.cores import left_for_sessions
from workbench.model.parameter import Distribution, FloatArray, Parameter, Source, empirical, triangular
from workbench.model.priors import TAKEN_OVER
from workbench.records.baseline import Baseline, PipelineWindow

RESPONSE_S_MIN: Final = 0.0003
SATURATED_AGAIN: Final = (0.75, 1.05, 1.6)  # measured: six drains after a fault were 1.0 to 1.9 times as fast
BUSY_AGAIN: Final = (0.4, 0.8, 1.2)  # what the gateway's work takes beside the usual rate, to beside the burst's
PRIMARY: Final = "postgres-1"
PROCESSOR: Final = "event-processor-"
UNTIL_THE_FAULT_S: Final = (35.0, 60.0, 200.0)  # from the baseline: prediction, steady stretch, the drawn moment
SHARES: Final = np.linspace(0.005, 0.995, 100)
BURST_ANSWERS_MIN: Final = 200
BURST_BATCHES_MIN: Final = 4
FULL_SHARE: Final = 0.95  # of the drain's batches, which are full
BURST_AGAIN: Final = (0.85, 1.0, 1.25)  # a handful of batches


def _measured(value: Distribution | float, unit: str, origin: str, note: str = "") -> Parameter:
    return Parameter(value, unit, Source.BASELINE, origin, note)


def measured(baseline: Baseline, victim: str, rows: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return the parameters that `baseline` gives; `victim` is the server's name ("kafka-1").

    `rows` are what is stated and the priors, calibrated ones in their place.
    """
    found = {**measured_broker(baseline, victim), **_machine(baseline, victim)}
    found |= {**_acknowledgement(baseline, rows["producer_linger_s"].value), **_batches(baseline, victim)}
    known = {**rows, **found}
    time = batch_time({name: _middle(known[name]) for name in OF_BATCHES})
    return {**found, **spread(baseline, rows["batch_linger_s"].value, _queued_s(rows), time)}


def _queued_s(rows: Mapping[str, Parameter]) -> float:
    """Return the median time (s) from an acknowledged record to the processor's queue."""
    return sum(_middle(rows[name]) for name in ("fetch_s", *AFTER_ACK[rows["acks"].value]))


def _middle(parameter: Parameter) -> float:
    """Return a number, or a distribution's median."""
    value = parameter.value
    return value.median if isinstance(value, Distribution) else float(value)


def measured_recovery(baseline: Baseline, checkpoints: Checkpoints) -> dict[str, Parameter]:
    """Return how much of its log Postgres would read when it crashes some time after the baseline, where it is known.

    Where a newer checkpoint may be complete by then, it reads less.
    """
    if baseline.recovery_reads_bytes <= 0.0 or baseline.checkpoint_age_s <= 0.0:
        return {}
    bytes_per_s = baseline.recovery_reads_bytes / baseline.checkpoint_age_s
    ages_s: FloatArray = baseline.checkpoint_age_s + np.array(UNTIL_THE_FAULT_S)
    reads = triangular(*(round(bytes_per_s * age_s) for age_s in ages_s.tolist()))
    note = "and as many a second more until the fault"
    if (checkpoints.log_read_s(bytes_per_s, ages_s) < ages_s).any():
        drawn_s = triangular(*ages_s.tolist()).quantile(SHARES)
        read_bytes = bytes_per_s * checkpoints.log_read_s(bytes_per_s, drawn_s)
        reads = empirical(tuple(round(each) for each in read_bytes.tolist()))
        note += ", fewer where the next checkpoint is complete by then"
    origin = (
        f"pg_control_checkpoint: {baseline.recovery_reads_bytes:.3g} bytes {baseline.checkpoint_age_s:.0f} s after it"
    )
    return {"postgres_redo_bytes": _measured(reads, "bytes", origin, note)}


def measured_broker(baseline: Baseline, victim: str) -> dict[str, Parameter]:
    """Return what a broker's start took."""
    found: dict[str, Parameter] = {}
    rows: tuple[tuple[str, Mapping[str, float], str], ...] = (
        ("broker_start_s", baseline.broker_start_to_registered_s, "start to registered"),
        ("broker_start_cpu_s", baseline.broker_start_cpu_s, "computing time from start to registered"),
        ("broker_ready_s", baseline.broker_registered_to_ready_s, "registered to answering"),
    )
    for name, by_server, words in rows:
        if victim in by_server:
            origin = f"{victim}: {words} at the hub's start, no broker starting beside it"
            found[name] = _measured(round(by_server[victim], 4), "s", origin)
    return found


def _machine(baseline: Baseline, victim: str) -> dict[str, Parameter]:
    """Return how many cores there are, and how many of them the baseline kept busy with what."""
    database = baseline.server_cores.get(PRIMARY, 0.0)
    broker = baseline.server_cores.get(victim, 0.0)
    rest = max(0.0, baseline.busy_cores - database - broker)
    busy = "CPU use in the baseline"
    return {
        "machine_cores": _measured(float(baseline.machine_cores), "cores", "the machine"),
        "database_cores": _measured(round(database, 4), "cores", f"{busy}: {PRIMARY} and its children"),
        "victim_cores": _measured(round(broker, 4), "cores", f"{busy}: {victim}"),
        "short_tasks_cores": _measured(
            round(rest, 4),
            "cores",
            f"{busy}: the whole machine less {PRIMARY} and {victim}",
            "goes on without the victim",
        ),
    }


def _speed_up(baseline: Baseline, victim: str, taken_over: float) -> float:
    """Return by which factor saturated processors are faster beside the usual load, without the victim, than measured.

    Where the cores are all busy, the others' short tasks come first (cores.py) and the rest is the processors' and
    their sessions'; the survivors take `taken_over` of the victim's part.
    """
    cores, saturated = float(baseline.machine_cores), baseline.server_cores_saturated
    then = _beside_the_processors(baseline.busy_cores_saturated, saturated)
    usual = _beside_the_processors(baseline.busy_cores, baseline.server_cores)
    usual -= (1.0 - taken_over) * baseline.server_cores.get(victim, 0.0)
    sessions = max(round(baseline.steady.busy_processors), 1)
    return left_for_sessions(cores, usual, sessions) / left_for_sessions(cores, then, sessions)


def _beside_the_processors(busy_cores: float, servers: Mapping[str, float]) -> float:
    """Return how many of the busy cores neither the database nor the event processors use."""
    of_processors = sum(cores for name, cores in servers.items() if name.startswith(PROCESSOR))
    return max(0.0, busy_cores - servers.get(PRIMARY, 0.0) - of_processors)


def _acknowledgement(baseline: Baseline, linger_s: float) -> dict[str, Parameter]:
    if not baseline.ack_s:
        return {}
    response_s = np.maximum(np.array(baseline.ack_s) - linger_s, RESPONSE_S_MIN)
    low, mode, high = (float(np.quantile(response_s, share)) for share in (0.05, 0.25, 0.6))
    return {
        "response_s": _measured(
            empirical(tuple(round(float(value), 6) for value in response_s)),
            "s",
            f"{len(response_s)} acknowledgement times of the baseline less linger.ms, in order",
            "resampled in blocks, so that slow moments stay together",
        ),
        "request_s": _measured(
            triangular(round(low, 6), round(max(mode, low), 6), round(max(high, low + 1e-6), 6)),
            "s",
            "5, 25 and 60 % quantiles of response_s",
            "one request after another on a connection when a stall ends",
        ),
    }


def measured_reads(baseline: Baseline) -> dict[str, Parameter]:
    """Return what the readers' requests of the run-up give."""
    found = {}
    if baseline.read_hit_s:
        origin = f"{len(baseline.read_hit_s)} hits of the baseline, in order"
        found["read_hit_s"] = _measured(empirical(baseline.read_hit_s), "s", origin, "from the intended request on")
    if baseline.gateway_busy_s:
        origin = "how fast the gateway answered while requests waited for it at the load's start: hits, others"
        for name, value in zip(("gateway_hit_s", "gateway_postgres_s"), baseline.gateway_busy_s, strict=True):
            again = triangular(*(round(value * each, 6) for each in BUSY_AGAIN))
            found[name] = _measured(again, "s", origin, "beside the burst, which slows it")
    return found


def beside_a_burst(baseline: Baseline, linger_s: float) -> dict[str, Parameter]:
    """Return how slow answers and full batches were beside the calibration burst, where enough of them were."""
    found = {}
    if len(baseline.burst_ack_s) >= BURST_ANSWERS_MIN:
        response_s = np.maximum(np.array(baseline.burst_ack_s) - linger_s, RESPONSE_S_MIN)
        found["burst_response_s"] = _measured(
            empirical(tuple(round(float(value), 6) for value in response_s)),
            "s",
            f"{len(response_s)} acknowledgement times of the calibration burst's last seconds less linger.ms, in order",
            "resampled in blocks",
        )
    drain, end = baseline.drain, baseline.burst_end
    if (
        drain is None
        or end.batches < BURST_BATCHES_MIN
        or end.events / end.batches < FULL_SHARE * drain.events / drain.batches
    ):
        return found
    slows = max(1.0, (end.batch_database_s / end.batches) / (drain.batch_database_s / drain.batches))
    found["calibration_burst_slows"] = _measured(
        triangular(*(round(max(1.0, slows * each), 4) for each in BURST_AGAIN)),
        "",
        f"{end.batches:.0f} batches of the calibration burst's last seconds, to {drain.batches:.0f} of the drain",
        "a full batch beside four times the load, to one beside the usual load",
    )
    return found


def _batches(baseline: Baseline, victim: str) -> dict[str, Parameter]:
    steady, saturated = baseline.steady, baseline.drain or baseline.burst
    if min(steady.batches, saturated.batches, steady.busy_processors, saturated.busy_processors) < 1:
        return {}
    found = {}
    words = {"steady": "baseline", "saturated": "burst" if baseline.drain is None else "drain of the burst's backlog"}
    for name, window in (("steady", steady), ("saturated", saturated)):
        origin = f"{words[name]}: {window.batches:.0f} batches of {window.events:.0f} events, the processors' counters"
        offered_s = window.busy_processors * (window.end_s - window.start_s)
        found[f"{name}_batch_events"] = _measured(round(window.events / window.batches, 3), "events", origin)
        found[f"{name}_batch_s"] = _measured(round(window.batch_database_s / window.batches, 6), "s", origin)
        found[f"{name}_busy"] = _measured(round(min(window.batch_total_s / offered_s, 1.0), 4), "", origin)
    found["saturated_speed_up"] = _measured(
        triangular(
            *(
                round(_speed_up(baseline, victim, taken_over) * again, 4)
                for taken_over, again in zip(reversed(TAKEN_OVER), SATURATED_AGAIN, strict=True)
            )
        ),
        "",
        f"cores that are left beside the usual load without {victim}, to those in the {words['saturated']}",
        "as wide as drains were: other people's work on the machine, a stall that weighs much",
    )
    rest_s = [window.batch_total_s - window.batch_database_s for window in (steady, saturated)]
    intercept_s, slope_s = line(steady, saturated, rest_s[0], rest_s[1])
    origin = "the processors' counters: a batch's whole time less the database's, line through both stretches"
    found["batch_rest_s"] = _measured(round(intercept_s, 7), "s", origin, "at no event")
    found["batch_rest_event_s"] = _measured(round(slope_s, 9), "s", origin, "an event more")
    return found


def line(steady: PipelineWindow, burst: PipelineWindow, steady_s: float, burst_s: float) -> tuple[float, float]:
    """Return intercept (s) and slope (s an event) of a batch's time over its events.

    Through the two windows' means; where they are too close to tell a slope, through the origin and the burst.
    """
    few, many = steady.events / steady.batches, burst.events / burst.batches
    short_s, long_s = steady_s / steady.batches, burst_s / burst.batches
    if many < 1.5 * few or long_s <= short_s:
        return 0.0, max(long_s / max(many, 1.0), 1e-6)
    slope_s = (long_s - short_s) / (many - few)
    intercept_s = short_s - slope_s * few
    return (intercept_s, slope_s) if intercept_s > 0.0 else (0.0, long_s / many)
