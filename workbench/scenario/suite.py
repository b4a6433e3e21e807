"""Suites: which drills a night does, and in how much time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationError
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


class SuiteForm(StrictForm):
    """One suite file."""

    title: str = Field(min_length=1, max_length=200, description="what the suite is for, 1 to 200 characters")
    budget_s: float = Field(
        ge=60, le=BUDGET_S_MAX, description=f"seconds that a night may take, from 60 to {BUDGET_S_MAX:g}"
    )
    compare_nights: int = Field(
        ge=1, le=NIGHTS_MAX, description=f"with how many nights before a night is compared, from 1 to {NIGHTS_MAX}"
    )
    drills: dict[ScenarioName, Annotated[int, Field(ge=1, le=DRILLS_MAX)]] = Field(min_length=1, description=_DRILLS)


@dataclass(frozen=True)
class Suite:
    """One suite: drills a night by scenario, in the file's order."""

    name: str
    title: str
    budget_s: float
    compare_nights: int
    drills: dict[str, int]


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
        found = (problem_of_plain(each, document, {"": SuiteForm}, "suite") for each in error.errors())
        problems = sorted(found, key=lambda each: each.line or 0)
        raise BadInput(f"suite {shown(path)} cannot be used", problems) from error
    return Suite(path.stem, form.title, form.budget_s, form.compare_nights, dict(form.drills))
