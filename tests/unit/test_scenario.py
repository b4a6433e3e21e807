"""Scenario files: the project's own, and every way to write one wrong."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest

from workbench.errors import BadInput, Problem
from workbench.fault import Fault, FaultType, RestartRule, VictimSelector
from workbench.scenario import (
    PROJECT_ROOT,
    Expectation,
    Objective,
    PrimaryMetric,
    all_scenarios,
    find_scenario,
    read_scenario,
    read_with_hub,
)
from workbench.scenario.form import FORMS, PROFILE_FORMS, PrimaryForm
from workbench.topology import read_topology
from workbench.topology.hub import (
    EventProcessors,
    HubTopology,
    KafkaCluster,
    PostgresCluster,
    RedisServer,
    Topic,
    ZooKeeperEnsemble,
)
from workbench.workload import ProfileKind

SCENARIO = (PROJECT_ROOT / "scenarios" / "broker-loss.yaml").read_text()


def write(folder: Path, text: str, name: str = "a-scenario.yaml") -> Path:
    """Write a scenario into a folder whose path holds a space."""
    path = folder / "my scenarios" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def changed(*changes: tuple[str, str]) -> str:
    """Return the text of broker-loss with parts replaced; each part must be there."""
    text = SCENARIO
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def problems_of(path: Path) -> list[Problem]:
    """Return the problems that reading a scenario reports."""
    with pytest.raises(BadInput) as caught:
        read_scenario(path)
    return list(caught.value.problems)


@pytest.mark.parametrize("path", all_scenarios(), ids=lambda path: path.stem)
def test_the_projects_scenarios_are_right(path: Path) -> None:
    """Each can be read and fits the hub of its manifests."""
    scenario, topology = read_with_hub(path)
    assert topology == read_topology(scenario.manifests)
    assert scenario.name == path.stem
    assert scenario.title.endswith("?")


def test_broker_loss_in_values() -> None:
    """Every key of the file arrives, typed."""
    scenario = read_scenario(find_scenario("broker-loss"))
    assert scenario.manifests == PROJECT_ROOT / "manifests" / "base"
    assert scenario.experiment == PROJECT_ROOT / "experiments" / "broker-loss.yaml"
    assert scenario.workload.profile.kind is ProfileKind.CONSTANT
    assert scenario.workload.profile.rate_per_s == 300.0
    assert (scenario.workload.arrivals, scenario.workload.event_bytes, scenario.workload.acks) == (
        "poisson",
        400,
        "all",
    )
    assert sum(scenario.workload.mix.values()) == pytest.approx(1.0)
    assert scenario.restart is RestartRule.KUBELET_RULES
    assert scenario.faults == (Fault(FaultType.BROKER_KILL, VictimSelector(broker=1), 0.0),)
    assert (scenario.fault_window_s, scenario.baseline_s, scenario.recovery_timeout_s) == (10.0, 30.0, 180.0)
    assert Objective("acknowledged_records_lost", 0.0) in scenario.objectives
    assert scenario.primary == (PrimaryMetric("kafka_unavailable_s", 7.0),)
    assert scenario.expect == {"resilience": Expectation.PASS, "prediction": Expectation.PASS}
    assert scenario.text == SCENARIO
    assert scenario.sha256 == hashlib.sha256(SCENARIO.encode()).hexdigest()
    assert read_scenario(scenario.path) == scenario


@pytest.mark.parametrize(
    ("profile", "kind"),
    [
        ("{kind: ramp, rate_per_s: 100, rate_end_per_s: 300, duration_s: 60}", ProfileKind.RAMP),
        ("{kind: daily, rate_per_s: 100, amplitude: 0.5, duration_s: 86400}", ProfileKind.DAILY),
        ("{kind: burst, rate_per_s: 100, factor: 3, start_s: 60, duration_s: 20}", ProfileKind.BURST),
    ],
)
def test_every_profile_can_be_written(tmp_path: Path, profile: str, kind: ProfileKind) -> None:
    """Ramp, day and burst need their own keys and take no others."""
    scenario = read_scenario(write(tmp_path, changed(("{kind: constant, rate_per_s: 300}", profile))))
    assert scenario.workload.profile.kind is kind
    assert scenario.workload.profile.rate_per_s == 100.0


def test_every_kind_of_profile_has_a_form() -> None:
    """A kind that is added to the workload needs one here."""
    assert set(PROFILE_FORMS) == {kind.value for kind in ProfileKind}


@pytest.mark.parametrize(("acks", "text"), [("1", "1"), ('"0"', "0"), ("all", "all")])
def test_acks_with_and_without_quotes(tmp_path: Path, acks: str, text: str) -> None:
    """YAML reads a bare 1 as a number; people write it so."""
    assert read_scenario(write(tmp_path, changed(("acks: all", f"acks: {acks}")))).workload.acks == text


def test_a_freeze_says_how_long_it_lasts(tmp_path: Path) -> None:
    """Its end is a part of the fault."""
    scenario = read_scenario(write(tmp_path, changed(("BrokerKill", "BrokerFreeze"), ("at_s: 0", "for_s: 25"))))
    assert scenario.faults == (Fault(FaultType.BROKER_FREEZE, VictimSelector(broker=1), 0.0, 25.0),)


def test_a_victim_by_role(tmp_path: Path) -> None:
    """A fault may hit a role in place of a number."""
    scenario = read_scenario(write(tmp_path, changed(("{broker: 1}", "{role: controller}"))))
    assert scenario.faults[0].victim == VictimSelector(role="controller")


WRONG = {
    "misspelt key": (("restart:", "restrat:"), "restrat", "not a key", "did you mean restart?"),
    "missing key": (("restart: kubelet-rules", ""), "restart", "missing", "kubelet-rules or none"),
    "key of another place": (
        ("  devices: 200", "  devices: 200\n  rate_per_s: 3"),
        "load.rate_per_s",
        "",
        "under profile",
    ),
    "key of the file": (("  devices: 200", "  devices: 200\n  title: x"), "load.title", "", "at the top of the file"),
    "negative rate": (("rate_per_s: 300", "rate_per_s: -300"), "load.profile.rate_per_s", "-300", "above 0"),
    "no rate": (
        ("{kind: constant, rate_per_s: 300}", "{kind: constant}"),
        "load.profile.rate_per_s",
        "missing",
        "events per",
    ),
    "rate with a unit": (("rate_per_s: 300", "rate_per_s: 300/s"), "rate_per_s", "the text '300/s'", "a bare number"),
    "infinite rate": (("rate_per_s: 300", "rate_per_s: 1e400"), "rate_per_s", "1e400", "finite"),
    "time with a unit": (
        ("baseline_s: 30", "baseline_s: 300ms"),
        "baseline_s",
        "300ms",
        "the unit is in the key's name",
    ),
    "key of another profile": (
        ("rate_per_s: 300", "rate_per_s: 300, factor: 2"),
        "load.profile.factor",
        "not a key",
        "one of kind, rate_per_s",
    ),
    "unknown profile": (
        ("kind: constant", "kind: constnat"),
        "load.profile.kind",
        "constnat",
        "did you mean constant?",
    ),
    "profile without kind": (
        ("kind: constant, ", ""),
        "load.profile.kind",
        "missing",
        "burst, constant, daily or ramp",
    ),
    "profile that is a number": (("{kind: constant, rate_per_s: 300}", "300"), "load.profile", "300", "a map"),
    "unknown arrivals": (("arrivals: poisson", "arrivals: poison"), "load.arrivals", "poison", "did you mean poisson?"),
    "shares above 1": (("alerts: 0.02", "alerts: 0.2"), "load.mix", "", "sum to 1; these sum to 1.1"),
    "negative share": (("alerts: 0.02", "alerts: -0.02"), "load.mix.alerts", "-0.02", "a share"),
    "half a byte": (("event_bytes: 400", "event_bytes: 400.5"), "load.event_bytes", "400.5", "whole bytes"),
    "event too small": (("event_bytes: 400", "event_bytes: 20"), "load.event_bytes", "20", "from 200"),
    "devices in quotes": (("devices: 200", 'devices: "200"'), "load.devices", "the text '200'", "whole number"),
    "unknown acks": (("acks: all", "acks: 2"), "load.acks", "2", "all, 1 or 0"),
    "acks as a truth": (("acks: all", "acks: true"), "load.acks", "true", "all, 1 or 0"),
    "unknown restart": (
        ("kubelet-rules #", "kubelet-rule #"),
        "restart",
        "kubelet-rule",
        "did you mean kubelet-rules?",
    ),
    "no manifests": (("manifests/base", "manifests/bass"), "manifests", "manifests/bass", "a folder that exists"),
    "manifests that are a file": (
        ("manifests/base", "manifests/base/kafka/kafka.yaml"),
        "manifests",
        "kafka.yaml",
        "a folder that exists",
    ),
    "experiment that is a folder": (
        ("experiments/broker-loss.yaml", "experiments"),
        "experiment",
        "experiments",
        "a file that exists",
    ),
    "unknown fault": (("BrokerKill", "BrokerKil"), "faults[0].type", "BrokerKil", "did you mean BrokerKill?"),
    "no fault": (
        ("faults:\n  - type: BrokerKill\n    victim: {broker: 1}\n    at_s: 0", "faults: []"),
        "faults",
        "empty",
        "1 to 10",
    ),
    "two victims": (("{broker: 1}", "{broker: 1, role: controller}"), "faults[0].victim", "", "either broker"),
    "no victim": (("{broker: 1}", "{}"), "faults[0].victim", "", "either broker"),
    "unknown role": (
        ("{broker: 1}", "{role: controler}"),
        "faults[0].victim.role",
        "controler",
        "did you mean controller?",
    ),
    "freeze without an end": (("BrokerKill", "BrokerFreeze"), "faults[0]", "", "for_s (seconds) with BrokerFreeze"),
    "kill with an end": (("at_s: 0", "for_s: 5"), "faults[0]", "", "with no other fault"),
    "freeze for ever": (("at_s: 0", "for_s: 1e9"), "faults[0].for_s", "", "at most 120"),
    "fault before its moment": (("at_s: 0", "at_s: -1"), "faults[0].at_s", "-1", "from 0"),
    "short window": (("fault_window_s: 10", "fault_window_s: 5"), "fault_window_s", "5", "from 10"),
    "short baseline": (("baseline_s: 30", "baseline_s: 10"), "baseline_s", "10", "from 15"),
    "endless wait": (
        ("recovery_timeout_s: 180", "recovery_timeout_s: 1e9"),
        "recovery_timeout_s",
        "1000000000",
        "3600",
    ),
    "a truth for a time": (("baseline_s: 30", "baseline_s: true"), "baseline_s", "true", "seconds"),
    "unknown metric": (("isr_full_s", "isr_ful_s"), "objectives.isr_ful_s", "isr_ful_s", "did you mean isr_full_s?"),
    "negative objective": (("isr_full_s: 120", "isr_full_s: -120"), "objectives.isr_full_s", "-120", "from 0"),
    "unknown primary": (
        ("{width_max: 7}", "{width_max: 7}\n  lag_s: {width_max: 1}"),
        "primary.lag_s",
        "lag_s",
        "catalogue",
    ),
    "primary without a width": (
        ("{width_max: 7}", "{width: 7}"),
        "primary.kafka_unavailable_s.width_max",
        "missing",
        "above 0",
    ),
    "width of nothing": (("{width_max: 7}", "{width_max: 0}"), "width_max", "0", "above 0"),
    "four primaries": (
        (
            "{width_max: 7}",
            "{width_max: 7}"
            + "".join(f"\n  {metric}: {{width_max: 7}}" for metric in ("isr_full_s", "broker_rejoin_s", "events_late")),
        ),
        "primary",
        "4 entries",
        "1 to 3",
    ),
    "expectation in small letters": (
        ("resilience: PASS", "resilience: pass"),
        "expect.resilience",
        "pass",
        "PASS or FAIL",
    ),
    "half an expectation": (("resilience: PASS, ", ""), "expect.resilience", "missing", "PASS or FAIL"),
    "empty title": ((SCENARIO.splitlines()[2], "title:"), "title", "empty", "a question"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(tmp_path: Path, name: str) -> None:
    """Key path, value and what would be right, with the line of the file."""
    change, key, value, bound = WRONG[name]
    problems = problems_of(write(tmp_path, changed(change)))
    matches = [found for found in problems if key in found.key and value in found.value and bound in found.bound]
    assert matches, problems
    assert matches[0].line is not None


def test_every_problem_is_reported_at_once_from_top_to_bottom(tmp_path: Path) -> None:
    """Form, paths, metrics and name are checked together, in the order of the lines."""
    text = changed(
        ("manifests/base", "no/such"),
        ("rate_per_s: 300", "rate_per_s: -1"),
        ("alerts: 0.02", "alerts: 0.2"),
        ("BrokerKill", "Meteor"),
        ("fault_window_s: 10", "fault_window_s: 1"),
        ("pipeline_drain_s", "drain"),
    )
    problems = problems_of(write(tmp_path, text, "Bad_Name.yaml"))
    assert [problem.key for problem in problems] == [
        "",
        "manifests",
        "load.profile.rate_per_s",
        "load.mix",
        "faults[0].type",
        "fault_window_s",
        "objectives.drain",
    ]
    lines = [problem.line or 0 for problem in problems]
    assert lines == sorted(lines)


def test_a_problem_names_its_line(tmp_path: Path) -> None:
    """A person can go straight to it."""
    path = write(tmp_path, changed(("    at_s: 0", "    at_s: late")))
    (problem,) = problems_of(path)
    assert path.read_text().splitlines()[(problem.line or 0) - 1] == "    at_s: late"
    assert f"{problem.file}:{problem.line}: faults[0].at_s" in str(problem)


@pytest.mark.parametrize(
    ("text", "value"),
    [("", "empty"), ("# nothing\n", "0 YAML documents"), ("- a\n", "not a map"), (SCENARIO + "---\na: 1\n", "2 YAML")],
)
def test_files_that_are_no_scenario(tmp_path: Path, text: str, value: str) -> None:
    """Empty, comments only, a list, two documents."""
    (problem,) = problems_of(write(tmp_path, text))
    assert value in problem.value


def test_a_folder_is_no_scenario(tmp_path: Path) -> None:
    """A folder in a file's place says so."""
    (problem,) = problems_of(tmp_path)
    assert problem.value == "a folder"


