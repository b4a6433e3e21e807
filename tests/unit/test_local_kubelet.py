"""The kubelet's stand-in: when a server that died is started again."""

from __future__ import annotations

from workbench.target.local.kubelet import KubeletStandIn


def waits_s(stand_in: KubeletStandIn, ran_s: float, times: int) -> list[float]:
    """Return the waits (s) after runs of `ran_s` that all end at 1000.25."""
    return [stand_in.restart_due_s(1000.25 - ran_s, 1000.25) - 1000.25 for _ in range(times)]


def test_the_first_exit_is_seen_at_the_next_look_and_later_ones_are_backed_off() -> None:
    """A look a second; then 10 s doubled up to 300 s."""
    assert waits_s(KubeletStandIn(), 1.0, 8) == [0.75, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0, 300.0]


def test_good_running_starts_the_back_off_anew() -> None:
    """Ten minutes of it, not a second less."""
    stand_in = KubeletStandIn()
    waits_s(stand_in, 1.0, 3)
    assert waits_s(stand_in, 599.0, 1) == [40.0]
    assert waits_s(stand_in, 600.0, 1) == [0.75]
    assert waits_s(stand_in, 1.0, 1) == [10.0]
