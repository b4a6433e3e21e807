"""Redis's death: it starts again and reads its append-only file; rows go on being written meanwhile.

The event processors write to Postgres first and keep in memory what Redis has not taken (workbench/apps/event_processor
/state.py), so a Redis that refuses connections costs them nothing. It answers LOADING until its file is read. Each
processor offers what is pending again after 0.1, 0.2, 0.4 .. 5 s: until then the devices' states in Redis are old.

Where its data is lost there is no file to read. Each device's states come back with its next event or a read; what
that costs the readers is in readers.py.

Left out: a Redis that is silent in place of gone (1 s a batch and back-off), a file that has to be repaired.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workbench.metrics.catalogue import POLL_S, PROCESSORS_POLL_S
from workbench.metrics.tables import after_fault
from workbench.model.outcome import Course, kafka_goes_on, polled_s
from workbench.model.restarted import Restarted
from workbench.model.world import Setting

BACKOFF_LONGEST_S: Final = 5.0  # workbench/apps/event_processor/state.py


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    server = Restarted(setting, draws)
    load_s = draws["redis_file_bytes"] / draws["redis_load_bytes_per_s"]
    server.play(draws["redis_start_s"] + load_s, BACKOFF_LONGEST_S, late_s=draws["state_attempt_delay_s"])
    answers_s = polled_s(server.serves_s, POLL_S, draws["poll_stores_phase_s"])
    current_s = polled_s(max(server.reached_s.values()), PROCESSORS_POLL_S, draws["poll_processors_phase_s"])
    moments = after_fault(
        redis_started_s=server.started_s,
        redis_answers_s=answers_s,
        states_current_s=max(current_s, answers_s),
    )
    awaited_s = (answers_s, moments.states_current_s)
    return Course(moments, kafka_goes_on(setting), 0.0, awaited_s, redis_serves_s=server.serves_s)
