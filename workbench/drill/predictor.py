"""The prediction as a subprocess of its own at low priority, so that predicting does not disturb the hub.

`python -m workbench.drill.predictor RUN` reads run.json and parameters.json of a run folder and writes
prediction.json there (not sealed: the drill seals it).
"""

from __future__ import annotations

import sys
from pathlib import Path

from workbench.errors import BadInput
from workbench.model import predict
from workbench.model.parameters import Parameters
from workbench.model.serving import step_back
from workbench.records.folder import RunFolder, load_json, write_durably
from workbench.records.prediction import Prediction
from workbench.scenario import PROJECT_ROOT, read_scenario
from workbench.topology import read_topology


def predict_from(run: RunFolder) -> Prediction:
    """Return the prediction that a run's scenario, manifests, parameters and seed give.

    Raises BadInput when scenario or manifests have changed since the run, since another prediction would
    come out.
    """
    record = load_json(run.run_json)
    scenario = read_scenario(PROJECT_ROOT / record["scenario"]["path"])
    topology = read_topology(scenario.manifests)
    if scenario.sha256 != record["scenario"]["sha256"]:
        raise BadInput(f"{scenario.path} has changed since run {record['run_id']}: check out its commit")
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
