"""haproxy's configuration as it is read, and what a lost server means by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench import api
from workbench.errors import BadInput
from workbench.model.control_plane.balancing import back_in_rotation_s, out_of_rotation_s
from workbench.model.control_plane.constants import Draws, balancing_rows
from workbench.topology.load_balancer import LoadBalancer, read_load_balancer

READS = "defaults\n    timeout connect 3s\nbackend https\n    server a a:1 check\n"
BALANCER = LoadBalancer("haproxy.cfg", "https", "leastconn", ("a", "b"), 3.0, 2.0, 3, 2)


def test_the_hubs_own_file() -> None:
    """Three workers, looked at every 2 s, out after three looks; a connection waits at most 3 s for one."""
    found = read_load_balancer(api.DEFAULT_LOAD_BALANCER)
    assert found.servers == ("worker-1", "worker-2", "worker-3")
    assert (found.check_interval_s, found.fall, found.rise, found.connect_timeout_s) == (2.0, 3, 2, 3.0)
    assert found.balance == "leastconn"


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("defaults\n    timeout connect 3s\nbackend other\n    server a a:1 check\n", "a backend section of this name"),
        ("defaults\n    timeout connect 3s\nbackend https\n    server a a:1\n", "servers with `check`"),
        ("backend https\n    server a a:1 check\n", "how long a connection"),
        ("defaults\n    timeout connect soon\nbackend https\n    server a a:1 check\n", "a time, such as 3s"),
        (f"{READS}    default-server fall often\n", "a whole number of looks, such as 3"),
        (f"{READS}    default-server inter\n", "a time, such as 3s"),
    ],
)
def test_what_is_missing_is_said(text: str, bound: str, tmp_path: Path) -> None:
    """No backend, servers that nobody looks at, no time-out, a time that is none: each names what would be right."""
    path = tmp_path / "haproxy.cfg"
    path.write_text(text)
    with pytest.raises(BadInput, match=bound):
        read_load_balancer(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """One message that names the file."""
    with pytest.raises(BadInput, match=r"nothing\.cfg cannot be read"):
        read_load_balancer(tmp_path / "nothing.cfg")


@pytest.mark.parametrize(
    ("silent", "fall", "earliest_s", "latest_s"), [(False, 3, 4.0, 6.0), (True, 3, 10.0, 12.0), (True, 1, 2.0, 4.0)]
)
def test_looks_run_into_their_time_out_where_a_server_is_silent(
    silent: bool, fall: int, earliest_s: float, latest_s: float
) -> None:
    """Refused: looks 2 s apart. Silent: 2 s of time-out more each; the first comes within 2 s of the loss."""
    draws = Draws(balancing_rows(replace(BALANCER, fall=fall)), 1, 2000)
    found = out_of_rotation_s(draws, silent)
    assert found.min() >= earliest_s and found.max() <= latest_s
    assert found.mean() == pytest.approx((earliest_s + latest_s) / 2.0, abs=0.05)
    assert np.all(back_in_rotation_s(draws, silent) <= 6.0)


def test_a_nodes_loss_tells_it() -> None:
    """Out of rotation long before Kubernetes calls the node NotReady; nothing is said where the API is what counts."""
    moments = {each.name: each for each in api.node_loss("worker-1", replications=50, back_after_s=100.0).moments}
    assert moments["balancer_out_s"].percentile(50.0) < moments["not_ready_s"].percentile(50.0)
    assert moments["outside_wait_s"].percentile(50.0) == 3.0
    assert moments["balancer_back_s"].percentile(50.0) > 100.0
    assert "balancer_out_s" not in {each.name for each in api.node_loss("control-plane", replications=50).moments}
