"""Runs the probe inside a cluster: one event through every partition of the hub, looked for in Postgres and Redis."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Final

from workbench.errors import ToolFailed
from workbench.target.throwaway.hub.objects import PROBE, HubObjects, listed, name_of
from workbench.target.throwaway.kubectl import Kubectl

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
    deadline_s = time.monotonic() + TIMEOUT_S
    while True:
        jobs = kubectl.items("jobs", f"--namespace={objects.namespace}")
        status = next(each["status"] for each in jobs if name_of(each) == PROBE)
        if status.get("succeeded"):
            return ProbeResult(**json.loads(kubectl.logs(f"job/{PROBE}", objects.namespace).splitlines()[-1]))
        if status.get("failed") or time.monotonic() > deadline_s:
            said = kubectl.logs(f"job/{PROBE}", objects.namespace)[-TOLD_CHARACTERS:].strip()
            raise ToolFailed(f"not every event got through the hub: {said or 'the probe did not start'}")
        time.sleep(POLL_S)
