"""Conversions between the units of the outside world and the seconds and bytes used inside.

Manifests speak Kubernetes quantities ("500m", "2Gi"), settings in milliseconds and Postgres' own units ("5min", "1GB");
everything inside the workbench is in seconds, bytes and cores. Conversions live here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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

_SETTING: Final = re.compile(r"^(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>[A-Za-z]*)$")
# PostgreSQL 14 documentation, 20.1.1: units count in 1024, and are written in exactly these letters.
POSTGRES_S: Final[Mapping[str, float]] = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
POSTGRES_BYTES: Final[Mapping[str, float]] = {
    "B": 1.0,
    "kB": 2.0**10,
    "MB": 2.0**20,
    "GB": 2.0**30,
    "TB": 2.0**40,
}


def postgres_setting(text: str, units: Mapping[str, float], bare: str) -> float:
    """Return a numeric setting of Postgres' in s or bytes; one without a unit is in `bare`.

    Raises BadInput for anything else.
    """
    match = _SETTING.match(text.strip())
    if match is None or (match["unit"] or bare) not in units:
        raise BadInput(f"{text!r} is not a number with one of the units {', '.join(units)}")
    return float(match["number"]) * units[match["unit"] or bare]


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
