"""How Redis holds the newest states of the devices: the one format that processor and gateway share.

Hash `device:<id>`, one field `<topic>/<partition>`, value `<offset> <event id> <state>`: offsets order the
records of one partition and nothing else, so newest is kept per device, topic and partition.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

# KEYS[i]: the device's hash; ARGV: field, offset, rest, three a key. Returns how many were newer.
NEWEST_SCRIPT: Final = """
local written = 0
for i, key in ipairs(KEYS) do
  local field, offset, rest = ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i]
  local held = redis.call('HGET', key, field)
  if not held or tonumber(string.match(held, '^%d+')) < tonumber(offset) then
    redis.call('HSET', key, field, offset .. ' ' .. rest)
    written = written + 1
  end
end
return written
"""


class State(NamedTuple):
    """The newest state of a device in one partition of one topic."""

    topic: str
    partition: int
    offset: int
    event: int  # the event's id
    state: str

    def arguments(self) -> tuple[str, int, str]:
        """Return what NEWEST_SCRIPT takes for it."""
        return f"{self.topic}/{self.partition}", self.offset, f"{self.event} {self.state}"


def device_key(device: int) -> str:
    """Return the key of a device's hash."""
    return f"device:{device}"


def parse_states(fields: Mapping[str, str]) -> list[State]:
    """Return a hash's states by topic and partition. Raises ValueError for another format."""
    states = []
    for field, value in fields.items():
        topic, partition = field.rsplit("/", 1)
        offset, event, state = value.split(" ", 2)
        states.append(State(topic, int(partition), int(offset), int(event), state))
    return sorted(states)
