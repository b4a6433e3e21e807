"""Connects to a Service again and again from inside a node's network, and writes down each attempt.

`python -m workbench.drill.nodes.connecting <address> <port>` prints a line of JSON an attempt: when it began (epoch s)
and whether somebody answered. It imports nothing of the workbench, since it runs in another network namespace.
"""

from __future__ import annotations

import json
import socket
import sys
import time

PERIOD_S = 0.1
TIMEOUT_S = 1.0
ATTEMPTS_MAX = 36_000  # an hour, far longer than any drill


def connects(address: str, port: int) -> bool:
    """Tell whether a connection is made within the time-out."""
    try:
        socket.create_connection((address, port), TIMEOUT_S).close()
    except OSError:
        return False
    return True


def main(address: str, port: int) -> None:
    """Connect until the process is ended or nobody reads."""
    for _ in range(ATTEMPTS_MAX):
        begun_s = time.time()
        print(json.dumps({"t": begun_s, "ok": connects(address, port)}), flush=True)
        time.sleep(PERIOD_S)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
