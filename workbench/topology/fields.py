"""Typed reading of rendered resources: each getter returns a value or notes a problem, so all are found at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection
from typing import Final

from workbench.errors import BadInput, Problem
from workbench.topology.documents import Node, Place, dotted, parse
from workbench.topology.hub import Resources
from workbench.units import quantity

CORES_MAX: Final = 1024.0
MEMORY_BYTES_MIN: Final = 4.0 * 2**20
MEMORY_BYTES_MAX: Final = 2.0**44
_VERSION: Final = re.compile(r"^[0-9]+(\.[0-9]+)+$")
_WHOLE: Final = re.compile(r"^-?[0-9]+$")
# java, "-Xmx": bytes, or kilobytes, megabytes, gigabytes by a letter of either case.
_JAVA_SIZE: Final = re.compile(r"^(?P<number>[0-9]{1,15})(?P<unit>[kKmMgG]?)$")
_JAVA_UNIT: Final = {"": 1.0, "k": 2.0**10, "m": 2.0**20, "g": 2.0**30}
_SIBLING_CUTOFF: Final = 0.75  # difflib's likeness from which a neighbour counts as misspelt


def near(word: str, known: Collection[str], cutoff: float = 0.6) -> str:
    """Return "; did you mean X?" for the known word that is most like `word`, "" if none is."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return f"; did you mean {matches[0]}?" if matches else ""


