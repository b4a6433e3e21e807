"""How a device's states are read: Redis first, Postgres when Redis does not know or does not answer."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import NamedTuple

import psycopg
import redis

from workbench.apps.device_state import State
from workbench.apps.gateway.cache import Cache, Look
from workbench.apps.gateway.database import Database
from workbench.apps.gateway.log import StoreLog
from workbench.apps.gateway.metrics import Metrics
from workbench.apps.gateway.tokens import Session


class CacheAnswer(StrEnum):
    """What Redis had to say: the header X-Cache, and a metric's label."""

    HIT = "hit"
    MISS = "miss"
    AWAY = "away"


class NoSession(Exception):
    """Redis answers, and does not know the token's session."""


class NoStore(Exception):
    """Neither store can answer now. `cache` says what Redis had."""

    def __init__(self, cache: CacheAnswer) -> None:
        self.cache = cache
        super().__init__(cache.value)


class Reading(NamedTuple):
    """A device's newest states, by topic and partition, and where they are from."""

    states: list[State]
    cache: CacheAnswer


class Reader:
    """Reads states for a session."""

    def __init__(self, cache: Cache, database: Database, metrics: Metrics) -> None:
        self._cache = cache
        self._database = database
        self._metrics = metrics
        self.redis_log = StoreLog("Redis")
        self._postgres_log = StoreLog("Postgres")

    async def read(self, session: Session, device: int) -> Reading:
        """Return a device's newest states; empty when the hub knows none. Raises NoSession and NoStore."""
        look = await self._look(session, device)
        if look is not None and not look.session:
            raise NoSession
        if look is not None and look.states is not None:
            return self._counted(look.states, CacheAnswer.HIT)
        cache = CacheAnswer.AWAY if look is None else CacheAnswer.MISS
        states = await self._from_postgres(device, cache)
        if look is not None and states:  # devices that do not exist must not fill Redis
            states = await self._fill(device, states)
        return self._counted(states, cache)

    async def _look(self, session: Session, device: int) -> Look | None:
        try:
            look = await self._cache.look(session, device)
        except redis.RedisError as problem:
            self.redis_log.failed(problem)
            return None
        self.redis_log.answered()
        return look

    async def _from_postgres(self, device: int, cache: CacheAnswer) -> list[State]:
        began_s = time.perf_counter()
        try:
            states = await self._database.newest(device)
        except psycopg.Error as problem:
            self._postgres_log.failed(problem)
            self._metrics.states.labels(cache=cache.value).inc()
            raise NoStore(cache) from problem
        self._postgres_log.answered()
        self._metrics.postgres_seconds.observe(time.perf_counter() - began_s)
        return states

    async def _fill(self, device: int, states: list[State]) -> list[State]:
        """Return what Redis holds after the states were added: a processor may have been quicker than the read."""
        try:
            return await self._cache.fill(device, states)
        except redis.RedisError as problem:
            self.redis_log.failed(problem)
            return states

    def _counted(self, states: list[State], cache: CacheAnswer) -> Reading:
        self._metrics.states.labels(cache=cache.value).inc()
        return Reading(states, cache)
