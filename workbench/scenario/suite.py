"""Suites: which drills a night does, to which hub, in how much time, and what ends it at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from workbench.errors import BadInput
from workbench.scenario.form import StrictForm
from workbench.scenario.reading import PROJECT_ROOT, all_scenarios, document_of
from workbench.scenario.wording import UNKNOWN_NAME, problem_of_plain
from workbench.topology.documents import shown
from workbench.topology.fields import near, one_of

SUITES: Final = PROJECT_ROOT / "suites"
BUDGET_S_MAX: Final = 43_200.0
DRILLS_MAX: Final = 50
NIGHTS_MAX: Final = 90


def _known_scenario(name: str) -> str:
    names = [path.stem for path in all_scenarios()]
    if name not in names:
        raise PydanticCustomError(UNKNOWN_NAME, "no scenario", {"expected": one_of(names) + near(name, names)})
    return name


ScenarioName = Annotated[str, AfterValidator(_known_scenario)]
_DRILLS: Final = f"a map of scenario to how many drills a night, whole numbers from 1 to {DRILLS_MAX}"


SuiteTarget = Literal["local", "kubernetes"]
_URL: Final = r"^https?://[^\s/?#]+[^\s?#]*$"
_UID: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_NAME: Final = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
_SECONDS: Final = "seconds from 5 to 600"


class HubForm(StrictForm):
    """A hub that others use: who it is."""

    name: str = Field(pattern=_NAME, description="its name, in lower case, digits and hyphens")
    kube_system_uid: str = Field(
        pattern=_UID,
        description="a uid: kubectl get namespace kube-system -o jsonpath={.metadata.uid}",
    )


class StopForm(StrictForm):
    """What ends a night at once, watched all the time."""

    prometheus: str | None = Field(default=None, pattern=_URL, description="an http or https address without a query")
    alerts: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default=[], max_length=50, description="a list of names of alerts of that Prometheus; one that fires stops"
    )
    queries: dict[str, Annotated[str, Field(min_length=1, max_length=2000)]] = Field(
        default={}, max_length=50, description="a map of name to PromQL; an answer with a sample other than 0 stops"
    )
    holds_s: float = Field(default=30.0, ge=0, le=600, description="seconds that a query must hold, from 0 to 600")
    acked_share_min: float = Field(gt=0, lt=1, description="a share of the events sent, between 0 and 1")
    acked_share_s: float = Field(ge=5, le=600, description=f"{_SECONDS}: so long a share of acknowledged events counts")
    below_min_isr_max: int = Field(ge=0, le=100_000, description="a whole number of partitions, from 0")
    below_min_isr_s: float = Field(ge=0, le=600, description="seconds that more may lack min ISR, from 0 to 600")
    blind_s: float = Field(ge=5, le=600, description=f"{_SECONDS}: so long any of these may go unread")

    @model_validator(mode="after")
    def _asks_somebody(self) -> StopForm:
        if bool(self.alerts or self.queries) != (self.prometheus is not None):
            raise ValueError("prometheus (an address) with alerts or queries, and not without")
        return self


class SuiteForm(StrictForm):
    """One suite file."""

    title: str = Field(min_length=1, max_length=200, description="what the suite is for, 1 to 200 characters")
    target: SuiteTarget = Field(description="local (a hub of this machine's own) or kubernetes")
    manifests: str | None = Field(
        default=None, min_length=1, description="what the cluster's hub was made from: a folder from the project's root"
    )
    hub: HubForm | None = Field(default=None, description="a map: name, kube_system_uid")
    stop: StopForm | None = Field(default=None, description="a map: acked_share_min, acked_share_s, ..")
    budget_s: float = Field(
        ge=60, le=BUDGET_S_MAX, description=f"seconds that a night may take, from 60 to {BUDGET_S_MAX:g}"
    )
    compare_nights: int = Field(
        ge=1, le=NIGHTS_MAX, description=f"with how many nights before a night is compared, from 1 to {NIGHTS_MAX}"
    )
    drills: dict[ScenarioName, Annotated[int, Field(ge=1, le=DRILLS_MAX)]] = Field(min_length=1, description=_DRILLS)

    @model_validator(mode="after")
    def _a_cluster_has_manifests(self) -> SuiteForm:
        if (self.target == "kubernetes") != (self.manifests is not None):
            raise ValueError("manifests (a folder) with target: kubernetes, and not without")
        if self.manifests is not None and not (PROJECT_ROOT / self.manifests).is_dir():
            raise ValueError(f"manifests: a folder that exists, from the project's root, not {self.manifests}")
        return self

    @model_validator(mode="after")
    def _a_real_hub_is_guarded(self) -> SuiteForm:
        if (self.hub is not None) != (self.stop is not None) or (self.hub is not None and self.target == "local"):
            raise ValueError("hub and stop together, with target: kubernetes")
        return self


FORMS: Final[dict[str, type[StrictForm]]] = {"": SuiteForm, "hub": HubForm, "stop": StopForm}


@dataclass(frozen=True)
class RealHub:
    """A hub that others use. `kube_system_uid` is what the cluster itself answers: no two clusters share one."""

    name: str
    kube_system_uid: str


@dataclass(frozen=True)
class StopConditions:
    """What ends a night at once; see StopForm for units and bounds."""

    prometheus: str | None
    alerts: tuple[str, ...]
    queries: Mapping[str, str]
    holds_s: float
    acked_share_min: float
    acked_share_s: float
    below_min_isr_max: int
    below_min_isr_s: float
    blind_s: float


@dataclass(frozen=True)
class Suite:
    """One suite: drills a night by scenario, in the file's order, and what they are done to."""

    name: str
    title: str
    budget_s: float
    compare_nights: int
    drills: dict[str, int]
    target: SuiteTarget = "local"
    manifests: Path | None = None  # absolute, of a cluster's hub
    hub: RealHub | None = None  # a hub that others use: named, approved and guarded
    stop: StopConditions | None = None


