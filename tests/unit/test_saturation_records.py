"""Measurements that no ramp may be predicted from, and the ramps that are kept: nothing is started."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench.drill.run_record import host_json
from workbench.drill.saturation.conducting import Seen, find_saturations, mean_of
from workbench.drill.saturation.loaded import Course, _places
from workbench.drill.saturation.throughput import Throughput
from workbench.errors import BadInput
from workbench.load.ramp import Ramp
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


def ramp(rate_per_s: float | None, busy_cores: float = 1.9) -> Seen:
    """Return a ramp of 10 s on two cores, saturated since its third second; None: not saturated."""
    client = Ramp({}, "", {}, {}, 400, 1, 5.0, 15.0, 100.0, 10.0, 1, 0, Path())
    machine = [{"t": 100.0 + second, "cpu_percent": 50.0 * busy_cores, "cpu_s": {}} for second in range(11)]
    course = Course(client, "ramp-1", np.array([0.0, 10.0]), np.array([0.0, 100.0]), np.array([0.0, 80.0]), machine, 2)
    found = None if rate_per_s is None else Throughput(3.0, rate_per_s, rate_per_s + np.array([-1.0, 1.0]))
    return Seen(course, found)


def test_the_mean_of_the_ramps_counts() -> None:
    """One that was not saturated has no number, so neither has the mean."""
    mean = mean_of([ramp(8.0, 1.8), ramp(10.0, 2.0)])
    assert mean is not None
    assert mean.rate_per_s == 9.0
    assert mean.busy_share == pytest.approx(0.95)
    assert 8.0 <= mean.interval_90_per_s[0] < 9.0 < mean.interval_90_per_s[1] <= 10.0
    assert mean_of([ramp(8.0), ramp(None)]) is None
    assert mean_of([]) is None


def test_a_record_of_an_older_version_is_named_as_such(tmp_path: Path) -> None:
    """Not by the first field that it lacks, whatever else is in it."""
    (tmp_path / "ramp-1.json").write_text('{"format": 2, "knees_per_s": []}')
    with pytest.raises(BadInput, match=f"format is 2, this version reads {FORMAT_VERSION}"):
        read_ramps(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 3}', "\xff"])
def test_what_is_no_record_is_named(tmp_path: Path, content: str) -> None:
    """With the file, whatever is in it."""
    (tmp_path / "ramp-1.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(BadInput, match=r"ramp-1\.json"):
        read_ramps(tmp_path)
