"""`workbench validate`: scenarios, the manifests they use and their experiments, every problem at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from workbench.errors import BadInput, Problem
from workbench.scenario import Scenario, all_scenarios, check_against, find_scenario, read_scenario
from workbench.topology import HubTopology, read_topology
from workbench.topology.documents import read_documents, shown


@dataclass(frozen=True)
class Checked:
    """One input and what is wrong with it."""

    file: str
    what: str  # scenario, manifests, experiment
    problems: tuple[Problem, ...]


@click.command(name="validate")
@click.argument("files", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON; the exit code is the same.")
def command(files: tuple[str, ...], as_json: bool) -> None:
    """Check scenarios and manifests; report every problem at once.

    FILES are scenario files, names of scenarios, or folders of manifests. Without any, all scenarios of the
    project, with the manifests and experiments they use.

    \b
    Examples:
      workbench validate
      workbench validate broker-loss manifests/overlays/session-timeout-6s
    """
    checked = _Checks().run(files or tuple(str(path) for path in all_scenarios()))
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
        self.topologies: dict[Path, HubTopology] = {}

    def run(self, files: tuple[str, ...]) -> list[Checked]:
        """Return the outcome of every input, scenarios with their manifests and experiments after them."""
        for name in files:
            if Path(name).is_dir():
                self._manifests(Path(name).absolute())
                continue
            try:
                self._scenario(find_scenario(name))
            except BadInput as error:  # a name there is no file for
                self.checked["scenario", Path(name)] = Checked(name, "scenario", _problems(error, name))
        return list(self.checked.values())

    def _scenario(self, path: Path) -> None:
        found: list[Scenario] = []
        if not self._once("scenario", path, lambda: found.append(read_scenario(path))):
            return
        scenario = found[0]
        self._manifests(scenario.manifests)
        self._once("experiment", scenario.experiment, lambda: _check_experiment(scenario.experiment))
        topology = self.topologies.get(scenario.manifests)
        if topology is not None:
            self._once("scenario", path, lambda: check_against(scenario, topology), again=True)

    def _manifests(self, folder: Path) -> None:
        def read() -> None:
            self.topologies[folder] = read_topology(folder)

        self._once("manifests", folder, read)

    def _once(self, what: str, path: Path, check: Callable[[], None], again: bool = False) -> bool:
        """Run a check and keep its outcome; `again` adds to one that passed. Returns whether it ran and passed."""
        if (what, path) in self.checked and not again:
            return False
        problems: tuple[Problem, ...] = ()
        try:
            check()
        except BadInput as error:
            problems = _problems(error, shown(path))
        self.checked[what, path] = Checked(shown(path), what, problems)
        return not problems


def _problems(error: BadInput, file: str) -> tuple[Problem, ...]:
    """Return an error's problems; one without any becomes a problem itself."""
    return error.problems or (Problem(file, "", "", str(error)),)


def _check_experiment(path: Path) -> None:
    """Raise BadInput unless a file is one YAML map with a method; Chaos Toolkit checks the rest before a drill."""
    documents = read_documents(path)
    if len(documents) != 1 or not documents[0].get("method"):
        raise BadInput("not an experiment", [Problem(shown(path), "method", "missing", "a Chaos Toolkit experiment")])
