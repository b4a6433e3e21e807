"""Reference records: what is kept of one sealed prediction, small enough for the repository.

reports/reference/<scenario>/<run-id>.json, one a seal, unscored ones included. Predicted values are kept as
percentiles, since a prediction's thousand replications take a megabyte. What the first records do not say of their
scenario and manifests stands in configurations.json beside them, by configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from workbench.errors import BadInput, Problem
from workbench.records.folder import dump_json_compact, write_durably

PERCENTS: Final = tuple(range(1, 100))
INTERVALS: Final = (50, 80, 90, 99)
CONFIGURATIONS: Final = "configurations.json"


@dataclass(frozen=True)
class ReferenceMetric:
    """One row of the catalogue in one drill. `at_least`: the clock was still running when watching ended."""

    name: str
    unit: str
    kind: str  # "metric" or "phase"
    primary: bool
    resolution: float
    percentiles: tuple[float, ...]  # predicted, at PERCENTS; none where the model has no value
    inside: dict[int, bool]  # INTERVALS -> whether the observed value lies in that sealed interval
    observed: float | None
    at_least: float | None
    chance_kept: float | None  # of the objective on this metric, predicted; None without an objective
    kept: bool | None

    def predicted(self, percent: int) -> float:
        """Return the predicted value at one of PERCENTS; there must be a prediction."""
        return self.percentiles[PERCENTS.index(percent)]

    @property
    def relative_error(self) -> float | None:
        """Return (observed - predicted median) / predicted median; None where one is missing or the median is 0."""
        if self.observed is None or not self.percentiles or self.predicted(50) <= 0.0:
            return None
        return (self.observed - self.predicted(50)) / self.predicted(50)


@dataclass(frozen=True)
class ReferenceRecord:
    """One sealed prediction and what came of it."""

    run_id: str
    scenario: str
    seed: int
    sealed_s: float  # epoch
    sha256: str  # of the sealed prediction
    commit: str
    clean: bool  # the tree had no change that is not in the commit
    configuration: str  # of scenario and manifests: equal for drills that differ in their seed alone
    fault: str
    cores: int
    unscored: str  # why nothing of it counts, "" when it does
    metrics: tuple[ReferenceMetric, ...]
    stolen_percent: float | None = None  # of the machine's time, by its host; None where nobody looked
    target: str = "local"
    question: str = ""  # of the scenario (workbench.scenario.question_of), "" where nobody knows
    manifests: str = ""  # the beginning of the rendered manifests' hash, "" where nobody knows
    calibration: str = ""  # the beginning of the calibration's hash, "" without one


@dataclass(frozen=True)
class Configuration:
    """What a configuration was made of; fields as in ReferenceRecord."""

    question: str
    manifests: str


_RECORD: Final = TypeAdapter(ReferenceRecord)
_CONFIGURATIONS: Final = TypeAdapter(dict[str, Configuration])


def write_record(folder: Path, record: ReferenceRecord) -> Path:
    """Write a record below a reference folder, flushed to disk, and return its path."""
    path = folder / record.scenario / f"{record.run_id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, dump_json_compact(_RECORD.dump_python(record, mode="json")))
    return path


def read_records(folder: Path) -> list[ReferenceRecord]:
    """Return every record below a folder, the earliest seal first. Raises BadInput naming each bad file."""
    records: list[ReferenceRecord] = []
    known: dict[str, Configuration] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*/*.json")):
        with _noted(path, problems):
            records.append(_RECORD.validate_json(path.read_bytes()))
    if (folder / CONFIGURATIONS).is_file():
        with _noted(folder / CONFIGURATIONS, problems):
            known = _CONFIGURATIONS.validate_json((folder / CONFIGURATIONS).read_bytes())
    if problems:
        raise BadInput("reference records cannot be read", problems)
    return sorted((_completed(record, known) for record in records), key=lambda record: record.sealed_s)


@contextmanager
def _noted(path: Path, problems: list[Problem]) -> Iterator[None]:
    """Add what is wrong with a file to the problems."""
    try:
        yield
    except ValidationError as error:
        problems += [
            Problem(str(path), ".".join(map(str, each["loc"])), str(each["input"])[:60], each["msg"])
            for each in error.errors()
        ]


def _completed(record: ReferenceRecord, known: Mapping[str, Configuration]) -> ReferenceRecord:
    made_of = known.get(record.configuration)
    if record.question or made_of is None:
        return record
    return replace(record, question=made_of.question, manifests=made_of.manifests)


def scored(records: Sequence[ReferenceRecord]) -> list[ReferenceRecord]:
    """Return the records that count."""
    return [record for record in records if not record.unscored]
