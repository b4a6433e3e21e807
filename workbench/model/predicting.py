"""The prediction: many replications, shared out to subprocesses, gathered in the order of their index.

Each replication's draws belong to its index, so the number of subprocesses does not change a byte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from workbench.errors import BadInput
from workbench.fault import PARTS, FaultType
from workbench.metrics.catalogue import CATALOGUE, metrics_of
from workbench.metrics.tables import FloatArray
from workbench.model import workers
from workbench.model.parameters import Parameters
from workbench.model.part_priors import priors_of
from workbench.model.replication import Columns, Model, run_slice
from workbench.records.prediction import CURVES, ENVELOPE_PERCENTS, Prediction
from workbench.subprocesses import PREDICTION_COUNT, Subprocesses
from workbench.workload import RateProfile, Workload

if TYPE_CHECKING:  # a prediction's subprocesses import this package: they need neither YAML nor pydantic
    from workbench.scenario.drill_scenario import Scenario
    from workbench.topology.hub import HubTopology

SLICE: Final = 25  # replications a subprocess does between two reports
PLACES: Final = {metric.name: place for place, metric in enumerate(CATALOGUE)}
END_SHARE: Final = 0.95  # the envelopes end when this share of the replications has ended

Progress = Callable[[int, int], None]  # replications done, of how many


def predict(
    scenario: Scenario,
    topology: HubTopology,
    parameters: Parameters,
    seed: int,
    replications: int = 1000,
    subprocesses: int | Subprocesses = PREDICTION_COUNT,
    progress: Progress | None = None,
) -> Prediction:
    """Return what the model says of a drill of `scenario`; equal arguments give equal bytes.

    `subprocesses`: how many to start, or those that were started early; 0 runs in this process. Raises BadInput when
    parameters and manifests do not belong together, a parameter is missing or there is nothing to replicate; ToolFailed
    when a subprocess ends early.
    """
    labels = topology.partition_labels
    if sorted(parameters.value("leader_of_partition")) != sorted(labels):
        raise BadInput("parameters.json is of other manifests: its partitions differ")
    part = PARTS[FaultType(parameters.value("fault_type"))]
    missing = sorted({*priors_of(part, topology.kafka.quorum is not None, scenario.reads)} - {*parameters.by_name})
    if missing:
        raise BadInput(f"parameters.json was written by another version: it lacks {', '.join(missing)}")
    if replications < 1:
        raise BadInput(f"{replications} replications: at least 1 is needed")
    model = Model.of(parameters, _plain(scenario.workload, scenario.reads), seed)
    columns = _gather(model, replications, subprocesses, progress or (lambda _done, _all: None))
    grid, envelopes = _envelopes(model.grid, columns.curves)
    draws = parameters.draws(seed, range(replications))
    return Prediction(
        scenario=scenario.name,
        seed=seed,
        replications=replications,
        metrics={
            metric.name: columns.metrics[:, PLACES[metric.name]].tolist() for metric in metrics_of(part, scenario.reads)
        },
        parameters={name: values.tolist() for name, values in draws.items()},
        silent_spans={
            label: {
                "start_s": columns.spans[:, place, 0].tolist(),
                "end_s": columns.spans[:, place, 1].tolist(),
            }
            for place, label in enumerate(labels)
        },
        envelope_grid_s=grid.tolist(),
        envelopes=envelopes,
    )


def _gather(model: Model, replications: int, subprocesses: int | Subprocesses, progress: Progress) -> Columns:
    slices = [range(low, min(low + SLICE, replications)) for low in range(0, replications, SLICE)]
    finished = 0

    def done(count: int) -> None:
        nonlocal finished
        finished += count
        progress(finished, replications)

    if isinstance(subprocesses, Subprocesses):
        results = workers.gather(model, slices, subprocesses, done)
    elif subprocesses:
        with Subprocesses(count=min(subprocesses, len(slices))) as started:
            results = workers.gather(model, slices, started, done)
    else:
        results = {}
        for part in slices:
            results[part.start] = run_slice(model, part)
            done(len(part))
    ordered = [results[part.start] for part in slices]
    return Columns(*(np.concatenate([getattr(each, name) for each in ordered]) for name in Columns.__annotations__))


def _envelopes(
    grid: FloatArray, curves: FloatArray
) -> tuple[FloatArray, Mapping[str, Mapping[str, Sequence[float | None]]]]:
    """Return the grid up to the end that END_SHARE of the replications reach, and each curve's percentiles on it.

    At every instant over the replications that have a value then.
    """
    alive = np.count_nonzero(~np.isnan(curves[:, CURVES.index("backlog_events")]), axis=0)
    length = max(1, int(np.count_nonzero(alive > (1.0 - END_SHARE) * len(curves))))
    envelopes: dict[str, dict[str, Any]] = {}
    for place, name in enumerate(CURVES):
        rows = percentiles(curves[:, place, :length], ENVELOPE_PERCENTS)
        envelopes[name] = {str(percent): row.tolist() for percent, row in zip(ENVELOPE_PERCENTS, rows, strict=True)}
    return grid[:length], envelopes


def percentiles(values: FloatArray, percents: Sequence[float]) -> FloatArray:
    """Return percentiles down the columns, leaving NaNs out; NaN for a column without a number."""
    ordered = np.sort(values, axis=0)  # NaNs last
    counts = np.count_nonzero(~np.isnan(values), axis=0)
    columns = np.arange(values.shape[1])
    rows = []
    for percent in percents:
        position = np.maximum(counts - 1, 0) * (percent / 100.0)
        low = np.floor(position).astype(np.int64)
        high = np.minimum(low + 1, np.maximum(counts - 1, 0))
        below, above = ordered[low, columns], ordered[high, columns]
        found = below + (above - below) * (position - low)
        rows.append(np.where(counts > 0, found, np.nan))
    return np.array(rows)


def _plain(workload: Workload, reads: bool) -> Workload:
    """Return the workload with plain containers, which travel to subprocesses, and readers if they are modelled."""
    profile = workload.profile
    return Workload(
        RateProfile(**{name: getattr(profile, name) for name in RateProfile.__dataclass_fields__}),
        workload.arrivals,
        dict(workload.mix),
        workload.event_bytes,
        workload.devices,
        workload.acks,
        workload.readers if reads else None,
        workload.library,
    )
