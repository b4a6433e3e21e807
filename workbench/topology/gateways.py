"""The gateway's Deployment and the ConfigMap of its numbers to typed values."""

from __future__ import annotations

from typing import Final

from workbench.topology.documents import Node
from workbench.topology.environment import ContainerEnvironment
from workbench.topology.fields import Reader
from workbench.topology.hub import Gateways
from workbench.topology.rendering import Resources
from workbench.topology.stores import only_container

TTL_S_MAX: Final = 604_800  # the bounds are those of the gateway's own settings
POOL_SIZE_MAX: Final = 1000
POOL_WAITING_MAX: Final = 100_000
TIMEOUT_S: Final = (0.01, 60.0)
# What the gateway refuses to start without, wherever it comes from (most of these are secrets).
_NEEDED: Final = ("LISTEN_ADDRESS", "POSTGRES_DSN", "REDIS_URL", "ENCRYPTION_KEY", "LOGIN_SECRET", "TOKEN_KEY")


def read_gateways(reader: Reader, node: Node, resources: Resources) -> Gateways:
    """Return the Deployment and its settings."""
    container = only_container(reader, node)
    env = ContainerEnvironment(reader, container, node.text("metadata", "namespace"), resources)
    env.check_stated(_NEEDED)
    env.number("PORT", 1, 65_535, whole=True)
    env.number("RETRY_AFTER_S", 1, 3600, whole=True)
    return Gateways(
        name=reader.text(node, "metadata", "name"),
        replicas=reader.whole(node, "spec", "replicas", at_least=1, at_most=1000),
        session_ttl_s=env.number("SESSION_TTL_S", 1, TTL_S_MAX, whole=True),
        state_ttl_s=env.number("STATE_TTL_S", 1, TTL_S_MAX, whole=True),
        pool_size_max=round(env.number("POOL_SIZE_MAX", 1, POOL_SIZE_MAX, whole=True)),
        pool_waiting_max=round(env.number("POOL_WAITING_MAX", 1, POOL_WAITING_MAX, whole=True)),
        pool_wait_s=env.number("POOL_WAIT_S", *TIMEOUT_S, whole=False),
        postgres_timeout_s=env.number("POSTGRES_TIMEOUT_S", *TIMEOUT_S, whole=False),
        redis_timeout_s=env.number("REDIS_TIMEOUT_S", *TIMEOUT_S, whole=False),
        environment=env.literal,
        resources=reader.resources(container, "resources"),
    )
