"""Recovers a cluster from a drill whose driver died: from the cluster's own record, on whatever machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from workbench.errors import Stopped
from workbench.safety.snapshot import Difference
from workbench.target.kubernetes.agent_pods import Agents
from workbench.target.kubernetes.api import Api
from workbench.target.kubernetes.hold import BEAT_S
from workbench.target.kubernetes.record import ClusterRecord
from workbench.target.kubernetes.undoing import PATIENCE_S, audit, undo_all

Say = Callable[[str], None]
LIVES_S: Final = 5.0 * BEAT_S  # a driver that leaves no mark for so long is dead
LOOK_S: Final = 0.5


@dataclass(frozen=True)
class Recovery:
    """What was found and done."""

    run_id: str  # "": the cluster holds no record of a drill
    driver: str
    done: tuple[str, ...]
    for_a_person: tuple[str, ...]
    left: tuple[Difference, ...]  # what is not as before the drill

    @property
    def verified(self) -> bool:
        """Tell whether the cluster is as it was."""
        return not self.left


def recover(api: Api, say: Say, *, accept: bool = False, patience_s: float = PATIENCE_S) -> Recovery:
    """Undo what a dead driver left and compare the cluster with its snapshot; idempotent.

    With `accept` the record goes even where something differs. Raises Stopped while the driver lives, ToolFailed when
    the API does not answer.
    """
    cluster = ClusterRecord(api)
    run_id = cluster.holder()
    if not run_id:
        return Recovery("", "", (), (), ())
    say(f"drill {run_id} is on record; looking for {LIVES_S:.0f} s whether its driver lives")
    _check_dead(cluster, run_id)
    record = cluster.read()
    if record is None:
        Agents(api).remove()
        cluster.remove()
        return Recovery(
            run_id, "", ("its driver died before anything was broken: its empty record was removed",), (), ()
        )
    record = cluster.change(record.run_id, lambda found: replace(found, recovering=True))
    say(f"undoing {len(record.entries)} entries of its driver {record.driver}")
    undone = undo_all(api, record)
    say("comparing the cluster with its snapshot of before the drill")
    left = audit(api, cluster.snapshot(), patience_s)
    if not left or accept:
        cluster.remove()
        undone.done.append("its record and agents were removed")
    return Recovery(run_id, record.driver, tuple(undone.done), tuple(undone.for_a_person), left)


def _check_dead(cluster: ClusterRecord, run_id: str) -> None:
    first, deadline_s = cluster.mark(), time.monotonic() + LIVES_S
    while time.monotonic() < deadline_s:
        if cluster.mark() != first:
            raise Stopped(f"the driver of drill {run_id} lives: stop it, it undoes its drill itself")
        time.sleep(LOOK_S)
