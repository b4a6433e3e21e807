"""The gateway's routes: what a request must bring, and which answer says what happened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import orjson
import redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from workbench.apps.gateway.cache import Cache
from workbench.apps.gateway.database import Database
from workbench.apps.gateway.metrics import Metrics
from workbench.apps.gateway.reading import NoSession, NoStore, Reader
from workbench.apps.gateway.settings import Settings
from workbench.apps.gateway.tokens import Tokens, may_log_in

BODY_BYTES_MAX: Final = 4096
BODY_TIMEOUT_S: Final = 5.0  # a client that sends its log-in slower than this is let go
DEVICE_MAX: Final = 2**31 - 1  # integer
CACHE_HEADER: Final = "X-Cache"
METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_Endpoint = Callable[[Request], Awaitable[Response]]


class Gateway:
    """One gateway with its stores."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokens = Tokens(settings.token_key, settings.session_ttl_s)
        self._cache = Cache(
            settings.redis_url,
            settings.pool_size_max,
            settings.redis_timeout_s,
            settings.session_ttl_s,
            settings.state_ttl_s,
        )
        self._database = Database(
            settings.postgres_dsn,
            settings.encryption_key,
            size_max=settings.pool_size_max,
            waiting_max=settings.pool_waiting_max,
            wait_s=settings.pool_wait_s,
            timeout_s=settings.postgres_timeout_s,
        )
        self.metrics = Metrics(lambda: self._database.in_use)
        self._reader = Reader(self._cache, self._database, self.metrics)

    def application(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                self._route("/login", self.login, "POST"),
                self._route("/devices/{device:int}/state", self.state, "GET"),
                self._route("/healthz", self.healthz, "GET"),
                self._route("/readyz", self.readyz, "GET"),
                self._route("/metrics", self.show_metrics, "GET"),
            ],
            lifespan=self._lifespan,
        )

    async def login(self, request: Request) -> Response:
        """Open a session for a user who knows the secret."""
        try:
            fields = orjson.loads(await _body(request))
        except (orjson.JSONDecodeError, TimeoutError):
            return _problem(400, "a JSON object with user and secret")
        except _TooLong:
            return _problem(413, f"at most {BODY_BYTES_MAX} bytes")
        if not isinstance(fields, dict):
            return _problem(400, "a JSON object with user and secret")
        user, sessions = fields.get("user"), self.metrics.sessions
        if not may_log_in(user, fields.get("secret"), self._settings.login_secret):
            sessions.labels(outcome="refused").inc()
            return _problem(401, "no such user, or a wrong secret")
        session, token = self._tokens.issue(str(user))
        try:
            await self._cache.open_session(session)
        except redis.RedisError as problem:
            self._reader.redis_log.failed(problem)
            sessions.labels(outcome="unavailable").inc()
            return self._later("no sessions while Redis does not answer")
        self._reader.redis_log.answered()
        sessions.labels(outcome="opened").inc()
        return _json({"token": token, "expires_in_s": self._settings.session_ttl_s})

    async def state(self, request: Request) -> Response:
        """Show a device's newest states to who is logged in."""
        session = self._tokens.judge(request.headers.get("Authorization", ""))
        device: int = request.path_params["device"]
        if session is None:
            return _log_in_first()
        if device > DEVICE_MAX:
            return _problem(404, "no such device")
        try:
            reading = await self._reader.read(session, device)
        except NoSession:
            return _log_in_first()
        except NoStore as problem:
            return self._later("no store can tell this device's state now", {CACHE_HEADER: problem.cache.value})
        header = {CACHE_HEADER: reading.cache.value}
        if not reading.states:
            return _problem(404, "nothing is known of this device", header)
        return _json({"device": device, "states": [state._asdict() for state in reading.states]}, headers=header)

    async def healthz(self, _: Request) -> Response:
        """Say that the process serves; nothing is asked of the stores, whose failure no restart here would mend."""
        return PlainTextResponse("ok\n")

    async def readyz(self, _: Request) -> Response:
        """Say which stores answer; ready while one does, since hits need no Postgres and reading no Redis."""
        redis_answers, postgres_answers = await asyncio.gather(self._cache.answers(), self._database.answers())
        stores = {"redis": redis_answers, "postgres": postgres_answers}
        return _json(stores, 200 if any(stores.values()) else 503)

    async def show_metrics(self, _: Request) -> Response:
        """Show the metrics."""
        return Response(self.metrics.text(), media_type=METRICS_TYPE)

    def _later(self, what: str, headers: dict[str, str] | None = None) -> Response:
        return _problem(503, what, {**(headers or {}), "Retry-After": str(self._settings.retry_after_s)})

    def _route(self, path: str, endpoint: _Endpoint, method: str) -> Route:
        """Return a route whose answers are counted."""
        label = path.replace(":int", "")

        async def counted(request: Request) -> Response:
            response = await endpoint(request)
            self.metrics.requests.labels(route=label, status=str(response.status_code)).inc()
            return response

        return Route(path, counted, methods=[method])

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        await self._database.open()
        try:
            yield
        finally:
            await self._database.close()
            await self._cache.close()


class _TooLong(Exception):
    """A body of more than BODY_BYTES_MAX."""


async def _body(request: Request) -> bytes:
    """Return a request's body. Raises _TooLong and TimeoutError."""
    body = bytearray()
    async with asyncio.timeout(BODY_TIMEOUT_S):
        async for part in request.stream():
            body += part
            if len(body) > BODY_BYTES_MAX:
                raise _TooLong
    return bytes(body)


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(content), status, headers, "application/json")


def _problem(status: int, what: str, headers: dict[str, str] | None = None) -> Response:
    return _json({"problem": what}, status, headers)


def _log_in_first() -> Response:
    return _problem(401, "log in first", {"WWW-Authenticate": "Bearer"})
