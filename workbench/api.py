"""The verbs of the workbench for notebooks and for the command line: they compose the rooms below.

>>> import workbench.api as hub
>>> hub.predict("broker-loss").metrics          # doctest: +SKIP
>>> hub.drill("broker-loss", seed=7).comparison  # doctest: +SKIP

What only some verbs need (pandas, the drill's clients, the figures) they import themselves: a prediction needs none.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from workbench.drill.possible import check_possible
from workbench.errors import BadInput
from workbench.fault import KAFKA_PARTS, NODE_PARTS, Fault, FaultType
from workbench.metrics.catalogue import BY_NAME
from workbench.model import control_plane as model_control_plane
from workbench.model import predict as model_predict
from workbench.model.parameters import merge
from workbench.model.scheduling import Decision, place_all, read_nodes, read_workloads
from workbench.records.folder import RunFolder, load_json, new_run_id, writable
from workbench.records.prediction import Prediction, interval, median
from workbench.records.runs_index import read_index
from workbench.scenario import PROJECT_ROOT, find_scenario, read_with_hub
from workbench.subprocesses import PREDICTION_COUNT, Subprocesses
from workbench.topology import read_topology
from workbench.topology.alerting import read_alerting
from workbench.topology.load_balancer import read_load_balancer
from workbench.topology.pods import read_pod_traits

if TYPE_CHECKING:
    import pandas as pd

    from workbench.drill.progress import Progress
    from workbench.records.calibration import CalibrationFile
    from workbench.scenario.drill_scenario import Scenario
    from workbench.target.kubernetes.looking import Preview
    from workbench.target.port import DrillHub
    from workbench.topology.hub import HubTopology

__all__ = [
    "DEFAULT_LOAD_BALANCER",
    "DEFAULT_MANIFESTS",
    "DEFAULT_OUT",
    "DrillResult",
    "KubernetesAccess",
    "PlaceResult",
    "compare",
    "drill",
    "find_run",
    "node_loss",
    "place",
    "predict",
    "predict_again",
    "prediction_table",
    "preview",
    "report",
    "runs",
]

DEFAULT_MANIFESTS: Final = PROJECT_ROOT / "manifests" / "base"
DEFAULT_LOAD_BALANCER: Final = PROJECT_ROOT / "manifests" / "platform" / "haproxy" / "haproxy.cfg"
PREVIEW_REPLICATIONS: Final = 400  # the ends of a session's 90 % interval then wander by 1 %; a drill's are 1000
DEFAULT_OUT: Final = PROJECT_ROOT / "reports" / "out"


@dataclass(frozen=True)
class DrillResult:
    """One drill's result: where it is, what it amounts to."""

    folder: RunFolder
    comparison: dict[str, Any]
    exit_code: int

    @property
    def table(self) -> pd.DataFrame:
        """Return predicted and observed, one row a metric."""
        return _comparison_table(self.comparison)


@dataclass(frozen=True)
class KubernetesAccess:
    """The way to a hub on a cluster, and the manifests it was made from."""

    kubeconfig: Path
    manifests: Path
    context: str = ""  # "": the kubeconfig's current one
    power: str = ""  # address of its nodes' power, "": none is known


@dataclass(frozen=True)
class PlaceResult:
    """Where each pod of manifests runs and why, in the order of their documents."""

    decisions: tuple[Decision, ...]
    left_out: tuple[str, ...]  # what stands in the manifests and was not placed

    @property
    def pending(self) -> tuple[Decision, ...]:
        """Return those for which there is no node."""
        return tuple(each for each in self.decisions if each.node is None)

    @property
    def table(self) -> pd.DataFrame:
        """Return one row a pod: its node, the nodes that were as good, and why it is pending."""
        import pandas as pd

        rows = [
            {"pod": each.pod.key, "node": each.node, "tied": ", ".join(each.tied), "reason": each.reason}
            for each in self.decisions
        ]
        return pd.DataFrame(rows, columns=["pod", "node", "tied", "reason"]).set_index("pod")


def place(manifests: Path, nodes: Path, seed: int = 1) -> PlaceResult:
    """Place every pod of a kustomization folder or YAML file, in order, onto the nodes of a YAML file, empty at first.

    The rules are kube-scheduler 1.29's; the seed decides among nodes of the same score. Raises BadInput for what is
    wrong, and for a field that decides placement and is not modelled.
    """
    workloads = read_workloads(manifests)
    decisions = place_all(read_nodes(nodes), workloads.pods, seed)
    return PlaceResult(tuple(decisions), workloads.left_out)


