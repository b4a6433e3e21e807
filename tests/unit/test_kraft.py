"""KRaft mode: read from node pools, contradictions refused, and a killed broker's way from its last heartbeat back."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.model_cases import a_kraft_topology, a_scenario, a_topology, parameters_of, setting_and_draws
from workbench.errors import BadInput
from workbench.fault import KRAFT_FAULTS, Fault, FaultType, RestartRule, VictimSelector, mode_contradiction
from workbench.model.broker_loss import play, run
from workbench.model.course import play as any_play
from workbench.model.kraft import first_asked_s
from workbench.model.pace import pace_of
from workbench.model.parameters import Parameters
from workbench.model.world import Setting
from workbench.scenario import PROJECT_ROOT
from workbench.scenario.checking import read_with_hub
from workbench.scenario.drill_scenario import Scenario
from workbench.target.local.kraft_settings import cluster_id, controller
from workbench.topology import read_topology
from workbench.topology.hub import ControllerQuorum, HubTopology

OVERLAY = PROJECT_ROOT / "manifests" / "overlays" / "kraft"


def placed(hub: HubTopology) -> HubTopology:
    """Return the hub with a server of each kind on worker-2."""
    there = ("kafka-1", "controller-4", "postgres-2", "event-processor-0")
    return replace(hub, placement=dict.fromkeys(there, "worker-2"))


def written(folder: Path, **patches: str) -> Path:
    """Return a copy of the KRaft overlay with these patches laid over it."""
    root = folder / "manifests"
    shutil.copytree(OVERLAY.parents[1] / "base", root / "base", dirs_exist_ok=True)
    shutil.copytree(OVERLAY, root / "overlays" / "kraft", dirs_exist_ok=True)
    over = root / "overlays" / "over"
    over.mkdir(exist_ok=True)
    for name, text in patches.items():
        (over / f"{name}.yaml").write_text(text)
    listed = ", ".join(f"{{path: {name}.yaml}}" for name in patches)
    (over / "kustomization.yaml").write_text(f"resources: [../kraft]\npatches: [{listed}]\n")
    return over


def test_controllers_stand_where_zookeeper_stood() -> None:
    """As many, on the same workers, as large; brokers and all else are the base's."""
    base, hub = read_topology(PROJECT_ROOT / "manifests" / "base"), read_topology(OVERLAY)
    assert (base.kafka.mode, hub.kafka.mode) == ("zookeeper", "kraft")
    assert hub.kafka.quorum == ControllerQuorum((3, 4, 5), 9.0, 2.0, base.zookeeper.resources)
    assert hub.zookeeper.server_ids == ()
    stood = {name.replace("zookeeper", "controller"): node for name, node in base.placement.items()}
    renamed = {"controller-1": "controller-3", "controller-2": "controller-4", "controller-3": "controller-5"}
    assert hub.placement == {renamed.get(name, name): node for name, node in stood.items()}
    assert (hub.kafka.broker_ids, hub.kafka.resources) == (base.kafka.broker_ids, base.kafka.resources)
    gone = {"zookeeper.session.timeout.ms", "inter.broker.protocol.version"}
    assert {**hub.kafka.config, **{name: base.kafka.config[name] for name in gone}} == base.kafka.config


def test_what_contradicts_the_mode_is_named(tmp_path: Path) -> None:
    """ZooKeeper's settings beside the annotation, a pool of both roles, pools without the annotation."""
    kafka = "apiVersion: kafka.strimzi.io/v1beta2\nkind: Kafka\nmetadata: {name: hub, namespace: central-hub"
    pool = "apiVersion: kafka.strimzi.io/v1beta2\nkind: KafkaNodePool\n"
    pool += "metadata: {name: controller, namespace: central-hub}\nspec: {roles: [controller, broker]}\n"
    with pytest.raises(BadInput) as caught:
        both = kafka + "}\nspec: {kafka: {config: {zookeeper.session.timeout.ms: 18000}}}\n"
        read_topology(written(tmp_path, kafka=both, pool=pool))
    said = str(caught.value)
    assert "there is no ZooKeeper" in said
    assert "with 0 KafkaNodePools for controllers alone" in said
    with pytest.raises(BadInput, match="none without the Kafka's annotation"):
        read_topology(written(tmp_path, kafka=kafka + ", annotations: {strimzi.io/kraft: disabled}}\n"))