def all_suites() -> list[Path]:
    """Return the project's suite files in the order of their names."""
    return sorted(SUITES.glob("*.yaml"))


def is_suite(path: Path) -> bool:
    """Tell whether a file is meant as a suite: it has `drills` and no `faults`."""
    if not path.is_file():
        return False
    try:
        fields = document_of(path).fields
    except BadInput:
        return False
    return "drills" in fields and "faults" not in fields


def find_suite(name_or_path: str) -> Path:
    """Return the file of a suite: `smoke` is suites/smoke.yaml of the project. Raises BadInput with the names."""
    path = SUITES / f"{name_or_path}.yaml"
    if "/" in name_or_path or Path(name_or_path).suffix or not path.is_file():
        path = Path(name_or_path)
    if not path.is_file():
        names = [known.stem for known in all_suites()]
        raise BadInput(
            f"no suite {name_or_path!r}{near(name_or_path, names)}: there are {', '.join(names)}; a path works as well"
        )
    return path


def read_suite(path: Path) -> Suite:
    """Return one suite. Raises BadInput with every problem at once: place, value and what would be right."""
    document = document_of(path, "suite")
    try:
        form = SuiteForm.model_validate(document.plain)
    except ValidationError as error:
        found = (problem_of_plain(each, document, FORMS, "suite") for each in error.errors())
        problems = sorted(found, key=lambda each: each.line or 0)
        raise BadInput(f"suite {shown(path)} cannot be used", problems) from error
    return Suite(
        path.stem,
        form.title,
        form.budget_s,
        form.compare_nights,
        dict(form.drills),
        form.target,
        None if form.manifests is None else (PROJECT_ROOT / form.manifests).resolve(),
        None if form.hub is None else RealHub(**form.hub.model_dump()),
        None if form.stop is None else StopConditions(**form.stop.model_dump() | {"alerts": tuple(form.stop.alerts)}),
    )
