"""The file that says how nodes are switched over ssh: read strictly, and what ssh is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import BadInput
from workbench.target.powers import find_power
from workbench.target.ssh_power import read_power_file, ssh_command

NODE = """
    host: 127.0.0.1
    user: root
    known_hosts: {known_hosts}
    power_off: systemctl kill --signal=SIGKILL rke2-agent
    power_on: systemctl start rke2-agent
    is_on: systemctl is-active --quiet rke2-agent
"""


def _file(folder: Path, text: str) -> Path:
    path = folder / "power.yaml"
    path.write_text(text)
    return path


def test_it_is_found_by_its_address(tmp_path: Path) -> None:
    """What a drill's record on a cluster keeps leads another process to the same power."""
    (tmp_path / "known_hosts").touch()
    path = _file(tmp_path, "nodes:\n  worker-1:" + NODE.format(known_hosts=tmp_path / "known_hosts"))
    assert find_power(f"ssh:{path}").address == f"ssh:{path}"


def test_defaults_are_the_careful_ones(tmp_path: Path) -> None:
    """Port 22, ssh's own choice of a key, and a silent machine is an error; host keys are always checked."""
    known = tmp_path / "known_hosts"
    known.touch()
    nodes = read_power_file(_file(tmp_path, "nodes:\n  worker-1:" + NODE.format(known_hosts=known)))
    node = nodes["worker-1"]
    assert (node.port, node.identity, node.unreachable_is_off) == (22, None, False)
    words = ssh_command(node, "true")
    assert words[0] == "ssh"
    assert words[-3:] == ["--", "127.0.0.1", "true"]
    assert {"StrictHostKeyChecking=yes", "BatchMode=yes", f"UserKnownHostsFile={known}"} < set(words)
    assert not any(word.startswith("IdentityFile") for word in words)


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    """An unknown key, a missing command, a port out of bounds and a host that ssh would take for an option."""
    text = "nodes:\n  worker-1:" + NODE.format(known_hosts="x") + "    port: 0\n    pasword: x\n"
    text = text.replace("127.0.0.1", "-oProxyCommand=x").replace("    is_on:", "    was_on:")
    with pytest.raises(BadInput) as raised:
        read_power_file(_file(tmp_path, text))
    told = {problem.key: problem for problem in raised.value.problems}
    keys = {f"nodes.worker-1.{key}" for key in ("host", "port", "pasword", "was_on", "is_on")}
    assert set(told) == keys
    assert told["nodes.worker-1.is_on"].value == "missing"
    assert all(problem.line for problem in told.values())


def test_files_that_are_not_there_are_told(tmp_path: Path) -> None:
    """A key and known hosts must exist before anything is switched off."""
    text = "nodes:\n  worker-1:" + NODE.format(known_hosts="no/such/file") + "    identity: no/such/key\n"
    with pytest.raises(BadInput) as raised:
        read_power_file(_file(tmp_path, text))
    assert [problem.key for problem in raised.value.problems] == [
        "nodes.worker-1.identity",
        "nodes.worker-1.known_hosts",
    ]
