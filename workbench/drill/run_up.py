"""What a drill measures of its own hub before the seal: the burst, the baseline and who does what."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil

from workbench import ledger as ledger_room
from workbench.load.reads import gateway_busy_s, read_table
from workbench.observe.machine import STEP_S
from workbench.observe.moments import Sample, seen
from workbench.records.baseline import Baseline, PipelineWindow
from workbench.records.folder import RunFolder
from workbench.records.samples import read_samples
from workbench.target.port import DrillHub

SAMPLE_MAX: Final = 5000
BURST_END_S: Final = 6.0  # of the calibration burst
DRAIN_LAG_RECORDS_MIN: Final = 1000.0
DRAIN_S_MIN: Final = 3.0
STEAL_PERCENT_MAX: Final = 5.0  # of the machine's time, taken away by its host
SERVER_CORES_S_MIN: Final = 0.5


def measure(
    hub: DrillHub, folder: RunFolder, burst: tuple[float, float], baseline: tuple[float, float], since_s: float
) -> Baseline:
    """Return the run-up's measurements; `burst` and `baseline` are epoch windows that have passed.

    The drill's own rows are committed after `since_s` (epoch).

    Reads the producers' and readers' logs, the processors' samples and the rows committed so far; asks the hub who
    leads, controls and coordinates. Raises ToolFailed when the hub does not answer.
    """
    ledger, observed = folder.ledger, folder.observed
    ledger_room.read_commits(hub.endpoints.postgres_dsn, ledger / "commits-run-up.bin", since_s)
    table = ledger_room.write_table(ledger, hub.topology, 0.0, "commits-run-up.bin")
    start_s, end_s = baseline
    inside = table.rows((table.intended_s >= start_s) & (table.intended_s < end_s))
    devices = inside.devices()
    bursts = table.rows((table.intended_s >= burst[1] - BURST_END_S) & (table.intended_s < burst[1])).devices()
    ensemble = hub.ensemble()
    samples = seen(read_samples(observed / "processors.jsonl"))
    group = hub.topology.processors.consumer_group
    states = hub.partition_states()
    cores = psutil.cpu_count() or 1
    machine = seen(read_samples(observed / "machine.jsonl"))
    burst_window, drain = pipeline_window(samples, *burst), drain_window(samples, machine, burst[1], start_s)
    saturated = drain or burst_window
    recovery_reads_bytes, checkpoint_age_s = ledger_room.recovery_reads(hub.endpoints.postgres_dsn)
    return Baseline(
        broker_start_to_registered_s=hub.start_to_registered_s(),
        broker_start_cpu_s=hub.start_cpu_s(),
        broker_registered_to_ready_s=hub.registered_to_ready_s(),
        machine_cores=cores,
        busy_cores=busy_cores(machine, cores, start_s, end_s),
        busy_cores_saturated=busy_cores(machine, cores, saturated.start_s, saturated.end_s),
        server_cores=server_cores(machine, start_s, end_s),
        server_cores_saturated=server_cores(machine, saturated.start_s, saturated.end_s),
        ack_s=_sample(devices.acked_s - devices.intended_s),
        commit_s=_sample(devices.committed_s - devices.intended_s),
        offered_per_s=len(inside.id) / (end_s - start_s),
        canary_per_s=float(np.count_nonzero(inside.canary)) / (end_s - start_s),
        burst=burst_window,
        burst_end=pipeline_window(samples, burst[1] - BURST_END_S, burst[1]),
        burst_ack_s=_sample(bursts.acked_s - bursts.intended_s),
        steady=pipeline_window(samples, start_s, end_s),
        drain=drain,
        controller=hub.controller(),
        leaders={label: states[label].leader for label in hub.topology.partition_labels},
        zookeeper_leader=ensemble.leader,
        zookeeper_of_broker={str(broker): server for broker, server in ensemble.server_of_broker.items()},
        group_coordinator=hub.group_coordinator(group),
        partitions_of_processor=hub.partitions_of_processor(),
        recovery_reads_bytes=recovery_reads_bytes,
        checkpoint_age_s=checkpoint_age_s,
        read_hit_s=_hits_s(folder.load, baseline),
        gateway_busy_s=gateway_busy_s(folder.load),
    )


def _hits_s(load: Path, baseline: tuple[float, float]) -> tuple[float, ...]:
    reads = read_table(load, 0.0)
    start_s, end_s = baseline
    rows = reads.hit & (reads.intended_s >= start_s) & (reads.intended_s < end_s)
    return _sample(reads.answered_s[rows] - reads.intended_s[rows])


def pipeline_window(samples: Sequence[Sample], start_s: float, end_s: float) -> PipelineWindow:
    """Return the difference of the processors' counters between the samples nearest to two times."""
    first, last = _nearest(samples, start_s), _nearest(samples, end_s)
    busy = sum(1 for before, after in zip(first["processors"], last["processors"], strict=True) if after > before)
    return PipelineWindow(
        start_s=first["t"],
        end_s=last["t"],
        events=last["events"] - first["events"],
        batches=last["batches"] - first["batches"],
        batch_database_s=last["batch_database_s"] - first["batch_database_s"],
        batch_total_s=last["batch_total_s"] - first["batch_total_s"],
        busy_processors=float(busy),
    )