@pytest.mark.parametrize(
    ("fault", "victim", "words"),
    [
        ("ZooKeeperKill", "{role: zookeeper-leader}", "without ZooKeeper"),
        ("BrokerKill", "{role: controller}", "no broker is the controller"),
        ("NodeFreeze", "{node: worker-1}", "begins every session anew, which the workbench does not model"),
    ],
)
def test_a_fault_that_contradicts_the_mode_is_refused(tmp_path: Path, fault: str, victim: str, words: str) -> None:
    """By one message each, before anything starts."""
    text = (PROJECT_ROOT / "scenarios" / "broker-loss-kraft.yaml").read_text()
    changed = text.replace("type: BrokerKill", f"type: {fault}").replace("victim: {broker: 1}", f"victim: {victim}")
    path = tmp_path / "case.yaml"
    path.write_text(changed.replace("at_s: 0", "at_s: 0\n    for_s: 30") if fault == "NodeFreeze" else changed)
    with pytest.raises(BadInput) as caught:
        read_with_hub(path)
    assert str(caught.value).count(words) == 1
    assert mode_contradiction(FaultType.BROKER_KILL, None, kraft=True) == ""


def test_every_fault_is_known_contradicted_or_refused_with_its_reason() -> None:
    """None falls through without words."""
    for fault in FaultType:
        assert (mode_contradiction(fault, None, kraft=True) == "") is (fault in KRAFT_FAULTS), fault
        assert (mode_contradiction(fault, None, kraft=False) == "") is (fault is not FaultType.CONTROLLER_KILL), fault


@pytest.mark.parametrize("age_s", [0.0, 1.3, 2.0])
def test_a_broker_is_fenced_when_its_last_heartbeat_is_nine_seconds_old(age_s: float) -> None:
    """What it led waits until then, until the survivors carried it out, and for a tick of clients that forget."""
    setting, draws = setting_and_draws(parameters_of(a_scenario(), a_kraft_topology()), a_scenario())
    course = play(setting, {**draws, "heartbeat_age_s": age_s, "client_forgets": 1.0})
    known_s = 9.0 - age_s + draws["fence_commit_s"]
    assert known_s <= course.moments.broker_deregistered_s < known_s + 0.1
    led = np.array([leader == setting.victim for leader in setting.leaders])
    held = course.disturbance.held_until_s[:, led]
    assert (held >= known_s + draws["leader_and_isr_s"] + draws["client_scan_s"] - 1e-9).all()
    assert np.isfinite(held).all()
    others = play(setting, {**draws, "heartbeat_age_s": age_s, "client_forgets": 0.0}).disturbance.held_until_s[:, led]
    assert ((known_s < others) & (others < held)).all()


def test_what_it_only_followed_goes_on_when_the_new_process_fetches() -> None:
    """Long before it is fenced: leaders take the offsets of a process that is not registered for their replica's."""
    setting, draws = setting_and_draws(parameters_of(a_scenario(), a_kraft_topology()), a_scenario())
    world = run(setting, {**draws, "heartbeat_age_s": 0.0})
    follows_s = world.moments["follows"]
    assert world.moments["registering_process_started"] < follows_s < world.moments["deregistered"] - 3.0
    followed = np.array([leader != setting.victim for leader in setting.leaders])
    held = play(setting, {**draws, "heartbeat_age_s": 0.0}).disturbance.held_until_s
    assert held[:, followed] == pytest.approx(follows_s)
    stays_away = replace(setting, restart=RestartRule.NONE)
    fenced_s = run(stays_away, {**draws, "heartbeat_age_s": 0.0}).moments["isr_shrunk"]
    held = play(stays_away, {**draws, "heartbeat_age_s": 0.0}).disturbance.held_until_s
    assert held[:, followed] == pytest.approx(fenced_s)


@pytest.mark.parametrize(
    ("asks_from_s", "fenced_s", "granted_s"), [(1.0, 0.5, 1.0), (1.0, 1.05, 1.1), (1.5, 9.0, 14.2), (0.0, 900.0, None)]
)
def test_a_process_is_registered_the_first_time_it_asks_after_the_fencing(
    asks_from_s: float, fenced_s: float, granted_s: float | None
) -> None:
    """It asks again 0.1, 0.2 .. 6.4, 9, 9 s after it was refused, and gives up at last."""
    assert first_asked_s(asks_from_s, fenced_s, 9.0) == (granted_s and pytest.approx(granted_s))


