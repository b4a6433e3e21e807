"""The API of a cluster, by a kubeconfig, with a bound on every request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import urllib3
import yaml
from kubernetes import client, config

from workbench.errors import BadInput, ToolFailed

SIDE_BY_SIDE: Final = 16  # requests at a time
RETRIES: Final = 3  # of a request whose connection failed
CONNECT_TIMEOUT_S: Final = 5.0
ANSWER_TIMEOUT_S: Final = 60.0  # as long as the API server itself lets a request take


class Api:
    """The cluster's API, by an administrator's kubeconfig."""

    def __init__(self, kubeconfig: Path, context: str = "", retries: int = RETRIES) -> None:
        self.kubeconfig = kubeconfig
        self.context = context
        settings = _settings(kubeconfig, context)
        settings.connection_pool_maxsize = SIDE_BY_SIDE + 4  # the watches have connections of their own
        settings.retries = urllib3.Retry(total=retries, backoff_factor=0.2)
        self._settings = settings
        each = self.fresh()
        self.core = client.CoreV1Api(each)
        self.apps = client.AppsV1Api(each)
        self.coordination = client.CoordinationV1Api(each)
        self.discovery = client.DiscoveryV1Api(each)
        self.authorization = client.AuthorizationV1Api(each)

    def fresh(self) -> client.ApiClient:
        """Return a client of its own for the same cluster."""
        return _Client(self._settings)

    def get(self, path: str) -> dict[str, Any]:
        """Return what the API answers at a path, as it is: custom resources too. Raises what the client does."""
        accepts = {"Accept": "application/json"}
        answer = self.fresh().call_api(
            path, "GET", header_params=accepts, auth_settings=["BearerToken"], _preload_content=False
        )
        return dict(json.loads(answer.data))


def _settings(kubeconfig: Path, context: str) -> client.Configuration:
    """Return what a kubeconfig says. Raises BadInput for one that says nothing whole."""
    settings = client.Configuration()
    try:
        config.load_kube_config(str(kubeconfig), context or None, client_configuration=settings)
    except (config.ConfigException, yaml.YAMLError, OSError, TypeError, KeyError, AttributeError, ValueError) as error:
        words = " ".join(str(error).split())
        raise BadInput(f"{kubeconfig} is no kubeconfig that leads to a cluster: {words}") from error
    if not urlsplit(settings.host).hostname:
        raise BadInput(f"{kubeconfig} is no kubeconfig that leads to a cluster: its cluster names no server")
    return settings


class _Client(client.ApiClient):  # type: ignore[misc]
    """Gives up a request that is not answered, where the library would wait for ever."""

    def request(self, *arguments: Any, _request_timeout: Any = None, **options: Any) -> Any:
        bounds_s = _request_timeout or (CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S)
        return super().request(*arguments, _request_timeout=bounds_s, **options)


@contextmanager
def api_failures(what: str) -> Iterator[None]:
    """Raise what the API or the connection to it did wrong in the block as ToolFailed, in one line."""
    try:
        yield
    except (client.ApiException, urllib3.exceptions.HTTPError) as error:
        raise ToolFailed(f"{what}: {_words(error)}") from error


def _words(error: Exception) -> str:
    """Return the API's own sentence, which its answer holds beside much else, or the connection's."""
    if not isinstance(error, client.ApiException):
        return str(error)
    try:
        told = json.loads(error.body)["message"]
    except (TypeError, ValueError, KeyError):  # no answer of Kubernetes'
        told = ""
    return f"{error.status} {error.reason}: {told}".strip(": ").replace("\n", " ")
