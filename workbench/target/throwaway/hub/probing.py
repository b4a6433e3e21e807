"""Runs the probe inside a cluster: one event through every partition of the hub, looked for in Postgres and Redis."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from workbench.errors import ToolFailed
from workbench.target.throwaway.hub.kinds import listed, name_of
from workbench.target.throwaway.hub.objects import PROBE, HubObjects
from workbench.target.throwaway.kubectl import Kubectl
from workbench.waiting import happens

TIMEOUT_S: Final = 200.0  # the pod's start, and the probe's own three waits
POLL_S: Final = 0.5
TOLD_CHARACTERS: Final = 500


@dataclass(frozen=True)
class ProbeResult:
    """What became of one event a partition. Times are from the first write."""

    partitions: int
    acknowledged: int
    acknowledged_s: float  # until Kafka had acknowledged them (acks=all)
    committed: int
    committed_s: float  # until Postgres had their rows
    states: int  # devices whose state Redis has


def run_probe(kubectl: Kubectl, objects: HubObjects) -> ProbeResult:
    """Run the probe's Job. Raises ToolFailed with its words when an event did not arrive."""
    kubectl.delete("job", PROBE, objects.namespace)  # of a run before: a Job runs once
    kubectl.apply(listed(objects.probe()))

    def status() -> dict[str, Any]:
        jobs = kubectl.items("jobs", f"--namespace={objects.namespace}")
        return dict(next(each["status"] for each in jobs if name_of(each) == PROBE))

    happens(lambda: bool(status().keys() & {"succeeded", "failed"}), TIMEOUT_S, POLL_S)
    said, succeeded = kubectl.logs(f"job/{PROBE}", objects.namespace).strip(), status().get("succeeded")
    kubectl.delete("job", PROBE, objects.namespace)  # a drill under way must find none that was not there
    if not succeeded:
        raise ToolFailed(f"not every event got through the hub: {said[-TOLD_CHARACTERS:] or 'the probe did not start'}")
    return ProbeResult(**json.loads(said.splitlines()[-1]))