def test_a_process_that_waits_for_its_registration_keeps_nobody_waiting() -> None:
    """Slow moments are as slow as usual then: it computes nothing. They grow while it starts and after it is back."""
    setting, draws = setting_and_draws(parameters_of(a_scenario(), a_kraft_topology()), a_scenario())
    world = run(setting, {**draws, "heartbeat_age_s": 0.0})
    pace = pace_of(world)
    waits = (pace.from_s >= world.moments["follows"]) & (pace.from_s < world.moments["deregistered"])
    assert waits.any()
    assert (pace.spread[waits] == 1.0).all()
    assert pace.spread.max() == draws["crowded_spread"]


def test_a_new_process_asks_again_after_doubled_waits_and_never_exits() -> None:
    """First asked at 2 s, then 0.1, 0.2 .. 3.2 s later each: at 8.3 s, the first time after the fencing at 7.5 s."""
    setting, draws = setting_and_draws(parameters_of(a_scenario(), a_kraft_topology()), a_scenario())
    exact = {
        "heartbeat_age_s": 1.6,
        "fence_commit_s": 0.1,
        "kubelet_relist_s": 0.5,
        "restart_notice_s": 0.0,
        "broker_start_s": 3.0,
        "broker_start_cpu_s": 3.0,
        "start_again_factor": 1.0,
        "registration_share": 0.5,
        "busy_in_silence_share": 0.0,
        "machine_cores": 64.0,
        "short_tasks_cores": 0.0,
        "database_cores": 0.0,
        "victim_cores": 0.0,
        "log_load_partition_s": 0.0,
        "log_recovery_partition_s": 0.0,
        "poll_brokers_phase_s": 0.0,
    }
    course = play(setting, {**draws, **exact})
    assert course.moments.registering_process_started_s == pytest.approx(0.5)
    assert course.moments.broker_registered_s == pytest.approx(2.0 + 6.3 + 1.5, abs=0.11)


@pytest.mark.parametrize("fault", sorted(KRAFT_FAULTS))
def test_what_is_not_refused_is_predicted_without_a_zookeeper(fault: FaultType) -> None:
    """Every fault of KRaft mode plays through, and no parameter speaks of a session with ZooKeeper."""
    lasting = (FaultType.BROKER_FREEZE, FaultType.DISK_FULL)
    brokers = (FaultType.BROKER_KILL, FaultType.BROKER_STOP, *lasting)
    victim = {**dict.fromkeys(brokers, VictimSelector(broker=1)), FaultType.PROCESSOR_KILL: VictimSelector(processor=1)}
    victim[FaultType.CONTROLLER_KILL] = VictimSelector(role="active-controller")
    victim[FaultType.NODE_PROCESSES_KILL] = VictimSelector(node="worker-2")
    victim[FaultType.TWO_BROKERS_KILL] = VictimSelector(brokers=(1, 2))
    for_s = 25.0 if fault in lasting else 0.0
    scenario = replace(a_scenario(fault), faults=(Fault(fault, victim.get(fault, VictimSelector()), for_s=for_s),))
    parameters = parameters_of(scenario, placed(a_kraft_topology()))
    assert not {"zookeeper_session_s", "zookeeper_tick_s", "node_exists_exit_s"} & parameters.by_name.keys()
    setting, draws = setting_and_draws(parameters, scenario)
    assert np.isfinite(any_play(setting, draws).awaited_s).all()


def test_a_controllers_settings_name_the_quorum() -> None:
    """Voters by id and port; a cluster id that the command line does not take for an option."""
    quorum = ControllerQuorum((3, 4), 9.0, 2.0, a_topology().kafka.resources)
    settings = controller(quorum, 4, {3: 1003, 4: 1004})
    assert settings["controller.quorum.voters"] == "3@127.0.0.1:1003,4@127.0.0.1:1004"
    assert settings["listeners"] == "CONTROLLER://127.0.0.1:1004"
    assert settings["broker.session.timeout.ms"] == "9000"
    ids = {cluster_id(f"hub-{index}") for index in range(50)}
    assert len(ids) == 50
    assert all(len(each) == 22 and not each.startswith("-") for each in ids)


