"""What makes drills comparable: the question that a scenario asks, whatever the hub it is asked of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.reference_records import metric, percentiles, record
from workbench.errors import BadInput
from workbench.records.reference import CONFIGURATIONS, read_records, write_record
from workbench.scenario import PROJECT_ROOT, find_scenario, question_of

TEXT = find_scenario("broker-loss").read_text()
BROKER_LOSS = "3ce177b427d2"


def test_a_question_stays_what_it_was() -> None:
    """Kept nights are compared by it: a change of how it is made, or of a default, would part them all from tonight."""
    assert question_of(TEXT) == BROKER_LOSS


def test_settings_of_the_hub_words_and_bounds_are_no_part_of_it() -> None:
    """Other manifests, another title, objective, width or expectation, no comments: the same question."""
    for name in ("broker-loss-session-6s", "broker-loss-session-30s", "broker-loss-kraft"):
        assert question_of(find_scenario(name).read_text()) == BROKER_LOSS
    changed = TEXT.replace("title: Does", "title: Did").replace("isr_full_s: 120", "isr_full_s: 60")
    lines = [line.split(" #")[0] for line in changed.splitlines() if not line.startswith("#")]
    assert question_of("\n".join(lines) + "\n") == BROKER_LOSS


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rate_per_s: 300", "rate_per_s: 100"),
        ("acks: all", "acks: '1'"),
        ("broker: 1", "broker: 2"),
        ("type: BrokerKill", "type: BrokerStop"),
        ("baseline_s: 30", "baseline_s: 60"),
        ("recovery_timeout_s: 180", "recovery_timeout_s: 120"),
    ],
)
def test_another_load_fault_or_timing_is_another_question(old: str, new: str) -> None:
    """Each of them moves what is observed, with the hub as it was."""
    assert old in TEXT
    assert question_of(TEXT.replace(old, new)) not in ("", BROKER_LOSS)


def test_a_default_that_is_stated_is_the_same_question() -> None:
    """So keys that scenarios are given later part nothing; a text that is no scenario has no question."""
    assert question_of(TEXT.replace("    at_s: 0\n", "")) == BROKER_LOSS
    assert question_of(TEXT.replace("    at_s: 0\n", "    at_s: 0\n    data: kept\n")) == BROKER_LOSS
    assert question_of("title: T\n") == question_of("- a\n") == ""


def test_the_first_records_are_told_what_they_asked() -> None:
    """By their configurations, each of a scenario and manifests of the project's past; all of one question here."""
    records = read_records(PROJECT_ROOT / "reports" / "reference")
    table = json.loads((PROJECT_ROOT / "reports" / "reference" / CONFIGURATIONS).read_text())
    told = [each for each in records if each.configuration in table]
    assert len(told) >= 105
    assert all(each.question == table[each.configuration]["question"] and each.manifests for each in told)
    losses = [each for each in told if each.scenario == "broker-loss"]
    assert {each.question for each in losses} == {BROKER_LOSS}
    assert len({each.manifests for each in losses}) == 3


def test_a_wrong_table_of_configurations_is_told(tmp_path: Path) -> None:
    """With its file; a right one completes what does not know, and changes nothing else."""
    rows = metric(10.2, percentiles(10.0, 4.0))
    write_record(tmp_path, record(1, rows))
    write_record(tmp_path, record(2, rows, configuration="b"))
    table = tmp_path / CONFIGURATIONS
    table.write_text(json.dumps({"a": {"question": "q", "manifests": "m"}}))
    assert [(each.question, each.manifests) for each in read_records(tmp_path)] == [("q", "m"), ("", "")]
    table.write_text(json.dumps({"a": {"question": "q"}}))
    with pytest.raises(BadInput, match="cannot be read"):
        read_records(tmp_path)
