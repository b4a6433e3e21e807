"""What a suite is done to: an embedded hub of this machine, a hub on a cluster to break, or one that others use."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from workbench.drill.stopping import EXPERIMENT_END_MAX_S
from workbench.errors import BadInput
from workbench.nightly.fitness import check_fitness, largest_hub
from workbench.nightly.guard import Guard, HubGuard, Unguarded
from workbench.nightly.night import END_S
from workbench.nightly.permission import check_identity, check_permission, check_still_approved, read_approval
from workbench.scenario import RealHub, Suite, find_scenario, read_with_hub

if TYPE_CHECKING:  # the client of Kubernetes takes seconds to import: not for a night on an embedded hub
    from workbench.target.kubernetes.api import Api

ROOM_S: Final = 60.0  # for a drill that is told to stop, beside its experiment's end, its rollback and the undo


@dataclass(frozen=True)
class Ground:
    """`check` raises where a drill of so many seconds must not begin; `options` are `workbench drill`'s."""

    check: Callable[[float], None]
    options: tuple[str, ...] = ()
    guard: Guard = field(default_factory=Unguarded)
    end_s: float = END_S


def ground_of(
    suite: Suite, out: Path, kubeconfig: Path | None, context: str, typed: str, approval: Path | None
) -> Ground:
    """Return what a suite is done to.

    Raises BadInput for a wrong scenario, a flag that is missing, and whatever forbids a night on a hub that others use:
    another name, no approval, another cluster.
    """
    if suite.target == "local":
        topology = largest_hub(suite)
        return Ground(lambda _drill_s: check_fitness(topology, out))
    from workbench.target.kubernetes.api import Api
    from workbench.target.kubernetes.hub import UNDO_TIMEOUT_S

    for name in suite.drills:
        read_with_hub(find_scenario(name), suite.manifests)
    if kubeconfig is None or not kubeconfig.is_file():
        raise BadInput(
            f"suite {suite.name} is done on Kubernetes: --kubeconfig or KUBECONFIG names a file that is there"
        )
    way = ("--kubeconfig", str(kubeconfig.absolute()), *(("--context", context) if context else ()))
    options = ("--target", "kubernetes", "--manifests", str(suite.manifests), *way)
    end_s = EXPERIMENT_END_MAX_S + 2.0 * UNDO_TIMEOUT_S + ROOM_S
    if suite.hub is None or suite.stop is None:
        return Ground(lambda _drill_s: None, options, end_s=end_s)
    check = _permitted(suite, suite.hub, Api(kubeconfig, context), typed, approval)
    return Ground(check, options, HubGuard(suite.stop), end_s)


def _permitted(suite: Suite, hub: RealHub, api: Api, typed: str, approval: Path | None) -> Callable[[float], None]:
    """Return what asks again before each drill whether it is still that hub and still allowed."""
    if approval is None:
        raise BadInput(f"suite {suite.name} is done to {hub.name}, which others use: --approval names a file")
    allowed = read_approval(approval)
    check_permission(suite, hub, typed, allowed, time.time())
    identified = partial(check_identity, api, hub)
    identified()

    def check(drill_s: float) -> None:
        check_still_approved(allowed, time.time(), drill_s)
        identified()

    return check
