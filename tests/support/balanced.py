"""A network of its own with a real haproxy and three servers: one is lost, and haproxy tells when it takes it out.

Run as root in a network namespace of its own, `unshare --net python balanced.py CONFIGURATION FOLDER refused|silent
TIMES` prints a JSON list with one object a loss: `out_s` and `back_s` after the loss and the return, `waited_s` of the
slowest new connection meanwhile.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

LOST, PORT = "127.0.0.2", 8443
ADDRESSES = (LOST, "127.0.0.3", "127.0.0.4")
SERVER = "worker-1"
DEADLINE_S = 40.0
POLL_S = 0.02
CLIENTS = 6
PHASE_S = 0.37  # between losses, so that they meet haproxy's looks at other moments
ANSWERS = """
import socket, sys
listener = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=128)
while True:
    connection, _ = listener.accept()
    connection.sendall(sys.argv[1].encode())
    connection.close()
"""


def configuration(path: Path, folder: Path) -> str:
    """Return the hub's own configuration with addresses of this network, and nothing of the machine's log or users."""
    text = re.sub(r"^ *(log|user|group|daemon|option tcplog).*\n", "", path.read_text(), flags=re.MULTILINE)
    text = text.replace("/run/haproxy/admin.sock", str(folder / "admin.sock")).replace("maxconn 20000", "maxconn 500")
    for number, address in enumerate(ADDRESSES, start=1):
        text = text.replace(f"worker-{number}:443", f"{address}:{PORT}").replace(f"worker-{number}:80", f"{address}:80")
    return re.sub(r"control-plane:(\d+)", r"127.0.0.9:\1", re.sub(r"bind :(\d+)", r"bind 127.0.0.1:\1", text))


class Balanced:
    """The servers and haproxy; everything ends with `close`."""

    def __init__(self, path: Path, folder: Path) -> None:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        self._admin = folder / "admin.sock"
        (folder / "haproxy.cfg").write_text(configuration(path, folder))
        self._servers = {address: _serve(address) for address in ADDRESSES}
        self._haproxy = subprocess.Popen(["haproxy", "-db", "-f", str(folder / "haproxy.cfg")])
        self._until(lambda: all(self._status(f"worker-{number}") == "UP" for number in (1, 2, 3)))

    def close(self) -> None:
        """End every process."""
        for process in (*self._servers.values(), self._haproxy):
            process.kill()
            process.wait()

    def loss(self, silent: bool) -> dict[str, float]:
        """Lose the first server, wait until it is out, bring it back, wait until it is in."""
        stop, waits_s = threading.Event(), [0.0]
        clients = [threading.Thread(target=_connect, args=(stop, waits_s), daemon=True) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        lost_s = time.monotonic()
        self._lose(silent)
        out_s = self._until(lambda: not self._up(SERVER)) - lost_s
        stop.set()
        for client in clients:
            client.join(DEADLINE_S)
        returned_s = time.monotonic()
        self._return(silent)
        back_s = self._until(lambda: self._up(SERVER)) - returned_s
        self._until(lambda: self._status(SERVER) == "UP")
        return {"out_s": out_s, "back_s": back_s, "waited_s": max(waits_s)}

    def _lose(self, silent: bool) -> None:
        if silent:
            subprocess.run(["iptables", "-I", "INPUT", "-d", LOST, "-j", "DROP"], check=True)
        else:
            self._servers[LOST].kill()
            self._servers[LOST].wait()

    def _return(self, silent: bool) -> None:
        if silent:
            subprocess.run(["iptables", "-D", "INPUT", "-d", LOST, "-j", "DROP"], check=True)
        else:
            self._servers[LOST] = _serve(LOST)

    def _up(self, server: str) -> bool:
        """Tell whether a server is sent connections: "UP 2/3" has failed a look and still is."""
        return self._status(server).startswith("UP")

    def _status(self, server: str) -> str:
        """Return haproxy's word on a server; just "UP" where as many looks as it can count were good."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(self._admin))
                connection.sendall(b"show stat\n")
                answer = b"".join(iter(lambda: connection.recv(65_536), b"")).decode()
        except OSError:
            return ""
        rows = [line.split(",") for line in answer.splitlines()]
        return next((row[17] for row in rows if row[:2] == ["https", server] and row[36]), "")

    @staticmethod
    def _until(condition: Callable[[], bool]) -> float:
        deadline_s = time.monotonic() + DEADLINE_S
        while not condition():
            if time.monotonic() > deadline_s:
                raise SystemExit(f"not within {DEADLINE_S:.0f} s")
            time.sleep(POLL_S)
        return time.monotonic()


def _serve(address: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", ANSWERS, address, str(PORT)])


def _connect(stop: threading.Event, waits_s: list[float]) -> None:
    """Open one connection after another as a user does, and note how long each waited for its first bytes."""
    while not stop.is_set():
        began_s = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", 443), DEADLINE_S) as connection:
                connection.settimeout(DEADLINE_S)
                if connection.recv(100):
                    waits_s.append(time.monotonic() - began_s)
        except OSError:
            pass  # cut as the server was taken out: no answer, so no wait for one
        stop.wait(0.1)


def main() -> None:
    """Lose the server so many times and print what was seen."""
    path, folder, kind, times = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    balanced = Balanced(path, folder)
    try:
        found = []
        for number in range(times):
            threading.Event().wait(PHASE_S * number)
            found.append(balanced.loss(kind == "silent"))
    finally:
        balanced.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
