"""The prediction as a subprocess of its own at low priority, so that predicting does not disturb the hub.

`python -m workbench.drill.predictor RUN` reads run.json and parameters.json of a run folder and writes
prediction.json there (not sealed: the drill seals it).
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from workbench.errors import BadInput
from workbench.model import predict
from workbench.model.parameters import Parameters
from workbench.model.serving import step_back
from workbench.records.folder import RunFolder, load_json, write_durably
from workbench.records.prediction import Prediction
from workbench.scenario import scenario_of
from workbench.topology import read_topology


def predict_from(run: RunFolder) -> Prediction:
    """Return the prediction that a run's scenario (its text as it was then), manifests, parameters and seed give.

    Raises BadInput when the manifests have changed since the run, since another prediction would come out, or when
    the text is not the one that the run began with.
    """
    record = load_json(run.run_json)
    scenario = scenario_of(record["scenario"]["text"], Path(record["scenario"]["path"]))
    if "manifests" in record:  # of the hub that ran, where the drill did not start it itself
        scenario = replace(scenario, manifests=Path(record["manifests"]))
    topology = read_topology(scenario.manifests)
    if scenario.sha256 != record["scenario"]["sha256"]:
        raise BadInput(f"{run.run_json}: the scenario's text does not match its hash")
    if topology.manifests_sha256 != record["manifests_sha256"]:
        raise BadInput(f"the manifests have changed since run {record['run_id']}: check out its commit")
    parameters = Parameters.from_json(run.parameters_json.read_bytes())
    return predict(scenario, topology, parameters, record["seed"])


def _main(folder: str) -> None:
    step_back()
    run = RunFolder(Path(folder))
    write_durably(run.prediction_json, predict_from(run).to_bytes())


if __name__ == "__main__":
    _main(sys.argv[1])
