"""The kubelet's stand-in follows the published back-off."""

from __future__ import annotations

from workbench.target.local.kubelet import KubeletStandIn


def test_waits_double_up_to_five_minutes() -> None:
    """At once, then 10, 20, 40, 80, 160, 300 s and no longer."""
    stand_in = KubeletStandIn()
    assert [stand_in.wait_s(1.0) for _ in range(8)] == [0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]


def test_ten_good_minutes_forget_earlier_exits() -> None:
    """After 600 s of running the count begins again; after 599 s it goes on."""
    stand_in = KubeletStandIn()
    for _ in range(3):
        stand_in.wait_s(1.0)
    assert stand_in.wait_s(599.0) == 40.0
    assert stand_in.wait_s(600.0) == 0.0
    assert stand_in.wait_s(1.0) == 10.0
