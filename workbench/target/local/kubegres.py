"""Kubegres's stand-in: fails over when the Postgres primary's process died.

`python -m workbench.target.local.kubegres <hub directory>`, a helper under the hub's supervisor. Follows the published
rules of Kubegres 1.16 (PrimaryToReplicaFailOver.go): the primary's pod is unready at the kubelet's next look (a
second); the controller sleeps 1 s before it looks (kubegres_controller.go), gives the primary up, waits 10 s and
promotes the ready replica with the lowest index, whichever is the most advanced. The lost instance is made anew from
the new primary once the fail-over counts as complete, 40 s after the promotion began. What it decides is never an
observation of Kubegres.

Different here: the standby is promoted as it runs (Kubegres 1.16 restarts it with a trigger file), the other one is
told of its new primary (there the Service's name leads to it), and the copy begins with a fast checkpoint (there a
spread one, which takes up to 4.5 min).
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from workbench.errors import ToolFailed
from workbench.target.local import databases, kubegres_steps, record
from workbench.target.local.control import Control, SupervisorGone
from workbench.target.local.kubelet import RELIST_S
from workbench.target.local.record import Ports
from workbench.target.local.servers import home
from workbench.topology.hub import HubTopology
from workbench.waiting import happens, sleep_until

RECONCILE_S: Final = 1.0
WAIT_S: Final = 10.0
COMPLETE_S: Final = 40.0  # from the promotion's beginning until the next operation may begin
LOOK_S: Final = 0.1
STEP_TIMEOUT_S: Final = 60.0
STEP_POLL_S: Final = 0.05


def promotion_due_s(ended_s: float) -> float:
    """Return when (epoch s) a standby is asked to take over from a primary that died at `ended_s`."""
    return (ended_s // RELIST_S + 1.0) * RELIST_S + RECONCILE_S + WAIT_S


def rebuild_due_s(asked_s: float) -> float:
    """Return when (epoch s) the lost instance is made anew after a promotion that was asked for at `asked_s`."""
    return asked_s + COMPLETE_S


@dataclass(frozen=True)
class PostgresInstances:
    """One hub's Postgres instances (servers.Instances)."""

    topology: HubTopology
    ports: Ports
    directory: Path
    superuser_password: str

    def home(self, server: str) -> Path:
        """Return an instance's folder."""
        return home(self.directory, server)


class KubegresStandIn:
    """Looks after one hub's Postgres instances; `primary` is the instance that takes writes."""

    def __init__(self, plan: PostgresInstances, control: Control) -> None:
        self._plan = plan
        self._control = control
        self.primary = 1

    def run(self) -> None:
        """Look and fail over until the supervisor is gone."""
        with contextlib.suppress(SupervisorGone):
            while self._control.answers():
                ended_s = self._ended_s(self.primary)
                if ended_s is not None:
                    self._fail_over(ended_s)
                time.sleep(LOOK_S)

    def _fail_over(self, ended_s: float) -> None:
        lost, instances = self.primary, self._plan.ports.postgres
        kubegres_steps.write(self._plan.directory, kubegres_steps.BEGUN, lost)
        sleep_until(promotion_due_s(ended_s))
        chosen = next((each for each in instances if each != lost and databases.accepts(self._plan, each)), None)
        if chosen is None:
            return  # no replica is ready: it looks again
        asked_s = time.time()
        kubegres_steps.write(self._plan.directory, kubegres_steps.ASKED, chosen)
        databases.promote(self._plan, chosen)
        _wait(lambda: databases.takes_writes(self._plan, chosen), f"postgres-{chosen} takes writes")
        self.primary = chosen
        kubegres_steps.write(self._plan.directory, kubegres_steps.PROMOTED, chosen)
        for each in instances:
            if each not in (lost, chosen):
                databases.follow(self._plan, each, chosen)
        sleep_until(rebuild_due_s(asked_s))
        databases.rebuild(self._plan, lost, chosen)
        self._control.start(f"postgres-{lost}")
        _wait(lambda: databases.accepts(self._plan, lost), f"postgres-{lost} answers")
        kubegres_steps.write(self._plan.directory, kubegres_steps.REBUILT, lost)

    def _ended_s(self, instance: int) -> float | None:
        """Return when an instance's process ended, epoch s; None while it runs."""
        status = next(each for each in self._control.processes() if each.name == f"postgres-{instance}")
        return None if status.process_id else status.starts[-1].ended_s


def _wait(condition: Callable[[], bool], what: str) -> None:
    if not happens(condition, STEP_TIMEOUT_S, STEP_POLL_S):
        raise ToolFailed(f"not within {STEP_TIMEOUT_S:.0f} s: {what}")


def main(directory: Path) -> None:
    """Serve the hub in `directory`; what goes wrong in a fail-over ends it, with its words in the log."""
    hub = record.read(directory)
    plan = PostgresInstances(hub.topology, hub.ports, directory, os.environ["POSTGRES_SUPERUSER_PASSWORD"])
    try:
        KubegresStandIn(plan, Control(hub.hub_id)).run()
    except psycopg.Error as error:
        raise ToolFailed(f"the fail-over failed: {error}") from error


if __name__ == "__main__":
    main(Path(sys.argv[1]))
