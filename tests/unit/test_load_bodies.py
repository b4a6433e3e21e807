"""Event bodies: exact size, valid JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadInput
from workbench.load.bodies import STATES, BodyMaker
from workbench.workload import EVENT_BYTES_MIN, SOURCE_SHIFT

TOPICS = sorted(STATES)


@settings(deadline=None, max_examples=40)
@given(
    event_bytes=st.integers(EVENT_BYTES_MIN, 5000),
    topic=st.integers(0, len(TOPICS) - 1),
    event_id=st.integers(0, (1 << SOURCE_SHIFT + 10) - 1),
    device=st.integers(0, 10_000_000),
    intended_s=st.floats(1.6e9, 4e9),
)
def test_a_body_is_json_of_exactly_the_size(
    event_bytes: int, topic: int, event_id: int, device: int, intended_s: float
) -> None:
    """Every size from the smallest allowed, with any id, device and time."""
    body = BodyMaker(TOPICS, event_bytes).body(topic, event_id, device, intended_s)
    assert len(body) == event_bytes
    fields = json.loads(body)
    assert list(fields) == ["id", "device", "kind", "intended_s", "state", "pad"]
    assert (fields["id"], fields["device"], fields["kind"]) == (event_id, device, TOPICS[topic])
    assert fields["intended_s"] == pytest.approx(intended_s, abs=1e-6)


def test_a_topic_of_another_hub_has_a_state_too() -> None:
    """Topics are not limited to the four of the hub."""
    assert json.loads(BodyMaker(["other"], 300).body(0, 1, 2, 1.7e9))["state"] == "reported"


def test_a_name_too_long_for_the_event_is_bad_input() -> None:
    """The body never grows beyond its size."""
    with pytest.raises(BadInput, match="too small for its fields"):
        BodyMaker(["t" * 200], EVENT_BYTES_MIN).body(0, 1, 2, 1.7e9)