def drill(
    name_or_path: str,
    seed: int = 1,
    out: Path = DEFAULT_OUT,
    progress: Progress | None = None,
    command: str | None = None,
    calibration: Path | None = None,
    on: KubernetesAccess | None = None,
) -> DrillResult:
    """Do one whole drill, on a fresh embedded hub or `on` the hub of a cluster, and render its report.

    `calibration` is a file of `workbench calibrate`: its parameters stand in place of priors.
    Raises BadInput for a wrong scenario or manifest (nothing was started), MachineTrouble when this machine
    cannot do it, Inconclusive when the hub never became steady.
    """
    from workbench.drill.conductor import Drill
    from workbench.drill.progress import Progress
    from workbench.drill.run_record import begin
    from workbench.report import render

    scenario, topology = read_with_hub(find_scenario(name_or_path), None if on is None else on.manifests)
    check_possible(scenario, on_cluster=on is not None)
    measured = _calibration(calibration, topology)
    merge(scenario, topology, None, None, measured)  # says what the model does not cover before anything is started
    run_id = new_run_id(datetime.datetime.now(datetime.UTC))
    folder = RunFolder(writable(out) / scenario.name / run_id)
    shown = command or f"workbench drill {name_or_path} --seed {seed}"
    record = begin(folder, run_id, scenario, topology, seed, shown)
    if measured is not None:
        record.set(calibration=measured.to_run_json())
    _link_latest(out, folder.root)
    teller = progress or Progress()
    teller.header(scenario.name, "local" if on is None else "kubernetes", seed, run_id)
    if on is not None:
        record.set(manifests=str(scenario.manifests))
    try:
        opens = _opens(scenario, topology, seed, on, folder)
        judged = Drill(scenario, topology, seed, record, out, teller, measured, open_hub=opens).run()
    finally:
        render(folder)
    return DrillResult(folder, judged.content, judged.exit_code)


def preview(name_or_path: str, on: KubernetesAccess) -> Preview:
    """Say whom a drill on a cluster's hub would hit now; nothing is changed. Raises BadInput as the drill would."""
    from workbench.target.kubernetes.looking import look

    scenario, topology = read_with_hub(find_scenario(name_or_path), on.manifests)
    check_possible(scenario, on_cluster=True)
    return look(topology, scenario.faults[0], on.kubeconfig, on.context)


def _opens(
    scenario: Scenario, topology: HubTopology, seed: int, on: KubernetesAccess | None, folder: RunFolder
) -> Callable[[Callable[[str], None]], DrillHub]:
    """Return what gives a drill its hub, when called with what progress is said to."""
    if on is not None:
        from workbench.target.kubernetes import open_hub

        brokers = _hit_brokers(scenario.faults[0], topology)
        return lambda say: open_hub(
            topology,
            scenario.faults[0],
            brokers,
            kubeconfig=on.kubeconfig,
            context=on.context,
            power=on.power,
            run=folder,
            progress=say,
        )
    from workbench.target.local import start

    fault = scenario.faults[0]
    small_disk = fault.victim.broker if fault.type is FaultType.DISK_FULL else None
    return lambda say: start(
        topology,
        seed=seed,
        restart=scenario.restart,
        failover=scenario.failover,
        small_disk=small_disk,
        idle_broker=fault.victim.role == "leads-nothing",
        progress=say,
    )


def _hit_brokers(fault: Fault, topology: HubTopology) -> tuple[int, ...]:
    """Return the brokers that a fault may hit; any of them where a role decides."""
    named = fault.victim.brokers or (() if fault.victim.broker is None else (fault.victim.broker,))
    hits_some = fault.part in (*KAFKA_PARTS, *NODE_PARTS)
    return named or (topology.kafka.broker_ids if hits_some else ())


def predict(
    name_or_path: str,
    seed: int = 1,
    calibration: Path | None = None,
    subprocesses: int | Subprocesses = PREDICTION_COUNT,
    replications: int = PREVIEW_REPLICATIONS,
) -> Prediction:
    """Predict a scenario's fault from manifests and published priors, without a hub.

    `calibration` is a file of `workbench calibrate`: its parameters stand in place of priors. `subprocesses` may be
    ones that were started before this module was imported, to save their start. Raises BadInput for a calibration that
    is too old, or of another machine, other servers or other manifests.
    """
    scenario, topology = read_with_hub(find_scenario(name_or_path))
    parameters = merge(scenario, topology, None, None, _calibration(calibration, topology))
    return model_predict(scenario, topology, parameters, seed, replications, subprocesses)


