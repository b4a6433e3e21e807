"""Rows in order, against NumPy's stable argsort."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.engine.kernels import by_series
from workbench.engine.merging import merged
from workbench.ordering import FloatArray, ascending, by_digits, in_order


def columns() -> list[FloatArray]:
    """Return columns of every kind: empty, one value, ties, NaN, nearly in order, and differences too fine to pack."""
    rng = np.random.default_rng(5)
    ties = rng.integers(0, 40, 3000) / 8.0
    holes = rng.normal(size=1000)
    holes[rng.random(1000) < 0.3] = np.nan
    nearly = np.sort(rng.uniform(-30.0, 60.0, 5000)) + rng.exponential(0.02, 5000)
    close = 1.0 + np.arange(200)[::-1] * 2.0**-52
    return [
        np.empty(0),
        np.full(1, 7.0),
        np.full(5, np.nan),
        np.full(9, -2.0),
        ties,
        holes,
        nearly,
        np.concatenate([close, [-1e6, 1e6], close]),
    ]


@pytest.mark.parametrize("values", columns())
def test_ascending_is_a_stable_argsort_without_nan(values: FloatArray) -> None:
    """The same rows in the same order, ties and the finest differences included."""
    stable = np.argsort(values, kind="stable")
    count = np.count_nonzero(~np.isnan(values))
    assert ascending(values).tolist() == stable[:count].tolist()
    assert in_order(values).tolist() == np.sort(values)[:count].tolist()


def test_values_that_crowd_in_a_few_places_are_left_to_numpy() -> None:
    """Two outliers leave the others one place, and an insertion sort of them would take the square of their number."""
    values = np.concatenate([np.random.default_rng(8).random(4000), [-1e12, 1e12]])
    assert not by_digits(values)[1]
    assert ascending(values).tolist() == np.argsort(values, kind="stable").tolist()


def test_a_series_is_a_stable_argsort_by_client_and_partition() -> None:
    """Series without rows have equal edges; no rows give no series any."""
    rng = np.random.default_rng(6)
    intended_s, client = np.sort(rng.random(500)), rng.integers(0, 3, 500)
    partition = rng.choice([0, 1, 3], 500)
    order, ordered_s, edges = by_series(intended_s, client, partition, 3, 4)
    key = client * 4 + partition
    assert order.tolist() == np.argsort(key, kind="stable").tolist()
    assert ordered_s.tolist() == intended_s[order].tolist()
    assert edges.tolist() == [int(np.count_nonzero(key < series)) for series in range(13)]
    assert by_series(intended_s[:0], client[:0], partition[:0], 1, 2)[2].tolist() == [0, 0, 0]


@pytest.mark.parametrize(("devices", "canaries"), [(400, 90), (0, 5), (5, 0), (0, 0)])
def test_merged_is_a_stable_argsort_of_both(devices: int, canaries: int) -> None:
    """By intended time, of one instant the devices first; clients 1 and 2 in turn, the canary 0."""
    rng = np.random.default_rng(7)
    devices_s, canary_s = (np.sort(rng.integers(0, 300, count) / 4.0) for count in (devices, canaries))
    devices_at, canary_at = (rng.integers(0, 24, count) for count in (devices, canaries))
    order = np.argsort(np.concatenate([devices_s, canary_s]), kind="stable")
    expected = (
        np.concatenate([devices_s, canary_s])[order],
        np.concatenate([devices_at, canary_at])[order],
        np.concatenate([1 + np.arange(devices) % 2, np.zeros(canaries, dtype=np.int64)])[order],
    )
    for column, wanted in zip(merged(devices_s, devices_at, 2, canary_s, canary_at), expected, strict=True):
        assert column.tolist() == wanted.tolist()
