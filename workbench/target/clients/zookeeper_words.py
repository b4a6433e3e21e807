"""ZooKeeper's four-letter words (ZooKeeper 3.8.4 administrator's guide, "The Four Letter Words")."""

from __future__ import annotations

import re
import socket
from typing import Final

from workbench.target.clients.addresses import Address

WORDS: Final = "srvr,cons"  # the ones we ask; 4lw.commands.whitelist must hold them
TIMEOUT_S: Final = 1.0
ANSWER_BYTES_MAX: Final = 4 << 20


def mode(server: Address) -> str:
    """Return a server's mode: "leader", "follower", or "" while it serves nobody."""
    return mode_told(_ask(server, b"srvr"))


def mode_told(answer: str) -> str:
    """Return the mode that an answer to "srvr" tells, as `mode` does."""
    found = re.search(r"^Mode: (\w+)$", answer, re.MULTILINE)
    return found[1] if found else ""


def sessions(server: Address) -> frozenset[int]:
    """Return the ids of the sessions whose connection this server holds."""
    return frozenset(int(text, 16) for text in re.findall(r"\bsid=0x([0-9a-f]+)", _ask(server, b"cons")))


def _ask(server: Address, word: bytes) -> str:
    """Return the answer to a word, "" when the server does not answer."""
    data = b""
    try:
        with socket.create_connection((server.host, server.port), TIMEOUT_S) as connection:
            connection.sendall(word)
            while len(data) < ANSWER_BYTES_MAX and (chunk := connection.recv(65_536)):
                data += chunk
    except OSError:
        return ""
    return data.decode(errors="replace")
