"""A broker's full disk: refused where it cannot be, a disk to be filled, and a broker back after the right start."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.model_cases import a_scenario, a_topology, parameters_of, setting_and_draws
from tests.support.waiting import wait_for
from tests.unit.test_scenario import changed, problems_of, write
from workbench.errors import BadInput, MachineTrouble
from workbench.fault import Fault, FaultType, RestartRule, VictimSelector
from workbench.model import predict
from workbench.model.broker_loss import play
from workbench.model.parameters import merge
from workbench.records.prediction import finite
from workbench.scenario import PROJECT_ROOT
from workbench.scenario.drill_scenario import Scenario
from workbench.target.local import small_disk
from workbench.target.local.control import Control
from workbench.target.local.places import DIRECTORY_MARK, HUB_MARK
from workbench.target.local.processes import ProcessSpec

KILL = "type: BrokerKill\n    victim: {broker: 1}"
EXACT = {"disk_halt_s": 0.2, "kubelet_relist_s": 0.5, "restart_notice_s": 0.0, "kubelet_restart_s": 0.0}


def a_loss(for_s: float = 30.0, restart: RestartRule = RestartRule.KUBELET_RULES) -> Scenario:
    """Return a scenario in which broker 1's disk is full for a while."""
    fault = Fault(FaultType.DISK_FULL, VictimSelector(broker=1), for_s=for_s)
    return replace(a_scenario(restart=restart), faults=(fault,))


@pytest.mark.parametrize(
    ("fault", "bound"),
    [
        (
            "victim: {broker: 1}",
            "for_s (seconds) with BrokerFreeze, NodeFreeze",
        ),
        ("victim: {role: controller}\n    for_s: 30", "its disk is made when the hub starts"),
    ],
)
def test_a_broker_and_a_time_are_named(tmp_path: Path, fault: str, bound: str) -> None:
    """Who is the controller is known only when the hub is up, and the disk is there before."""
    (problem,) = problems_of(write(tmp_path, changed((KILL, f"type: DiskFull\n    {fault}"))))
    assert bound in problem.bound


def test_a_broker_that_nobody_starts_again_is_refused() -> None:
    """It would stay away although there is room."""
    with pytest.raises(BadInput, match="once its disk has room again"):
        merge(a_loss(restart=RestartRule.NONE), a_topology(), None, None)


def test_without_root_there_is_no_small_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """One message says what it takes, before anything starts."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MachineTrouble, match="run as root"):
        small_disk.check_possible()


def test_others_lead_after_the_session_as_after_a_kill() -> None:
    """The halt closes nothing: the last ping was up to 6 s before it, and the session lapses 18 s after that."""
    setting, draws = setting_and_draws(parameters_of(a_loss()), a_loss())
    course = play(setting, {**draws, **EXACT, "zookeeper_ping_age_s": 0.0, "zookeeper_forward_s": 0.0})
    assert 18.2 < course.moments.broker_deregistered_s < 21.0
    assert course.disturbance.begins_s == pytest.approx(0.2)


def test_the_broker_comes_back_with_the_first_start_after_there_is_room() -> None:
    """Starts fail while it is full, each after a longer wait: at once, 10 s and 20 s after the last end."""
    backs = []
    for for_s in (30.0, 50.0):
        setting, draws = setting_and_draws(parameters_of(a_loss(for_s)), a_loss(for_s))
        moments = play(setting, {**draws, **EXACT}).moments
        assert moments.registering_process_started_s + draws["broker_start_s"] > for_s
        assert moments.isr_full_s > moments.broker_registered_s
        backs.append(moments.registering_process_started_s)
    assert 10.0 + 20.0 < backs[0] < backs[1] - 30.0


def test_a_prediction_loses_nothing_and_is_silent_for_a_session() -> None:
    """Every metric of a broker's loss has its values."""
    found = predict(a_loss(), a_topology(), parameters_of(a_loss()), 1, replications=10, subprocesses=0)
    assert set(found.metrics["acknowledged_records_lost"]) == {0.0}
    silent = np.array(finite(found.metrics["kafka_unavailable_s"]))
    assert len(silent) == 10
    assert ((silent > 11.0) & (silent < 23.0)).all()
    assert "disk_full_s" not in parameters_of().by_name


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")
def test_a_small_disk_is_seen_by_the_supervisors_processes_alone_and_goes_with_them(tmp_path: Path) -> None:
    """It fills to the last page and is freed again; nobody else sees the mount, and a SIGKILL leaves nothing of it."""
    directory = tmp_path / "hub-workbench" / "hubs" / secrets.token_hex(4)
    directory.mkdir(parents=True)
    marks = {HUB_MARK: directory.name, DIRECTORY_MARK: str(directory)}
    with subprocess.Popen(
        [sys.executable, "-m", "workbench.target.local.supervisor", str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT_ROOT), **marks},
        start_new_session=True,
    ) as supervisor:
        control = Control(directory.name)
        wait_for(control.answers, 20.0, "the supervisor answers")
        data = directory / "data"
        control.small_disk(data)
        seen = small_disk.seen_from_outside(control.supervisor(), data)
        assert small_disk.is_small_disk(seen)
        assert not small_disk.is_small_disk(data)
        small_disk.fill(seen)
        assert small_disk.free_bytes(seen) == 0
        log = str(directory / "writer.log")
        command = ("sh", "-c", f"echo more > {data}/more")
        control.run(ProcessSpec("writer", command, {**os.environ, **marks}, str(directory), log))
        wait_for(
            lambda: not control.processes()[0].process_id, 20.0, "a process of the supervisor's has tried to write"
        )
        assert control.processes()[0].starts[-1].exit != "exit 0"
        small_disk.free(seen)
        small_disk.free(seen)
        assert small_disk.free_bytes(seen) > 0.9 * small_disk.DISK_BYTES
        os.kill(supervisor.pid, signal.SIGKILL)
        supervisor.wait(20.0)
        wait_for(lambda: not directory.exists(), 20.0, "the guardian removes the directory")
        assert str(data) not in Path("/proc/mounts").read_text()
