"""What a run folder holds, read so that any file may be missing or cut short."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import orjson

from workbench.fault import PARTS, FaultType
from workbench.metrics.catalogue import CATALOGUE
from workbench.records import timeline
from workbench.records.folder import RunFolder, load_json
from workbench.records.machine import stolen_percent
from workbench.records.prediction import Prediction, read_prediction
from workbench.report.parts import PAGES, PartPage
from workbench.report.row import Row, row_from_comparison, row_without_comparison, without_outcome

SEALED: Final = "sealed"
NO_SEAL: Final = "no sealed prediction"
SEAL_BROKEN: Final = "the prediction does not match its seal"


@dataclass(frozen=True)
class Record:
    """One run, as its folder tells it. A mapping is empty where its file is missing."""

    run: Mapping[str, Any]
    parameters: Mapping[str, Any]
    prediction: Prediction | None  # None without a seal that matches it
    seal: str  # SEALED, NO_SEAL or SEAL_BROKEN
    seal_sha256: str
    entries: tuple[timeline.Entry, ...]
    observed: Mapping[str, Any]
    ledger: Mapping[str, Any]
    comparison: Mapping[str, Any]
    unreadable: tuple[str, ...]  # files that are there but cut short
    stolen_percent: float | None  # of the machine's time, by its host

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Return one row a metric, in the catalogue's order."""
        if self.comparison:
            rows = (row_from_comparison(raw, self.prediction is not None) for raw in self.comparison["metrics"])
            return tuple(rows if self.verdict("resilience")[0] in ("PASS", "FAIL") else map(without_outcome, rows))
        observed = self.observed.get("metrics", {})
        columns = self.prediction.metrics if self.prediction else {}
        rows = (row_without_comparison(metric, columns.get(metric.name), observed) for metric in CATALOGUE)
        return tuple(row for row in rows if row.median is not None or row.observed is not None)

    def row(self, name: str) -> Row | None:
        """Return the row of a metric, None if the run has none."""
        return next((row for row in self.rows if row.name == name), None)

    @property
    def complete(self) -> bool:
        """Tell whether the driver reached its end."""
        return bool(self.run.get("complete")) and bool(self.comparison)

    def verdict(self, which: str) -> tuple[str, str]:
        """Return word and sentence of "resilience", "prediction" or "residue"; ("", "") without a comparison."""
        raw = self.comparison.get("verdicts", {}).get(which, {})
        return str(raw.get("verdict", "")), str(raw.get("sentence", ""))

    @property
    def judged(self) -> bool:
        """Tell whether the prediction was judged: PASS or FAIL."""
        return self.verdict("prediction")[0] in ("PASS", "FAIL")

    @property
    def failed_checks(self) -> tuple[str, ...]:
        """Return the names of the checks that failed."""
        return tuple(plain(check["name"]) for check in self.comparison.get("checks", ()) if not check["passed"])

    @property
    def exit_code(self) -> int | None:
        """Return the drill's exit code, None if it never got that far."""
        code = self.comparison.get("exit_code", self.run.get("exit_code"))
        return None if code is None else int(code)

    @property
    def fault_s(self) -> float | None:
        """Return when the first fault was injected, epoch s."""
        if self.run.get("fault_s") is not None:
            return float(self.run["fault_s"])
        entry = timeline.first(list(self.entries), "fault-injected")
        return None if entry is None else float(entry.data.get("injected_s", entry.t_s))

    @property
    def sealed_s(self) -> float | None:
        """Return when the prediction was sealed, epoch s."""
        if self.run.get("sealed_s") is not None:
            return float(self.run["sealed_s"])
        entry = timeline.first(list(self.entries), "sealed")
        return None if entry is None else entry.t_s

    def moment(self, kind: str) -> float | None:
        """Return when an entry of a kind was written, seconds since the fault."""
        entry = timeline.first(list(self.entries), kind)
        return None if entry is None or self.fault_s is None else entry.t_s - self.fault_s

    @property
    def stopped_at_s(self) -> float | None:
        """Return where the record of an incomplete run ends, seconds since the fault."""
        if self.complete or not self.entries or self.fault_s is None:
            return None
        return self.entries[-1].t_s - self.fault_s

    @property
    def failure(self) -> str:
        """Return why the drill could not go on, on one line; "" if it could."""
        entry = timeline.last(list(self.entries), "failed")
        return "" if entry is None else plain(" ".join(str(entry.data.get("reason", "unknown")).split()))

    @property
    def victim(self) -> str:
        """Return whom the fault hit: "broker 2", or a node whose servers are all hit, by its name."""
        server = str((self.run.get("victim") or {}).get("server", "the victim"))
        return server.replace("kafka-", "broker ").replace(",", " and ")

    @property
    def page(self) -> PartPage:
        """Return what is shown of the loss of the part that was hit."""
        kind = (self.run.get("fault") or {}).get("type", FaultType.BROKER_KILL)
        return PAGES[PARTS[FaultType(kind)]]

    @property
    def fault_word(self) -> str:
        """Return what was done to the victim, in one word."""
        signal = (self.run.get("fault") or {}).get("signal", "")
        return {"SIGKILL": "killed", "SIGTERM": "stopped", "SIGSTOP": "frozen"}.get(signal, "hit")


