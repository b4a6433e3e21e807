"""A connection that stays open and is used all the time, to see it fall silent and speak again.

`python -m tests.support.echo serve <port>` answers every byte; `python -m tests.support.echo ask <address> <port>`
sends a byte every 0.1 s over one connection and prints a line for each that comes back.
"""

from __future__ import annotations

import socket
import socketserver
import sys
import threading
import time

PERIOD_S = 0.1
CONNECT_TIMEOUT_S = 5.0
BYTES_MAX = 100_000


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(1024):
            self.request.sendall(data)


def serve(port: int) -> None:
    """Answer until ended."""
    with socketserver.ThreadingTCPServer(("0.0.0.0", port), _Echo) as server:
        print("listening", flush=True)
        server.serve_forever()


def ask(address: str, port: int) -> None:
    """Send and print what comes back, until ended or the connection is."""
    with socket.create_connection((address, port), CONNECT_TIMEOUT_S) as connection:
        connection.settimeout(None)
        threading.Thread(target=_print_answers, args=(connection,), daemon=True).start()
        for _ in range(BYTES_MAX):
            connection.sendall(b".")
            time.sleep(PERIOD_S)


def _print_answers(connection: socket.socket) -> None:
    while connection.recv(1024):
        print("answered", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        ask(sys.argv[2], int(sys.argv[3]))
