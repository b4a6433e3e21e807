"""All that the reference hub runs fits on its three workers; what two of them cannot hold is what the docs say."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from tests.support.manifest_capacity import Ask, asks, installed, pack, quantity, worker_size
from tests.support.manifest_pods import Resource, pods
from workbench.topology import render

MANIFESTS = Path(__file__).parents[2] / "manifests"
AGENT = MANIFESTS / "platform" / "rke2" / "agent.yaml"


@functools.cache
def onprem() -> tuple[Resource, ...]:
    """Return the reference hub's resources; nobody may change them."""
    return tuple(render(MANIFESTS / "overlays" / "onprem"))


def size() -> tuple[float, float]:
    """Return cores and bytes that a worker has for pods."""
    return worker_size(onprem(), AGENT)


def test_everything_fits_on_three_workers(capsys: pytest.CaptureFixture[str]) -> None:
    """By requests, with sidecars, operators and each machine's own pods; the headroom is printed."""
    room, pending = pack(asks(onprem(), 3), size(), 3)
    with capsys.disabled():
        left = ", ".join(f"{worker.cores:.2f} cores {worker.memory_bytes / 2**20:.0f} MiB" for worker in room)
        print(f"\nleft of three workers ({size()[0]:g} cores, {size()[1] / 2**20:.0f} MiB each): {left}")
    assert not pending


def test_what_two_workers_cannot_hold_is_what_the_docs_say() -> None:
    """With a worker lost, its instances wait for it; of the rest, those that the documentation names."""
    _, pending = pack(asks(onprem(), 2), size(), 2)
    text = (MANIFESTS.parent / "docs" / "manifests.md").read_text(encoding="utf-8")
    section = text.split("## With two workers", 1)[1].split("\n## ", 1)[0]
    named = {line.split("`")[1]: int(line.split("|")[2]) for line in section.splitlines() if line.startswith("| `")}
    assert named == {owner: pending.count(owner) for owner in pending}


def test_too_much_does_not_fit() -> None:
    """One pod that asks for more than any worker has is pending, and so is a fourth of one a worker."""
    giant = Ask("giant", "", 1.0, size()[1] + 1)
    assert pack([*asks(onprem(), 3), giant], size(), 3)[1] == ["giant"]
    fourth = [Ask("one-each", "", 0.1, 1.0, own_worker=True)] * 4
    assert pack(fourth, size(), 3)[1] == ["one-each"]


def test_quotas_hold_what_they_are_for() -> None:
    """The requests and pods of each namespace with a quota are within it, on four machines for one pod a machine."""
    wanted = asks(onprem(), 4)
    quotas = [item for item in onprem() if item["kind"] == "ResourceQuota"]
    assert len(quotas) == 4
    for quota in quotas:
        hard, own = quota["spec"]["hard"], [ask for ask in wanted if ask.namespace == quota["metadata"]["namespace"]]
        assert sum(ask.cores for ask in own) <= quantity(hard["requests.cpu"])
        assert sum(ask.memory_bytes for ask in own) <= quantity(hard["requests.memory"])
        assert len(own) <= int(hard["pods"])


def test_limits_are_within_their_quota() -> None:
    """Limits count against the quota as requests do."""
    for quota in (item for item in onprem() if item["kind"] == "ResourceQuota"):
        own = [pod for pod in pods(onprem()) if pod.namespace == quota["metadata"]["namespace"]]
        for what in ("cpu", "memory"):
            total = sum(
                quantity(container["resources"]["limits"][what]) * (4 if pod.each_node else pod.replicas)
                for pod in own
                for container in pod.containers
            )
            assert total <= quantity(quota["spec"]["hard"][f"limits.{what}"])


def test_what_is_installed_beside_is_pinned() -> None:
    """Every source names the version that is stated, and no branch."""
    for name, stated in installed(onprem()).items():
        version, source = str(stated["version"]), stated["source"]
        if source.startswith("https://"):
            assert f"/v{version}/" in source, name
        elif source.startswith("HelmChart "):
            chart = source.removeprefix("HelmChart ")
            (found,) = (item for item in onprem() if item["kind"] == "HelmChart" and item["metadata"]["name"] == chart)
            assert found["spec"]["version"] == version
        else:
            assert source.startswith("RKE2 v1.29.0+rke2r1, HelmChartConfig ")