def kraft_case(fault: FaultType, **stated: float) -> tuple[Setting, dict[str, float]]:
    """Return setting and draws of a fault of broker 1 in KRaft mode."""
    scenario = a_scenario(fault, "1" if "lag_s" in stated else "all")
    scenario = replace(scenario, faults=(replace(scenario.faults[0], **stated),))
    return setting_and_draws(parameters_of(scenario, a_kraft_topology()), scenario)


def test_a_frozen_broker_is_unfenced_by_its_next_heartbeat() -> None:
    """Fenced after nine seconds less its last heartbeat's age; back a commit after it goes on, no process started."""
    setting, draws = kraft_case(FaultType.BROKER_FREEZE, for_s=25.0)
    course = play(setting, draws)
    fenced_s = 9.0 - draws["heartbeat_age_s"] + draws["fence_commit_s"]
    assert course.moments.broker_deregistered_s == pytest.approx(fenced_s, abs=0.11)
    back_s = 25.0 + draws["metadata_again_s"] + draws["leader_and_isr_s"] + draws["fence_commit_s"]
    assert course.moments.broker_registered_s == pytest.approx(back_s, abs=0.11)
    assert np.isnan(course.moments.registering_process_started_s)
    led = np.array(setting.leaders) == setting.victim
    held = course.disturbance.held_until_s
    assert ((held[:, led] > 25.0) & (held[:, led] < 26.0)).all()
    assert (held[:, ~led] < fenced_s + 1.0).all()
    with pytest.raises(BadInput, match="ends before the session"):
        kraft_case(FaultType.BROKER_FREEZE, for_s=8.0)


def test_a_stopped_broker_ends_when_all_others_have_told_that_they_know() -> None:
    """Its leaders move at once; it is fenced at its third or fourth look, intervals apart, and comes back."""
    setting, draws = kraft_case(FaultType.BROKER_STOP)
    course = play(setting, draws)
    assert course.moments.leaders_moved_s == pytest.approx(draws["fence_commit_s"], abs=0.11)
    assert course.disturbance.held_until_s.max() < 2.0  # a follower of a new leader may back off for a second
    fenced_s = 2.0 * draws["fence_commit_s"] + 0.05 + 2.0 * draws["stop_intervals"]
    assert course.moments.broker_deregistered_s == pytest.approx(fenced_s, abs=0.11)
    assert course.moments.registering_process_started_s > fenced_s + draws["stop_ends_s"]
    assert course.moments.isr_full_s > course.moments.broker_registered_s > fenced_s


def test_no_process_starts_while_the_disk_is_full() -> None:
    """Starts after 10 and 20 s fail before they register; the next one comes after there is room, long fenced."""
    setting, draws = kraft_case(FaultType.DISK_FULL, for_s=30.0)
    course = play(setting, draws)
    fenced_s = 9.0 - draws["heartbeat_age_s"] + draws["disk_halt_s"] + draws["fence_commit_s"]
    assert course.moments.broker_deregistered_s == pytest.approx(fenced_s, abs=0.11)
    assert 30.0 < course.moments.registering_process_started_s < 60.0
    assert course.moments.broker_registered_s > course.moments.registering_process_started_s
    held = course.disturbance.held_until_s
    assert (held < fenced_s + 2.5).all()  # what it followed too: nobody fetches in its place


