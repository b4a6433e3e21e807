"""One replication: control events, traffic through the engine, and every metric by the catalogue's functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from workbench import engine
from workbench.engine import Fate, Traffic
from workbench.fault import KAFKA_PARTS, Part
from workbench.metrics import functions
from workbench.metrics.catalogue import CATALOGUE, evaluate
from workbench.metrics.counting import counts_before
from workbench.metrics.reading import refilled_s as refilled
from workbench.metrics.tables import Counts, Evidence, FloatArray, Moments, ReadTable, WriteTable
from workbench.model import readers
from workbench.model.course import Course, play
from workbench.model.discrepancy import disturbed
from workbench.model.parameters import Parameters
from workbench.model.setting import saturated_per_s, service_of, setting_of, slowed
from workbench.model.traffic import Burst, canary_rows, traffic
from workbench.model.world import Setting
from workbench.records.prediction import CURVES
from workbench.streams import stream
from workbench.workload import Workload

CURVES_FROM_S: Final = -15.0
BASELINE_GAP_S: Final = 2.0  # between the modelled baseline and the fault, or the lag that comes before it
WARM_UP_S: Final = 2.0  # before the modelled baseline: queues fill
DRAIN_ROOM_S: Final = 8.0  # events are drawn for so long past the estimated drain
SPARE_MIN: Final = 0.05  # of the processors' capacity: an overloaded hub drains this slowly, here
DRAIN_FACTOR: Final = 3.0  # the estimate is a fluid one; a saturated server takes at most this much longer


@dataclass(frozen=True)
class Replication:
    """What one replication gives."""

    metrics: dict[str, float]
    silent_spans: FloatArray  # (partitions, 2)
    curves: Mapping[str, FloatArray]  # on Model.grid, NaN after the load's end


@dataclass(frozen=True)
class Columns:
    """Results of some replications, a row each, in the order of their indices."""

    metrics: FloatArray  # (replications, metrics of the catalogue)
    spans: FloatArray  # (replications, partitions, 2)
    curves: FloatArray  # (replications, curves, grid)


@dataclass(frozen=True)
class Model:
    """A prediction's fixed part: ready to run any replication."""

    parameters: Parameters
    workload: Workload
    setting: Setting
    seed: int

    @staticmethod
    def of(parameters: Parameters, workload: Workload, seed: int) -> Model:
        """Return the model of these parameters."""
        return Model(parameters, workload, setting_of(parameters, workload), seed)

    @property
    def grid(self) -> FloatArray:
        """Return the times (s) of every curve: from before the fault to the latest possible end."""
        return np.arange(CURVES_FROM_S, self.parameters.number("recovery_timeout_s"), functions.GRID_STEP_S)

    @property
    def _gap_s(self) -> float:
        return BASELINE_GAP_S + self.setting.lag_s

    def constants(self) -> dict[str, float]:
        """Return every parameter that is one number."""
        rows = self.parameters.by_name.items()
        return {name: float(row.value) for name, row in rows if isinstance(row.value, int | float)}

    def replicate(self, index: int, drawn: Mapping[str, float]) -> Replication:
        """Run replication `index` with what it drew of the uncertain parameters."""
        draws = slowed(self.setting, {**self.constants(), **drawn})
        draws["drain_per_silent_s"] = self._drain_per_silent_s(draws)
        course = play(self.setting, draws)
        reads = self._reads(index, draws, course)
        if reads is not None:  # the drill waits for the hits, too
            refilled_s = refilled(reads, self._baseline(course.moments, draws))
            course = replace(course, awaited_s=(*course.awaited_s, refilled_s))
        span_s = self._span(course, draws)
        events = self._traffic(index, draws, span_s)
        fate = engine.run(events, course.disturbance, service_of(self.setting, self.parameters, draws))
        evidence, kept = self._evidence(events, fate, course, span_s, draws)
        if reads is not None:
            evidence = replace(evidence, reads=reads.before(evidence.moments.load_end_s))
        curves = self._curves(evidence, fate.visible_s[kept], fate.committed_s[kept])
        spans = functions.spans(evidence, of_rows=self.setting.part not in KAFKA_PARTS)
        return Replication(disturbed(evaluate(evidence), draws["after_disturbance"]), spans, curves)

    def _reads(self, index: int, draws: Mapping[str, float], course: Course) -> ReadTable | None:
        """Return what became of the readers' requests, of as many as the drill can ever send; None: nobody reads."""
        if self.workload.readers is None:
            return None
        hit_s = self.parameters.distribution("read_hit_s")
        rng = stream(self.seed, "model", "reads", index)
        horizon_s = draws["recovery_timeout_s"]
        return readers.play(self.workload, draws, course.redis_serves_s, horizon_s, hit_s, rng)

    def _baseline(self, moments: Moments, draws: Mapping[str, float]) -> Moments:
        """Return the moments with the modelled baseline."""
        return replace(moments, baseline_start_s=-(draws["baseline_s"] + self._gap_s), baseline_end_s=-self._gap_s)

    def _drain_per_silent_s(self, draws: Mapping[str, float]) -> float:
        """Return how long a second of silence takes to drain, in the fluid limit: arrivals to spare capacity."""
        served_per_s = saturated_per_s(len(self.setting.consumers), draws)
        per_s = self.setting.bytes_per_s / draws["event_bytes"]
        return per_s / max(served_per_s - per_s, SPARE_MIN * served_per_s)

    def _span(self, course: Course, draws: Mapping[str, float]) -> tuple[float, float]:
        """Return from when to when events are drawn: past the recovery's estimated end."""
        start_s = -(draws["baseline_s"] + self._gap_s + WARM_UP_S)
        gathered_s = course.resumed_s if course.gathered_s is None else course.gathered_s
        drain_s = DRAIN_FACTOR * draws["drain_per_silent_s"] * gathered_s
        drained_s = course.resumed_s + drain_s + DRAIN_ROOM_S + draws["calm_s"]
        return start_s, self._load_end_s(drained_s, course.awaited_s, draws)

    @staticmethod
    def _load_end_s(calm_s: float, awaited_s: Sequence[float], draws: Mapping[str, float]) -> float:
        """Return when the drill stops the load: after the last thing it waits for, at most the time-out."""
        awaited = [calm_s, *awaited_s]
        bound_s = draws["recovery_timeout_s"]
        last_s = bound_s if np.isnan(awaited).any() else min(bound_s, max(awaited))
        return float(last_s + draws["load_tail_s"])

    def _traffic(self, index: int, draws: Mapping[str, float], span_s: tuple[float, float]) -> Traffic:
        rng = stream(self.seed, "model", "events", index)
        return traffic(
            self.workload,
            self.parameters.value("partitions"),
            int(draws["load_workers"]),
            span_s,
            draws["fault_after_load_start_s"],
            self.parameters.distribution("response_s"),
            self.parameters.distribution("batch_noise"),
            rng,
            self._burst(),
        )

    def _burst(self) -> Burst | None:
        """Return the burst of the load from the fault on, None where there is none."""
        setting = self.setting
        if setting.part is not Part.LOAD:
            return None
        return Burst(setting.burst_factor, setting.burst_s, self.parameters.distribution("burst_response_s"))

    def _evidence(
        self,
        events: Traffic,
        fate: Fate,
        course: Course,
        span_s: tuple[float, float],
        draws: Mapping[str, float],
    ) -> tuple[Evidence, slice]:
        """Return what the catalogue looks at, and which events it keeps.

        The load ends a while after all is whole again, so later events were never sent.
        """
        partitions = len(self.setting.leaders)
        # What was committed so shortly before the fault did not reach the standby that takes over.
        lost = (fate.committed_s > -course.rows_lost_s) & (fate.committed_s <= 0.0)
        within = replace(self._baseline(course.moments, draws), load_end_s=span_s[1])
        writes = WriteTable(
            np.arange(len(events.intended_s)),
            events.partition,
            events.intended_s,
            fate.acked_s,
            np.where(lost, np.nan, fate.committed_s),
            canary_rows(events),
        )
        counts = Counts(acknowledged_lost=fate.lost, rows_lost=int(np.count_nonzero(lost)))
        whole = Evidence(writes, within, counts, partitions)
        drained_s = functions.backlog_drained_s(whole)
        end_s = min(span_s[1], self._load_end_s(drained_s + draws["calm_s"], course.awaited_s, draws))
        first, last = (int(place) for place in np.searchsorted(events.intended_s, [within.baseline_start_s, end_s]))
        kept = writes.between(first, last)
        return Evidence(kept, replace(within, load_end_s=end_s), counts, partitions), slice(first, last)

    def _curves(self, evidence: Evidence, visible_s: FloatArray, written_s: FloatArray) -> dict[str, FloatArray]:
        """Return the curves on `grid`; consumer lag counts the canary's records as well, as Kafka does.

        A row that is lost later was written (`written_s`) all the same: its offset is committed.
        """
        grid = self.grid
        alive = grid[grid < evidence.moments.load_end_s]
        lag = counts_before(visible_s, alive) - counts_before(written_s, alive)
        curves = {
            "acked_per_s": functions.acked_per_s(evidence, alive),
            "ack_s_p99": functions.ack_s_p99_curve(evidence, alive),
            "backlog_events": functions.backlog_at(evidence, alive),
            "lag_records": np.maximum(lag, 0).astype(np.float64),
        }
        rest = np.full(len(grid) - len(alive), np.nan)
        return {name: np.concatenate([values, rest]) for name, values in curves.items()}


def run_slice(model: Model, indices: Sequence[int]) -> Columns:
    """Return the results of these replications."""
    draws = model.parameters.draws(model.seed, indices)
    done = [
        model.replicate(index, {name: float(values[place]) for name, values in draws.items()})
        for place, index in enumerate(indices)
    ]
    return Columns(
        metrics=np.array([[each.metrics[metric.name] for metric in CATALOGUE] for each in done]),
        spans=np.array([each.silent_spans for each in done]),
        curves=np.array([[each.curves[name] for name in CURVES] for each in done]),
    )
