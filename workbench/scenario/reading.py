"""Scenario files to values: found by name, read strictly, every problem reported at once."""

from __future__ import annotations

import difflib
import hashlib
import re
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from workbench.errors import BadInput, Problem
from workbench.fault import Fault, VictimSelector
from workbench.scenario.drill_scenario import Objective, PrimaryMetric, Scenario
from workbench.scenario.form import FaultForm, LoadForm, ScenarioForm
from workbench.scenario.wording import problem_of
from workbench.topology.documents import Node, Place, parse, read_text, shown
from workbench.workload import ProfileKind, RateProfile, Readers, Workload

PROJECT_ROOT: Final = Path(__file__).resolve().parents[2]
SCENARIOS: Final = PROJECT_ROOT / "scenarios"
_NAME: Final = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")


def all_scenarios() -> list[Path]:
    """Return the project's scenario files in the order of their names."""
    return sorted(SCENARIOS.glob("*.yaml"))


def find_scenario(name_or_path: str) -> Path:
    """Return the file of a scenario: `broker-loss` is scenarios/broker-loss.yaml of the project.

    Anything with a slash or a suffix is a path and comes back as it is, and so does what exists under that name
    here. Raises BadInput for a name there is no file for, with the names there are.
    """
    if "/" in name_or_path or Path(name_or_path).suffix:
        return Path(name_or_path)
    path = SCENARIOS / f"{name_or_path}.yaml"
    if path.is_file():
        return path
    if Path(name_or_path).exists():
        return Path(name_or_path)
    names = [known.stem for known in all_scenarios()]
    likely = difflib.get_close_matches(name_or_path, names, n=1)
    hint = f"did you mean {likely[0]}? " if likely else ""
    raise BadInput(f"no scenario {name_or_path!r}: {hint}there are {', '.join(names) or 'none'}; a path works as well")


def read_scenario(path: Path) -> Scenario:
    """Return one scenario file as typed values.

    Raises BadInput with every problem at once: file, line, key path, value and what would be right. The
    manifests' folder and the experiment must exist; what they hold is checked elsewhere.
    """
    return scenario_of(read_text(path), path)


def scenario_of(text: str, path: Path) -> Scenario:
    """Return a scenario of its file's text, as `read_scenario` does; of the path only the name matters."""
    document = scenario_document(text, path)
    problems: list[Problem] = []
    if not _NAME.match(path.stem) or path.suffix != ".yaml":
        bound = "a name in kebab-case that ends in .yaml, such as broker-loss.yaml"
        problems.append(Problem(shown(path), "", f"called {path.name}", bound))
    problems.extend(_path_problems(document))
    try:
        form = ScenarioForm.model_validate(document.plain)
    except ValidationError as error:
        problems.extend(problem_of(detail, document) for detail in error.errors())
        raise BadInput(f"scenario {shown(path)} cannot be used", _ordered(problems)) from error
    if problems:
        raise BadInput(f"scenario {shown(path)} cannot be used", _ordered(problems))
    return _scenario(form, path, text)


def document_of(path: Path, what: str = "scenario") -> Node:
    """Return a file's one document, unchecked. Raises BadInput, which calls it `what`, where it is not one map."""
    return _document(read_text(path), path, what)


def scenario_document(text: str, path: Path) -> Node:
    """Return the one document of a scenario's text, unchecked. Raises BadInput where it is not one map."""
    return _document(text, path, "scenario")


def _document(text: str, path: Path, what: str) -> Node:
    documents = parse(text, Place(shown(path)))
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        found = "not a map" if len(documents) == 1 else f"{len(documents)} YAML documents"
        bound = "one YAML document: a map of keys to values"
        raise BadInput(f"{what} {shown(path)} cannot be used", [Problem(shown(path), "", found, bound)])
    return documents[0]


def _path_problems(document: Node) -> list[Problem]:
    """Return what is wrong with the paths a scenario names; wrong types are the form's to report."""
    problems = []
    for key, is_right, bound in (
        ("manifests", Path.is_dir, "a folder that exists, from the project's root"),
        ("experiment", Path.is_file, "a file that exists, from the project's root"),
    ):
        node = document.get(key)
        if node is not None and isinstance(node.value, str) and node.value and not is_right(PROJECT_ROOT / node.value):
            problems.append(Problem(node.place.file, key, node.value, bound, node.place.line))
    return problems


def _ordered(problems: list[Problem]) -> list[Problem]:
    """Return problems from the top of the file to its end."""
    return sorted(problems, key=lambda problem: problem.line or 0)


def _scenario(form: ScenarioForm, path: Path, text: str) -> Scenario:
    return Scenario(
        name=path.stem,
        title=form.title,
        path=path.absolute(),
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        manifests=(PROJECT_ROOT / form.manifests).resolve(),
        workload=_workload(form.load),
        restart=form.restart,
        experiment=(PROJECT_ROOT / form.experiment).resolve(),
        faults=tuple(_fault(fault) for fault in form.faults),
        fault_window_s=form.fault_window_s,
        baseline_s=form.baseline_s,
        recovery_timeout_s=form.recovery_timeout_s,
        objectives=tuple(Objective(metric, at_most) for metric, at_most in form.objectives.items()),
        primary=tuple(PrimaryMetric(metric, primary.width_max) for metric, primary in form.primary.items()),
        expect={
            "resilience": form.expect.resilience,
            "prediction": form.expect.prediction,
        },
    )


def _workload(load: LoadForm) -> Workload:
    stated = load.profile.model_dump()
    return Workload(
        profile=RateProfile(**{**stated, "kind": ProfileKind(stated["kind"])}),
        arrivals=load.arrivals,
        mix=dict(load.mix),
        event_bytes=load.event_bytes,
        devices=load.devices,
        acks=load.acks,
        readers=Readers(load.readers.users, load.readers.requests_per_s) if load.readers else None,
        library=load.library,
    )


def _fault(fault: FaultForm) -> Fault:
    wanted = fault.victim
    several = tuple(wanted.brokers or ())
    victim = VictimSelector(wanted.broker, wanted.role, wanted.processor, node=wanted.node, brokers=several)
    return Fault(
        fault.type,
        victim,
        fault.at_s,
        fault.for_s or 0.0,
        fault.lag_s or 0.0,
        fault.data,
        fault.factor or 1.0,
        tuple(fault.breaks),
    )
