"""Questions: what is asked of a hub's capacity, read strictly, every problem reported at once."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from workbench.errors import BadInput, Problem
from workbench.plan.search_form import CostForm, SearchForm, contradictions
from workbench.scenario.form import StrictForm
from workbench.scenario.reading import PROJECT_ROOT, document_of
from workbench.scenario.wording import nearest, problem_of_plain
from workbench.topology.documents import Node, shown

DEFAULT_QUESTION: Final = PROJECT_ROOT / "questions" / "next-year.yaml"
RATE_PER_S_MAX: Final = 100_000.0
GROWTH_MAX: Final = 10.0
MONTHS_A_YEAR: Final = 12
Loss = Literal[
    "one broker gone", "one Postgres instance gone", "one event processor gone", "one node gone", "two nodes gone"
]
State = Literal["whole", Loss]
_RATE: Final = f"events per second, above 0 and at most {RATE_PER_S_MAX:g}"
_BANDWIDTH: Final = "bytes per second, above 0"


class GrowthForm(StrictForm):
    """How the rate grows: one of the two."""

    per_year: float | None = Field(default=None, ge=0, le=GROWTH_MAX, description="a share: 0.25 is 25 % more a year")
    per_month: float | None = Field(default=None, ge=0, le=GROWTH_MAX, description="a share: 0.02 is 2 % more a month")


class OutageForm(StrictForm):
    """How long a loss may be felt, worst partition."""

    after: Loss = Field(default="one node gone", description="the loss")
    ack_s: float | None = Field(default=None, gt=0, le=86_400, description="s without an acknowledgement, at most")
    row_s: float | None = Field(default=None, gt=0, le=86_400, description="s without a committed row, at most")


class LostForm(StrictForm):
    """What a loss may cost of what was acknowledged."""

    after: Loss = Field(default="one node gone", description="the loss")
    records: int | None = Field(default=None, ge=0, le=10**9, description="acknowledged records, at most; from 0")
    rows: int | None = Field(default=None, ge=0, le=10**9, description="committed rows, at most; from 0")


class ObjectivesForm(StrictForm):
    """What the hub has to keep."""

    p99_s: float = Field(gt=0, le=60, description="s from the intended send to the committed row, 99 of 100")
    survives: State = Field(default="one node gone", description="the state in which p99_s has to be kept as well")
    utilization_max: float = Field(
        default=0.8, gt=0, lt=1, description="share of a station that queues are not known of"
    )
    disk_days_min: float = Field(default=90.0, gt=0, le=36_500, description="days until the first disk is full")
    outage: OutageForm | None = Field(default=None, description="after, ack_s, row_s")
    loss: LostForm | None = Field(default=None, description="after, records, rows")


class NodeForm(StrictForm):
    """What no manifest states of a node; without it these stations are left out."""

    network_bytes_per_s: float | None = Field(default=None, gt=0, description=_BANDWIDTH + ", each way")
    disk_bytes_per_s: float | None = Field(default=None, gt=0, description=_BANDWIDTH + " written")


class QuestionForm(StrictForm):
    """One question file."""

    title: str = Field(min_length=1, max_length=200, description="the question, 1 to 200 characters")
    scenario: str = Field(min_length=1, description="whose manifests and load (mix, sizes, acks) are asked about")
    rate_per_s: float = Field(gt=0, le=RATE_PER_S_MAX, description=_RATE)
    on: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description='the day that rate is of, as "2027-01-31"')
    growth: GrowthForm = Field(description="per_year or per_month")
    objectives: ObjectivesForm = Field(description="p99_s, survives, utilization_max, disk_days_min, outage, loss")
    node: NodeForm = Field(default=NodeForm(), description="network_bytes_per_s, disk_bytes_per_s")
    search: SearchForm | None = Field(default=None, description="what may be changed to find the cheapest set-up")


# By the key that holds it; the file itself is "".
FORMS: Final[dict[str, type[StrictForm]]] = {
    "": QuestionForm,
    "growth": GrowthForm,
    "objectives": ObjectivesForm,
    "node": NodeForm,
    "outage": OutageForm,
    "loss": LostForm,
    "search": SearchForm,
    "cost": CostForm,
}


@dataclass(frozen=True)
class Question:
    """What is asked; `growth_per_year` is a share of the rate."""

    title: str
    scenario: str
    rate_per_s: float
    on: datetime.date
    growth_per_year: float
    objectives: ObjectivesForm
    node: NodeForm
    search: SearchForm | None = None


def read_question(path: Path) -> Question:
    """Return one question. Raises BadInput with every problem at once: place, value and what would be right."""
    document = document_of(path, "question")
    try:
        form = QuestionForm.model_validate(document.plain)
    except ValidationError as error:
        found = (problem_of_plain(each, document, FORMS, "question") for each in error.errors())
        problems = sorted(found, key=lambda each: each.line or 0)
        raise BadInput(f"question {shown(path)} cannot be used", problems) from error
    if form.search is not None and (problems := list(contradictions(form.search, document))):
        raise BadInput(f"question {shown(path)} cannot be used", problems)
    return Question(
        form.title,
        form.scenario,
        form.rate_per_s,
        _day(form, document),
        _growth_per_year(form.growth, document),
        form.objectives,
        form.node,
        form.search,
    )


def _day(form: QuestionForm, document: Node) -> datetime.date:
    try:
        return datetime.date.fromisoformat(form.on)
    except ValueError as error:
        place = nearest(document, ("on",)).place
        problem = Problem(place.file, "on", form.on, "a day that exists", place.line)
        raise BadInput("question cannot be used", [problem]) from error


def _growth_per_year(growth: GrowthForm, document: Node) -> float:
    stated = [each for each in (growth.per_year, growth.per_month) if each is not None]
    if len(stated) != 1:
        place = nearest(document, ("growth",)).place
        found = "stated twice" if stated else "of nothing"
        bound = "either per_year or per_month; 0 where nothing grows"
        raise BadInput("question cannot be used", [Problem(place.file, "growth", found, bound, place.line)])
    per_month = growth.per_month
    return stated[0] if per_month is None else float((1.0 + per_month) ** MONTHS_A_YEAR - 1.0)