def read_record(folder: RunFolder) -> Record:
    """Return what is in a run folder. Raises FileNotFoundError if the folder itself is missing."""
    if not folder.root.is_dir():
        raise FileNotFoundError(folder.root)
    unreadable: list[str] = []
    prediction, seal, sha256 = _sealed_prediction(folder, unreadable)
    return Record(
        run=_mapping(folder.run_json, unreadable),
        parameters=_mapping(folder.parameters_json, unreadable),
        prediction=prediction,
        seal=seal,
        seal_sha256=sha256,
        entries=tuple(timeline.read(folder.timeline)),
        observed=_mapping(folder.observed_json, unreadable),
        ledger=_mapping(folder.ledger / "summary.json", unreadable),
        comparison=_mapping(folder.comparison_json, unreadable),
        unreadable=tuple(unreadable),
        stolen_percent=stolen_percent(folder),
    )


def _mapping(path: Path, unreadable: list[str]) -> dict[str, Any]:
    """Return a JSON file's object; empty if it is missing or was cut short (then it is named)."""
    if not path.exists():
        return {}
    try:
        content: dict[str, Any] = load_json(path)
    except orjson.JSONDecodeError:
        unreadable.append(path.name)
        return {}
    return content


def _sealed_prediction(folder: RunFolder, unreadable: list[str]) -> tuple[Prediction | None, str, str]:
    """Return the prediction if the seal matches its bytes, the seal's state and its hash."""
    words = folder.prediction_sha256.read_text().split() if folder.prediction_sha256.exists() else []
    if not words or not folder.prediction_json.exists():
        return None, NO_SEAL, ""
    if hashlib.sha256(folder.prediction_json.read_bytes()).hexdigest() != words[0]:
        return None, SEAL_BROKEN, words[0]
    try:
        return read_prediction(folder.prediction_json), SEALED, words[0]
    except orjson.JSONDecodeError:
        unreadable.append(folder.prediction_json.name)
        return None, SEAL_BROKEN, words[0]


def plain(text: str) -> str:
    """Return a name as words: without underscores."""
    return text.replace("_", " ")


def capital(text: str) -> str:
    """Return a text whose first letter is a capital."""
    return text[:1].upper() + text[1:]


def utc(text: str | None) -> datetime.datetime | None:
    """Return an ISO time of run.json, None for none."""
    return None if not text else datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)


def clock(epoch_s: float | None) -> str:
    """Return an epoch time as "21:41:13.1 UTC"."""
    if epoch_s is None:
        return "never"
    tenths = round(epoch_s * 10.0)
    moment = datetime.datetime.fromtimestamp(tenths // 10, datetime.UTC)
    return f"{moment:%H:%M:%S}.{tenths % 10} UTC"
