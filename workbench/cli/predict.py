"""workbench predict: what a fault will do, without breaking anything.

The subprocesses are started before anything else is imported: compiled loops take as long to import as all that is
read here, and both go on at once.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workbench.errors import BadInput
from workbench.subprocesses import Subprocesses

if TYPE_CHECKING:
    from workbench.records.prediction import Prediction


@click.command(name="predict", short_help="What a fault will do.")
@click.argument("scenario", required=False)
@click.option("--from", "run", metavar="RUN", help="Reproduce a run's sealed prediction and compare the hashes.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Every random draw follows from it.")
@click.option(
    "--calibration",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file of `workbench calibrate`: measured in place of priors.",
)
@click.option(
    "--replications",
    type=click.IntRange(1, 100_000),
    help="How many courses are played; 400 if not given, where a drill plays 1000 before its seal.",
)
@click.option("--json", "as_json", is_flag=True, help="The prediction's own file on stdout.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the prediction's file here.")
def command(
    scenario: str | None,
    run: str | None,
    seed: int,
    calibration: Path | None,
    replications: int | None,
    as_json: bool,
    out: Path | None,
) -> int:
    """Predict what SCENARIO's fault will do, from manifests and published priors, without a hub.

    A drill predicts better: it also measures its own hub before the seal.

    \b
    Examples:
      workbench predict broker-loss
      workbench predict broker-loss --replications 1000
      workbench predict broker-loss --json | jq .metrics.kafka_unavailable_s
      workbench predict broker-loss --calibration reports/out/calibrations/20260314T214003Z-7f3a91c2.json
      workbench predict --from latest
    """
    if (scenario is None) == (run is None):
        raise BadInput("name either a SCENARIO or --from RUN")
    if run and (calibration or replications):
        raise BadInput("--from RUN takes the run's own parameters: leave --calibration and --replications out")
    prediction = _again(run) if run else _predicted(scenario or "", seed, calibration, replications)
    data = prediction.to_bytes()
    if out is not None:
        out.write_bytes(data)
    if as_json:
        click.echo(data.decode(), nl=False)
    else:
        _print_table(prediction)
    return _check_seal(run, data) if run else 0


def _predicted(scenario: str, seed: int, calibration: Path | None, replications: int | None) -> Prediction:
    with Subprocesses() as subprocesses:
        from workbench import api

        return api.predict(scenario, seed, calibration, subprocesses, replications or api.PREVIEW_REPLICATIONS)


def _again(run: str) -> Prediction:
    from workbench import api

    return api.predict_again(api.find_run(run))


def _print_table(prediction: Prediction) -> None:
    from workbench.metrics.catalogue import BY_NAME
    from workbench.metrics.numbers import quantity, span
    from workbench.records.prediction import interval, median

    click.echo(f"{prediction.scenario}  seed {prediction.seed}  {prediction.replications} replications")
    click.echo(f"{'':42}{'predicted':>14}   90 % interval")
    for name, values in prediction.metrics.items():
        middle = median(values)
        if middle != middle:
            continue
        metric = BY_NAME[name]
        ends = span(*interval(values, 90.0), metric.unit)
        click.echo(f"{metric.title:42}{quantity(middle, metric.unit):>14}   {ends}")


def _check_seal(run: str, data: bytes) -> int:
    from workbench import api
    from workbench.records.folder import RunFolder

    folder = api.find_run(run)
    sealed = RunFolder(folder).prediction_sha256
    if not sealed.exists():
        raise BadInput(f"{folder} holds no seal: its drill ended before the prediction")
    expected = sealed.read_text().split()[0]
    found = hashlib.sha256(data).hexdigest()
    click.echo(f"sealed {expected}\nagain  {found}", err=True)
    if found != expected:
        click.echo("the hashes differ: another commit, library or machine gave another prediction", err=True)
    return 0 if found == expected else 1
