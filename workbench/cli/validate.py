"""`workbench validate`: scenarios, suites, the manifests they use and their experiments, every problem at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import click

from workbench.errors import BadInput, Problem
from workbench.model.parameters import merge
from workbench.scenario import (
    PROJECT_ROOT,
    all_scenarios,
    all_suites,
    document_of,
    find_scenario,
    is_suite,
    manifests_of,
    read_suite,
    read_with_hub,
)
from workbench.topology import read_topology
from workbench.topology.documents import read_documents, shown


@dataclass(frozen=True)
class Checked:
    """One input and what is wrong with it."""

    file: str
    what: str  # scenario, suite, manifests, experiment
    problems: tuple[Problem, ...]


@click.command(name="validate")
@click.argument("files", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON; the exit code is the same.")
def command(files: tuple[str, ...], as_json: bool) -> None:
    """Check scenarios, suites and manifests; report every problem at once.

    FILES are files of scenarios or suites, names of scenarios, or folders of manifests. Without any, all scenarios
    and suites of the project, with the manifests and experiments they use.

    \b
    Examples:
      workbench validate
      workbench validate broker-loss manifests/overlays/session-timeout-6s
    """
    checked = _Checks().run(files or tuple(str(path) for path in [*all_scenarios(), *all_suites()]))
    if as_json:
        click.echo(json.dumps({"ok": not any(one.problems for one in checked), "checked": _json(checked)}, indent=2))
    else:
        for one in checked:
            if not one.problems:
                click.echo(f"OK {one.what} {one.file}")
    problems = list(dict.fromkeys(problem for one in checked for problem in one.problems))
    if problems:
        wrong = sum(1 for one in checked if one.problems)
        raise BadInput(f"{len(problems)} problems in {wrong} of {len(checked)} inputs", problems)


def _json(checked: list[Checked]) -> list[dict[str, object]]:
    return [
        {"file": one.file, "what": one.what, "problems": [asdict(problem) for problem in one.problems]}
        for one in checked
    ]


class _Checks:
    """Runs every check once, whoever asks for it, and keeps the outcomes in order."""

    def __init__(self) -> None:
        self.checked: dict[tuple[str, Path], Checked] = {}

    def run(self, files: tuple[str, ...]) -> list[Checked]:
        """Return the outcome of every input, scenarios with their manifests and experiments after them."""
        for name in files:
            if Path(name).is_dir():
                self._manifests(Path(name).absolute())
                continue
            if is_suite(Path(name)):
                self._once("suite", Path(name).absolute(), partial(read_suite, Path(name)))
                continue
            try:
                self._scenario(find_scenario(name))
            except BadInput as error:  # a name there is no file for
                self.checked["scenario", Path(name)] = Checked(name, "scenario", error.problems_in(name))
        return list(self.checked.values())

    def _scenario(self, path: Path) -> None:
        self._once("scenario", path, lambda: _check_scenario(path))
        try:
            document = document_of(path)
        except BadInput:  # said already; no file or no map, so it names nothing else to check
            return
        folder, experiment = manifests_of(document), PROJECT_ROOT / document.text("experiment")
        if folder is not None:
            self._manifests(folder)
        if experiment.is_file():
            self._once("experiment", experiment.resolve(), lambda: _check_experiment(experiment.resolve()))

    def _manifests(self, folder: Path) -> None:
        self._once("manifests", folder, lambda: read_topology(folder))

    def _once(self, what: str, path: Path, check: Callable[[], object]) -> None:
        """Run a check unless it was run before, and keep its outcome."""
        if (what, path) in self.checked:
            return
        problems: tuple[Problem, ...] = ()
        try:
            check()
        except BadInput as error:
            problems = error.problems_in(shown(path))
        self.checked[what, path] = Checked(shown(path), what, problems)


def _check_scenario(path: Path) -> None:
    """Raise BadInput for a scenario that is wrong, alone or with its hub, or that the model does not cover."""
    scenario, topology = read_with_hub(path)
    merge(scenario, topology, None, None)


def _check_experiment(path: Path) -> None:
    """Raise BadInput unless a file is one YAML map with a method; Chaos Toolkit checks the rest before a drill."""
    documents = read_documents(path)
    if len(documents) != 1 or not documents[0].get("method"):
        raise BadInput("not an experiment", [Problem(shown(path), "method", "missing", "a Chaos Toolkit experiment")])
