"""Suites, their command, and what runs them unattended: the workflow and the CronJob."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from workbench.cli import main
from workbench.errors import (
    EXIT_AS_EXPECTED,
    EXIT_BAD_INPUT,
    EXIT_INCONCLUSIVE,
    EXIT_MACHINE,
    EXIT_MISSED,
    EXIT_STOPPED,
    EXIT_UNDO_UNVERIFIED,
    BadInput,
)
from workbench.nightly import night_of, night_to_do
from workbench.nightly.fitness import largest_hub
from workbench.plan.question import read_question
from workbench.scenario import PROJECT_ROOT, all_suites, find_suite, read_scenario, read_suite

SUITE = "title: T\ntarget: local\nbudget_s: 600\ncompare_nights: 21\ndrills:\n  broker-loss: 1\n"


def run(*arguments: str) -> int:
    """Run the command line and return its exit code."""
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    return int(str(caught.value.code))


def test_every_problem_of_a_suite_is_told_at_once(tmp_path: Path) -> None:
    """Unknown key and scenario with what they may be meant for, a wrong number, a missing key: lines and bounds."""
    path = tmp_path / "wrong.yaml"
    path.write_text(
        "title: T\ntarget: local\nbudgets_s: 600\nbudget_s: 10\ndrills:\n  broker-los: 1\n  redis-loss: many\n"
    )
    with pytest.raises(BadInput) as caught:
        read_suite(path)
    found = {problem.key: (problem.line, str(problem)) for problem in caught.value.problems}
    assert set(found) == {"budgets_s", "budget_s", "compare_nights", "drills.broker-los", "drills.redis-loss"}
    assert "did you mean budget_s?" in found["budgets_s"][1]
    assert "did you mean broker-loss?" in found["drills.broker-los"][1]
    assert found["drills.broker-los"][0] == 6
    assert "from 60 to 43200" in found["budget_s"][1]
    assert "missing" in found["compare_nights"][1]


def test_a_file_that_is_no_map_is_called_what_it_was_read_as(tmp_path: Path) -> None:
    """A suite, a question or a scenario, whichever was asked for."""
    path = tmp_path / "list.yaml"
    path.write_text("- broker-loss\n")
    readers: dict[str, Callable[[Path], object]] = {
        "suite": read_suite,
        "question": read_question,
        "scenario": read_scenario,
    }
    for what, read in readers.items():
        with pytest.raises(BadInput, match=f"^{what} .* cannot be used"):
            read(path)


def test_suites_are_validated_with_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By file; a good one is said to be good, an unknown scenario makes it bad input."""
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(SUITE)
    bad.write_text(SUITE.replace("broker-loss", "broker-lost"))
    assert run("validate", str(good)) == EXIT_AS_EXPECTED
    assert f"OK suite {good}" in capsys.readouterr().out
    assert run("validate", "--json", str(bad)) == EXIT_BAD_INPUT
    printed = capsys.readouterr()
    assert json.loads(printed.out)["checked"][0]["what"] == "suite"
    assert "broker-lost" in printed.err
    assert run("nightly", str(bad)) == EXIT_BAD_INPUT
    assert run("nightly", "smoky") == EXIT_BAD_INPUT
    assert "did you mean smoke?" in capsys.readouterr().err


def test_the_projects_suites_fit_their_time() -> None:
    """All can be done within their budgets at the 240 s that an untimed drill is given; a cluster's take longer."""
    suites = {path.stem: read_suite(path) for path in all_suites()}
    assert {name: suite.target for name, suite in suites.items()} == {
        "cluster": "kubernetes",
        "nightly": "local",
        "preprod": "kubernetes",
        "smoke": "local",
    }
    for suite in suites.values():
        usual_s = 240.0 if suite.target == "local" else 600.0
        assert sum(suite.drills.values()) * usual_s <= suite.budget_s
    assert [name for name, suite in suites.items() if suite.hub is not None] == ["preprod"]
    smoke = read_suite(find_suite("smoke"))
    assert len(largest_hub(smoke).kafka.broker_ids) == 3


def test_a_night_lasts_from_noon_to_noon() -> None:
    """Midnight does not part it."""
    assert night_of(1_773_489_599.0) == "2026-03-13"  # 14 March, 11:59:59 UTC
    assert night_of(1_773_489_600.0) == night_of(1_773_575_999.0) == "2026-03-14"


def test_a_night_that_is_not_over_goes_on_and_another_follows_one_that_is() -> None:
    """Killed, stopped or ended by trouble: the same night; judged, whatever the judgement: the day's next one."""
    begun_s, day = 1_773_489_600.0, "2026-03-14"
    assert night_to_do({}, begun_s) == night_to_do({"2026-03-13": EXIT_AS_EXPECTED}, begun_s) == day
    for code in (None, EXIT_STOPPED, EXIT_MACHINE, EXIT_UNDO_UNVERIFIED):
        assert night_to_do({day: code}, begun_s) == day
    for code in (EXIT_AS_EXPECTED, EXIT_MISSED, EXIT_INCONCLUSIVE):
        assert night_to_do({day: code}, begun_s) == f"{day}.02"
    assert night_to_do({day: EXIT_AS_EXPECTED, f"{day}.02": EXIT_STOPPED}, begun_s) == f"{day}.02"
    full = {day: EXIT_MISSED} | {f"{day}.{number:02d}": EXIT_MISSED for number in range(2, 100)}
    with pytest.raises(BadInput, match="99 nights of this suite on 2026-03-14: name another --history"):
        night_to_do(full, begun_s)


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """Of the group and of a night, whose name may be left out."""
    assert run("nightly", "--help") == EXIT_AS_EXPECTED
    assert "workbench nightly smoke" in capsys.readouterr().out
    assert run("nightly", "run", "--help") == EXIT_AS_EXPECTED
    assert "Exit code" in capsys.readouterr().out


def test_the_workflow_has_least_rights_and_calls_make() -> None:
    """Reading the code is all it may; every action is pinned to a commit; every command is a make target."""
    text = (PROJECT_ROOT / ".github" / "workflows" / "nightly.yaml").read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert "permissions" not in job
    targets = set(re.findall(r"^([a-z]+):", (PROJECT_ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for step in job["steps"]:
        assert ("uses" in step) != ("run" in step)
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40}", step["uses"])
        else:
            assert step["run"].split()[:1] == ["make"]
            assert step["run"].split()[1] in targets
            assert "${{" not in step["run"]
    budget_s = read_suite(find_suite("nightly")).budget_s
    assert job["timeout-minutes"] * 60 > budget_s + 1800


def test_the_cronjob_has_no_rights() -> None:
    """No API token, no root, no capabilities, no second night beside the first, no second try, time to undo."""
    (job,) = yaml.safe_load_all((PROJECT_ROOT / "deploy" / "cronjob.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    spec = job["spec"]
    assert (spec["concurrencyPolicy"], spec["jobTemplate"]["spec"]["backoffLimit"]) == ("Forbid", 0)
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["restartPolicy"] == "Never"
    assert pod["terminationGracePeriodSeconds"] >= 150
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"} & set(pod)
    (container,) = pod["containers"]
    context = container["securityContext"]
    assert context == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["requests"] == container["resources"]["limits"]
    assert container["command"][:2] == ["workbench", "nightly"]
    assert find_suite(container["command"][2]).is_file()
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
