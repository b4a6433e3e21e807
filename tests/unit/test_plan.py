"""Capacity plans: questions that are refused, disks and dates by hand, the page and the sentence of an answer."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.golden.cases import EXPECTED
from tests.support.page_structure import structure_of
from workbench.cli import main
from workbench.errors import EXIT_BAD_INPUT, BadInput
from workbench.model.parameter import Parameter, Source
from workbench.model.parameters import Parameters
from workbench.plan.basis import basis_of
from workbench.plan.question import DEFAULT_QUESTION, read_question
from workbench.plan.volumes import FULL_SHARE, YEAR_DAYS, days_until, disks
from workbench.records.folder import dump_json
from workbench.report.plan_page import page_of, plan_html, sentence

TEXT = DEFAULT_QUESTION.read_text()


@pytest.fixture(name="answered")
def _answered() -> dict[str, Any]:
    """Return the golden answer."""
    found: dict[str, Any] = json.loads((EXPECTED / "plan.json").read_text())
    return found


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("rate_per_s: 300", "rate_per_sec: 300", "rate_per_sec is not a key of a question"),
        ("{per_year: 0.25}", "{}", "growth is of nothing"),
        ("{per_year: 0.25}", "{per_year: 0.1, per_month: 0.1}", "growth is stated twice"),
        ("2027-01-01", "2027-02-30", "a day that exists"),
        ("survives: one node gone", "survives: three nodes gone", "objectives.survives"),
        ("rate_per_s: 300", "rate_per_s: -1", "above 0"),
    ],
)
def test_a_wrong_question_is_refused_with_its_place(tmp_path: Path, before: str, after: str, said: str) -> None:
    """One clear problem that names the key."""
    path = tmp_path / "question.yaml"
    path.write_text(TEXT.replace(before, after))
    with pytest.raises(BadInput) as caught:
        read_question(path)
    assert said in str(caught.value)


def test_the_command_ends_with_2_for_a_question_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the file."""
    with pytest.raises(SystemExit) as ended:
        main(["plan", "no-such.yaml"])
    assert ended.value.code == EXIT_BAD_INPUT
    assert "no-such.yaml" in capsys.readouterr().err


def test_growth_of_a_month_is_compounded_to_a_year(tmp_path: Path) -> None:
    """2 % a month are 26.8 % a year."""
    path = tmp_path / "question.yaml"
    path.write_text(TEXT.replace("{per_year: 0.25}", "{per_month: 0.02}"))
    assert read_question(path).growth_per_year == pytest.approx(0.2682, abs=1e-4)


def test_an_inflow_that_grows_fills_sooner() -> None:
    """100 units at 1 a day take 100 days; at a doubling each year the integral of the inflow is 100 as well."""
    assert days_until(100.0, 1.0, 0.0) == 100.0
    days = days_until(100.0, 1.0, 1.0)
    per_day = math.log(2.0) / YEAR_DAYS
    assert (math.exp(per_day * days) - 1.0) / per_day == pytest.approx(100.0)
    assert days_until(100.0, 0.0, 1.0) == math.inf


def test_disks_of_the_reference_hub_by_hand() -> None:
    """Kafka: 3 copies on 3 brokers, so each holds every event once; 168 h of them fit; the node fills by both."""
    found, fits_days = disks(basis_of("broker-loss", None), 300.0, 0.0)
    by_name = {disk.name: disk for disk in found}
    kafka, node, postgres = by_name["kafka"], by_name["worker-2"], by_name["postgres"]
    assert kafka.bytes_per_event == pytest.approx(400 + 81)
    assert kafka.days == math.inf
    assert fits_days == pytest.approx(FULL_SHARE * 200 * 2**30 / (300 * 481 * 86_400))
    assert node.holds == ("kafka-1", "postgres-2")
    each_day = 300 * 86_400
    held = min(kafka.stays_bytes, each_day * node.days * 481) + postgres.fixed_bytes
    assert held + each_day * node.days * postgres.bytes_per_event == pytest.approx(FULL_SHARE * 300e9, rel=1e-6)


def test_the_page_is_sound_and_says_the_answer(answered: dict[str, Any]) -> None:
    """Tags close, ids are unique, nothing is fetched; the first sentence is the page's headline."""
    structure = structure_of(plan_html(answered))
    assert structure.problems == []
    assert len(structure.ids) == len(set(structure.ids))
    assert structure.addresses == []
    assert page_of(answered).headline == sentence(answered)


def test_a_saturated_start_is_said_with_its_station(answered: dict[str, Any]) -> None:
    """A rate beyond the first station's: which one, and by how many events per second."""
    crowded = copy.deepcopy(answered)
    first = crowded["states"][0]["stations"][0]
    crowded["question"]["rate_per_s"] = first["saturation_per_s"]["median"] + 500.0
    first["utilization"] = 1.4
    assert sentence(crowded).startswith(f"The hub is saturated already: {first['name']}")
    assert "500 events/s too many" in sentence(crowded)


def test_no_state_is_better_than_the_whole_hub(answered: dict[str, Any]) -> None:
    """With a part gone neither a station nor the sustainable rate is higher than with all of it."""
    whole = answered["states"][0]
    rates = {each["name"]: each["saturation_per_s"]["median"] for each in whole["stations"]}
    for state in answered["states"]:
        assert state["sustainable_per_s"]["median"] <= whole["sustainable_per_s"]["median"]
        assert all(each["saturation_per_s"]["median"] <= rates[each["name"]] for each in state["stations"])


def test_a_kept_run_gives_its_parameters_at_its_rate(tmp_path: Path) -> None:
    """What the run measured replaces the priors, at the rate of its own load with the canary's; manifests stay."""
    priors = basis_of("broker-loss", None)
    cores = Parameter(0.5, "cores", Source.BASELINE, "measured by the test")
    batch = Parameter(7, "events", Source.MANIFEST, "another hub's")
    kept = Parameters({**priors.parameters.by_name, "database_cores": cores, "batch_events_max": batch})
    (tmp_path / "parameters.json").write_bytes(kept.to_json())
    (tmp_path / "run.json").write_bytes(dump_json({"settings": {"load": {"profile": {"rate_per_s": 200.0}}}}))
    basis = basis_of("broker-loss", tmp_path)
    assert basis.parameters.number("database_cores") == 0.5
    assert basis.parameters.number("batch_events_max") == priors.topology.processors.batch_events_max
    assert basis.measured_at_per_s == 200.0 + 4.0 * len(priors.topology.partition_labels)
    (tmp_path / "parameters.json").unlink()
    with pytest.raises(BadInput, match="holds no parameters"):
        basis_of("broker-loss", tmp_path)
