"""Kubernetes objects as the stand-ins write them, and what all of them have."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Object = dict[str, Any]


def name_of(each: Mapping[str, Any]) -> str:
    """Return an object's name."""
    return str(each["metadata"]["name"])


def listed(objects: Sequence[Object]) -> str:
    """Return objects as one List, for kubectl."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def volume_claim(name: str, storage_class: str, size: str) -> Object:
    """Return a StatefulSet's claim of a volume for each of its pods."""
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": storage_class,
        "resources": {"requests": {"storage": size}},
    }
    return {"metadata": {"name": name}, "spec": spec}
