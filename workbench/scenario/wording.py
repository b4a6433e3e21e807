"""What pydantic found wrong, in the words of the form: key path, value, and what would be right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from workbench.errors import Problem
from workbench.scenario.form import FORMS, PROFILE_FORMS, PrimaryForm, StrictForm
from workbench.topology.documents import Node, dotted
from workbench.topology.fields import near, one_of

type KeyPath = tuple[str | int, ...]
UNKNOWN_NAME: Final = "unknown_name"  # a validator's own error type: a name there is nothing for


def problem_of(error: ErrorDetails, document: Node) -> Problem:
    """Return one of pydantic's errors as a Problem at its line of the file."""
    path = _key_path(error["loc"])
    if error["type"].startswith("union_tag"):
        return _wrong_kind(error, path, document)
    node = nearest(document, path)
    match error["type"]:
        case "extra_forbidden":
            found, bound = "not a key of a scenario", _known_keys(path, document)
        case "missing":
            found, bound = "missing", _bound(path, document, error)
        case _:
            found, bound = found_words(error), _bound(path, document, error)
    return Problem(node.place.file, key_path_text(path), found, bound, node.place.line)


def problem_of_plain(error: ErrorDetails, document: Node, forms: Mapping[str, type[StrictForm]], what: str) -> Problem:
    """Return one of pydantic's errors as a Problem of a file (`what`: "suite") whose forms are one or two deep.

    `forms` are by the key that holds them; the file's own is "". What no form holds below a key is that key's.
    """
    path = _key_path(error["loc"])
    if error["type"] == "value_error":  # of keys that do not go together
        node, bound = nearest(document, path), str(error.get("ctx", {}).get("error", error["msg"]))
        stated = ", ".join(node.fields)
        return Problem(node.place.file, key_path_text(path), f"a map of {stated}", bound, node.place.line)
    inner = forms.get(str(path[0])) if len(path) > 1 else None
    form, key = (inner, str(path[-1])) if inner is not None else (forms[""], str(path[0]))
    field = form.model_fields.get(key)
    found, bound = found_words(error), (field.description if field else None) or error["msg"]
    match error["type"]:
        case "extra_forbidden":
            known = list(form.model_fields)
            found, bound = f"not a key of a {what}", f"one of {', '.join(known)}{near(key, known)}"
        case "missing":
            found = "missing"
        case "literal_error":
            bound = f"one of {error.get('ctx', {}).get('expected', '')}"
        case _ if error["type"] == UNKNOWN_NAME:
            found, bound = error["msg"], str(error.get("ctx", {}).get("expected", ""))
    node = nearest(document, path)
    return Problem(node.place.file, key_path_text(path), found, bound, node.place.line)


def _key_path(loc: Sequence[str | int]) -> KeyPath:
    """Return pydantic's location without what it adds: the profile's kind and the mark of a map's key."""
    path: list[str | int] = []
    for part in loc:
        if part == "[key]" or (path and path[-1] == "profile" and part in PROFILE_FORMS):
            continue
        path.append(part)
    return tuple(path)


def key_path_text(path: KeyPath) -> str:
    """Return "faults[0].victim" of a path."""
    key = ""
    for part in path:
        key = f"{key}[{part}]" if isinstance(part, int) else dotted(key, part)
    return key


def nearest(document: Node, path: KeyPath) -> Node:
    """Return the node at a path, or the last one that is there on the way."""
    node = document
    for part in path:
        below = node.items[part] if isinstance(part, int) and part < len(node.items) else node.fields.get(str(part))
        if below is None:
            break
        node = below
    return node


def _wrong_kind(error: ErrorDetails, path: KeyPath, document: Node) -> Problem:
    """Return the problem of a profile whose kind is missing or unknown."""
    node = nearest(document, (*path, "kind"))
    kind = str(error.get("ctx", {}).get("tag", ""))
    bound = one_of(PROFILE_FORMS) + near(kind, PROFILE_FORMS)
    return Problem(node.place.file, key_path_text((*path, "kind")), kind or "missing", bound, node.place.line)


def found_words(error: ErrorDetails) -> str:
    """Return what was found where an error is, as a person would say it."""
    found: Any = error["input"]
    if found is None or error["type"] in ("too_short", "string_too_short"):
        return "empty"
    if error["type"] == "too_long":
        return f"{len(found)} entries"
    if isinstance(found, str) and error["type"] in ("float_type", "int_type"):
        return f"the text {found!r}"
    return str(found).lower() if isinstance(found, bool) else str(found)


def _bound(path: KeyPath, document: Node, error: ErrorDetails) -> str:
    """Return what would be right: the validator's own words, else the form's description."""
    if error["type"] == "value_error":
        return str(error.get("ctx", {}).get("error", error["msg"]))
    form = _form(path[:-1], document)
    field = form.model_fields.get(str(path[-1])) if form is not None and path else None
    if field is not None:
        choices = _choices(field)
        hint = near(str(error["input"]), choices) if choices and error["type"] != "missing" else ""
        return (field.description or _metadata_words(field) or one_of(choices)) + hint + _unit_reminder(error)
    if error["type"] == "model_type":
        return "a map of keys to values"
    if "mix" in path:
        return "a share from 0 to 1"
    whole = FORMS[""].model_fields.get(str(path[0])) if path else None  # a metric's own value
    return (whole.description if whole else None) or error["msg"]


def _choices(field: FieldInfo) -> list[str]:
    """Return the words a field allows, none if it is not a choice."""
    annotation = field.annotation
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(member.value) for member in annotation]
    literals = [part for part in (annotation, *get_args(annotation)) if get_origin(part) is Literal]
    return [str(word) for literal in literals for word in get_args(literal)]


def _metadata_words(field: FieldInfo) -> str:
    """Return the description that a field's annotated type carries."""
    words = [getattr(item, "description", None) for item in field.metadata]
    return next((word for word in words if word), "")


def _unit_reminder(error: ErrorDetails) -> str:
    """Return a reminder for a number that was written with its unit."""
    text = error["input"]
    is_number_with_unit = isinstance(text, str) and text[:1].isdigit() and not text[-1:].isdigit()
    return "; a bare number, the unit is in the key's name" if is_number_with_unit else ""


def _form(path: KeyPath, document: Node) -> type[BaseModel] | None:
    """Return the form that holds the keys below `path`."""
    names = [part for part in path if isinstance(part, str)]
    if not names:
        return FORMS[""]
    if names[-1] == "profile":
        return PROFILE_FORMS.get(nearest(document, path).text("kind"))
    if names[0] == "primary" and len(names) == 2:
        return PrimaryForm
    return FORMS.get(names[-1])


def _known_keys(path: KeyPath, document: Node) -> str:
    """Return the keys that may stand beside a misspelt one, and where it belongs if it is known elsewhere."""
    form = _form(path[:-1], document)
    known = list(form.model_fields) if form else []
    wrong = str(path[-1])
    for section, other in [*FORMS.items(), *(("profile", profile) for profile in PROFILE_FORMS.values())]:
        if other is not form and wrong in other.model_fields:
            place = f"under {section}" if section else "at the top of the file"
            return f"one of {', '.join(known)}; {wrong} belongs {place}"
    return f"one of {', '.join(known)}{near(wrong, known)}"
