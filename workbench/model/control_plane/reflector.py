"""When a client that watches the API server looks again after the server's node was silent for a while.

client-go keeps one HTTP/2 connection: after 30 s without a frame it sends a ping, and 15 s later the connection counts
as lost (apimachinery pkg/util/net/http.go); a ping that is repeated to a node that is back finds no such connection
there and ends it at once. Each reflector then asks anew: 0.8 s after a failure, doubling to 30 s, times 1 to 2
(tools/cache/reflector.go). While the node is silent an attempt fails when nobody answers for its address (Linux: three
questions, a second each). So the longer the silence, the later a client notices that it is over: up to a minute.

Left out: frames of other watches on the same connection, which put the ping off; a reset of the back-off, which takes
two minutes without a failure.
"""

from __future__ import annotations

from workbench.model.control_plane.constants import Draws
from workbench.model.parameter import FloatArray

ATTEMPTS_MAX = 200  # of one client; an hour at the longest wait


def looks_again_s(draws: Draws, client: str, silent_s: FloatArray, answers_s: FloatArray) -> FloatArray:
    """Return when `client` first asks with success, one number a replication, counted from the loss as the others are.

    `silent_s` is when the node's network is back, `answers_s` when the API server answers.
    """
    found = answers_s.copy()
    waits = draws.shares("reflector_wait", client, columns=ATTEMPTS_MAX)
    pings_s = draws.of("ping_due_s", client)
    for row, (silence_s, answer_s) in enumerate(zip(silent_s.tolist(), answers_s.tolist(), strict=True)):
        at_s = _noticed_s(draws, float(pings_s[row]), silence_s)
        wait_s = draws.number("reflector_first_s")
        for share in waits[row].tolist():
            if at_s >= answer_s:
                break
            failed_s = at_s + (draws.number("unreachable_s") if at_s < silence_s else 0.0)
            at_s = failed_s + wait_s * (1.0 + share)
            wait_s = min(2.0 * wait_s, draws.number("reflector_longest_s"))
        found[row] = at_s
    return found


def _noticed_s(draws: Draws, ping_s: float, silent_s: float) -> float:
    """Return when the connection counts as lost whose next ping was due at `ping_s`, both after the loss."""
    lost_s = ping_s + draws.number("ping_timeout_s")
    repeated_s, after_s = ping_s, draws.number("first_repeat_s")
    while repeated_s < min(silent_s, lost_s):
        repeated_s, after_s = repeated_s + after_s, 2.0 * after_s
    return min(lost_s, repeated_s)
