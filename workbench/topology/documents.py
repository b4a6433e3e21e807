"""Strict YAML: documents as trees whose every value knows the file and line it stands on.

Stricter than YAML 1.1 where its readers disagree: a key twice, a bare `on` or `yes`, a merge key and a
key that is no string are refused, because kubectl, kustomize and PyYAML would each make something else of them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from workbench.errors import BadInput, Problem

FILE_BYTES_MAX: Final = 4_000_000
NODES_MAX: Final = 200_000  # in one file; aliases count each time they are used
DEPTH_MAX: Final = 60

_INTEGER: Final = re.compile(r"^[-+]?(0|[1-9][0-9]*)$")
_OCTAL: Final = re.compile(r"^0o?[0-7]+$")
_FLOAT: Final = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS: Final = ("", "~", "null", "Null", "NULL")
_TAG: Final = "tag:yaml.org,2002:"
_PLAIN_TAGS: Final = frozenset(_TAG + name for name in ("null", "bool", "int", "float", "timestamp", "value", "merge"))


class _Loader(yaml.CSafeLoader):
    """PyYAML's on libyaml, but that takes 1e3 for the number it is to Kubernetes (YAML 1.1 asks for a dot in it)."""


_Loader.add_implicit_resolver(_TAG + "float", _FLOAT, list("-+.0123456789"))

type Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Place:
    """Where a value stands: the file as shown to a person and its line, from 1."""

    file: str
    line: int | None = None


@dataclass(frozen=True)
class Node:
    """One value of a YAML document and its place. Immutable: a merge builds new nodes."""

    value: Scalar | dict[str, Node] | list[Node]
    place: Place

    @property
    def plain(self) -> Any:
        """Return the value without places, as JSON would hold it."""
        match self.value:
            case dict():
                return {key: child.plain for key, child in self.value.items()}
            case list():
                return [child.plain for child in self.value]
            case scalar:
                return scalar

    @property
    def fields(self) -> dict[str, Node]:
        """Return a mapping's children; nothing for any other value."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Node]:
        """Return a list's elements; nothing for any other value."""
        return self.value if isinstance(self.value, list) else []

    def get(self, *path: str) -> Node | None:
        """Return the descendant under `path`, None where a key of it is missing."""
        node: Node | None = self
        for key in path:
            if node is None:
                return None
            node = node.fields.get(key)
        return node

    def text(self, *path: str) -> str:
        """Return the descendant's value as text, "" where it is missing or null."""
        node = self.get(*path)
        return "" if node is None or node.value is None else str(node.plain)


def shown(path: Path) -> str:
    """Return a path as a person should see it: relative to the working folder where it lies below it."""
    absolute = path.absolute()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(absolute)


def read_text(path: Path) -> str:
    """Return a file's text. Raises BadInput: not there, a folder, not readable, not UTF-8, too large, empty."""
    file = shown(path)
    if not path.exists():
        raise BadInput("cannot read a file", [Problem(file, "", "missing", "a file that exists")])
    if not path.is_file():
        raise BadInput(
            "cannot read a file", [Problem(file, "", "a folder" if path.is_dir() else "not a plain file", "a file")]
        )
    try:
        size_bytes = path.stat().st_size
        text = path.read_text(encoding="utf-8") if size_bytes <= FILE_BYTES_MAX else ""
    except OSError as error:
        reason = error.strerror or str(error)
        raise BadInput("cannot read a file", [Problem(file, "", reason, "a file this user may read")]) from error
    except UnicodeDecodeError as error:
        raise BadInput("cannot read a file", [Problem(file, "", "not UTF-8 text", "a text file")]) from error
    if size_bytes > FILE_BYTES_MAX:
        found = f"{size_bytes} bytes long"
        raise BadInput("cannot read a file", [Problem(file, "", found, f"at most {FILE_BYTES_MAX} bytes")])
    if not text.strip():
        raise BadInput("cannot read a file", [Problem(file, "", "empty", "a file with content")])
    return text


def read_documents(path: Path) -> list[Node]:
    """Return the non-empty YAML documents of a file. Raises BadInput with every problem and its line."""
    return parse(read_text(path), Place(shown(path)))


