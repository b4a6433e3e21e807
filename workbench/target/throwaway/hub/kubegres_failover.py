"""Stand-in for Kubegres 1.16's manager: what it does when an instance is lost, by its published rules.

`python -m workbench.target.throwaway.hub.kubegres_failover <file with the Kubegres resource as JSON>`, in a pod whose
service account may read and change the namespace's StatefulSets. What it decides is never an observation of Kubegres.

The rules (Kubegres v1.16): a change is looked at 1 s after it (kubegres_controller.go). Where the primary's
StatefulSet is missing or has no ready pod and a replica is ready, that StatefulSet is deleted, 10 s pass, and the ready
replica of the lowest index becomes the primary, whichever is the most advanced: its role label changes and an init
container touches the trigger file, so its pod starts again (PrimaryToReplicaFailOver.go). No other operation begins
until it is ready and 40 s have passed, or 300 s where it does not get ready. Then a replica that was ready and is no
longer is deleted, and each missing instance is made under an index of its own, with a volume of its own; until it is
ready, at most 300 s, there is no fail-over (ReplicaDbCountSpecEnforcer.go, BlockingOperation.go).

Different here: it looks every 0.2 s where Kubegres is told of changes; the copy begins with a fast checkpoint; no
leader election, promotion by hand, or backup.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from workbench.target.throwaway.hub.in_cluster import InCluster
from workbench.target.throwaway.hub.kinds import Object
from workbench.target.throwaway.hub.kubegres import INDEX, PRIMARY, REPLICA, ROLE, Kubegres

LOOK_S: Final = 0.2
RECONCILE_S: Final = 1.0
WAIT_S: Final = 10.0
COMPLETE_S: Final = 40.0  # a promotion takes at least so long
TIMEOUT_S: Final = 300.0  # of a promotion or a new instance
BEGUN, ASKED, PROMOTED, REBUILT = "begun", "promotion-asked", "promoted", "rebuilt"


@dataclass(frozen=True)
class Instance:
    """One instance's StatefulSet now."""

    number: int
    name: str
    role: str
    ready: bool


@dataclass
class Operation:
    """What is under way, if anything."""

    kind: str = ""  # PROMOTED or REBUILT: what it ends with
    number: int = 0
    begun_s: float = 0.0  # monotonic


@dataclass
class Manager:
    """The rules over what is there; `pods` were ready once, by number."""

    kubegres: Kubegres
    was_ready: set[int] = field(default_factory=set)
    operation: Operation = field(default_factory=Operation)

    def next_step(self, instances: Sequence[Instance], now_s: float) -> tuple[str, Instance | None]:
        """Return what is to be done now: "fail over", "give up", "make" or "", and to which instance."""
        self.was_ready |= {each.number for each in instances if each.ready}
        if self._is_under_way(instances, now_s):
            return "", None
        primary = next((each for each in instances if each.role == PRIMARY), None)
        replicas = [each for each in instances if each.role == REPLICA]
        if primary is None or not primary.ready:
            may = self.kubegres.fails_over and chosen(replicas) is not None
            return ("fail over", primary) if may else ("", None)
        gone = next((each for each in replicas if not each.ready and each.number in self.was_ready), None)
        if gone is not None:
            return "give up", gone
        return ("make", None) if len(instances) < self.kubegres.replicas else ("", None)

    def _is_under_way(self, instances: Sequence[Instance], now_s: float) -> bool:
        operation = self.operation
        if not operation.kind:
            return False
        took_s = now_s - operation.begun_s
        ready = any(each.number == operation.number and each.ready for each in instances)
        least_s = COMPLETE_S if operation.kind == PROMOTED else 0.0
        if (ready and took_s >= least_s) or took_s >= TIMEOUT_S:
            if ready and operation.kind == REBUILT:
                _say(REBUILT, operation.number)
            self.operation = Operation()
            return False
        return True


def chosen(replicas: Sequence[Instance]) -> Instance | None:
    """Return the ready replica of the lowest index."""
    return next((each for each in sorted(replicas, key=lambda each: each.number) if each.ready), None)


