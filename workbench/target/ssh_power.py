"""The power of real nodes, by commands over ssh: stop a kubelet, crash a machine, start either again.

The system's own OpenSSH client and no library: keys, agents, jump hosts and known host keys are those that the operator
already keeps for these machines, and a check of host keys is its oldest part. Every host key must be known beforehand,
nothing is ever asked for, and every wait has a bound.

A file names each node's commands (`read_power_file`):

    nodes:
      worker-1:
        host: worker-1.example        # where the commands run: the node itself, or what switches the machine
        user: root
        identity: /root/.ssh/drill    # a private key; left out: what ssh itself would take
        known_hosts: /root/.ssh/known_hosts
        power_off: systemctl kill --signal=SIGKILL rke2-agent
        power_on: systemctl start rke2-agent
        is_on: systemctl is-active --quiet rke2-agent
        unreachable_is_off: false     # true where the node that the commands run on is the one that is switched off
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, ValidationError

from workbench.errors import BadInput, Problem, ToolFailed
from workbench.scenario.form import StrictForm
from workbench.scenario.reading import document_of
from workbench.scenario.wording import problem_of_plain
from workbench.topology.documents import shown
from workbench.waiting import happens

SCHEME: Final = "ssh"  # of its address
CONNECT_TIMEOUT_S: Final = 10
ALIVE_INTERVAL_S: Final = 5  # a connection that is silent for twice as long is given up
ALIVE_TRIES: Final = 2
COMMAND_TIMEOUT_S: Final = 60.0
CHANGE_TIMEOUT_S: Final = 300.0  # until a node is seen to be on or off; a machine's boot is the longest
POLL_S: Final = 1.0
FAILED: Final = 255  # ssh's own exit code, where it is not the command's (ssh(1), "EXIT STATUS")
# What OpenSSH says of a machine that does not answer (sshconnect.c, packet.c, clientloop.c); all else is an error.
SILENT: Final = re.compile(
    r"Connection timed out|Operation timed out|Connection refused|No route to host|Connection reset by"
    r"|closed by remote host|Connection closed by|Network is unreachable|not responding|banner exchange|Broken pipe"
)

Words = Annotated[str, Field(min_length=1, max_length=1000, description="a shell command, at most 1000 characters")]
Name = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$", description="letters, digits and ._:- without a leading dash")
]


class _NodeForm(StrictForm):
    host: Name
    user: Name
    port: int = Field(22, ge=1, le=65_535, description="a port, 1 to 65535")
    identity: str = ""
    known_hosts: str = Field(min_length=1, description="the path of a known_hosts file that has the host's key")
    power_off: Words
    power_on: Words
    is_on: Words
    unreachable_is_off: bool = False


class _PowerForm(StrictForm):
    nodes: dict[Name, _NodeForm] = Field(min_length=1, description="at least one node")


@dataclass(frozen=True)
class SshNode:
    """How one node is switched; the commands are run by the login shell of `user` at `host`."""

    host: str
    user: str
    port: int
    identity: Path | None
    known_hosts: Path
    power_off: str
    power_on: str
    is_on: str  # ends with 0 while the node is on, with anything else while it is off
    unreachable_is_off: bool


def read_power_file(path: Path) -> Mapping[str, SshNode]:
    """Return how each node of a file is switched. Raises BadInput with every problem at once."""
    document = document_of(path, "power file")
    try:
        form = _PowerForm.model_validate(document.plain)
    except ValidationError as error:
        forms: dict[str, type[StrictForm]] = {"": _PowerForm, "nodes": _NodeForm}
        problems = [problem_of_plain(detail, document, forms, "power file") for detail in error.errors()]
        raise BadInput(f"power file {shown(path)} cannot be used", problems) from error
    missing = [
        Problem(shown(path), f"nodes.{name}.{key}", value, "a file that exists")
        for name, each in form.nodes.items()
        for key, value in (("identity", each.identity), ("known_hosts", each.known_hosts))
        if value and not Path(value).is_file()
    ]
    if missing:
        raise BadInput(f"power file {shown(path)} cannot be used", missing)
    return {name: _node_of(each) for name, each in form.nodes.items()}


def _node_of(form: _NodeForm) -> SshNode:
    stated = form.model_dump()
    identity = Path(form.identity) if form.identity else None
    return SshNode(**{**stated, "identity": identity, "known_hosts": Path(form.known_hosts)})


class SshNodePower:
    """A NodePower over ssh: each method raises BadInput for a node that its file does not name, ToolFailed else."""

    def __init__(self, file: Path, nodes: Mapping[str, SshNode], change_timeout_s: float = CHANGE_TIMEOUT_S) -> None:
        self._file = file
        self._nodes = nodes
        self._change_timeout_s = change_timeout_s

    @property
    def names(self) -> tuple[str, ...]:
        """Return the nodes that can be switched."""
        return tuple(self._nodes)

    @property
    def address(self) -> str:
        """Return by what another process finds this power again: "ssh:/etc/power.yaml"."""
        return f"{SCHEME}:{self._file.absolute()}"

    def power_off(self, node: str) -> float:
        """Switch a node off; return when that was asked for (epoch s), once it is seen. One that is off stays off."""
        return self._switch(node, self._node(node).power_off, on=False)

    def power_on(self, node: str) -> float:
        """Switch a node on; return when that was asked for (epoch s), once it is seen. One that is on is left alone."""
        return self._switch(node, self._node(node).power_on, on=True)

    def is_on(self, node: str) -> bool:
        """Tell whether a node is on."""
        each = self._node(node)
        code, said = _run(each, each.is_on)
        if code == FAILED:
            if each.unreachable_is_off and SILENT.search(said):
                return False
            raise ToolFailed(f"{node} cannot be asked whether it is on: {_last_line(said)}")
        return code == 0

    def _switch(self, node: str, command: str, *, on: bool) -> float:
        asked_s = time.time()
        if self.is_on(node) is on:
            return asked_s
        each, asked_s = self._node(node), time.time()
        code, said = _run(each, command)
        # A machine that goes takes the connection with it.
        fell_silent = code == FAILED and not on and each.unreachable_is_off and SILENT.search(said)
        if code != 0 and not fell_silent:
            raise ToolFailed(f"{node}: {command!r} ended with {code}: {_last_line(said)}")
        if not happens(lambda: self.is_on(node) is on, self._change_timeout_s, POLL_S):
            state = "on" if on else "off"
            raise ToolFailed(f"{node} is not {state} {self._change_timeout_s:.0f} s after {command!r}")
        return asked_s

    def _node(self, name: str) -> SshNode:
        if name not in self._nodes:
            raise BadInput(f"no node {name!r} in {self._file}: {', '.join(self._nodes)}")
        return self._nodes[name]


def ssh_power(file: str) -> SshNodePower:
    """Return the power of the nodes that a file names (what follows "ssh:" in its address). Raises BadInput."""
    return SshNodePower(Path(file), read_power_file(Path(file)))


def ssh_command(node: SshNode, command: str) -> list[str]:
    """Return the words that run a shell command at a node's host."""
    options = {
        "BatchMode": "yes",  # no question, ever
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(node.known_hosts),
        "GlobalKnownHostsFile": "/dev/null",
        "UpdateHostKeys": "no",
        "ConnectTimeout": str(CONNECT_TIMEOUT_S),
        "ConnectionAttempts": "1",
        "ServerAliveInterval": str(ALIVE_INTERVAL_S),
        "ServerAliveCountMax": str(ALIVE_TRIES),
        "ControlPath": "none",  # a connection of its own: a shared one would hide that the machine is gone
        "ForwardAgent": "no",
        "PermitLocalCommand": "no",
        "Port": str(node.port),
        "User": node.user,
        **({"IdentityFile": str(node.identity), "IdentitiesOnly": "yes"} if node.identity else {}),
    }
    stated = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    return ["ssh", "-T", *stated, "--", node.host, command]


def _run(node: SshNode, command: str) -> tuple[int, str]:
    """Run a command; return its exit code, or FAILED for ssh's own, and what was said on the way."""
    try:
        done = subprocess.run(
            ssh_command(node, command),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolFailed(f"{node.host}: {command!r} did not end within {COMMAND_TIMEOUT_S:.0f} s") from None
    return done.returncode, done.stderr


def _last_line(said: str) -> str:
    lines = said.strip().splitlines()
    return lines[-1] if lines else "it said nothing"
