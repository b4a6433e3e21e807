"""Redis's death: it starts again and reads its append-only file; rows go on being written meanwhile.

The event processors write to Postgres first and keep in memory what Redis has not taken (workbench/apps/event_processor
/state.py), so a Redis that refuses connections costs them nothing. It answers LOADING until its file is read.

Left out: readers, a Redis that is silent in place of gone (1 s a batch and back-off), a file that has to be repaired.
"""

from __future__ import annotations

from collections.abc import Mapping

from workbench.metrics.catalogue import POLL_S
from workbench.metrics.tables import NAN, Moments
from workbench.model.outcome import Course, kafka_goes_on, polled_s
from workbench.model.world import Setting


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course: one wait after another, so that no clock is needed."""
    started_s = draws["kubelet_relist_s"] + draws["restart_notice_s"]
    answers_s = started_s + draws["redis_start_s"] + draws["redis_file_bytes"] / draws["redis_load_bytes_per_s"]
    seen_s = polled_s(answers_s, POLL_S, draws["poll_stores_phase_s"])
    moments = Moments(NAN, NAN, NAN, fault_effective_s=0.0, redis_started_s=started_s, redis_answers_s=seen_s)
    return Course(moments, kafka_goes_on(setting), 0.0, (seen_s,))
