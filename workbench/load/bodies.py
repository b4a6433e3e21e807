"""Event bodies: JSON of exactly the planned size, cheap to make."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from workbench.errors import BadInput

# What the devices of each kind report; other topics get OTHER_STATES.
STATES: Final = {
    "alerts": ("asystole", "tachycardia", "desaturation", "apnoea"),
    "event-authentication": ("logged-in", "logged-out", "refused"),
    "technical-alerts": ("lead-off", "battery-low", "sensor-fault", "no-signal"),
    "sdc-events": ("metric-update", "waveform", "context-change", "operation-invoked"),
}
OTHER_STATES: Final = ("reported",)


class BodyMaker:
    """Makes bodies of `event_bytes` for the topics, given in the order that topic indices mean."""

    def __init__(self, topics: Sequence[str], event_bytes: int) -> None:
        self._event_bytes = event_bytes
        self._heads = [
            [
                f'{{"id":%d,"device":%d,"kind":"{topic}","intended_s":%.6f,"state":"{state}","pad":"'.encode()
                for state in STATES.get(topic, OTHER_STATES)
            ]
            for topic in topics
        ]
        # Text without repeats: rows of one repeated letter would be compressed away by a database.
        self._pad = hashlib.shake_256(b"pad").hexdigest((event_bytes + 1) // 2).encode()

    def body(self, topic: int, event_id: int, device: int, intended_s: float) -> bytes:
        """Return one event's JSON. Raises BadInput when its fields alone are longer than `event_bytes`."""
        heads = self._heads[topic]
        head = heads[device % len(heads)] % (event_id, device, intended_s)
        room = self._event_bytes - len(head) - 2
        if room < 0:
            raise BadInput(f"an event of {self._event_bytes} bytes is too small for its fields ({len(head) + 2} bytes)")
        return head + self._pad[:room] + b'"}'
