"""What is asked of the machine before a hub starts."""

from __future__ import annotations

import socket
from itertools import islice
from pathlib import Path

import pytest

from workbench.errors import MachineTrouble
from workbench.scenario import PROJECT_ROOT
from workbench.target.local import machine
from workbench.topology import HubTopology, read_topology


@pytest.fixture(scope="module")
def topology() -> HubTopology:
    """Return the project's base manifests."""
    return read_topology(PROJECT_ROOT / "manifests" / "base")


def test_base_hub_and_a_drill_need_at_most_3_gb(topology: HubTopology) -> None:
    """1 GB of brokers, the rest, and the load beside it."""
    assert 1.5e9 < machine.memory_needed_bytes(topology) < 3e9


def test_too_little_memory_and_disk_are_said_at_once(
    topology: HubTopology, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both troubles are in one message, with what is needed and what is there."""
    monkeypatch.setattr(machine, "memory_free_bytes", lambda: 100 * machine.MB)
    monkeypatch.setattr(machine, "DISK_BYTES", 1 << 60)
    with pytest.raises(MachineTrouble, match=r"100 MB are free.*of free disk"):
        machine.check(topology, tmp_path)


def test_ports_are_free_different_and_below_outgoing_connections() -> None:
    """None is taken, none comes twice, none lies where a client's socket could sit."""
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = list(islice(machine.free_ports(taken=()), 50))
    assert len(set(ports)) == 50
    assert low < machine.PORTS_LOW or all(port < low for port in ports)


def test_a_bound_or_reserved_port_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one port left in the range, and that one bound, there is none."""
    with socket.socket() as holder:
        holder.bind((machine.LOOPBACK, 0))
        assert not machine._can_bind(holder.getsockname()[1])
    monkeypatch.setattr(machine, "PORTS_HIGH", machine.PORTS_LOW + 1_002)
    taken = range(machine.PORTS_LOW, machine.PORTS_LOW + 1_003)
    with pytest.raises(MachineTrouble, match="no free port"):
        next(machine.free_ports(taken))
