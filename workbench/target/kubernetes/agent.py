"""On a node: notes every start and end of the hub's containers, and ends one.

Runs in a pod that sees the node's processes (agent_pods.py), as text handed to any Python 3, so it imports nothing of
the workbench. A container is its first process: when that ends, the kernel ends the others with it.

`watch` prints a line of JSON for each start and end, for ever; `kill UID SIGNAL` sends a signal to the first
process of a pod and waits for its end; `cpu UID` tells what its processes have computed; `freeze NAME SECONDS` stops
a process of the node itself for so long. Clocks: the node's own.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

LOOK_S = 0.5  # how often new containers are looked for; a start's own time is the kernel's
END_TIMEOUT_S = 60.0
# Stops the process of a descriptor after a while, and lets it go on after another, both in ms.
FREEZER = """
import select, signal, sys
descriptor, lead_ms, for_ms = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
ends = select.poll()
ends.register(descriptor, select.POLLIN)
if not ends.poll(lead_ms):
    try:
        signal.pidfd_send_signal(descriptor, signal.SIGSTOP)
        ends.poll(for_ms)
    finally:
        signal.pidfd_send_signal(descriptor, signal.SIGCONT)
"""
FREEZE_LEAD_S = 1.0  # by then the answer is with whoever asked, which comes through the kubelet
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
FIRST = re.compile(r"^NSpid:.*\t1$", re.MULTILINE)
ENDED = "Z"  # its parent has not taken note yet
# cgroupfs has dashes in a pod's uid, systemd's driver underscores; the container's id follows.
PLACE = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}).*?([0-9a-f]{64})")


def containers() -> dict[int, tuple[str, str, float]]:
    """Return the first process of every container of a pod: its id -> pod's uid, container, start (epoch s).

    Process 1 of a process namespace of its own, whatever it has become since. Without the pods' sandboxes: of each pod
    the one that started first.
    """
    found: dict[int, tuple[str, str, float]] = {}
    since_boot_s = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            place = PLACE.search((entry / "cgroup").read_text())
            if place is None or FIRST.search((entry / "status").read_text()) is None:
                continue
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        if fields[0] != ENDED:
            start_s = since_boot_s + int(fields[19]) / TICKS_PER_S
            found[int(entry.name)] = (place[1].replace("_", "-"), place[2], start_s)
    sandboxes: dict[str, tuple[float, int]] = {}
    for pid, (uid, _, start_s) in found.items():
        sandboxes[uid] = min((start_s, pid), sandboxes.get(uid, (start_s, pid)))
    return {pid: each for pid, each in found.items() if sandboxes[each[0]][1] != pid}


def watch() -> None:
    """Note starts and ends until this pod ends."""
    known: dict[int, int] = {}  # process id -> its pidfd
    poller = select.poll()
    while True:
        for pid, (uid, container, start_s) in containers().items():
            if pid in known:
                continue
            try:
                known[pid] = os.pidfd_open(pid)
            except ProcessLookupError:
                continue
            poller.register(known[pid], select.POLLIN)
            _note(pod=uid, container=container, process_id=pid, started_s=start_s)
        ended = {descriptor for descriptor, _ in poller.poll(LOOK_S * 1000.0)}
        ended_s = time.time()
        for pid, descriptor in list(known.items()):
            if descriptor in ended:
                poller.unregister(descriptor)
                os.close(known.pop(pid))
                _note(process_id=pid, ended_s=ended_s)


def _note(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


def kill(uid: str, name: str) -> dict[str, object]:
    """Send a signal to the first process of the pod and return what became of it."""
    pid = first_process(uid)
    descriptor = os.pidfd_open(pid)
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    sent_s = time.time()
    signal.pidfd_send_signal(descriptor, signal.Signals[name])
    ended = bool(poller.poll(END_TIMEOUT_S * 1000.0))
    return {"process_id": pid, "sent_s": sent_s, "ended_s": time.time(), "ended": ended}


def cpu(uid: str) -> dict[str, object]:
    """Return the computing time (s) that the pod's processes have used."""
    used = 0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and uid in (entry / "cgroup").read_text().replace("_", "-"):
                ticks = (entry / "stat").read_text().rpartition(")")[2].split()[11:13]
                used += sum(map(int, ticks))
        except OSError:  # ended meanwhile
            continue
    return {"cpu_s": used / TICKS_PER_S}


def freeze(name: str, for_s: str) -> dict[str, object]:
    """Stop the node's only process of a name for so long, and return at once; it goes on whatever happens meanwhile.

    A process of its own does both: with the kubelet stopped nobody can ask the agent for anything.
    """
    (pid,) = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _name(entry) == name)
    descriptor = os.pidfd_open(pid)
    stops_s = time.time() + FREEZE_LEAD_S
    words = [sys.executable, "-c", FREEZER, str(descriptor), str(FREEZE_LEAD_S * 1000.0), str(float(for_s) * 1000.0)]
    # Without this one's output: else whoever asked would wait for the end of it.
    freezer = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[descriptor],
        start_new_session=True,
    )
    freezer.returncode = 0  # it outlives this process
    os.close(descriptor)
    return {"process_id": pid, "stops_s": stops_s, "goes_on_s": stops_s + float(for_s)}


def _name(entry: Path) -> str:
    try:
        return (entry / "comm").read_text().strip()
    except OSError:  # ended meanwhile
        return ""


def first_process(uid: str) -> int:
    """Return the first process of the pod's only container."""
    (pid,) = (pid for pid, (pod, _, _) in containers().items() if pod == uid)
    return pid


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "watch":
        watch()
    else:
        commands: dict[str, Callable[..., dict[str, object]]] = {"kill": kill, "cpu": cpu, "freeze": freeze}
        print(json.dumps(commands[command](*rest)))
