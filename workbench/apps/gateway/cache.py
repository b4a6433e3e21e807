"""Redis: sessions, and the states that the event processors keep there.

A device's hash alone does not tell whether it holds everything: after a Redis that lost its file it holds only
what came since. So the gateway marks a device (`whole:<id>`) once it has compared the hash with Postgres; a state
that comes later reaches the hash through a processor. The mark ends after `state_ttl_s`, and with it whatever
Redis may have forgotten meanwhile (appendfsync everysec: a lost machine's last second).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import redis
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from workbench.apps.device_state import NEWEST_SCRIPT, State, device_key, parse_states
from workbench.apps.gateway.tokens import Session

WHOLE_MARK: Final = "1"


class Look(NamedTuple):
    """What Redis says: whether the session is there, and the device's states, None where they may not be all."""

    session: bool
    states: list[State] | None


class Cache:
    """Bounded connections to Redis, made when needed. Methods raise redis.RedisError.

    Each waits at most the time-out for a connection of the pool, for connecting and for an answer.
    """

    def __init__(self, url: str, connections_max: int, timeout_s: float, session_ttl_s: int, state_ttl_s: int) -> None:
        self._session_ttl_s = session_ttl_s
        self._state_ttl_s = state_ttl_s
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=connections_max,
            timeout=timeout_s,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            # Once, and only over a new connection: an idle one of a Redis that has started again is broken.
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
            decode_responses=True,
        )
        self._client: Redis = Redis.from_pool(pool)

    async def open_session(self, session: Session) -> None:
        """Keep a new session until its time is over."""
        await self._client.set(session_key(session), session.user, ex=self._session_ttl_s)

    async def look(self, session: Session, device: int) -> Look:
        """Ask for a session and a device's states in one round trip."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.get(session_key(session))
        pipeline.exists(whole_key(device))
        pipeline.hgetall(device_key(device))
        user, whole, fields = await pipeline.execute()
        return Look(user == session.user, _states(fields) if whole else None)

    async def fill(self, device: int, states: Sequence[State]) -> list[State]:
        """Add states from Postgres where Redis has no newer ones, mark the device, return what Redis then holds."""
        arguments: list[Any] = [argument for state in states for argument in state.arguments()]
        key = device_key(device)
        pipeline = self._client.pipeline(transaction=True)
        pipeline.eval(NEWEST_SCRIPT, len(states), *[key] * len(states), *arguments)
        pipeline.set(whole_key(device), WHOLE_MARK, ex=self._state_ttl_s)
        pipeline.hgetall(key)
        return _states((await pipeline.execute())[-1])

    async def answers(self) -> bool:
        """Tell whether Redis answers."""
        try:
            return bool(await self._client.ping())
        except redis.RedisError:
            return False

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()


def session_key(session: Session) -> str:
    """Return the key of a session."""
    return f"session:{session.session_id}"


def whole_key(device: int) -> str:
    """Return the key of a device's mark."""
    return f"whole:{device}"


def _states(fields: dict[str, str]) -> list[State]:
    try:
        return parse_states(fields)
    except ValueError as problem:
        raise redis.DataError(f"a state in an unknown format: {problem}") from problem
