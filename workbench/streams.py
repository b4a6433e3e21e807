"""One seed, named random streams.

A stream is keyed by the component that draws from it, so adding a component never shifts another's draws.
"""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *name: str | int) -> np.random.Generator:
    """Return the generator of the stream `name` under `seed` (PCG64, keyed by SHA-256 of the name)."""
    digest = hashlib.sha256("/".join(str(part) for part in name).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4").tolist()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))
