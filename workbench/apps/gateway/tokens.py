"""Tokens: who logged in and when, signed, so that they can be judged while Redis is away.

While Redis answers, a token counts only if its session is there as well (sessions.py keeps it under the id).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final, NamedTuple

from itsdangerous import BadSignature, TimestampSigner

USER: Final = re.compile(r"[A-Za-z0-9@._-]{1,64}")
BEARER: Final = re.compile(r"Bearer +([A-Za-z0-9@._~:-]{1,300})", re.IGNORECASE)
ID_BYTES: Final = 16


class Session(NamedTuple):
    """Who a token belongs to, and the id under which Redis keeps it."""

    session_id: str
    user: str


class Tokens:
    """Issues and judges tokens: `<session id>:<user>~<time>~<signature>` (itsdangerous 2.2, TimestampSigner)."""

    def __init__(self, key: str, ttl_s: int) -> None:
        self._ttl_s = ttl_s
        self._signer = TimestampSigner(
            key, salt="gateway.session", sep="~", key_derivation="hmac", digest_method=hashlib.sha256
        )

    def issue(self, user: str) -> tuple[Session, str]:
        """Return a new session of a user and its token."""
        session = Session(secrets.token_hex(ID_BYTES), user)
        return session, self._signer.sign(f"{session.session_id}:{user}").decode()

    def judge(self, authorization: str) -> Session | None:
        """Return the session of an Authorization header; None for no token, a forged or an old one."""
        match = BEARER.fullmatch(authorization.strip())
        if match is None:
            return None
        try:
            value = self._signer.unsign(match[1], max_age=self._ttl_s)
        except BadSignature:  # an expired one too
            return None
        session_id, _, user = value.decode().partition(":")
        return Session(session_id, user)


def may_log_in(user: object, secret: object, expected: str) -> bool:
    """Tell whether a user's name is one and the secret the expected one (compared in constant time)."""
    if not isinstance(user, str) or not isinstance(secret, str) or not USER.fullmatch(user):
        return False
    return hmac.compare_digest(secret.encode(), expected.encode())
