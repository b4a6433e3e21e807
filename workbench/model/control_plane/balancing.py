"""When the load balancer (haproxy) no longer sends new connections to a lost server, and what they cost until then.

haproxy looks at each server every `inter` and takes it out after `fall` failed looks. A server whose process is gone
refuses at once: the looks stay `inter` apart. One that is silent lets a look run into its time-out, the smaller of
`timeout connect` and `inter` (haproxy 2.6, configuration.txt, timeout check), and the next look comes `inter` after
that (measured on haproxy 2.6.12 by tests/e2e/test_load_balancer.py: 10.4 to 11.2 s at inter 2 s and fall 3). A new
connection that meets a silent server waits `timeout connect`, then goes to another one (option redispatch); one
that is refused goes to another one at once.

Left out: connections that exist (they end as the server is taken out, on-marked-down shutdown-sessions), a frozen
server whose kernel still accepts connections (a TCP look does not notice it), the load balancer's own loss: it is one
machine, and from outside nothing answers until it is back.
"""

from __future__ import annotations

from workbench.model.control_plane.constants import Draws
from workbench.model.parameter import FloatArray


def out_of_rotation_s(draws: Draws, silent: bool) -> FloatArray:
    """Return the time from a server's loss to its being taken out (s), one number a replication."""
    inter_s = draws.number("check_interval_s")
    fails_s = min(draws.number("connect_timeout_s"), inter_s) if silent else 0.0
    looks = draws.number("check_fall")
    return draws.of("check_phase_share") * inter_s + (looks - 1.0) * (inter_s + fails_s) + fails_s


def back_in_rotation_s(draws: Draws, silent: bool) -> FloatArray:
    """Return the time from a server's return to its being sent connections again (s)."""
    inter_s = draws.number("check_interval_s")
    period_s = inter_s + (min(draws.number("connect_timeout_s"), inter_s) if silent else 0.0)
    return draws.of("check_phase_share") * period_s + (draws.number("check_rise") - 1.0) * inter_s
