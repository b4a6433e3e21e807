"""Predicts in a subprocess under the supervisor and seals what came out before anything is broken."""

from __future__ import annotations

import hashlib
import sys
import time
from dataclasses import dataclass
from typing import Final

from workbench.errors import ToolFailed
from workbench.metrics.catalogue import BY_NAME
from workbench.metrics.numbers import quantity, span
from workbench.records.folder import RunFolder, write_durably
from workbench.records.prediction import Prediction, interval, median, read_prediction
from workbench.target.port import DrillHub

PREDICT_TIMEOUT_S: Final = 600.0  # seen: 8 s on free cores, 193 s at low priority on a machine that a cluster fills
POLL_S: Final = 0.1


@dataclass(frozen=True)
class Seal:
    """A sealed prediction."""

    prediction: Prediction
    sha256: str
    sealed_s: float
    sentence: str


def predict_and_seal(hub: DrillHub, folder: RunFolder, primary: str) -> Seal:
    """Run the predictor, flush its hash to disk and return the seal; `primary` is told. Raises ToolFailed."""
    argv = [sys.executable, "-m", "workbench.drill.predictor", str(folder.root)]
    log = folder.observed / "predictor.log"
    hub.launch("predictor", argv, environment={}, stdout=log)
    deadline_s = time.monotonic() + PREDICT_TIMEOUT_S
    while hub.running("predictor"):
        if time.monotonic() > deadline_s:
            raise ToolFailed(f"the prediction took longer than {PREDICT_TIMEOUT_S:.0f} s")
        time.sleep(POLL_S)
    if hub.exit_code("predictor") != 0:
        raise ToolFailed(f"the prediction failed: see {log}")
    sha256 = hashlib.sha256(folder.prediction_json.read_bytes()).hexdigest()
    write_durably(folder.prediction_sha256, f"{sha256}  prediction.json\n".encode())
    sealed_s = time.time()
    prediction = read_prediction(folder.prediction_json)
    return Seal(prediction, sha256, sealed_s, told(prediction, primary))


def told(prediction: Prediction, metric: str) -> str:
    """Return the prediction of one metric in words."""
    values, unit = prediction.metrics[metric], BY_NAME[metric].unit
    return f"{BY_NAME[metric].title} {quantity(median(values), unit)} ({span(*interval(values, 90.0), unit)})"