def parse(text: str, place: Place) -> list[Node]:
    """Return the non-empty YAML documents of a text that stands at `place` (a patch inside a file, say)."""
    above = (place.line or 1) - 1  # lines before the text's first
    try:
        composed = [node for node in yaml.compose_all(text, Loader=_Loader) if node is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 + above if mark is not None else place.line
        said = error.problem or error.context or "not YAML"
        raise BadInput("not YAML", [Problem(place.file, "", said, "well-formed YAML", line)]) from error
    except yaml.YAMLError as error:
        raise BadInput("not YAML", [Problem(place.file, "", str(error), "well-formed YAML", place.line)]) from error
    builder = _Builder(place.file, above)
    documents = [builder.build(node, "", 0) for node in composed]
    if builder.problems:
        raise BadInput("YAML that its readers would not agree on", builder.problems)
    return [document for document in documents if document.value is not None]


class _Builder:
    """Turns PyYAML's nodes into ours and notes every problem on the way."""

    def __init__(self, file: str, above: int) -> None:
        self.file = file
        self.above = above
        self.problems: list[Problem] = []
        self.count = 0

    def build(self, node: yaml.Node, key: str, depth: int) -> Node:
        """Return the tree below one of PyYAML's nodes; `key` is its dotted path."""
        place = self._place(node)
        self.count += 1
        if depth > DEPTH_MAX or self.count > NODES_MAX:
            bound = f"at most {DEPTH_MAX} levels and {NODES_MAX} values, aliases counted each time"
            raise BadInput("YAML too large", [Problem(self.file, key, "too deep or too large", bound, place.line)])
        if isinstance(node, yaml.MappingNode):
            return Node(self._mapping(node, key, depth), place)
        if isinstance(node, yaml.SequenceNode):
            children = [self.build(child, f"{key}[{index}]", depth + 1) for index, child in enumerate(node.value)]
            return Node(children, place)
        return Node(self._scalar(node, key), place)

    def _mapping(self, node: yaml.MappingNode, key: str, depth: int) -> dict[str, Node]:
        children: dict[str, Node] = {}
        for key_node, value_node in node.value:
            name = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            below = dotted(key, name)
            if key_node.tag == _TAG + "merge":
                self._note(key_node, below, "a merge key", "the keys written out: not every reader knows <<")
            elif key_node.tag != _TAG + "str":
                self._note(key_node, below, "not a string", "a key in quotes")
            elif name in children:
                self._note(key_node, below, "there twice", f"one key; the first is on line {children[name].place.line}")
            else:
                built = self.build(value_node, below, depth + 1)
                # A block mapping's own line is its first child's; its key's line is where a person looks.
                children[name] = Node(built.value, self._place(key_node))
        return children

    def _scalar(self, node: yaml.Node, key: str) -> Scalar:
        text = str(node.value)
        if node.tag == _TAG + "str":
            return text
        if node.tag not in _PLAIN_TAGS:
            self._note(node, key, f"of type {node.tag}", "a plain value: text, number, true, false or null")
            return None
        if text in _NULLS:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if node.tag == _TAG + "bool":
            self._note(node, key, text, "true or false, or the word in quotes: readers disagree on this one")
            return None
        if _INTEGER.match(text):
            return int(text)
        if _OCTAL.match(text):
            return int(text.replace("o", ""), 8)
        if _FLOAT.match(text) and math.isfinite(float(text)):
            return float(text)
        if _FLOAT.match(text) or text.lstrip("+-").lower() in (".inf", ".nan"):
            self._note(node, key, text, "a finite number")
            return None
        return text

    def _place(self, node: yaml.Node) -> Place:
        mark = node.start_mark
        return Place(self.file, None if mark is None else mark.line + 1 + self.above)

    def _note(self, node: yaml.Node, key: str, value: str, bound: str) -> None:
        self.problems.append(Problem(self.file, key, value, bound, self._place(node).line))


def dotted(path: str, key: str) -> str:
    """Return the dotted path of `key` below `path`; a key that holds a dot stands in brackets."""
    if "." in key or " " in key:
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key
