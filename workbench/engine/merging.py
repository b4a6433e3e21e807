"""Compiled merge of two schedules into the traffic's columns."""

from __future__ import annotations

import numpy as np

from workbench.compilation import compiled
from workbench.engine.inputs import FloatArray, IntArray


@compiled
def merged(
    devices_s: FloatArray, devices_partition: IntArray, workers: int, canary_s: FloatArray, canary_partition: IntArray
) -> tuple[FloatArray, IntArray, IntArray]:
    """Return intended time (s), partition and client of all events by time, of one instant the devices' first.

    Both schedules are ascending. The devices' events go to clients 1 .. `workers` in turn, the canary is client 0.
    """
    count = len(devices_s) + len(canary_s)
    intended_s, partition, client = np.empty(count), np.empty(count, np.int64), np.empty(count, np.int64)
    row, device, turn = 0, 0, 1
    for other in range(len(canary_s) + 1):
        until_s = canary_s[other] if other < len(canary_s) else np.inf
        while device < len(devices_s) and devices_s[device] <= until_s:
            intended_s[row], partition[row], client[row] = devices_s[device], devices_partition[device], turn
            device, row = device + 1, row + 1
            turn = turn + 1 if turn < workers else 1
        if other < len(canary_s):
            intended_s[row], partition[row], client[row] = until_s, canary_partition[other], 0
            row += 1
    return intended_s, partition, client
