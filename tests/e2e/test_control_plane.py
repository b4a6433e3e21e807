"""The control plane's node off and on, its etcd back from a snapshot: what stands still, what is lost, what goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.throwaway import BUILD_S
from workbench.drill.nodes.control_plane import drill_control_plane
from workbench.errors import BadInput
from workbench.target.throwaway.cluster import Cluster
from workbench.target.throwaway.etcd import restore_snapshot

pytestmark = [pytest.mark.integration, pytest.mark.long]
AWAY_S = 45.0  # beyond the grace of 40 s that a node has while controllers look


@pytest.mark.timeout(BUILD_S)
def test_a_restored_control_plane_loses_what_was_made_since(cluster: Cluster, tmp_path: Path) -> None:
    """Nobody is evicted and connections go on; controllers wait for the old leases; later objects are gone.

    Restored from a snapshot, exactly the objects made after it are lost, and containers of lost pods are ended.
    """
    with pytest.raises(BadInput, match="is on"):
        restore_snapshot(cluster, tmp_path / "none")
    drill = drill_control_plane(cluster, AWAY_S, True, 1, 5, tmp_path, print)
    assert drill.folder.prediction_sha256.stat().st_mtime < drill.folder.comparison_json.stat().st_mtime - AWAY_S
    observed = {row.name: row.observed for row in drill.compared if row.observed is not None}
    assert observed.keys() == {row.name for row in drill.compared}
    for name in ("connections_failed", "nodes_not_ready", "pods_evicted", "objects_kept", "older_objects_lost"):
        assert observed[name] == 0.0, name
    assert observed["objects_lost"] > 0.0
    assert observed["restarted_s"] < 10.0
    for name in ("first_bound_s", "endpoints_changed_s"):
        assert 14.0 <= observed[name] <= 60.0, name  # the lease of 15 s, as its holder's successor counts it
    assert observed["first_bound_s"] <= observed["first_running_s"]
    assert observed["endpoints_changed_s"] <= observed["rules_written_s"]
    assert observed["orphans_ended_s"] > 0.0
