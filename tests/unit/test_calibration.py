"""Calibrations: fits that are no surer than their samples, the file, and every reason to refuse one."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy import stats

from tests.support.model_cases import a_scenario, a_topology
from tests.unit.test_model_parameters import VICTIM, a_baseline
from workbench.calibrate import fitting
from workbench.calibrate.catalogue import QUANTITIES, Mode, quantities_of
from workbench.calibrate.fitting import NORMAL_90, fit, prior_span
from workbench.calibrate.page import page_of, write_page
from workbench.cli import root
from workbench.errors import BadInput
from workbench.fault import FaultType, Part
from workbench.model.parameter import Distribution, Source, lognormal, triangular
from workbench.model.parameters import Parameters, merge
from workbench.model.part_priors import every_prior, priors_of
from workbench.records.calibration import (
    DAY_S,
    Calibration,
    CalibrationFile,
    Measurement,
    PriorSpan,
    check_calibration,
    newest_calibration,
    read_calibration,
    write_calibration,
)
from workbench.records.folder import dump_json, load_json

HOST = {"system": "Linux 6.1", "machine": "x86_64", "cores": 2, "memory_bytes": 8 << 30}
VERSIONS = {"Kafka": "3.7.1", "Redis": "6.2.14"}
CREATED = datetime.datetime(2026, 3, 14, 21, 40, tzinfo=datetime.UTC)
NOW_S = CREATED.timestamp() + 3600.0
SAMPLES = (0.31, 0.33, 0.36, 0.32)


def a_measurement(name: str = "postgres_start_s", samples: tuple[float, ...] = SAMPLES) -> Measurement:
    """Return a quantity of the catalogue as it may have been measured."""
    quantity = next(each for each in QUANTITIES if each.name == name)
    before = every_prior()[quantity.parameter].value if quantity.parameter else None
    span = prior_span(before) if before is not None else None
    return Measurement(
        name, quantity.parameter, quantity.title, quantity.unit, quantity.how, samples, fit(samples, span), span
    )


def a_calibration() -> Calibration:
    """Return a calibration of four quantities."""
    measurements = (
        a_measurement(),
        a_measurement("broker_start_s", (2.1, 2.3, 2.2)),
        a_measurement("redis_load_bytes_per_s", (3.1e7, 2.7e7, 3.4e7)),
        a_measurement("fdatasync_s", (0.0011, 0.0012, 0.0016, 0.0009)),
    )
    git = {"commit": "c0ffee", "clean": True}
    return Calibration(
        1, CREATED, "local", 300.0, git, HOST, VERSIONS, "ab" * 32, measurements, {"isr_rejoin_s": "none"}
    )


def a_file(folder: Path) -> CalibrationFile:
    """Return it as read from its file."""
    return read_calibration(write_calibration(folder, a_calibration()))


@pytest.mark.parametrize("count", [3, 6])
@pytest.mark.parametrize(
    "prior", [None, PriorSpan(0.6, 1.0, 1.7), PriorSpan(0.15, 0.3, 0.6)], ids=["none", "at", "far"]
)
def test_the_median_is_recovered(count: int, prior: PriorSpan | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 300 seeded repeats the true median lies in its 90 % interval in nine of ten or more, a wrong prior or not."""
    monkeypatch.setattr(fitting, "_goodness", lambda *_: 1.0)
    rng = np.random.default_rng(7)
    fits = [fit(np.exp(rng.normal(0.0, 0.3, count)).tolist(), prior) for _ in range(300)]
    held = sum(each.median_low <= 1.0 <= each.median_high for each in fits)
    assert held >= stats.binom.ppf(0.001, 300, 0.9)


def test_one_more_value_is_inside_as_often_as_it_should_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """The distribution that predictions draw from holds a new value in nine of ten repeats or more."""
    monkeypatch.setattr(fitting, "_goodness", lambda *_: 1.0)
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(300):
        found = fit(np.exp(rng.normal(0.0, 0.3, 4)).tolist(), PriorSpan(0.6, 1.0, 1.7))
        held += abs(rng.normal(0.0, 0.3) - math.log(found.median)) <= NORMAL_90 * found.sigma
    assert held >= stats.binom.ppf(0.001, 300, 0.9)


