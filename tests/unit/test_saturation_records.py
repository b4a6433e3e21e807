"""Measurements that no ramp may be predicted from, and the ramps that are kept: nothing is started."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from workbench.drill.run_record import host_json
from workbench.drill.saturation.conducting import Seen, find_saturations, middle_of
from workbench.drill.saturation.knee import Knee
from workbench.drill.saturation.loaded import Course, _places
from workbench.errors import BadInput
from workbench.records.saturation import FORMAT_VERSION, Measured, read_ramps
from workbench.scenario import find_scenario, read_with_hub

KEPT = Path(__file__).parents[2] / "reports" / "saturation"


def test_a_measurement_of_another_machine_or_hub_is_refused(tmp_path: Path) -> None:
    """Each is named; without set-ups to ramp, one of this machine and these manifests is taken and nothing done."""
    scenario, topology = read_with_hub(find_scenario("broker-loss"))
    host = host_json()
    measured = Measured(FORMAT_VERSION, "", 2, (), (), host, {}, topology.manifests_sha256, {})
    for other, words in (
        (replace(measured, manifests_sha256="0" * 64), "with other manifests: measure again"),
        (replace(measured, host={**host, "cores": host["cores"] + 1}), r"another machine \(another cores\)"),
    ):
        with pytest.raises(BadInput, match=words):
            find_saturations([], other, "measured.json", topology, scenario.workload, 1, tmp_path, print)
    assert list(tmp_path.iterdir()) == []


def test_processors_that_the_manifests_do_not_have_get_a_node_each() -> None:
    """One node after another, whatever else stands there."""
    _, topology = read_with_hub(find_scenario("broker-loss"))
    assert _places(topology, 4) == {
        "event-processor-0": "worker-1",
        "event-processor-1": "worker-2",
        "event-processor-2": "worker-3",
        "event-processor-3": "worker-1",
    }


def test_every_kept_ramp_has_the_prediction_that_was_sealed_before_it() -> None:
    """The records that docs/saturation.md tells of: a value or the reason why not, and the sealed bytes themselves."""
    rows = read_ramps(KEPT)
    assert rows
    for row in rows:
        assert (row.observed_per_s is None) == bool(row.why_not)
        sealed = (KEPT / f"sealed-{row.run_id}.json").read_bytes()
        assert hashlib.sha256(sealed).hexdigest() == row.seal_sha256


def test_the_ramp_in_the_middle_counts() -> None:
    """Of three the second, of two the lower; one whose backlog never grew saturates above all that did."""
    seen = [
        Seen(cast(Course, None), None if rate is None else Knee(1.0, rate, (0.0, 1.0))) for rate in (9.0, None, 7.0)
    ]
    middle = middle_of(seen)
    assert middle is seen[0]
    assert middle_of(seen[1:]) is seen[2]
    assert middle_of([seen[1], seen[1], seen[2]]) is seen[1]
    assert middle_of([]) is None