def busy_cores(samples: Sequence[Sample], cores: int, start_s: float, end_s: float) -> float:
    """Return how many cores were busy over a window, on average; 0 when no sample lies in it."""
    percents = [float(sample["cpu_percent"]) for sample in samples if start_s <= sample["t"] < end_s]
    return cores * float(np.mean(percents)) / 100.0 if percents else 0.0


def server_cores(samples: Sequence[Sample], start_s: float, end_s: float) -> dict[str, float]:
    """Return how many cores each server kept busy between the samples nearest to two times."""
    first, last = _nearest(samples, start_s), _nearest(samples, end_s)
    took_s = max(last["t"] - first["t"], SERVER_CORES_S_MIN)
    return {
        name: max(0.0, last["cpu_s"][name] - before_s) / took_s
        for name, before_s in first["cpu_s"].items()
        if name in last["cpu_s"]
    }


def drain_window(
    samples: Sequence[Sample], machine: Sequence[Sample], burst_end_s: float, baseline_start_s: float
) -> PipelineWindow | None:
    """Return the stretch in which the burst's backlog was worked off at the usual rate, None if too short to tell.

    It ends with the last sample whose lag still fills a batch of every processor. Where other machines on the
    same host took cores away in between, it is the longest part without that, if long enough.
    """
    full = [
        sample["t"]
        for sample in samples
        if burst_end_s < sample["t"] < baseline_start_s and sample.get("lag_records", 0.0) > DRAIN_LAG_RECORDS_MIN
    ]
    if not full or full[-1] - burst_end_s < DRAIN_S_MIN:
        return None
    start_s, end_s = longest_undisturbed(machine, burst_end_s, full[-1])
    return pipeline_window(samples, start_s, end_s)


def longest_undisturbed(machine: Sequence[Sample], start_s: float, end_s: float) -> tuple[float, float]:
    """Return the longest part of a window without stolen time; the whole of it where none is long enough to tell."""
    disturbed = [
        sample["t"]
        for sample in machine
        if start_s < sample["t"] < end_s + STEP_S and sample["steal_percent"] > STEAL_PERCENT_MAX
    ]
    # A sample tells of the second before it.
    starts = [start_s, *disturbed]
    ends = [*(t_s - STEP_S for t_s in disturbed), end_s]
    first, last = max(zip(starts, ends, strict=True), key=lambda part: part[1] - part[0])
    return (first, min(last, end_s)) if min(last, end_s) - first >= DRAIN_S_MIN else (start_s, end_s)


def _nearest(samples: Sequence[Sample], t_s: float) -> dict[str, Any]:
    return min(samples, key=lambda sample: abs(sample["t"] - t_s))


def _sample(values: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, ...]:
    """Return the finite values, every n-th so that at most SAMPLE_MAX remain, rounded to a microsecond."""
    finite = values[np.isfinite(values)]
    step = max(1, -(-len(finite) // SAMPLE_MAX))
    return tuple(round(float(value), 6) for value in finite[::step])