def test_three_samples_are_never_surer_than_they_allow() -> None:
    """A prior that is sure of itself does not narrow three samples; three equal ones are not certain with a prior."""
    samples = [0.2, 0.3, 0.45]
    alone, sure = fit(samples, None), fit(samples, PriorSpan(0.299, 0.3, 0.301))
    assert sure.sigma == pytest.approx(alone.sigma)
    assert sure.median_high / sure.median_low == pytest.approx(alone.median_high / alone.median_low, rel=1e-4)
    student = stats.t.ppf(0.95, 2) * np.log(samples).std(ddof=1) / math.sqrt(3)
    assert math.log(alone.median_high / alone.median_low) == pytest.approx(2 * student, rel=1e-4)
    equal = fit([0.3, 0.3, 0.3], PriorSpan(0.1, 0.3, 0.9))
    assert equal.sigma > 0.3
    assert equal.goodness_p is None
    with pytest.raises(ValueError, match="2 samples"):
        fit([0.3, 0.3], None)


def test_many_samples_outweigh_the_prior() -> None:
    """With 500 samples the fit is theirs; and two humps are no log-normal, which the goodness says."""
    rng = np.random.default_rng(3)
    values = np.exp(rng.normal(0.0, 0.2, 500))
    found = fit(values.tolist(), PriorSpan(5.0, 10.0, 20.0), "one")
    assert found.median == pytest.approx(1.0, abs=0.03)
    assert found.sigma == pytest.approx(0.2, rel=0.25)
    humps = fit([*values[:50].tolist(), *(20.0 * values[50:100]).tolist()], None, "two")
    assert humps.goodness_p is not None
    assert humps.goodness_p < 0.05


def test_a_prior_becomes_its_quantiles() -> None:
    """A triangular prior's span is that of its distribution."""
    span = prior_span(triangular(1.0, 2.0, 6.0))
    wanted = stats.triang(0.2, 1.0, 5.0).ppf([0.05, 0.5, 0.95])
    assert [span.low, span.median, span.high] == pytest.approx(wanted.tolist())


def test_every_quantity_that_feeds_a_model_names_its_parameter() -> None:
    """Each parameter is a prior of some part, in the same unit, and a distribution above 0."""
    known = every_prior()
    for each in QUANTITIES:
        if each.parameter:
            assert known[each.parameter].unit == each.unit
            assert isinstance(known[each.parameter].value, Distribution)
            assert prior_span(known[each.parameter].value).low > 0.0


def test_the_file_comes_back_as_it_went(tmp_path: Path) -> None:
    """Written, found as the newest, read: the same calibration, and no half file beside it."""
    path = write_calibration(tmp_path, a_calibration())
    assert newest_calibration(tmp_path) == path
    assert read_calibration(path).content == a_calibration()
    assert list(tmp_path.iterdir()) == [path]
    assert path.name.startswith("20260314T214000Z-")
    with pytest.raises(BadInput, match="no calibration"):
        newest_calibration(tmp_path / "nowhere")


WRONG: tuple[tuple[Callable[[Any], None], str], ...] = (
    (
        lambda raw: raw["measurements"][0]["samples"].__setitem__(1, -0.2),
        r"measurements.0.samples.1 is -0.2: .*greater than 0",
    ),
    (lambda raw: raw["measurements"][0]["samples"].__setitem__(0, 0.0), r"samples.0 is 0.0: .*greater than 0"),
    (lambda raw: raw["measurements"][1]["fit"].update(median=None), r"measurements.1.fit.median is None"),
    (lambda raw: raw["measurements"][1]["fit"].update(sigma=-1.0), r"fit.sigma is -1.0: .*greater than 0"),
    (lambda raw: raw["measurements"][1]["fit"].pop("sigma"), r"fit.sigma is missing"),
    (lambda raw: raw["measurements"][0].update(samples=[0.3, 0.3]), r"samples is .*at least 3"),
    (
        lambda raw: raw["measurements"][0]["samples"].__setitem__(0, 7200.0),
        r"postgres_start_s\) is 7200: at most 600 s",
    ),
    (lambda raw: raw["measurements"][0]["fit"].update(median=99.0), r"fit.median is 99: between"),
    (lambda raw: raw.update(created_utc="yesterday"), r"created_utc is 'yesterday'"),
    (lambda raw: raw.update(created_utc="2026-03-14T21:40:00"), r"a time with its zone"),
    (lambda raw: raw.update(format=9), r"format is 9, this version reads 1"),
    (lambda raw: raw.pop("host"), r"host is missing"),
)


