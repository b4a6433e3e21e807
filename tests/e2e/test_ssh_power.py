"""Nodes switched over ssh, against a real sshd on a loopback port with keys of its own."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.waiting import wait_for
from workbench.cli.node_power import command
from workbench.errors import BadInput, ToolFailed
from workbench.target.ssh_power import SshNode, SshNodePower, read_power_file

pytestmark = pytest.mark.integration
SSHD = "/usr/sbin/sshd"
LOOPBACK = "127.0.0.1"


def _new_key(path: Path) -> str:
    """Make a key pair; return its public half."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text().strip()


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as taken:
        return int(taken.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex((LOOPBACK, port)) == 0


class Machine:
    """A machine with an sshd, whose kubelet is a file."""

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        self.kubelet = folder / "kubelet-runs"
        self.kubelet.touch()
        host_key = _new_key(folder / "host")
        (folder / "authorized").write_text(_new_key(folder / "client") + "\n")
        (folder / "known_hosts").write_text(f"[{LOOPBACK}]:{self.port} {host_key}\n")
        (folder / "power.yaml").write_text(
            f"""nodes:
  worker-1:
    host: {LOOPBACK}
    port: {self.port}
    user: {getpass.getuser()}
    identity: {folder / "client"}
    known_hosts: {folder / "known_hosts"}
    power_off: rm {self.kubelet}
    power_on: touch {self.kubelet}
    is_on: test -e {self.kubelet}
"""
        )
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd's own, for root
        options = {
            "Port": self.port,
            "ListenAddress": LOOPBACK,
            "HostKey": folder / "host",
            "AuthorizedKeysFile": folder / "authorized",
            "PidFile": "none",
            "UsePAM": "no",
            "StrictModes": "no",  # the test's folder is below /tmp
            "PermitRootLogin": "yes",
            "PasswordAuthentication": "no",
        }
        stated = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        self.sshd = subprocess.Popen([SSHD, "-D", "-e", "-f", "/dev/null", *stated], stderr=subprocess.DEVNULL)
        wait_for(lambda: _answers(self.port), 20.0, "sshd listens")
        self.file = folder / "power.yaml"
        self.node = read_power_file(self.file)["worker-1"]

    def power(self, **other: object) -> SshNodePower:
        """Return the driver, the node's settings changed as named."""
        node: SshNode = replace(self.node, **other)  # type: ignore[arg-type]
        return SshNodePower(self.file, {"worker-1": node}, change_timeout_s=2.0)

    def end(self) -> None:
        """End sshd; again: nothing."""
        self.sshd.kill()
        self.sshd.wait()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine for one test."""
    if shutil.which(SSHD) is None:
        pytest.skip("no sshd: Debian's openssh-server has it")
    made = Machine(tmp_path)
    yield made
    made.end()


def test_a_node_goes_off_and_on(machine: Machine) -> None:
    """Off and on by their commands, each seen; again changes nothing; a node that is not named is refused."""
    power = machine.power()
    assert power.address == f"ssh:{machine.file}"
    assert power.is_on("worker-1")
    off_s = power.power_off("worker-1")
    assert not power.is_on("worker-1")
    assert not machine.kubelet.exists()
    assert power.power_off("worker-1") > off_s
    assert power.power_on("worker-1") > off_s
    assert machine.kubelet.exists()
    assert power.power_on("worker-1") > off_s
    for name in ("worker-9", ""):
        with pytest.raises(BadInput, match="worker-1"):
            power.power_off(name)


def test_the_command_says_what_it_did(machine: Machine) -> None:
    """`workbench node-power` asks all nodes of a file and switches one."""
    said = [CliRunner().invoke(command, [*words]).output for words in _words(machine.file)]
    assert said[0] == "worker-1 is on\n"
    assert said[1].startswith("worker-1 is off: asked at ")
    assert said[2] == "worker-1 is off\n"
    assert said[3].startswith("worker-1 is on: asked at ")


def _words(file: Path) -> list[list[str]]:
    path = str(file)
    return [["status", path], ["off", path, "worker-1"], ["status", path], ["on", path, "worker-1"]]


def test_an_unknown_host_key_is_refused(machine: Machine, tmp_path: Path) -> None:
    """A machine that shows another key than the known one is not talked to, nor is it taken for off."""
    strangers = tmp_path / "strangers"
    strangers.write_text(f"[{LOOPBACK}]:{machine.port} {_new_key(tmp_path / 'other')}\n")
    for silent_is_off in (False, True):
        power = machine.power(known_hosts=strangers, unreachable_is_off=silent_is_off)
        with pytest.raises(ToolFailed, match="Host key verification failed"):
            power.is_on("worker-1")
    assert machine.kubelet.exists()


def test_a_login_that_is_refused_is_no_power_off(machine: Machine, tmp_path: Path) -> None:
    """A wrong key is an error, whatever silence means."""
    _new_key(tmp_path / "wrong")
    with pytest.raises(ToolFailed, match="Permission denied"):
        machine.power(identity=tmp_path / "wrong", unreachable_is_off=True).is_on("worker-1")


def test_silence_is_off_only_where_the_file_says_so(machine: Machine) -> None:
    """A machine whose sshd is gone is off for one whose commands run on it, and an error otherwise."""
    machine.end()
    assert not machine.power(unreachable_is_off=True).is_on("worker-1")
    with pytest.raises(ToolFailed, match="cannot be asked"):
        machine.power().is_on("worker-1")


def test_a_machine_that_crashes_takes_the_connection_with_it(machine: Machine) -> None:
    """The connection breaks under the command: that is no failure where the machine itself goes off."""
    crash = f"kill -9 {machine.sshd.pid} $PPID"
    power = machine.power(power_off=crash, unreachable_is_off=True)
    assert power.power_off("worker-1") > 0.0
    assert not power.is_on("worker-1")


@pytest.mark.parametrize(
    ("command", "said"),
    [("echo no such unit >&2; exit 5", "ended with 5: no such unit"), ("true", "is not off 2 s after")],
)
def test_a_command_that_fails_or_does_nothing_is_told(machine: Machine, command: str, said: str) -> None:
    """Neither an exit code nor a node that stays on passes for a power-off."""
    with pytest.raises(ToolFailed, match=said):
        machine.power(power_off=command).power_off("worker-1")


def test_a_command_that_hangs_is_given_up(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command has a bound, here a short one."""
    monkeypatch.setattr("workbench.target.ssh_power.COMMAND_TIMEOUT_S", 1.0)
    with pytest.raises(ToolFailed, match="did not end within 1 s"):
        machine.power(is_on="sleep 30").is_on("worker-1")


def test_a_machine_that_hangs_is_given_up(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that accepts and says nothing ends by ssh's own time-out, and is off where the file says so."""
    monkeypatch.setattr("workbench.target.ssh_power.CONNECT_TIMEOUT_S", 1)
    with socket.create_server((LOOPBACK, 0)) as mute:
        assert not machine.power(port=mute.getsockname()[1], unreachable_is_off=True).is_on("worker-1")
