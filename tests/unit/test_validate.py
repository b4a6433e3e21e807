"""`workbench validate`: what it prints, what it finds and with which code it exits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.cli import main
from workbench.errors import EXIT_AS_EXPECTED, EXIT_BAD_INPUT, BadInput
from workbench.scenario import PROJECT_ROOT, all_scenarios, find_scenario, read_with_hub

SCENARIO = (PROJECT_ROOT / "scenarios" / "broker-loss.yaml").read_text()


def run(*arguments: str) -> int:
    """Run the command and return its exit code."""
    with pytest.raises(SystemExit) as caught:
        main(["validate", *arguments])
    return int(str(caught.value.code))


def test_everything_in_the_project_is_valid(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without files, every scenario, its manifests and its experiment are checked once and are right."""
    monkeypatch.chdir(PROJECT_ROOT)
    assert run() == EXIT_AS_EXPECTED
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(set(lines))
    assert {f"OK scenario scenarios/{path.name}" for path in all_scenarios()} <= set(lines)
    assert "OK manifests manifests/base" in lines
    assert "OK experiment experiments/broker-loss.yaml" in lines


def test_problems_of_every_input_are_printed_and_the_rest_is_ok(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong name, a wrong file, a scenario that does not fit its hub and a folder without manifests: one run."""
    wrong, misfit = tmp_path / "wrong one.yaml", tmp_path / "misfit.yaml"
    wrong.write_text(SCENARIO.replace("baseline_s: 30", "baseline_s: 30s"))
    misfit.write_text(SCENARIO.replace("{broker: 1}", "{broker: 7}"))
    assert run("broker-los", str(wrong), str(misfit), "broker-stop", str(tmp_path)) == EXIT_BAD_INPUT
    printed = capsys.readouterr()
    assert "broker-stop.yaml" in printed.out
    assert "misfit" not in printed.out
    for part in (
        "did you mean broker-loss",
        "wrong one.yaml",
        "baseline_s",
        "faults[0].victim.broker",
        "kustomization",
    ):
        assert part in printed.err


def test_manifests_can_be_named_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """A folder is taken for manifests."""
    assert run(str(PROJECT_ROOT / "manifests" / "overlays" / "session-timeout-6s")) == EXIT_AS_EXPECTED
    assert "OK manifests" in capsys.readouterr().out


@pytest.mark.parametrize(("broker", "code"), [(1, EXIT_AS_EXPECTED), (7, EXIT_BAD_INPUT)])
def test_json_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str], broker: int, code: int) -> None:
    """--json prints every input with its problems; the exit code does not change."""
    path = tmp_path / "a.yaml"
    path.write_text(SCENARIO.replace("{broker: 1}", f"{{broker: {broker}}}"))
    assert run("--json", str(path)) == code
    outcome = json.loads(capsys.readouterr().out)
    assert outcome["ok"] is (code == EXIT_AS_EXPECTED)
    keys = [problem["key"] for one in outcome["checked"] for problem in one["problems"]]
    assert keys == ([] if code == EXIT_AS_EXPECTED else ["faults[0].victim.broker"])
    assert [one["what"] for one in outcome["checked"]] == ["scenario", "manifests", "experiment"]


def test_an_experiment_must_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file without a method is no experiment."""
    experiment = tmp_path / "an experiment.yaml"
    experiment.write_text("title: x\n")
    path = tmp_path / "a.yaml"
    path.write_text(SCENARIO.replace("experiments/broker-loss.yaml", str(experiment)))
    assert run(str(path)) == EXIT_BAD_INPUT
    assert "an experiment.yaml: method is missing" in capsys.readouterr().err


def test_an_error_without_a_list_of_problems_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the manifests' reader says in one sentence stands in the scenario's list."""

    def refuse(folder: Path) -> None:
        raise BadInput("the manifests are of another world")

    monkeypatch.setattr("workbench.scenario.checking.read_topology", refuse)
    with pytest.raises(BadInput, match="of another world"):
        read_with_hub(find_scenario("broker-loss"))


UNCOVERED = {
    "a freeze that the session outlives": (("BrokerKill", "BrokerFreeze"), ("at_s: 0", "for_s: 15"), "at least 22"),
    "a freeze with acks=1": (("BrokerKill", "BrokerFreeze"), ("at_s: 0", "for_s: 25"), ("acks: all", "acks: 1"), "all"),
    "followers that lag with acks=all": (("at_s: 0", "lag_s: 5"), "1 or 0"),
    "followers that lose their sessions": (("at_s: 0", "lag_s: 12"), ("acks: all", "acks: 1"), "below 12"),
    "two faults": (
        ("    at_s: 0", "    at_s: 0\n  - type: BrokerStop\n    victim: {broker: 2}\n    at_s: 5"),
        "exactly one",
    ),
}


@pytest.mark.parametrize("name", UNCOVERED)
def test_what_the_model_does_not_cover_is_said_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """`validate` refuses it, and so does a drill, which leaves no run behind."""
    *changes, bound = UNCOVERED[name]
    text = SCENARIO
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path, out = tmp_path / "a.yaml", tmp_path / "out"
    path.write_text(text)
    assert run(str(path)) == EXIT_BAD_INPUT
    assert str(bound) in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main(["drill", str(path), "--out", str(out)])
    assert caught.value.code == EXIT_BAD_INPUT
    assert str(bound) in capsys.readouterr().err
    assert not out.exists()
