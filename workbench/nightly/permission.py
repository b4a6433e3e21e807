"""Whether a night may be done to a hub that others use: which hub it is, and who allowed it until when."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import AwareDatetime, Field, ValidationError

from workbench.errors import BadInput, Problem, Stopped
from workbench.scenario import RealHub, Suite, document_of
from workbench.scenario.form import StrictForm
from workbench.scenario.wording import problem_of_plain
from workbench.topology.documents import shown

if TYPE_CHECKING:  # see ground.py
    from workbench.target.kubernetes.api import Api

APPROVAL_DAYS_MAX: Final = 7


class ApprovalForm(StrictForm):
    """One approval file."""

    suite: str = Field(min_length=1, description="the suite that is allowed")
    hub: str = Field(min_length=1, description="the hub that it is allowed for")
    approved_by: str = Field(min_length=3, max_length=200, description="who allows it, 3 to 200 characters")
    until: AwareDatetime = Field(
        strict=False,
        description=f"a time with its zone, such as 2026-03-14T04:00:00Z, at most {APPROVAL_DAYS_MAX} days",
    )


@dataclass(frozen=True)
class Approval:
    """Who allowed a suite to be done to a hub, until when (epoch, s)."""

    suite: str
    hub: str
    approved_by: str
    until_s: float


def read_approval(path: Path) -> Approval:
    """Return an approval. Raises BadInput with every problem at once."""
    document = document_of(path, "approval")
    try:
        form = ApprovalForm.model_validate(document.plain)
    except ValidationError as error:
        problems = [problem_of_plain(each, document, {"": ApprovalForm}, "approval") for each in error.errors()]
        raise BadInput(f"approval {shown(path)} cannot be used", problems) from error
    return Approval(form.suite, form.hub, form.approved_by, form.until.timestamp())


def check_permission(suite: Suite, hub: RealHub, typed: str, approval: Approval, now_s: float) -> None:
    """Raise BadInput with everything that forbids a suite on a hub: another name, another approval, one that ended."""
    names = (
        ("--hub", "", typed, hub.name),
        ("approval", "suite", approval.suite, suite.name),
        ("approval", "hub", approval.hub, hub.name),
    )
    problems = [
        Problem(file, key, stated or "nothing", wanted) for file, key, stated, wanted in names if stated != wanted
    ]
    if not now_s < approval.until_s <= now_s + APPROVAL_DAYS_MAX * 86_400.0:
        bound = f"a time after now, at most {APPROVAL_DAYS_MAX} days"
        problems.append(Problem("approval", "until", _utc(approval.until_s), bound))
    if problems:
        raise BadInput(f"suite {suite.name} may not be done", problems)


def check_still_approved(approval: Approval, now_s: float, takes_s: float) -> None:
    """Raise Stopped where the approval ends before a drill of such a length would."""
    if now_s + takes_s > approval.until_s:
        raise Stopped(f"the approval of {approval.approved_by} ends at {_utc(approval.until_s)}")


def check_identity(api: Api, hub: RealHub) -> None:
    """Raise BadInput where a kubeconfig leads to another cluster than the hub's, whatever its names say.

    The namespace kube-system is made with a cluster and its uid is the API server's, drawn then: the one thing of a
    cluster that no kubeconfig states and no manifest sets.
    """
    from workbench.target.kubernetes.api import api_failures

    with api_failures("the uid of kube-system could not be read"):
        found = str(api.core.read_namespace("kube-system").metadata.uid)
    if found != hub.kube_system_uid:
        raise BadInput(
            f"this is not {hub.name}: the cluster's kube-system has the uid {found}, {hub.name}'s is "
            f"{hub.kube_system_uid}. Nothing was touched; the kubeconfig or the suite is another cluster's"
        )


def _utc(epoch_s: float) -> str:
    return datetime.datetime.fromtimestamp(epoch_s, datetime.UTC).isoformat(timespec="seconds")
