"""A calibration: what a hub of its own measured for the models, dated; its file, and whether it may be used here."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from workbench.errors import BadInput, Problem
from workbench.records.folder import dump_json, write_durably

FORMAT_VERSION: Final = 1
AGE_DAYS_MAX: Final = 30.0
AHEAD_DAYS_MAX: Final = 1.0  # a clock may be wrong by so much
DURATION_S_MAX: Final = 600.0  # of one sample: a calibration takes no longer in all
SAMPLES_MIN: Final = 3  # fewer tell nothing about their own spread
DAY_S: Final = 86_400.0

Positive = Annotated[float, Field(gt=0.0, lt=1e15, allow_inf_nan=False)]
Sigma = Annotated[float, Field(gt=0.0, le=5.0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


@dataclass(frozen=True)
class Fit:
    """A log-normal distribution of one more value: what a prediction draws from (workbench.calibrate.fitting)."""

    median: Positive
    sigma: Sigma  # standard deviation of the logarithm
    median_low: Positive  # 90 % interval of the median itself
    median_high: Positive
    goodness_p: Share | None  # Anderson-Darling; None: nothing to judge


@dataclass(frozen=True)
class PriorSpan:
    """The prior that the fit began with: its 5, 50 and 95 % quantiles."""

    low: Positive
    median: Positive
    high: Positive


@dataclass(frozen=True)
class Measurement:
    """One quantity: every sample, and the fit. `parameter` is the model's name for it, "" where no model has one."""

    name: str
    parameter: str
    title: str
    unit: str
    how: str
    samples: Annotated[tuple[Positive, ...], Field(min_length=SAMPLES_MIN)]
    fit: Fit
    prior: PriorSpan | None


@dataclass(frozen=True)
class Calibration:
    """One calibration. `host` as run.json has it, `versions` of the servers by name."""

    format: int
    created_utc: datetime.datetime
    target: str
    took_s: Positive
    git: Mapping[str, Any]
    host: Mapping[str, Any]
    versions: Mapping[str, str]
    manifests_sha256: str
    measurements: tuple[Measurement, ...]
    left_out: Mapping[str, str]  # name of a measurement -> why it has no fit


@dataclass(frozen=True)
class CalibrationFile:
    """A calibration with the file that it was read from."""

    name: str
    sha256: str
    content: Calibration

    def to_run_json(self) -> dict[str, Any]:
        """Return what run.json keeps of it."""
        created = self.content.created_utc.isoformat()
        return {"file": self.name, "sha256": self.sha256, "created_utc": created}


_FORM: Final = TypeAdapter(Calibration)


def host_hash(host: Mapping[str, Any]) -> str:
    """Return eight hexadecimal digits that tell one kind of machine from another."""
    return hashlib.sha256(dump_json(host)).hexdigest()[:8]


def file_name(calibration: Calibration) -> str:
    """Return "<date and time>-<host hash>.json"; it sorts by time."""
    return f"{calibration.created_utc:%Y%m%dT%H%M%SZ}-{host_hash(calibration.host)}.json"


def write_calibration(folder: Path, calibration: Calibration) -> Path:
    """Write the file, whole or not at all, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(calibration)
    content = asdict(calibration)
    content["created_utc"] = calibration.created_utc.isoformat()
    write_durably(path, dump_json(content))
    return path


def newest_calibration(folder: Path) -> Path:
    """Return the newest file of a folder. Raises BadInput when there is none."""
    found = sorted(folder.glob("*.json"))
    if not found:
        raise BadInput(f"no calibration in {folder}: `workbench calibrate --target local` makes one")
    return found[-1]


def read_calibration(path: Path) -> CalibrationFile:
    """Return a file's calibration. Raises BadInput with every problem at once: field, value and bound."""
    try:
        data = path.read_bytes()
        raw = orjson.loads(data)
    except OSError as error:
        raise BadInput(f"calibration {path}: cannot be read ({error.strerror})") from error
    except orjson.JSONDecodeError as error:
        raise BadInput(f"calibration {path}: not JSON ({error})") from error
    found = raw.get("format") if isinstance(raw, dict) else None
    if found != FORMAT_VERSION:
        raise BadInput(f"calibration {path}: format is {found}, this version reads {FORMAT_VERSION}")
    try:
        content = _FORM.validate_python(raw)
    except ValidationError as error:
        raise BadInput(f"calibration {path} is wrong", [_problem(path, each) for each in error.errors()]) from error
    problems = list(_impossible(path, content))
    if problems:
        raise BadInput(f"calibration {path} is wrong", problems)
    return CalibrationFile(path.name, hashlib.sha256(data).hexdigest(), content)


def check_calibration(
    file: CalibrationFile, now_s: float, host: Mapping[str, Any], versions: Mapping[str, str], manifests_sha256: str
) -> None:
    """Raise BadInput, with every reason at once, unless it is of this machine, these servers and manifests, and new."""
    content = file.content
    problems = [
        *_age(file, now_s),
        *_other(file.name, "host", content.host, host),
        *_other(file.name, "versions", content.versions, versions),
        *_other(file.name, "", {"manifests_sha256": content.manifests_sha256}, {"manifests_sha256": manifests_sha256}),
    ]
    if problems:
        raise BadInput("this calibration does not hold here: `workbench calibrate --target local` makes one", problems)


def _age(file: CalibrationFile, now_s: float) -> Iterator[Problem]:
    created = file.content.created_utc
    days = (now_s - created.timestamp()) / DAY_S
    if days > AGE_DAYS_MAX or days < -AHEAD_DAYS_MAX:
        bound = f"{days:.0f} days old, at most {AGE_DAYS_MAX:.0f} are believed"
        yield Problem(file.name, "created_utc", created.isoformat(), bound)


def _other(file: str, key: str, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[Problem]:
    for name in sorted({*theirs, *ours}):
        if theirs.get(name) != ours.get(name):
            place = f"{key}.{name}" if key else name
            yield Problem(file, place, str(theirs.get(name, "missing")), f"here it is {ours.get(name, 'missing')}")


def _problem(path: Path, error: Any) -> Problem:
    key = ".".join(str(part) for part in error["loc"])
    value = "missing" if error["type"] == "missing" else repr(error["input"])[:60]
    return Problem(path.name, key, value, str(error["msg"]))


def _impossible(path: Path, content: Calibration) -> Iterator[Problem]:
    """Yield what the types do not say: durations too long, an interval that does not hold its median."""
    for index, each in enumerate(content.measurements):
        place = f"measurements.{index}"
        if content.created_utc.tzinfo is None and index == 0:
            yield Problem(path.name, "created_utc", content.created_utc.isoformat(), "a time with its zone (+00:00)")
        too_long = [value for value in (*each.samples, each.fit.median) if value > DURATION_S_MAX]
        if each.unit == "s" and too_long:
            yield Problem(path.name, f"{place} ({each.name})", f"{too_long[0]:g}", f"at most {DURATION_S_MAX:g} s")
        if each.unit == "" and max(each.samples) > 1.0:
            yield Problem(path.name, f"{place} ({each.name})", f"{max(each.samples):g}", "a share, at most 1")
        if not each.fit.median_low <= each.fit.median <= each.fit.median_high:
            yield Problem(
                path.name, f"{place}.fit.median", f"{each.fit.median:g}", "between median_low and median_high"
            )
