"""RunFolder: where each file of a run lives, and how its JSON is written."""

from __future__ import annotations

import datetime
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from workbench.errors import BadInput

FORMAT_VERSION: Final = 1


@dataclass(frozen=True)
class RunFolder:
    """Paths inside reports/out/<scenario>/<run-id>/."""

    root: Path

    @property
    def run_json(self) -> Path:
        """Who, what, when, versions, settings, verdicts, exit code."""
        return self.root / "run.json"

    @property
    def parameters_json(self) -> Path:
        """Every number the prediction used, with its source."""
        return self.root / "parameters.json"

    @property
    def prediction_json(self) -> Path:
        """The sealed prediction."""
        return self.root / "prediction.json"

    @property
    def prediction_sha256(self) -> Path:
        """The seal."""
        return self.root / "prediction.sha256"

    @property
    def timeline(self) -> Path:
        """The run's log, append-only."""
        return self.root / "timeline.jsonl"

    @property
    def observed(self) -> Path:
        """One file a collector."""
        return self.root / "observed"

    @property
    def observed_json(self) -> Path:
        """Every metric's observed value."""
        return self.root / "observed.json"

    @property
    def ledger(self) -> Path:
        """Every write's fate."""
        return self.root / "ledger"

    @property
    def load(self) -> Path:
        """The load generator's own records."""
        return self.root / "load"

    @property
    def comparison_json(self) -> Path:
        """Predicted against observed, and the verdicts."""
        return self.root / "comparison.json"

    @property
    def safety(self) -> Path:
        """What a drill wrote down before it broke anything on a cluster, and what it found afterwards."""
        return self.root / "safety"

    @property
    def figures(self) -> Path:
        """The report's figures as SVG."""
        return self.root / "figures"

    def create(self) -> None:
        """Make the folder and its sub-folders."""
        for path in (self.root, self.observed, self.ledger, self.load):
            path.mkdir(parents=True, exist_ok=True)


def new_run_id(now: datetime.datetime) -> str:
    """Return an id that sorts by time: "20260314T214003Z-7f3a"."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def writable(out: Path) -> Path:
    """Make the folder of runs; BadInput when that cannot be."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BadInput(f"--out {out}: cannot be written ({error.strerror}); name a folder you may write to") from error
    return out


def dump_json(value: Any) -> bytes:
    """Return `value` as indented JSON with sorted keys; NaN becomes null. The same value gives the same bytes."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(value, option=options)


def dump_json_compact(value: Any) -> bytes:
    """Return `value` as JSON on one line with sorted keys (for columns of many numbers)."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)


def load_json(path: Path) -> Any:
    """Return the JSON of a file. Raises FileNotFoundError and orjson.JSONDecodeError."""
    return orjson.loads(path.read_bytes())


def write_durably(path: Path, data: bytes) -> str:
    """Write `data` under a temporary name, flush it to disk, rename it; return its SHA-256 in hex."""
    temporary = path.with_name(path.name + ".part")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return hashlib.sha256(data).hexdigest()