@pytest.mark.parametrize(("break_it", "says"), WRONG, ids=[says[:30] for _, says in WRONG])
def test_an_impossible_file_is_refused(tmp_path: Path, break_it: Callable[[Any], None], says: str) -> None:
    """One message names the field, what is there and the bound."""
    path = write_calibration(tmp_path, a_calibration())
    raw = load_json(path)
    break_it(raw)
    path.write_bytes(dump_json(raw))
    with pytest.raises(BadInput, match=says):
        read_calibration(path)


def test_what_is_no_json_is_refused(tmp_path: Path) -> None:
    """NaN is no JSON, and neither is half a file; a file that is not there is said to be."""
    path = write_calibration(tmp_path, a_calibration())
    path.write_text(path.read_text().replace("0.31", "NaN"))
    with pytest.raises(BadInput, match="not JSON"):
        read_calibration(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_calibration(tmp_path / "absent.json")


def test_it_holds_where_and_when_it_was_made(tmp_path: Path) -> None:
    """On the same machine, with the same servers and manifests, within 30 days, nothing is said."""
    check_calibration(a_file(tmp_path), NOW_S + 29 * DAY_S, HOST, VERSIONS, "ab" * 32)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"now_s": NOW_S + 31 * DAY_S}, "created_utc is .*: 31 days old, at most 30"),
        ({"now_s": NOW_S - 2 * DAY_S}, "-2 days old"),
        ({"host": {**HOST, "cores": 4}}, "host.cores is 2: here it is 4"),
        ({"versions": {**VERSIONS, "Kafka": "3.8.0"}}, "versions.Kafka is 3.7.1: here it is 3.8.0"),
        ({"versions": {**VERSIONS, "Java": "17"}}, "versions.Java is missing: here it is 17"),
        ({"manifests_sha256": "cd" * 32}, "manifests_sha256 is abab"),
    ],
)
def test_a_foreign_or_old_one_is_refused(tmp_path: Path, changed: dict[str, Any], says: str) -> None:
    """Each difference alone refuses it, by name."""
    here = {"now_s": NOW_S, "host": HOST, "versions": VERSIONS, "manifests_sha256": "ab" * 32, **changed}
    with pytest.raises(BadInput, match=says):
        check_calibration(a_file(tmp_path), **here)


def test_all_reasons_come_at_once(tmp_path: Path) -> None:
    """Another machine and other manifests are one message."""
    with pytest.raises(BadInput) as caught:
        check_calibration(a_file(tmp_path), NOW_S, {**HOST, "cores": 4}, VERSIONS, "cd" * 32)
    assert len(caught.value.problems) == 2


def test_predictions_take_it_in_place_of_priors(tmp_path: Path) -> None:
    """Only priors of this prediction give way, the source says so, and the file of parameters keeps it."""
    file = a_file(tmp_path)
    scenario, topology = a_scenario(), a_topology()
    with_it, without = merge(scenario, topology, None, None, file), merge(scenario, topology, None, None)
    changed = {name for name, row in with_it.by_name.items() if row != without.by_name[name]}
    assert changed == {"broker_start_s"}
    row = with_it.by_name["broker_start_s"]
    found = file.content.measurements[1].fit
    assert row.source is Source.CALIBRATION
    assert row.value == lognormal(found.median, found.sigma)
    assert file.name in row.origin
    assert Parameters.from_json(with_it.to_json()).by_name == with_it.by_name


def test_the_runs_own_baseline_comes_first(tmp_path: Path) -> None:
    """What this run measured of its hub stands in place of the calibration too."""
    baseline = replace(a_baseline(), ack_s=(0.01,) * 50, commit_s=(0.06,) * 50)
    parameters = merge(a_scenario(), a_topology(), baseline, VICTIM, a_file(tmp_path))
    assert parameters.by_name["broker_start_s"].source is Source.BASELINE


