"""Redis's death: it starts again and reads its append-only file; rows go on being written meanwhile.

The event processors write to Postgres first and keep in memory what Redis has not taken (workbench/apps/event_processor
/state.py), so a Redis that refuses connections costs them nothing. It answers LOADING until its file is read. Each
processor offers what is pending again after 0.1, 0.2, 0.4 .. 5 s: until then the devices' states in Redis are old.

Left out: readers, a Redis that is silent in place of gone (1 s a batch and back-off), a file that has to be repaired.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import simpy

from workbench.metrics.catalogue import POLL_S, PROCESSORS_POLL_S
from workbench.metrics.tables import NAN, Moments
from workbench.model.outcome import Course, kafka_goes_on, polled_s
from workbench.model.world import Setting, Steps

BACKOFF_FIRST_S: Final = 0.1  # workbench/apps/event_processor/state.py
BACKOFF_LONGEST_S: Final = 5.0
HORIZON_S: Final = 3600.0
ATTEMPTS_MAX: Final = 1000  # beyond the horizon


class _World:
    """One replication: when Redis started and answered, and each processor had caught up (s after the fault)."""

    def __init__(self, setting: Setting, draws: Mapping[str, float]) -> None:
        self.setting = setting
        self.draws = draws
        self.env = simpy.Environment()
        self.answers = self.env.event()
        self.started_s = NAN
        self.answers_s = NAN
        self.caught_up_s: list[float] = []


def play(setting: Setting, draws: Mapping[str, float]) -> Course:
    """Return one replication's course."""
    world = _World(setting, draws)
    world.env.process(_server(world))
    for each in range(len(setting.consumers)):
        world.env.process(_processor(world, each))
    world.env.run(until=HORIZON_S)
    answers_s = polled_s(world.answers_s, POLL_S, draws["poll_stores_phase_s"])
    current_s = polled_s(max(world.caught_up_s), PROCESSORS_POLL_S, draws["poll_processors_phase_s"])
    moments = Moments(
        NAN,
        NAN,
        NAN,
        fault_effective_s=0.0,
        redis_started_s=world.started_s,
        redis_answers_s=answers_s,
        states_current_s=max(current_s, answers_s),
    )
    return Course(moments, kafka_goes_on(setting), 0.0, (answers_s, moments.states_current_s))


def _server(world: _World) -> Steps:
    """Start again by the restart rule and load the file."""
    draws = world.draws
    yield world.env.timeout(draws["kubelet_relist_s"] + draws["restart_notice_s"])
    world.started_s = float(world.env.now)
    yield world.env.timeout(draws["redis_start_s"] + draws["redis_file_bytes"] / draws["redis_load_bytes_per_s"])
    world.answers_s = float(world.env.now)
    world.answers.succeed()


def _processor(world: _World, each: int) -> Steps:
    """Offer what is pending, each time after a longer wait and at the end of a batch, until Redis takes it."""
    draws = world.draws
    yield world.env.timeout(draws[f"first_failure_share_{each}"] * draws["batch_linger_s"])
    wait_s = BACKOFF_FIRST_S
    for _ in range(ATTEMPTS_MAX):
        yield world.env.timeout(wait_s + draws["state_attempt_delay_s"])
        if world.answers.triggered:
            world.caught_up_s.append(float(world.env.now))
            return
        wait_s = min(BACKOFF_LONGEST_S, 2.0 * wait_s)
