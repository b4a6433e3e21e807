"""A burst of the load: more events than the event processors write gather in Kafka, and drain at the usual rate.

No rate is assumed to be kept up: every event of the burst goes through the engine, so what the processors cannot write
waits, and the backlog grows for as long as the burst lasts. How slow answers and full batches are meanwhile comes from
the last seconds of the calibration burst, which has BURST_FACTOR times the rate, or from a prior.

Left out: producers and brokers that fall behind for good (their answers are drawn, they do not queue), the order in
which a backlog is fetched partition by partition, readers, a load generator that is late itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workbench.engine import NEVER, Pace
from workbench.metrics.tables import after_fault
from workbench.model.outcome import Course, kafka_goes_on
from workbench.model.pace import pace_of_outage
from workbench.model.world import Setting
from workbench.workload import BURST_FACTOR, CANARY_WRITES_PER_S


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    burst_s = setting.burst_s
    slower = slow_down(setting.burst_factor, draws["calibration_burst_slows"])
    gathered_s = gathered(setting, draws, slower)
    drain = pace_of_outage(draws, len(setting.consumers), burst_s - gathered_s, burst_s)
    pace = Pace(
        np.array([NEVER, 0.0, *drain.from_s[2:]]),
        np.array([1.0, draws["burst_response_factor"], *drain.response[2:]]),
        np.array([1.0, slower, *drain.batch[2:]]),
        np.ones(4),
        np.array([1.0, slower, 1.0, 1.0]),
    )
    moments = after_fault(burst_ended_s=burst_s)
    return Course(moments, kafka_goes_on(setting, pace=pace), burst_s, (burst_s,), gathered_s=gathered_s)


def slow_down(factor: float, calibration_burst_slows: float) -> float:
    """Return by which factor a batch takes longer beside `factor` times the load: in proportion to what is on top.

    `calibration_burst_slows` is that factor beside BURST_FACTOR times the load.
    """
    return 1.0 + (calibration_burst_slows - 1.0) * (factor - 1.0) / (BURST_FACTOR - 1.0)


def gathered(setting: Setting, draws: Mapping[str, float], slower: float) -> float:
    """Return how many seconds' worth of the usual traffic wait when the burst ends, in the fluid limit."""
    per_s = setting.bytes_per_s / draws["event_bytes"]
    on_top_per_s = (setting.burst_factor - 1.0) * (per_s - CANARY_WRITES_PER_S * len(setting.leaders))
    written_per_s = per_s * (1.0 + 1.0 / draws["drain_per_silent_s"]) / slower
    return max(0.0, setting.burst_s * (per_s + on_top_per_s - written_per_s) / per_s)
