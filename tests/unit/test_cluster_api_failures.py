"""A cluster's API that fails in the middle of a trial: told in a sentence, whatever was being asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.support.fake_api import JsonHandler, served
from workbench.drill.only_trial import only_trial
from workbench.drill.scheduling.bursting import drill_burst
from workbench.drill.scheduling.namespaced import remove_namespace
from workbench.drill.scheduling.placements import try_placements
from workbench.errors import BadInput, ToolFailed
from workbench.model.scheduling.bursts import Creator
from workbench.target.kubernetes import api as kubernetes_api
from workbench.target.kubernetes.api import Api
from workbench.target.throwaway.cluster import Cluster
from workbench.target.throwaway.layout import KUBERNETES, Layout
from workbench.target.throwaway.record import Record


class _Api(JsonHandler, BaseHTTPRequestHandler):
    """Knows of nothing, and refuses whatever is to be made: with a sentence, or by hanging up or falling silent."""

    trouble = "refuses"
    ends = threading.Event()

    def do_GET(self) -> None:
        one = self.path.rsplit("/", 1)[-1]
        self._say(404 if one.startswith(("pod-", "placements", "node-loss")) else 200, "not found")

    def do_POST(self) -> None:
        if self.trouble == "is silent":
            self.ends.wait(30.0)
        elif self.trouble == "refuses":
            self._say(500, "etcdserver: no space")
        self.close_connection = True

    def _say(self, status: int, message: str) -> None:
        self.answer(status, {"metadata": {}, "items": [], "message": message})


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster of which only the API is there."""
    monkeypatch.setattr(_Api, "ends", threading.Event())
    layout = Layout("abc123", tmp_path, workers=2)
    with served(_Api, layout.kubeconfig):
        yield Cluster(Record(layout, KUBERNETES, 0.0, fake_nodes=6))
        _Api.ends.set()


def _burst(cluster: Cluster, out: Path) -> None:
    drill_burst(cluster, 50, Creator.CLIENT, 1, out, print)


def _placements(cluster: Cluster, out: Path) -> None:
    try_placements(cluster, 10, 1, out, print)


@pytest.mark.parametrize("trial", [_burst, _placements])
@pytest.mark.parametrize(
    ("trouble", "words"),
    [("refuses", "500 .*etcdserver: no space"), ("hangs up", "closed"), ("is silent", "timed out")],
)
def test_it_is_told_and_is_no_traceback(
    trial: Callable[[Cluster, Path], None], trouble: str, words: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API's own words, or the connection's; one that never answers is given up."""
    monkeypatch.setattr(_Api, "trouble", trouble)
    monkeypatch.setattr(kubernetes_api, "ANSWER_TIMEOUT_S", 0.3)
    with pytest.raises(ToolFailed, match=words) as told:
        trial(cluster, cluster.layout.directory / "out")
    assert len(str(told.value).splitlines()) == 1


def test_a_namespace_without_a_name_is_not_deleted(cluster: Cluster) -> None:
    """An empty name would delete every object of the kind: it never reaches the API."""
    with pytest.raises(BadInput, match="no name of the namespace"):
        remove_namespace(Api(cluster.kubeconfig), "")


def test_two_trials_do_not_run_at_once(cluster: Cluster, tmp_path: Path) -> None:
    """The second is refused, and the first's namespaces and nodes are left alone."""
    with only_trial(cluster), pytest.raises(BadInput, match="another trial runs on cluster abc123"):
        _burst(cluster, tmp_path)


@pytest.mark.parametrize("trial", [_burst, _placements])
def test_a_folder_that_cannot_be_written_is_told_first(
    trial: Callable[[Cluster, Path], None], cluster: Cluster, tmp_path: Path
) -> None:
    """Before anything is asked of the cluster."""
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot be written"):
        trial(cluster, tmp_path / "file" / "out")
