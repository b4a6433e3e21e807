"""The golden files: what each holds and how it comes about. `make golden` writes them; the tests never do.

No golden file says that a number is right, only that it has not moved unnoticed. Theory tests say what is right.
"""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from tests.support.sample_run import write_sample
from workbench.cli import root
from workbench.cli.place import REFERENCE_NODES
from workbench.errors import BadInput
from workbench.metrics.catalogue import BY_NAME
from workbench.metrics.numbers import quantity, span
from workbench.model import predict
from workbench.model.parameters import merge
from workbench.plan import DEFAULT_QUESTION, answer, read_question
from workbench.records.folder import dump_json
from workbench.records.prediction import interval, median
from workbench.report import render
from workbench.scenario import PROJECT_ROOT, find_scenario, read_scenario, read_with_hub
from workbench.topology import read_topology

HERE: Final = Path(__file__).parent
EXPECTED: Final = HERE / "expected"
REPLICATIONS: Final = 40  # enough that a changed rule shows, few enough for every run of the tests


def helps() -> str:
    """Every command's help, as a terminal of 80 columns shows it.

    Reached from the root, whose settings name the help option: click keeps that option on a command for good.
    """
    settings: dict[str, Any] = root.context_settings
    return "\n".join(_helps(root, click.Context(root, info_name="workbench", terminal_width=80, **settings)))


def problems() -> str:
    """What a scenario with a mistake in nearly every line is answered: all of it at once."""
    with contextlib.chdir(PROJECT_ROOT):
        try:
            read_with_hub((HERE / "wrong-scenario.yaml").relative_to(PROJECT_ROOT))
        except BadInput as error:
            return f"{error}\n"
    return "no problem found\n"


def topology() -> str:
    """The topology that the base manifests stand for."""
    content = dataclasses.asdict(read_topology(PROJECT_ROOT / "manifests" / "base"))
    return dump_json(content).decode()


def prediction() -> str:
    """A prediction of broker-loss from manifests and priors alone: every metric, as `workbench predict` words it."""
    scenario = read_scenario(find_scenario("broker-loss"))
    hub = read_topology(scenario.manifests)
    parameters = merge(scenario, hub, None, None)
    predicted = predict(scenario, hub, parameters, seed=1, replications=REPLICATIONS, subprocesses=0)
    rows = [f"{predicted.scenario}, seed {predicted.seed}, {predicted.replications} replications"]
    for name, values in predicted.metrics.items():
        unit = BY_NAME[name].unit
        rows.append(f"{name}: {quantity(median(values), unit)} ({span(*interval(values, 90.0), unit)})")
    return "\n".join(rows) + "\n"


def plan() -> str:
    """The answer to the own question of capacity: what saturates, disks, room, what-ifs, from priors alone."""
    return dump_json(answer(read_question(DEFAULT_QUESTION), REFERENCE_NODES, seed=1, run=None, played=2)).decode()


def report() -> str:
    """The Markdown report of a sample run in which the prediction missed; its numbers are made up."""
    with tempfile.TemporaryDirectory() as folder:
        run = write_sample(Path(folder) / "run", "pass-fail")
        render(run)
        return (run.root / "report.md").read_text()


CASES: Final[Mapping[str, Callable[[], str]]] = {
    "helps.txt": helps,
    "problems.txt": problems,
    "topology.json": topology,
    "prediction.txt": prediction,
    "plan.json": plan,
    "report.md": report,
}


def _helps(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"$ {context.command_path} --help\n{command.get_help(context)}\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _helps(inner, click.Context(inner, info_name=name, parent=context))


def rewrite() -> None:
    """Write every golden file anew and remove those that no case makes."""
    EXPECTED.mkdir(exist_ok=True)
    for name, produce in CASES.items():
        path = EXPECTED / name
        before = path.read_text() if path.exists() else None
        path.write_text(produce())
        state = "as before" if path.read_text() == before else "written" if before is None else "CHANGED: read the diff"
        print(f"{path.relative_to(PROJECT_ROOT)}: {state}")
    for path in set(EXPECTED.iterdir()) - {EXPECTED / name for name in CASES}:
        path.unlink()
        print(f"{path.relative_to(PROJECT_ROOT)}: removed, no case makes it")


if __name__ == "__main__":
    rewrite()
