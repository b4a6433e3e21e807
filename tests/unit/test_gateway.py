"""The gateway without its stores: settings, tokens, the format of states, and what it answers with both away.

Nothing listens at the stores' addresses here, so what fails is a real connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import orjson
import pytest
from starlette.applications import Starlette

from workbench.apps.device_state import State, parse_states
from workbench.apps.environment import BadSettings
from workbench.apps.gateway.database import state_of
from workbench.apps.gateway.service import BODY_BYTES_MAX, Gateway
from workbench.apps.gateway.settings import read_settings
from workbench.apps.gateway.tokens import Tokens, may_log_in
from workbench.scenario import PROJECT_ROOT
from workbench.topology import read_topology

ENVIRONMENT = {
    "LISTEN_ADDRESS": "127.0.0.1",
    "PORT": "8080",
    "POSTGRES_DSN": "postgresql://hub:hunter2@127.0.0.1:1/hub",
    "REDIS_URL": "redis://:hunter3@127.0.0.1:1/0",
    "ENCRYPTION_KEY": "hunter4",
    "LOGIN_SECRET": "hunter5",
    "TOKEN_KEY": "hunter6",
    "SESSION_TTL_S": "3600",
    "STATE_TTL_S": "60",
    "POOL_SIZE_MAX": "2",
    "POOL_WAITING_MAX": "2",
    "POOL_WAIT_S": "0.05",
    "POSTGRES_TIMEOUT_S": "0.5",
    "REDIS_TIMEOUT_S": "0.5",
    "RETRY_AFTER_S": "7",
}


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


async def ask(application: Starlette, method: str, path: str, body: bytes = b"", authorization: str = "") -> Answer:
    """Send one request through the ASGI interface."""
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(b"authorization", authorization.encode())] if authorization else [],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await application(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], headers, sent[1]["body"])


@asynccontextmanager
async def serving() -> AsyncIterator[Starlette]:
    """Return a gateway's application whose stores cannot be reached."""
    application = Gateway(read_settings(ENVIRONMENT)).application()
    async with application.router.lifespan_context(application):
        yield application


def asked(*requests: tuple[Any, ...]) -> list[Answer]:
    """Return the answers of one gateway to several requests, one after the other."""

    async def run() -> list[Answer]:
        async with serving() as application:
            return [await ask(application, *request) for request in requests]

    return asyncio.run(run())


def test_the_manifests_numbers_are_settings() -> None:
    """Every number of the base's ConfigMap is one that the gateway takes, with the bounds that the topology knows."""
    stated = read_topology(PROJECT_ROOT / "manifests" / "base").gateways
    settings = read_settings({**ENVIRONMENT, **stated.environment})
    assert (settings.session_ttl_s, settings.state_ttl_s) == (stated.session_ttl_s, stated.state_ttl_s)
    assert (settings.pool_size_max, settings.pool_waiting_max) == (stated.pool_size_max, stated.pool_waiting_max)
    assert (settings.pool_wait_s, settings.postgres_timeout_s) == (stated.pool_wait_s, stated.postgres_timeout_s)
    assert settings.redis_timeout_s == stated.redis_timeout_s


def test_settings_report_every_problem_and_hide_secrets() -> None:
    """A missing and a wrong variable are two problems; no secret appears in the settings' representation."""
    with pytest.raises(BadSettings) as caught:
        read_settings({**ENVIRONMENT, "TOKEN_KEY": "", "POOL_SIZE_MAX": "0"})
    assert sorted(problem.split()[0] for problem in caught.value.problems) == ["POOL_SIZE_MAX", "TOKEN_KEY"]
    assert "hunter" not in repr(read_settings(ENVIRONMENT))


def test_a_token_tells_whose_session_it_is() -> None:
    """A session's id and user come back, whatever the case of the word Bearer; two log-ins are two sessions."""
    tokens = Tokens("a key", 3600)
    session, token = tokens.issue("anna@ward-3")
    assert tokens.judge(f"Bearer {token}") == tokens.judge(f"bearer {token} ") == session
    assert tokens.issue("anna@ward-3")[0].session_id != session.session_id


