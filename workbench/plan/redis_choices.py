"""What-ifs of a lost Redis: how it keeps its data, and what its subscribers miss."""

from __future__ import annotations

from typing import Final

import numpy as np

from workbench.model.redis_persistence import Persistence, lost_s, messages_missed
from workbench.plan.outages import REPLICATIONS, Hub, played
from workbench.plan.question import Question
from workbench.plan.what_if import WhatIf, never, spread
from workbench.streams import stream

DRAWN: Final = 200
DATA_BYTES: Final = 1e8  # devices' states, sessions, marks
FORGETS: Final = "all of it: sessions end, and every device's first read is Postgres's"


def of_persistence(question: Question, seed: int) -> list[WhatIf]:
    """Return how much of its last seconds Redis has forgotten after its process, or its machine, died."""
    share = stream(seed, "plan", "redis").random(DRAWN)
    found = []
    for power, lost in ((False, "Redis' process is killed"), (True, "Redis' machine loses power")):
        asked = f"{lost}: the changes of how many seconds are gone?"
        for persistence in Persistence:
            gone_s = lost_s(
                persistence, power=power, changes_per_s=question.rate_per_s, data_bytes=DATA_BYTES, share=share
            )
            whole = bool(np.isinf(gone_s).any())
            found.append(
                never(asked, persistence.value, FORGETS)
                if whole
                else spread(asked, persistence.value, "of changes", gone_s)
            )
    return found


def of_subscribers(question: Question, hub: Hub) -> list[WhatIf]:
    """Return for how long messages that are published to nobody are lost, and how many."""
    asked = "Redis is killed: for how long is what is published lost?"
    away_s = played(hub, "redis", REPLICATIONS, ("redis_down_s",))["redis_down_s"]
    missed = float(np.median(messages_missed(question.rate_per_s, away_s)))
    words = f"subscribers are back; {missed:,.0f} messages missed if each event is one"
    return [
        spread(asked, "Redis Pub/Sub", words, away_s),
        spread(asked, "Redis Streams, or Kafka itself", "nothing is lost, it comes later", np.zeros(1)),
    ]
