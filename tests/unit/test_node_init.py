"""Process 1 of a node, and the cluster's door, as programs: what they start again, wait for and pass on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import wait_for
from workbench.target.throwaway.node_init import NodePlan, Service


@contextmanager
def _running(*module_and_arguments: str, keeps: tuple[int, ...] = ()) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", *module_and_arguments], pass_fds=keeps, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def test_a_plan_is_read_back(tmp_path: Path) -> None:
    """The JSON form holds every field."""
    service = Service("a", ["b"], "c", ["d"], {"e": "f"}, [7])
    plan = NodePlan("eth0", [["true"]], {"net/x": "1"}, [service])
    assert NodePlan.from_json(plan.to_json()) == plan


def test_a_service_that_ends_is_started_again_and_one_waits_for_its_need(tmp_path: Path) -> None:
    """The first service ends at once, again and again; the second starts once the file it needs is there."""
    count, need, late = tmp_path / "count", tmp_path / "need", tmp_path / "late"
    services = [
        Service("short", ["sh", "-c", f"echo x >> '{count}'"], str(tmp_path / "log")),
        Service("late", ["sh", "-c", f"touch '{late}'; exec sleep 60"], str(tmp_path / "log"), [str(need)]),
    ]
    plan = tmp_path / "plan.json"
    plan.write_bytes(NodePlan(services=services).to_json())
    with _running("workbench.target.throwaway.node_init", str(plan)):
        wait_for(lambda: count.exists() and count.read_text().count("x") >= 2, 30.0, "the service starts again")
        assert not late.exists()
        need.touch()
        wait_for(late.exists, 30.0, "the service that needed the file starts")
        sleeper = subprocess.run(
            ["pgrep", "-f", "-n", "^sleep 60$"], capture_output=True, text=True, timeout=10, check=True
        )
    os.kill(int(sleeper.stdout), signal.SIGKILL)  # outside of a namespace nobody else ends it


def test_the_door_passes_bytes_on_and_survives_silence_inside() -> None:
    """With nobody inside a caller is cut off; later ones get through, both ways."""
    with socket.create_server(("127.0.0.1", 0)) as door, socket.create_server(("127.0.0.1", 0)) as inside:
        address, port = inside.getsockname()
        arguments = ["workbench.target.throwaway.door", str(door.fileno()), address, str(port)]
        with _running(*arguments, keeps=(door.fileno(),)):
            with socket.create_connection(door.getsockname(), timeout=30) as caller:
                inside.settimeout(30)
                answering, _ = inside.accept()
                with answering:
                    caller.sendall(b"question")
                    assert answering.recv(100) == b"question"
                    answering.sendall(b"answer")
                    assert caller.recv(100) == b"answer"
            inside.close()
            with socket.create_connection(door.getsockname(), timeout=30) as caller:
                assert _ends(caller)


def _ends(caller: socket.socket) -> bool:
    try:
        return caller.recv(100) == b""
    except ConnectionResetError:
        return True