def test_a_part_takes_what_its_model_has(tmp_path: Path) -> None:
    """The loss of Postgres takes Postgres's start, which the loss of a broker does not know."""
    scenario = a_scenario(FaultType.POSTGRES_PRIMARY_KILL)
    parameters = merge(scenario, a_topology(), None, None, a_file(tmp_path))
    assert parameters.by_name["postgres_start_s"].source is Source.CALIBRATION
    assert "redis_load_bytes_per_s" not in parameters.by_name


@pytest.mark.parametrize(
    ("change", "says"),
    [({"parameter": "postgres_stop_s"}, "no model has this parameter"), ({"unit": "bytes"}, "the model's unit is 's'")],
)
def test_a_parameter_nobody_knows_is_refused(tmp_path: Path, change: dict[str, str], says: str) -> None:
    """A file of another version is refused, not half used."""
    file = a_file(tmp_path)
    first = replace(file.content.measurements[0], **change)
    strange = replace(file, content=replace(file.content, measurements=(first,)))
    with pytest.raises(BadInput, match=says):
        merge(a_scenario(), a_topology(), None, None, strange)


def test_the_page_shows_each_quantity_and_what_was_left_out(tmp_path: Path) -> None:
    """Every title, the word for what no model uses, the reason of what is missing."""
    file = a_file(tmp_path)
    page = page_of(file)
    assert "isr rejoin s (none)" in page.warnings[0]
    write_page(file, tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text()
    assert all(each.title in text for each in file.content.measurements)
    assert "Not used by a model yet" in text


def test_the_page_scores_group_commit_where_commits_were_measured(tmp_path: Path) -> None:
    """By hand: 1 ms of computing, flushes of 1 ms: two at a time compute while the other one flushes, so 2 ms each."""
    more = {
        "fdatasync_s": (0.001,) * 4,
        "commit_1_s": (0.002,) * 4,
        "commit_2_s": (0.0022,) * 4,
    }
    content = replace(a_calibration(), measurements=tuple(a_measurement(name, each) for name, each in more.items()))
    path = write_calibration(tmp_path, content)
    section = next(each for each in page_of(read_calibration(path)).sections if each.title == "Group commit")
    (row,) = section.tables[0].rows
    assert [cell.text for cell in row] == ["2", "2.0 ms", "2.2 ms", "+10%"]


def test_show_prints_the_newest(tmp_path: Path) -> None:
    """`workbench calibrate show` finds it; --json is the file's content; a target has to be named."""
    path = write_calibration(tmp_path, a_calibration())
    shown = CliRunner().invoke(root, ["calibrate", "show", "--out", str(tmp_path)])
    assert shown.exit_code == 0
    assert "Postgres: start after a kill" in shown.output
    assert "left out, the prior stays: isr_rejoin_s" in shown.output
    as_json = CliRunner().invoke(root, ["calibrate", "show", "--json", str(path)])
    assert '"postgres_start_s"' in as_json.output
    assert CliRunner().invoke(root, ["calibrate", "--seed", "1"]).exit_code == 2


def test_each_mode_of_kafka_measures_what_it_has() -> None:
    """No ZooKeeper's election in KRaft mode, no fencing with ZooKeeper; every measured parameter is one of its mode."""
    names = {mode: {each.name for each in quantities_of(mode)} for mode in Mode}
    assert "zookeeper_election_s" in names[Mode.ZOOKEEPER] - names[Mode.KRAFT]
    assert "fence_commit_s" in names[Mode.KRAFT] - names[Mode.ZOOKEEPER]
    for mode in Mode:
        fed = {each.parameter for each in quantities_of(mode)} - {""}
        known = {name for part in Part for name in priors_of(part, kraft=mode is Mode.KRAFT)}
        assert fed <= known, mode


def test_a_share_above_one_is_impossible(tmp_path: Path) -> None:
    """A part of a broker's start cannot be longer than all of it."""
    path = write_calibration(tmp_path, a_calibration())
    raw = load_json(path)
    share = asdict(a_measurement("registration_share", (0.5, 0.6, 0.55)))
    raw["measurements"].append({**share, "samples": [0.5, 0.6, 1.55]})
    path.write_bytes(dump_json(raw))
    with pytest.raises(BadInput, match="registration_share"):
        read_calibration(path)
