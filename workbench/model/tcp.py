"""When two machines that were cut off from each other hear of each other again: TCP waits twice as long each time.

Linux: what is not acknowledged is sent again after the connection's own time-out, at least 0.2 s (TCP_RTO_MIN), then
after twice as long each time (RFC 6298); the first word of a new connection each second five times, and then too
(TCP_TIMEOUT_INIT 1 s; net.ipv4.tcp_syn_linear_timeouts 4, since Linux 6.5: before it, after twice as long from the
start). Seen on a cluster: a connection that was begun 8.3 s before the cut's end came about 11.2 s after its begin. So
a program that hears nothing hears nothing for up to as long again after the cut has ended, unless its own
time-out lets it try anew.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Final

SYN_FIRST_S: Final = 1.0  # Linux include/net/tcp.h TCP_TIMEOUT_INIT
SYN_LINEAR: Final = 4  # Linux net.ipv4.tcp_syn_linear_timeouts
RESENDS_MAX: Final = 15  # Linux net.ipv4.tcp_retries2

Attempt = tuple[float, float]  # of a connection: from when until when (s)


def resends_s(begins_s: float, first_s: float) -> Iterator[float]:
    """Yield when something is sent that nobody acknowledges: at once, after `first_s`, and twice as long each time."""
    yield begins_s
    for times in range(RESENDS_MAX):
        yield begins_s + first_s * (2.0 ** (times + 1) - 1.0)


def first_words_s(begins_s: float) -> Iterator[float]:
    """Yield when the first word of a new connection is sent: each second at first, then after twice as long."""
    yield from (begins_s + SYN_FIRST_S * times for times in range(SYN_LINEAR + 1))
    yield from itertools.islice(resends_s(begins_s + SYN_FIRST_S * SYN_LINEAR, SYN_FIRST_S), 1, None)


def heard_again_s(healed_s: float, first_s: float) -> float:
    """Return when what was sent at the cut (0 s) on an open connection arrives: its first resend after `healed_s`."""
    return next((t_s for t_s in resends_s(0.0, first_s) if t_s >= healed_s), healed_s)


def connected_again_s(healed_s: float, attempts: Iterable[Attempt]) -> float:
    """Return when the first of `attempts` to connect succeeds: its first word that is sent after `healed_s`."""
    for begins_s, gives_up_s in attempts:
        heard_s = next((t_s for t_s in first_words_s(begins_s) if t_s >= healed_s), gives_up_s)
        if heard_s < gives_up_s:
            return heard_s
    return healed_s