def test_scenarios_are_found_by_name_and_by_path(tmp_path: Path) -> None:
    """A name is looked up in the project, anything with a slash or a suffix is a path."""
    assert find_scenario("broker-stop") == PROJECT_ROOT / "scenarios" / "broker-stop.yaml"
    assert find_scenario("scenarios/broker-stop.yaml") == Path("scenarios/broker-stop.yaml")
    assert find_scenario(str(tmp_path / "x.yaml")) == tmp_path / "x.yaml"
    with pytest.raises(BadInput, match="did you mean broker-loss"):
        find_scenario("broker-los")


def test_a_folder_for_a_scenario_is_called_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether its path has a slash or not, and never taken for an unknown name."""
    (tmp_path / "drills").mkdir()
    monkeypatch.chdir(tmp_path)
    for named in ("drills", "./drills"):
        with pytest.raises(BadInput, match="a folder"):
            read_with_hub(find_scenario(named))


def test_a_scenario_must_fit_its_hub(tmp_path: Path) -> None:
    """Brokers and topics the hub does not have are named beside the form's mistakes, with what there is."""
    text = changed(("{broker: 1}", "{broker: 7}"), ("sdc-events:", "sdc-event:"), ("devices: 200", "devices: 0"))
    with pytest.raises(BadInput) as caught:
        read_with_hub(write(tmp_path, text))
    topic, devices, broker = caught.value.problems
    assert devices.key == "load.devices"
    assert (broker.key, broker.value) == ("faults[0].victim.broker", "7")
    assert "0 to 2" in broker.bound
    assert topic.key == "load.mix.sdc-event"
    assert "did you mean sdc-events?" in topic.bound
    assert topic.line == text.splitlines().index("    sdc-event: 0.86") + 1


