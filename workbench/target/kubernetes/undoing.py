"""Undoes what a drill's record tells of, and looks whether the cluster is as it was.

Every step is idempotent, and none touches an object of the same name that is another one by now.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from kubernetes import client

from workbench.errors import BadInput, ToolFailed
from workbench.safety.snapshot import Difference, Snapshot, differences, is_under_way
from workbench.safety.undo import ClusterObject, DrillRecord, Undo, UndoEntry
from workbench.target.kubernetes.agent_pods import Agents
from workbench.target.kubernetes.api import Api, api_failures
from workbench.target.kubernetes.snapshots import take_snapshot
from workbench.target.powers import find_power
from workbench.waiting import happens

PATIENCE_S: Final = 420.0  # a kubelet may wait for 40 s and more, twice, before it starts a container again
LOOK_S: Final = 2.0
GONE_TIMEOUT_S: Final = 300.0
MISSING, CONFLICT = 404, 409


class Undoing:
    """Undoes a record's entries; tells what was done, and what nobody but a person can do, in words."""

    def __init__(self, api: Api, power: str) -> None:
        self._api = api
        self._power = power  # address of the nodes' power
        self.done: list[str] = []
        self.for_a_person: list[str] = []

    def undo(self, entry: UndoEntry) -> None:
        """Undo one entry. Raises BadInput for a victim without a name: it would mean every object of its kind."""
        for victim in entry.victims:
            if not victim.name:
                raise BadInput(f"{entry.fault}: no name of the {victim.kind} that is meant")
            match entry.undo:
                case Undo.AWAIT:
                    self.done.append(f"{entry.fault} of {victim}: whoever runs it brings it back; waited for")
                case Undo.UNCORDON:
                    self._uncordon(victim)
                case Undo.POWER_ON:
                    self._power_on(victim)
                case Undo.REMOVE_NAMESPACE:
                    self._remove_namespace(victim)

    def _uncordon(self, victim: ClusterObject) -> None:
        node = _read(lambda: self._api.core.read_node(victim.name))
        if node is None:
            self.for_a_person.append(f"{victim} is gone, which no drill does: bring it back")
        elif node.metadata.uid != victim.uid:
            self.done.append(f"{victim} was left alone: {node.metadata.uid} has its name now")
        elif not node.spec.unschedulable:
            self.done.append(f"{victim} was not cordoned any more")
        else:
            with api_failures(f"{victim} could not be uncordoned"):
                self._api.core.patch_node(victim.name, {"spec": {"unschedulable": None}})
            self.done.append(f"{victim} was uncordoned")

    def _power_on(self, victim: ClusterObject) -> None:
        try:
            power = find_power(self._power)
            was_on = power.is_on(victim.name)
            power.power_on(victim.name)
        except (BadInput, ToolFailed) as error:
            self.for_a_person.append(f"switch {victim.name} on, if it is off: {error}")
        else:
            self.done.append(f"{victim} {'had power' if was_on else 'was switched on'}")

    def _remove_namespace(self, victim: ClusterObject) -> None:
        core, name = self._api.core, victim.name
        if _read(lambda: core.read_namespace(name)) is None:
            self.done.append(f"{victim} was gone")
            return
        with api_failures(f"{victim} could not be removed"):
            core.delete_collection_namespaced_pod(name, grace_period_seconds=0)  # a dead node would never confirm
            try:
                core.delete_namespace(name)
            except client.ApiException as error:
                if error.status not in (MISSING, CONFLICT):  # gone, or going
                    raise
        if not happens(lambda: _read(lambda: core.read_namespace(name)) is None, GONE_TIMEOUT_S, LOOK_S):
            raise ToolFailed(f"namespace {name} is not gone after {GONE_TIMEOUT_S:.0f} s")
        self.done.append(f"{victim} was removed")


def undo_all(api: Api, record: DrillRecord) -> Undoing:
    """Undo every entry, the last one first, then remove the agents. Raises ToolFailed when the API fails."""
    undoing = Undoing(api, record.power)
    for entry in reversed(record.entries):
        undoing.undo(entry)
    Agents(api).remove()
    return undoing


def audit(api: Api, before: Snapshot, patience_s: float = PATIENCE_S) -> tuple[Difference, ...]:
    """Return what is not as it was; readiness and deletions that are under way are waited for."""
    deadline_s = time.monotonic() + patience_s
    found = differences(before, take_snapshot(api))
    while is_under_way(found) and time.monotonic() < deadline_s:
        time.sleep(LOOK_S)
        found = differences(before, take_snapshot(api))
    return found


def _read(read: Callable[[], Any]) -> Any:
    with api_failures("an object that is to be undone could not be read"):
        try:
            return read()
        except client.ApiException as error:
            if error.status == MISSING:
                return None
            raise
