"""The gateway's manifests to typed values: a ConfigMap taken whole, what `env` adds, and what is wrong with either."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from workbench.errors import BadInput, Problem
from workbench.topology import HubTopology, read_topology

MANIFESTS = Path(__file__).parents[2] / "manifests"
NUMBERS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: gateway, namespace: central-hub}\n"
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: gateway, namespace: central-hub}\n"
CONTAINER = DEPLOYMENT + "spec: {template: {spec: {containers: [{name: gateway, %s}]}}}\n"


def patched(folder: Path, patch: str) -> HubTopology:
    """Return the topology of the base with one patch."""
    shutil.copytree(MANIFESTS / "base", folder / "base")
    (folder / "over").mkdir()
    (folder / "over" / "kustomization.yaml").write_text("resources: [../base]\npatches: [{path: patch.yaml}]\n")
    (folder / "over" / "patch.yaml").write_text(patch)
    return read_topology(folder / "over")


def problems_of(folder: Path, patch: str) -> list[Problem]:
    """Return what is wrong with the base under a patch."""
    with pytest.raises(BadInput) as caught:
        patched(folder, patch)
    return list(caught.value.problems)


def test_the_numbers_are_the_config_maps(tmp_path: Path) -> None:
    """Secrets stay out; a changed ConfigMap changes the gateway and moves nothing else."""
    base = read_topology(MANIFESTS / "base")
    assert "TOKEN_KEY" not in base.gateways.environment
    assert (base.gateways.name, base.gateways.replicas) == ("gateway", 1)
    other = patched(tmp_path, NUMBERS + 'data: {SESSION_TTL_S: "60", POOL_SIZE_MAX: "9"}\n')
    assert (other.gateways.session_ttl_s, other.gateways.pool_size_max) == (60.0, 9)
    assert other.gateways.redis_timeout_s == base.gateways.redis_timeout_s
    assert (other.processors, other.placement) == (base.processors, base.placement)


def test_env_counts_in_the_config_maps_place(tmp_path: Path) -> None:
    """As in Kubernetes, where `env` comes after `envFrom`."""
    hub = patched(tmp_path, CONTAINER % 'env: [{name: POOL_WAIT_S, value: "0.25"}]')
    assert hub.gateways.pool_wait_s == 0.25
    assert hub.gateways.environment["POOL_WAIT_S"] == "0.25"


@pytest.mark.parametrize(
    ("patch", "key", "value", "bound"),
    [
        (NUMBERS + 'data: {POOL_SIZE_MAX: "0"}\n', "POOL_SIZE_MAX", "0", "whole number from 1 to 1000"),
        (NUMBERS + "data: {POOL_SIZE_MAX: 5}\n", "POOL_SIZE_MAX", "5", "in quotes"),
        (NUMBERS + "data: {STATE_TTL_S: null}\n", "STATE_TTL_S", "missing", "a literal value"),
        (CONTAINER % "envFrom: [{configMapRef: {name: gatewy}}]", "", "gatewy", "did you mean gateway"),
        (CONTAINER % "env: [{name: TOKEN_KEY, $patch: delete}]", "TOKEN_KEY", "missing", "secret"),
        (DEPLOYMENT + "$patch: delete\n", "", "without a Deployment", "exactly one"),
    ],
)
def test_what_is_wrong_is_named_once(tmp_path: Path, patch: str, key: str, value: str, bound: str) -> None:
    """Key, value and bound, as for the rest of the hub."""
    problems = problems_of(tmp_path, patch)
    fitting = [found for found in problems if key in found.key and value in found.value and bound in found.bound]
    assert len(fitting) == 1, problems
    if key:
        assert len([found for found in problems if key in found.key]) == 1
