"""The way into a cluster: a socket that listens on this machine's loopback address, served from inside.

`python -m workbench.target.throwaway.door <open socket's number> <address> <port>`: every connection is passed on.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import sys
from typing import Final

CHUNK_BYTES: Final = 1 << 16
CONNECT_TIMEOUT_S: Final = 5.0


async def serve(door: socket.socket, address: str, port: int) -> None:
    """Pass connections on until cancelled."""
    server = await asyncio.start_server(functools.partial(_pass_on, address, port), sock=door)
    await server.serve_forever()


async def _pass_on(address: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        inside = await asyncio.wait_for(asyncio.open_connection(address, port), CONNECT_TIMEOUT_S)
    except (OSError, TimeoutError):  # nobody answers inside: neither does the door
        writer.transport.abort()
        return
    await asyncio.gather(_copy(reader, inside[1]), _copy(inside[0], writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the one side ends, then end the other."""
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()
        await writer.wait_closed()


if __name__ == "__main__":
    descriptor, *target = sys.argv[1:]
    asyncio.run(serve(socket.socket(fileno=int(descriptor)), target[0], int(target[1])))