def test_the_three_sessions_differ_in_their_manifests_only() -> None:
    """What varies between them is the session, not the load or the fault; the width allowed follows the pings."""
    plain = read_scenario(find_scenario("broker-loss"))
    for name in ("broker-loss-session-6s", "broker-loss-session-30s"):
        other = read_scenario(find_scenario(name))
        assert other.manifests != plain.manifests
        for field in ("workload", "restart", "experiment", "faults", "fault_window_s", "baseline_s"):
            assert getattr(other, field) == getattr(plain, field), field
        assert [primary.metric for primary in other.primary] == [primary.metric for primary in plain.primary]
    acks_1 = read_scenario(find_scenario("broker-loss-acks-1"))
    assert dataclasses.replace(acks_1.workload, acks="all") == plain.workload


def test_the_reference_names_every_key_and_its_example_is_right(tmp_path: Path) -> None:
    """docs/scenarios.md has a row for each key of the form, and its example is a scenario."""
    reference = (PROJECT_ROOT / "docs" / "scenarios.md").read_text()
    for form in [*FORMS.values(), *PROFILE_FORMS.values(), PrimaryForm]:
        for key in form.model_fields:
            assert f"`{key}`" in reference, key
    for path in all_scenarios():
        assert f"`{path.stem}`" in reference
    example = reference.partition("```yaml\n")[2].partition("```")[0]
    assert read_scenario(write(tmp_path, example)).name == "a-scenario"


def test_the_reference_of_manifests_names_every_field() -> None:
    """docs/manifests.md says for each field of the topology which key it comes from."""
    reference = (PROJECT_ROOT / "docs" / "manifests.md").read_text()
    parts = {
        "kafka": KafkaCluster,
        "zookeeper": ZooKeeperEnsemble,
        "topics[]": Topic,
        "postgres": PostgresCluster,
        "redis": RedisServer,
        "processors": EventProcessors,
    }
    for prefix, part in parts.items():
        for field in dataclasses.fields(part):
            assert f"| `{prefix}.{field.name}` |" in reference, field.name
    for field in dataclasses.fields(HubTopology):
        assert f"| `{field.name}" in reference, field.name
