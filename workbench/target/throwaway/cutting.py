"""One pod of a throwaway cluster cut off from some of its peers, by iptables in the pod's own network namespace.

There every packet of the pod passes, to peers on its own node as well, and packets of connections that are open
already: no rule asks for a connection's state. What is cut is silence, as of a cable: nothing is answered, no
connection is reset. The kubelet's probes come from the node's own end of the pod's link and are never cut.

A cut ends by itself after its time, however this process ended: a process of its own waits for that. It is ended
before by `heal`, which may be called at any time and again.
"""

from __future__ import annotations

import re
import secrets
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from workbench.errors import BadInput, ToolFailed
from workbench.target.kubernetes.agent import containers
from workbench.target.throwaway import namespaces

CHAIN: Final = "HUB-WORKBENCH-CUT"  # each cut has a chain of its own, named so and by chance
CUT_S_MAX: Final = 600.0
HOOKS: Final = ("INPUT", "OUTPUT")
START_TIMEOUT_S: Final = 10.0
# Removes the chain "$1" and what leads to it; where there is none, nothing changes.
REMOVE: Final = f"""for hook in {" ".join(HOOKS)}; do while iptables -w -D $hook -j "$1" 2>/dev/null; do :; done; done
iptables -w -F "$1" 2>/dev/null; iptables -w -X "$1" 2>/dev/null; true"""


@dataclass(frozen=True)
class Dropped:
    """Packets that a cut has dropped so far."""

    of_open_connections: int  # TCP that does not begin a connection
    others: int  # beginnings of connections, and what is no TCP


@dataclass(frozen=True)
class PodNetwork:
    """A pod's network namespace, by the first process of its container as this machine numbers it."""

    process_id: int

    def run(self, *argv: str) -> str:
        """Run a command of this machine on the pod's network and return its output. Raises ToolFailed."""
        return namespaces.run(["nsenter", f"--net=/proc/{self.process_id}/ns/net", *argv])


def network_of(pod_uid: str) -> PodNetwork:
    """Return the network of a pod that runs on this machine. Raises BadInput where none does."""
    found = [process_id for process_id, (uid, _, _) in containers().items() if uid == pod_uid]
    if not found:
        raise BadInput(f"no container of pod {pod_uid} runs on this machine, where alone it could be cut off")
    return PodNetwork(found[0])


def cut(network: PodNetwork, peers: Sequence[str], for_s: float) -> float:
    """Drop every packet from and to the addresses of `peers` for `for_s`, or until healed; return since when (epoch s).

    Raises BadInput for no peer, a time out of bounds, or a pod that is cut already; ToolFailed where iptables fails,
    after which nothing is cut.
    """
    if not peers:
        raise BadInput("nobody to cut off from")
    if not 0.0 < for_s <= CUT_S_MAX:
        raise BadInput(f"a cut of {for_s:g} s: above 0 and at most {CUT_S_MAX:g} s")
    if is_cut(network):
        raise BadInput("the pod is cut off already: heal it first")
    chain = f"{CHAIN}-{secrets.token_hex(3)}"
    _remove_later(network, chain, for_s)  # before anything is cut, so that nothing stays
    try:
        network.run("iptables", "-w", "-N", chain)
        for peer in peers:
            for side in ("-s", "-d"):
                network.run("iptables", "-w", "-A", chain, side, peer, "-p", "tcp", "!", "--syn", "-j", "DROP")
                network.run("iptables", "-w", "-A", chain, side, peer, "-j", "DROP")
        begun_s = time.time()
        for hook in HOOKS:
            network.run("iptables", "-w", "-I", hook, "1", "-j", chain)
    except ToolFailed:
        heal(network)
        raise
    return begun_s


def heal(network: PodNetwork) -> None:
    """End a cut; where there is none nothing changes. Raises ToolFailed when something of it stays."""
    for chain in _chains(network):
        network.run("sh", "-c", REMOVE, "sh", chain)
    if is_cut(network):
        raise ToolFailed("the pod is still cut off: its rules could not be removed")


def is_cut(network: PodNetwork) -> bool:
    """Tell whether a pod has a cut's rules."""
    return bool(_chains(network))


def dropped(network: PodNetwork) -> Dropped:
    """Return what a cut has dropped so far. Raises ToolFailed where there is none."""
    chains = _chains(network)
    if not chains:
        raise ToolFailed("the pod is not cut off")
    listed = network.run("iptables", "-w", "-L", chains[0], "-n", "-v", "-x")
    counts = [(int(line.split()[0]), "flags:!" in line) for line in listed.splitlines() if re.match(r"\s*\d+\s", line)]
    return Dropped(sum(n for n, is_open in counts if is_open), sum(n for n, is_open in counts if not is_open))


def _chains(network: PodNetwork) -> list[str]:
    """Return the chains of cuts that a pod has: one, or none."""
    return re.findall(rf"^:({CHAIN}\S*)", network.run("iptables-save", "--table", "filter"), re.MULTILINE)


def _remove_later(network: PodNetwork, chain: str, for_s: float) -> None:
    """Start a process that removes a chain after a while and belongs to nobody; no later cut is touched by it."""
    argv = ["setsid", "--fork", "nsenter", f"--net=/proc/{network.process_id}/ns/net", "sh", "-c"]
    subprocess.run(
        [*argv, f'sleep "$2"; {REMOVE}', "sh", chain, str(for_s)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=START_TIMEOUT_S,
        check=True,
    )