def test_two_brokers_are_missed_twice_by_what_the_third_leads() -> None:
    """Until both follow again, and from their fencing until one is in sync; the longer one is played."""
    scenario = a_scenario(FaultType.TWO_BROKERS_KILL)
    fault = replace(scenario.faults[0], victim=VictimSelector(brokers=(1, 2)))
    scenario = replace(scenario, faults=(fault,))
    setting, draws = setting_and_draws(parameters_of(scenario, a_kraft_topology()), scenario)
    quick = {"broker_start_s": 2.0, "second_broker_start_s": 2.0, "start_again_factor": 1.0, "heartbeat_age_s": 0.0}
    course = any_play(setting, {**draws, **quick, "second_heartbeat_age_s": 1.0})
    assert course.moments.leaders_moved_s <= course.moments.broker_deregistered_s + 0.1  # told with the fencing
    survivor_leads = np.array([leader not in (1, 2) for leader in setting.leaders])
    begins, held = course.disturbance.begins_s, course.disturbance.held_until_s
    assert (begins[~survivor_leads] == 0.0).all()
    assert (held[:, ~survivor_leads] > 9.0).all()
    lasts = held[:, survivor_leads] - begins[survivor_leads]
    assert (lasts < held[:, ~survivor_leads].min() - 2.0).all()
    slow = {**quick, "broker_start_s": 12.0, "second_broker_start_s": 12.0}
    late = any_play(setting, {**draws, **slow, "second_heartbeat_age_s": 1.0}).disturbance
    assert (late.begins_s == 0.0).all()  # fenced before they follow: one silence


def test_another_controller_is_active_after_the_quorums_time_out() -> None:
    """Two seconds less the last fetch's age, then votes; nothing that the hub does waits for it."""
    scenario = a_scenario(FaultType.CONTROLLER_KILL)
    scenario = replace(scenario, faults=(replace(scenario.faults[0], victim=VictimSelector(role="active-controller")),))
    setting, draws = setting_and_draws(parameters_of(scenario, a_kraft_topology()), scenario)
    fixed = {"quorum_fetch_age_s": 0.4, "quorum_election_s": 0.1, "controller_claim_s": 0.05, "controller_start_s": 5.0}
    course = any_play(setting, {**draws, **fixed})
    assert course.moments.controller_active_s == pytest.approx(1.75, abs=0.11)
    assert course.moments.controllers_whole_s > course.moments.controller_started_s + 5.0
    assert np.isneginf(course.disturbance.held_until_s).all()
    with pytest.raises(BadInput, match="where a broker is the controller"):
        parameters_of(scenario, a_topology())


def test_a_node_with_the_active_controller_begins_the_brokers_session_anew() -> None:
    """Fenced 9 s after the next controller is active, not after its last heartbeat; then the controllers are whole."""
    scenario = a_scenario(FaultType.NODE_PROCESSES_KILL)
    fault = replace(scenario.faults[0], victim=VictimSelector(node="worker-2"))
    scenario = replace(scenario, faults=(fault,))
    setting, draws = setting_and_draws(parameters_of(scenario, placed(a_kraft_topology())), scenario)
    exact = {"heartbeat_age_s": 1.5, "fence_commit_s": 0.0, "leader_and_isr_s": 0.0, "poll_brokers_phase_s": 0.0}
    exact |= {"quorum_fetch_age_s": 0.4, "quorum_election_s": 0.1, "controller_claim_s": 0.05}
    fenced_s = {
        active: any_play(replace(setting, victim_is_controller=active), {**draws, **exact}).moments
        for active in (False, True)
    }
    assert fenced_s[False].broker_deregistered_s == pytest.approx(9.0 - 1.5, abs=0.11)
    assert fenced_s[True].broker_deregistered_s == pytest.approx(1.75 + 9.0, abs=0.11)
    for moments in fenced_s.values():
        assert np.isnan(moments.zookeeper_whole_s)
        assert moments.controllers_whole_s > 0.0


def test_lagging_followers_lose_as_much_as_with_zookeeper() -> None:
    """What the victim acknowledged in five seconds on what it led, and it is led again in half the time."""
    lost_s = {}
    for name, (setting, draws) in {
        "kraft": kraft_case(FaultType.BROKER_KILL, lag_s=5.0),
        "zookeeper": setting_and_draws(*zookeeper_lagging()),
    }.items():
        course = play(setting, draws)
        led = np.array(setting.leaders) == setting.victim
        tail = course.disturbance.tail_from_s
        lost_s[name] = (course.disturbance.begins_s - tail)[led]
        assert np.isinf(tail[~led]).all()
    assert lost_s["kraft"] == pytest.approx(lost_s["zookeeper"])


def zookeeper_lagging() -> tuple[Parameters, Scenario]:
    """Return parameters and scenario of the same fault with ZooKeeper."""
    scenario = a_scenario(FaultType.BROKER_KILL, "1")
    scenario = replace(scenario, faults=(replace(scenario.faults[0], lag_s=5.0),))
    return parameters_of(scenario), scenario