def instances_of(stateful_sets: Sequence[Mapping[str, Any]], name: str) -> list[Instance]:
    """Return the instances among a namespace's StatefulSets, by their index."""
    found = []
    for each in stateful_sets:
        labels = each["spec"]["template"]["metadata"].get("labels", {})
        is_deleted = "deletionTimestamp" in each["metadata"]
        if labels.get("app") == name and INDEX in labels and not is_deleted:
            ready = each["status"].get("readyReplicas", 0) > 0
            found.append(Instance(int(labels[INDEX]), each["metadata"]["name"], labels[ROLE], ready))
    return sorted(found, key=lambda each: each.number)


class StandIn:
    """Acts on one namespace's StatefulSets until it is ended."""

    def __init__(self, resource: Mapping[str, Any], api: InCluster) -> None:
        self.manager = Manager(Kubegres(resource))
        self._api = api
        self._path = f"/apis/apps/v1/namespaces/{self.manager.kubegres.namespace}/statefulsets"
        self._highest = self.manager.kubegres.replicas
        self.stop = threading.Event()

    def run(self) -> None:
        """Look and act until stopped."""
        while not self.stop.wait(LOOK_S):
            step, _ = self.manager.next_step(self._look(), time.monotonic())
            if step and not self.stop.wait(RECONCILE_S):
                self.act(*self.manager.next_step(self._look(), time.monotonic()))

    def act(self, step: str, instance: Instance | None) -> None:
        """Do one step; nothing for ""."""
        if step == "fail over":
            self._fail_over(instance)
        elif step == "give up" and instance is not None:
            self._delete(instance)
        elif step == "make":
            self._make()

    def _look(self) -> list[Instance]:
        found = instances_of(self._api.get(self._path)["items"], self.manager.kubegres.name)
        self._highest = max([self._highest, *(each.number for each in found)])
        return found

    def _fail_over(self, primary: Instance | None) -> None:
        _say(BEGUN, primary.number if primary else 0)
        if primary is not None:
            self._delete(primary)
        if self.stop.wait(WAIT_S):
            return
        successor = chosen([each for each in self._look() if each.role == REPLICA])
        if successor is None:
            return  # none is ready any more: it looks again
        self._api.patch(f"{self._path}/{successor.name}", self.manager.kubegres.promotion())
        _say(ASKED, successor.number)
        self.manager.operation = Operation(PROMOTED, successor.number, time.monotonic())
        self._tell_when_ready(successor)

    def _tell_when_ready(self, successor: Instance) -> None:
        """Note when the new primary's pod, started again, is ready."""
        path, deadline_s, restarted = f"{self._path}/{successor.name}", time.monotonic() + TIMEOUT_S, False
        while time.monotonic() < deadline_s and not self.stop.wait(LOOK_S):
            status: Object = self._api.get(path)["status"]
            restarted = restarted or status.get("readyReplicas", 0) == 0
            if restarted and status.get("readyReplicas", 0) > 0:
                _say(PROMOTED, successor.number)
                return

    def _make(self) -> None:
        self._highest += 1
        self._api.post(self._path, self.manager.kubegres.instance(self._highest, REPLICA))
        self.manager.operation = Operation(REBUILT, self._highest, time.monotonic())

    def _delete(self, instance: Instance) -> None:
        self.manager.was_ready.discard(instance.number)
        self._api.delete(f"{self._path}/{instance.name}")


def _say(step: str, instance: int) -> None:
    """Note a step where the pod's log is read."""
    print(json.dumps({"t": time.time(), "step": step, "instance": instance}), flush=True)


def main(file: Path) -> None:
    """Look after the instances of the resource in a file until SIGTERM; an API that fails ends it."""
    stand_in = StandIn(json.loads(file.read_text()), InCluster())
    signal.signal(signal.SIGTERM, lambda *_: stand_in.stop.set())
    stand_in.run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
