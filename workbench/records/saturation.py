"""What is kept of saturations: the stretches that a machine's demands were measured in, each ramp's record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import TypeAdapter, ValidationError

from workbench.errors import BadInput, Problem
from workbench.records.folder import dump_json, load_json, write_durably

FORMAT_VERSION: Final = 3


class Kind(StrEnum):
    """What was offered in a stretch."""

    REST = "rest"  # nothing
    RECORDS = "records"  # more than can be acknowledged, to a topic that nobody consumes
    CONTENDED = "contended"  # more events than the processors can take
    ROWS = "rows"  # to Postgres, more than the connections can take


@dataclass(frozen=True)
class Second:
    """About one second of a stretch: what was done in it, and the cores that were busy meanwhile."""

    rate_per_s: float  # records acknowledged, events or rows committed
    busy_cores: float  # the whole machine
    cycle_cores: float  # the consumers, their sessions and Redis


@dataclass(frozen=True)
class Stretch:
    """One stretch of measuring."""

    kind: Kind
    event_bytes: int
    consumers: int
    seconds: tuple[Second, ...]


@dataclass(frozen=True)
class Measured:
    """One machine's stretches, dated; `shares` of each partition in the events."""

    format: int
    created_utc: str
    cores: int
    shares: tuple[float, ...]
    stretches: tuple[Stretch, ...]
    host: Mapping[str, Any]
    versions: Mapping[str, str]
    manifests_sha256: str
    git: Mapping[str, Any]


@dataclass(frozen=True)
class Ramped:
    """One set-up: predicted, sealed before its ramps, observed: the mean of its ramps."""

    format: int
    run_id: str
    path: str
    consumers: int
    event_bytes: int
    fitted: bool  # the demands were measured on this very set-up
    consumer_shares: tuple[float, ...]
    predicted_per_s: float
    interval_90_per_s: tuple[float, float]
    predicted_resource: str
    predicted_busy_share: float
    sealed_utc: str
    seal_sha256: str
    measured_file: str
    observed_per_s: float | None
    observed_90_per_s: tuple[float, float] | None
    observed_resource: str
    observed_busy_share: float | None
    stolen_percent: float | None
    why_not: str  # why there is no observation, "" where there is one
    ramps_per_s: tuple[float | None, ...]  # of each in turn; None: not saturated

    @property
    def error(self) -> float | None:
        """Return (observed - predicted) / predicted."""
        return None if self.observed_per_s is None else self.observed_per_s / self.predicted_per_s - 1.0


_MEASURED: Final = TypeAdapter(Measured)
_RAMPED: Final = TypeAdapter(Ramped)


def write_measured(path: Path, measured: Measured) -> None:
    """Write what was measured, whole or not at all."""
    write_durably(path, dump_json(_MEASURED.dump_python(measured, mode="json")))


def read_measured(path: Path) -> Measured:
    """Return what was measured. Raises BadInput naming the file and what is wrong in it."""
    return _read(path, _MEASURED)


def write_ramped(path: Path, ramped: Ramped) -> None:
    """Write a ramp's record, whole or not at all."""
    write_durably(path, dump_json(_RAMPED.dump_python(ramped, mode="json")))


def read_ramps(folder: Path) -> list[Ramped]:
    """Return every set-up's record of a folder in the order of their seals. Raises BadInput naming a bad file."""
    return sorted((_read(path, _RAMPED) for path in folder.glob("ramp-*.json")), key=lambda each: each.sealed_utc)


def _read[T: (Measured, Ramped)](path: Path, form: TypeAdapter[T]) -> T:
    try:
        raw = load_json(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{path} is no record of a saturation: not JSON ({error})") from error
    version = raw.get("format") if isinstance(raw, dict) else None
    if version != FORMAT_VERSION:  # first: what another version has, or lacks, is no mistake in the file
        raise BadInput(f"{path}: format is {version}, this version reads {FORMAT_VERSION}")
    try:
        return form.validate_python(raw)
    except ValidationError as error:
        problems = [
            Problem(path.name, ".".join(map(str, each["loc"])), str(each["input"])[:60], each["msg"])
            for each in error.errors()
        ]
        raise BadInput(f"{path} is no record of a saturation", problems) from error