def test_a_forged_an_old_and_a_malformed_token_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another key, another user, a time that is over, no token at all."""
    tokens = Tokens("a key", 3600)
    _, token = tokens.issue("anna")
    assert Tokens("another key", 3600).judge(f"Bearer {token}") is None
    assert tokens.judge(f"Bearer {token.replace('anna', 'otto')}") is None
    for words in ("", "Bearer", "Bearer a b", f"Basic {token}", "Bearer " + "x" * 301, "Bearer ü"):
        assert tokens.judge(words) is None
    old = Tokens("a key", 3600)
    monkeypatch.setattr(old._signer, "get_timestamp", lambda: 1_000_000_000)
    assert tokens.judge(f"Bearer {old.issue('anna')[1]}") is None


def test_who_may_log_in() -> None:
    """A user's name of harmless characters and the secret; anything else is refused, other types too."""
    assert may_log_in("anna@ward-3", "right", "right")
    for user, secret in (("anna", "wrong"), ("", "right"), ("a b", "right"), ("x" * 65, "right"), (7, "right")):
        assert not may_log_in(user, secret, "right")
    assert not may_log_in("anna", None, "right")


def test_states_are_read_as_the_processor_writes_them() -> None:
    """Sorted by topic and partition; a state may hold spaces or be empty; another format is an error."""
    states = [State("alerts", 2, 40, 9, "lead off"), State("sdc-events", 5, 7, 3, "")]
    fields = {field: f"{offset} {rest}" for field, offset, rest in (state.arguments() for state in reversed(states))}
    assert parse_states(fields) == states
    with pytest.raises(ValueError, match="not enough values"):
        parse_states({"alerts/2": "40"})


def test_a_bodys_state_is_the_one_that_redis_would_show() -> None:
    """The field state as text, "" where a body has none."""
    assert state_of('{"id":1,"device":2,"state":"on"}') == "on"
    assert state_of('{"id":1,"device":2}') == ""


def test_log_in_needs_a_secret_and_redis() -> None:
    """No object 400, too long 413, a wrong secret 401 at once; the right one 503 with Retry-After, Redis being away."""
    right = orjson.dumps({"user": "anna", "secret": "hunter5"})
    wrong = orjson.dumps({"user": "anna", "secret": "hunter"})
    bodies = [b"", b"[]", b" " * (BODY_BYTES_MAX + 1), wrong, right]
    answers = asked(*(("POST", "/login", body) for body in bodies), ("GET", "/login"))
    assert [answer.status for answer in answers] == [400, 400, 413, 401, 503, 405]
    assert answers[4].headers["retry-after"] == "7"


def test_a_state_needs_a_token_and_a_store() -> None:
    """401 without a token, 404 for what can be no device, 503 with what Redis had to say when nothing answers."""
    bearer = f"Bearer {Tokens(ENVIRONMENT['TOKEN_KEY'], 3600).issue('anna')[1]}"
    answers = asked(
        ("GET", "/devices/3/state"),
        ("GET", "/devices/3/state", b"", bearer),
        ("GET", f"/devices/{2**31}/state", b"", bearer),
        ("GET", "/devices/-1/state", b"", bearer),
        ("GET", "/metrics"),
    )
    assert [answer.status for answer in answers] == [401, 503, 404, 404, 200]
    assert answers[0].headers["www-authenticate"] == "Bearer"
    assert (answers[1].headers["x-cache"], answers[1].headers["retry-after"]) == ("away", "7")
    metrics = answers[4].body.decode().splitlines()
    assert 'hub_gateway_states_total{cache="away"} 1.0' in metrics
    assert 'hub_gateway_requests_total{route="/devices/{device}/state",status="503"} 1.0' in metrics


def test_alive_but_not_ready_without_both_stores() -> None:
    """A restart would not bring the stores back, so the process calls itself healthy; it is not ready."""
    healthy, ready = asked(("GET", "/healthz"), ("GET", "/readyz"))
    assert (healthy.status, ready.status) == (200, 503)
    assert orjson.loads(ready.body) == {"redis": False, "postgres": False}
