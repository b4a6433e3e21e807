"""Conversions between the units of the outside world and the seconds and bytes used inside.

Manifests speak Kubernetes quantities ("500m", "2Gi") and settings in milliseconds; everything inside
the workbench is in seconds, bytes and cores. Conversions live here and nowhere else.
"""

from __future__ import annotations

import re
from typing import Final

from workbench.errors import BadInput

MS_PER_S: Final = 1000.0

_QUANTITY = re.compile(r"^(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<suffix>[A-Za-z]*)$")
_SUFFIX_FACTOR: Final = {
    "": 1.0,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
}


def quantity(text: str | int | float) -> float:
    """Return a Kubernetes resource quantity as a plain number (cores or bytes).

    Source: Kubernetes API reference, "Quantity". Raises BadInput for anything else.
    """
    match = _QUANTITY.match(str(text).strip())
    if match is None or match["suffix"] not in _SUFFIX_FACTOR:
        raise BadInput(f"{text!r} is not a Kubernetes quantity such as 500m, 2 or 1Gi")
    return float(match["number"]) * _SUFFIX_FACTOR[match["suffix"]]


def seconds_from_ms(milliseconds: float) -> float:
    """Return milliseconds as seconds."""
    return milliseconds / MS_PER_S
