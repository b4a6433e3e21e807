"""The Secrets that docs/manifests.md asks for, with passwords drawn for one hub."""

from __future__ import annotations

import secrets
from typing import Any, Final

BYTES: Final = 24


def password_secrets(namespace: str) -> list[dict[str, Any]]:
    """Return the Secrets of Postgres, Redis, the event processor and the gateway; every call draws anew."""
    superuser, replication, hub, exporter, redis = (secrets.token_urlsafe(BYTES) for _ in range(5))
    # libpq asks for the Service's address at each connection: it leads to whoever is the primary.
    dsn = f"postgresql://hub:{hub}@postgres:5432/hub"
    redis_url = f"redis://:{redis}@redis:6379/0"
    contents = {
        "postgres-passwords": {
            "superuser": superuser,
            "replication": replication,
            "hub": hub,
            "exporter": exporter,
        },
        "redis-password": {"password": redis},
        "event-processor": {
            "postgres-dsn": dsn,
            "redis-url": redis_url,
            "encryption-key": secrets.token_urlsafe(BYTES),
        },
        "gateway": {
            "postgres-dsn": dsn,
            "redis-url": redis_url,
            "login-secret": secrets.token_urlsafe(BYTES),
            "token-key": secrets.token_urlsafe(BYTES),
        },
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": content,
        }
        for name, content in contents.items()
    ]