class Reader:
    """Reads fields of resources and collects every problem with its file, line and key path."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def note(self, place: Place, key: str, value: object, bound: str) -> None:
        """Add one problem."""
        self.problems.append(Problem(place.file, key, str(value), bound, place.line))

    def find(self, node: Node, path: tuple[str, ...], bound: str) -> Node | None:
        """Return the descendant under `path`; a missing one is noted, with the neighbour it may be."""
        below = node
        for depth, key in enumerate(path):
            child = below.get(key)
            if child is None or child.value is None:
                hint = near(key, [name for name in below.fields if name != key], _SIBLING_CUTOFF)
                self.note(below.place, path_of(path[: depth + 1]), "missing", bound + hint)
                return None
            below = child
        return below

    def text(self, node: Node, *path: str, allowed: Collection[str] = ()) -> str:
        """Return a string; with `allowed`, one of those."""
        bound = one_of(allowed) if allowed else "a text"
        found = self.find(node, path, bound)
        if found is None:
            return ""
        if not isinstance(found.value, str) or not found.value:
            self.note(found.place, path_of(path), found.plain, f"{bound}, in quotes if it looks like a number")
            return ""
        if allowed and found.value not in allowed:
            self.note(found.place, path_of(path), found.value, bound + near(found.value, allowed))
        return found.value

    def whole(self, node: Node, *path: str, at_least: int, at_most: int, default: int | None = None) -> int:
        """Return a whole number (also as text, as settings are often written), within its bounds."""
        bound = f"a whole number from {at_least} to {at_most}"
        if default is not None and node.get(*path) is None:
            return default
        found = self.find(node, path, bound)
        if found is None:
            return at_least
        text = "" if isinstance(found.value, bool) else str(found.plain)
        if not _WHOLE.match(text) or not at_least <= int(text) <= at_most:
            self.note(found.place, path_of(path), found.plain, bound)
            return at_least
        return int(text)

    def truth(self, node: Node, *path: str, default: bool) -> bool:
        """Return true or false; `default` where it is not stated."""
        found = node.get(*path)
        if found is None:
            return default
        if not isinstance(found.value, bool):
            self.note(found.place, path_of(path), found.plain, "true or false")
            return default
        return found.value

    def settings(self, node: Node, *path: str) -> dict[str, str]:
        """Return a map of settings as strings (true and false in lower case); empty where it is not stated."""
        found = node.get(*path)
        if found is None:
            return {}
        if not isinstance(found.value, dict):
            self.note(found.place, path_of(path), found.plain, "a map of settings")
            return {}
        settings = {}
        for name, child in found.value.items():
            if isinstance(child.value, dict | list) or child.value is None:
                self.note(child.place, dotted(path_of(path), name), child.plain, "a number, text, true or false")
                continue
            plain = child.plain
            settings[name] = str(plain).lower() if isinstance(plain, bool) else str(plain)
        return settings

    def version(self, node: Node, *path: str) -> str:
        """Return a version such as 3.7.1, or the version in an image's tag; a moving tag is noted."""
        found = self.text(node, *path)
        version = found.rsplit(":", 1)[-1].partition("@")[0] if found else ""
        if found and not _VERSION.match(version):
            place = node.get(*path)
            bound = "an exact version, such as 14.12 (an image: name:14.12)"
            self.note(place.place if place else node.place, path_of(path), found, bound)
        return version

    def resources(self, node: Node, *path: str) -> Resources:
        """Return a container's requests and limits; all four must be stated, requests within limits."""
        cpu_request = self._cores(node, *path, "requests", "cpu")
        cpu_limit = self._cores(node, *path, "limits", "cpu")
        memory_request = self._bytes(node, *path, "requests", "memory")
        memory_limit = self._bytes(node, *path, "limits", "memory")
        for name, request, limit in (("cpu", cpu_request, cpu_limit), ("memory", memory_request, memory_limit)):
            found = node.get(*path, "requests", name)
            if found is not None and 0.0 < limit < request:
                bound = f"at most the limit, {node.text(*path, 'limits', name)}"
                self.note(found.place, path_of((*path, "requests", name)), found.plain, bound)
        return Resources(cpu_request, cpu_limit, memory_request, memory_limit)

    def heap(self, node: Node, *path: str, limit_bytes: float) -> float | None:
        """Return the bytes of -Xmx in Strimzi's `jvmOptions` under `path`, at most `limit_bytes`; None: not stated."""
        found = node.get(*path, "jvmOptions", "-Xmx")
        if found is None:
            return None
        match = _JAVA_SIZE.match(str(found.plain))
        size = float(match["number"]) * _JAVA_UNIT[match["unit"].lower()] if match else 0.0
        if not MEMORY_BYTES_MIN <= size <= limit_bytes:
            bound = f"a size such as 512m or 1g, at most the memory limit of {limit_bytes / 2**20:.0f}m"
            self.note(found.place, path_of((*path, "jvmOptions", "-Xmx")), found.plain, bound)
            return None
        return size

    def size(self, node: Node, *path: str) -> tuple[float, float]:
        """Return cores and bytes of a machine stated as a map with cpu and memory."""
        return self._cores(node, *path, "cpu"), self._bytes(node, *path, "memory")

    def embedded(self, node: Node, key: str) -> Node | None:
        """Return the YAML map that a text field holds (one document); anything else is noted."""
        if not isinstance(node.value, str):
            self.note(node.place, key, node.plain, "a text that holds a YAML map")
            return None
        try:
            documents = parse(node.value, Place(node.place.file, (node.place.line or 0) + 1))
        except BadInput as error:
            self.problems.extend(error.problems)
            return None
        if len(documents) != 1 or not isinstance(documents[0].value, dict):
            self.note(node.place, key, "not a map", "a text that holds a YAML map")
            return None
        return documents[0]

    def _cores(self, node: Node, *path: str) -> float:
        return self._quantity(node, path, lambda cores: 0.0 < cores <= CORES_MAX, "cores, such as 500m or 2")

    def _bytes(self, node: Node, *path: str) -> float:
        bound = "memory with its unit, such as 512Mi or 2Gi"
        return self._quantity(node, path, lambda size: MEMORY_BYTES_MIN <= size <= MEMORY_BYTES_MAX, bound)

    def _quantity(self, node: Node, path: tuple[str, ...], fits: Callable[[float], bool], bound: str) -> float:
        found = self.find(node, path, bound)
        if found is None:
            return 0.0
        try:
            number = quantity(str(found.plain))
        except BadInput:
            number = -1.0
        if not fits(number):
            self.note(found.place, path_of(path), found.plain, bound)
            return 0.0
        return number


def path_of(path: tuple[str, ...]) -> str:
    """Return a key path in its dotted form."""
    text = ""
    for key in path:
        text = dotted(text, key)
    return text


def one_of(allowed: Collection[str]) -> str:
    """Return "a, b or c"."""
    words = sorted(allowed)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