def node_loss(
    node: str,
    manifests: Path = DEFAULT_MANIFESTS,
    kubernetes: str = "1.29",
    control_plane: bool = False,
    back_after_s: float | None = None,
    out_of_service_s: float | None = None,
    replications: int = 1000,
    seed: int = 1,
    load_balancer: Path = DEFAULT_LOAD_BALANCER,
) -> model_control_plane.Forecast:
    """Say what Kubernetes does when a node, or with it the control plane, goes silent, and when.

    `load_balancer` is haproxy's configuration. Raises BadInput for wrong manifests, a node they do not have, and a
    release that is not modelled.
    """
    forever = float("inf")
    loss = model_control_plane.Loss(
        node,
        control_plane or node == model_control_plane.CONTROL_PLANE,
        forever if back_after_s is None else back_after_s,
        forever if out_of_service_s is None else out_of_service_s,
    )
    release = model_control_plane.release(kubernetes)
    topology, traits = read_topology(manifests), read_pod_traits(manifests)
    alerting = read_alerting(manifests, model_control_plane.ALERT)
    balancer = read_load_balancer(load_balancer)
    return model_control_plane.node_loss(topology, traits, loss, release, replications, seed, alerting, balancer)


def predict_again(run: Path) -> Prediction:
    """Reproduce a run's prediction from its scenario, manifests, parameters and seed."""
    from workbench.drill.predictor import predict_from

    return predict_from(RunFolder(run))


def prediction_table(prediction: Prediction) -> pd.DataFrame:
    """Return median and 90 % interval of every predicted metric, one row each."""
    import pandas as pd

    rows = []
    for name, values in prediction.metrics.items():
        low, high = interval(values, 90.0)
        rows.append({"metric": name, "unit": BY_NAME[name].unit, "median": median(values), "low": low, "high": high})
    return pd.DataFrame(rows).dropna(subset=["median"]).set_index("metric")


def compare(run: Path) -> pd.DataFrame:
    """Return predicted and observed of a run, one row a metric."""
    path = RunFolder(run).comparison_json
    if not path.exists():
        raise BadInput(f"{run} holds no comparison: the drill did not get so far")
    return _comparison_table(load_json(path))


def report(run: Path) -> Path:
    """Render a run's pages again from its folder alone; return the page."""
    from workbench.report import render

    folder = RunFolder(run)
    render(folder)
    return folder.root / "report.html"


def runs(out: Path = DEFAULT_OUT) -> pd.DataFrame:
    """Return every run whose prediction was sealed, oldest first, incomplete ones included."""
    import pandas as pd

    rows = []
    for entry in read_index(out):
        verdicts = (entry.run or {}).get("verdicts") or {}
        rows.append(
            {
                "run": entry.run_id,
                "scenario": entry.scenario,
                "seed": entry.seed,
                "state": entry.state,
                "resilience": verdicts.get("resilience", {}).get("verdict", ""),
                "prediction": verdicts.get("prediction", {}).get("verdict", ""),
                "exit_code": (entry.run or {}).get("exit_code"),
                "sha256": entry.sha256,
                "folder": str(entry.folder),
            }
        )
    table = pd.DataFrame(
        rows, columns=["run", "scenario", "seed", "state", "resilience", "prediction", "exit_code", "sha256", "folder"]
    )
    return table.astype({"exit_code": "Int64"})  # whole numbers, and none for a run without an end


def find_run(name_or_path: str, out: Path = DEFAULT_OUT) -> Path:
    """Return a run's folder from a folder, a run id or "latest". Raises BadInput."""
    if (Path(name_or_path) / "run.json").exists():
        return Path(name_or_path).resolve()
    if name_or_path == "latest" and (out / "latest" / "run.json").exists():
        return (out / "latest").resolve()
    found = sorted(out.glob(f"*/{name_or_path}/run.json"))
    if not found:
        raise BadInput(f"no run {name_or_path!r} in {out}: `workbench runs` lists them")
    return found[0].parent


def _calibration(path: Path | None, topology: HubTopology) -> CalibrationFile | None:
    """Return a calibration that may be used here, None for none."""
    if path is None:
        return None

    from workbench.drill.run_record import host_json
    from workbench.records.calibration import check_calibration, read_calibration
    from workbench.target.local.artifacts import versions

    found = read_calibration(path)
    check_calibration(found, time.time(), host_json(), versions(), topology.manifests_sha256)
    return found


def _link_latest(out: Path, folder: Path) -> None:
    """Point the link `latest` at a run."""
    link = out / "latest"
    temporary = out / ".latest.part"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(folder.relative_to(out), target_is_directory=True)
    temporary.replace(link)


def _comparison_table(comparison: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd

    rows = [
        {
            "metric": row["name"],
            "unit": row["unit"],
            "role": row["role"],
            "predicted": row["predicted"]["median"],
            "low": row["predicted"]["interval_90"][0],
            "high": row["predicted"]["interval_90"][1],
            "observed": row["observed"],
            "error": row["error"],
            "inside_90": row["inside_90"],
        }
        for row in comparison["metrics"]
    ]
    return pd.DataFrame(rows).set_index("metric")
