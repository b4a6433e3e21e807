"""The victim's return: restart rule, registration, and its way back into the in-sync replica sets.

The restart rule is the kubelet's (Kubernetes documentation, Pod Lifecycle): at once after the first exit, then
after 10, 20, 40 .. 300 s. A broker that registers while its old session is alive is refused (Kafka 3.7.1
KafkaZkClient.CheckedEphemeral, NodeExists), shuts down and exits, so the rule decides. Log recovery comes
before registration (KafkaServer.startup) and only after SIGKILL: a refused broker shuts its logs down cleanly.

Left out: a back-off that a long good run resets (the hub is fresh), a broker killed by its liveness probe,
segments rolled in between, throttled replication.
"""

from __future__ import annotations

from typing import Final

from workbench.fault import FaultType, RestartRule
from workbench.model.world import Steps, World

ATTEMPTS_MAX: Final = 12  # beyond any recovery time-out: the waits sum up to over 30 minutes


def backoff_s(attempt: int) -> float:
    """Return the kubelet's wait before start number `attempt` (1, 2, ..) after an exit."""
    return 0.0 if attempt <= 1 else min(10.0 * 2.0 ** (attempt - 2), 300.0)


def restart(world: World) -> Steps:
    """Start the broker until it registers; then let it catch up."""
    draws, setting = world.draws, world.setting
    if setting.restart is RestartRule.NONE:
        return
    if setting.fault is FaultType.BROKER_STOP:
        yield world.exited
    for attempt in range(1, ATTEMPTS_MAX + 1):
        yield world.env.timeout(backoff_s(attempt) + draws["restart_notice_s"])
        started_s = float(world.env.now)
        recovery_s = recovery_of_logs_s(world) if attempt == 1 else 0.0
        yield world.env.timeout(draws["broker_start_s"] * slowness(world) + recovery_s)
        if world.deregistered.triggered:
            world.moments["registering_process_started"] = started_s
            world.note("registered")
            break
        yield world.env.timeout(draws["node_exists_exit_s"])
    else:
        return
    yield from rejoin(world)


def slowness(world: World) -> float:
    """Return the factor on a start that begins now: with acks=all nothing moves until the session expires."""
    silent = world.setting.acks == "all" and not world.deregistered.triggered
    return world.draws["start_in_silence_factor" if silent else "start_under_load_factor"]


def rejoin(world: World) -> Steps:
    """From registered to every in-sync replica set full."""
    yield world.env.timeout(world.draws["broker_ready_s"] * world.draws["start_under_load_factor"])
    world.note("ready")
    world.ready.succeed()
    yield world.isr_shrunk
    missed_bytes = world.setting.bytes_per_s * float(world.env.now)
    yield world.env.timeout(world.draws["isr_rejoin_s"] + missed_bytes / world.draws["catch_up_bytes_per_s"])
    world.note("isr_full")
    world.isr_full.succeed()


def recovery_of_logs_s(world: World) -> float:
    """Return how long the first start after a SIGKILL re-reads logs: every partition's active segment."""
    if world.setting.fault is not FaultType.BROKER_KILL:
        return 0.0
    hosted = world.setting.led + world.setting.followed
    scan_s = world.setting.log_bytes_at_fault / world.draws["log_scan_bytes_per_s"]
    return world.draws["log_recovery_partition_s"] * hosted + scan_s
