"""Strategic merge and quantities: properties that hold for any input."""

from __future__ import annotations

import contextlib
import string
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import BadInput, Problem
from workbench.topology.documents import Node, Place
from workbench.topology.merging import is_core, merge
from workbench.units import quantity

# What is tested holds whatever the machine's speed; a busy machine must not fail it.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=3)
SCALARS = st.one_of(st.integers(-5, 5), st.booleans(), st.text(string.ascii_letters, max_size=3))
VALUES = st.recursive(SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(NAMES, below, max_size=3))
MAPS = st.dictionaries(NAMES, VALUES, max_size=4)
PATCH_VALUES = st.recursive(
    SCALARS | st.none(),
    lambda below: (
        st.lists(below.filter(lambda value: value is not None), max_size=3) | st.dictionaries(NAMES, below, max_size=3)
    ),
)
PATCHES = st.dictionaries(NAMES, PATCH_VALUES, max_size=4)


def node_of(value: Any, file: str = "a.yaml") -> Node:
    """Return a plain value as a tree."""
    place = Place(file, 1)
    if isinstance(value, dict):
        return Node({key: node_of(child, file) for key, child in value.items()}, place)
    if isinstance(value, list):
        return Node([node_of(child, file) for child in value], place)
    return Node(value, place)


def merged(base: Any, patch: Any, core: bool = False) -> Any:
    """Return a merge of plain values; no problem may be noted."""
    problems: list[Problem] = []
    result = merge(node_of(base), node_of(patch, "b.yaml"), core=core, problems=problems)
    assert problems == []
    return None if result is None else result.plain


@UNTIMED
@given(MAPS, PATCHES, st.booleans())
def test_merging_twice_is_merging_once(base: Any, patch: Any, core: bool) -> None:
    """A patch that is already in force changes nothing."""
    once = merged(base, patch, core)
    assert merged(once, patch, core) == once


@UNTIMED
@given(MAPS, st.booleans())
def test_an_empty_patch_changes_nothing(base: Any, core: bool) -> None:
    """{} over anything is that thing."""
    assert merged(base, {}, core) == base


@UNTIMED
@given(MAPS, NAMES)
def test_null_deletes_exactly_its_key(base: Any, name: str) -> None:
    """A null takes its key away and leaves every other one."""
    assert merged(base, {name: None}) == {key: value for key, value in base.items() if key != name}


@UNTIMED
@given(MAPS, PATCHES)
def test_a_patch_leaves_no_null_behind(base: Any, patch: Any) -> None:
    """Nulls are orders, never values, also where there was nothing to delete."""

    def nulls(value: Any) -> bool:
        if isinstance(value, dict):
            return any(nulls(child) for child in value.values())
        if isinstance(value, list):
            return any(nulls(child) for child in value)
        return value is None

    assert not nulls(merged(base, patch))


@UNTIMED
@given(MAPS, PATCHES)
def test_scalars_of_the_patch_win(base: Any, patch: Any) -> None:
    """Whatever plain value the patch states stands in the result."""
    result = merged(base, patch)
    for key, value in patch.items():
        if value is not None and not isinstance(value, dict | list):
            assert result[key] == value


@pytest.mark.parametrize(
    ("base", "patch", "core", "expected"),
    [
        (
            {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
            {"env": [{"name": "C", "value": "3"}, {"name": "B", "value": "two"}]},
            True,
            {"env": [{"name": "C", "value": "3"}, {"name": "B", "value": "two"}, {"name": "A", "value": "1"}]},
        ),
        (
            {"env": [{"name": "A"}, {"name": "B"}]},
            {"env": [{"name": "A", "$patch": "delete"}]},
            True,
            {"env": [{"name": "B"}]},
        ),
        ({"env": [{"name": "A"}]}, {"env": [{"name": "B"}]}, False, {"env": [{"name": "B"}]}),
        (
            {"ports": [{"containerPort": 80, "name": "a"}]},
            {"ports": [{"containerPort": 80, "name": "b"}, {"containerPort": 81}]},
            True,
            {"ports": [{"containerPort": 80, "name": "b"}, {"containerPort": 81}]},
        ),
        (
            {"ports": [{"port": 1, "name": "a"}]},
            {"ports": [{"port": 1, "targetPort": "x"}]},
            True,
            {"ports": [{"port": 1, "name": "a", "targetPort": "x"}]},
        ),
        ({"args": ["a", "b"]}, {"args": ["c"]}, True, {"args": ["c"]}),
        ({"finalizers": ["a"]}, {"finalizers": ["b"]}, True, {"finalizers": ["b", "a"]}),
        ({"data": {"a": "x"}}, {"data": {"$patch": "replace", "b": "y"}}, True, {"data": {"b": "y"}}),
        ({"a": {"b": 1}, "c": 2}, {"a": {"$patch": "delete"}}, False, {"c": 2}),
        ({"a": 1}, {"b": {"c": None, "d": 2}}, False, {"a": 1, "b": {"d": 2}}),
    ],
)
def test_lists_and_directives_as_kustomize_does_them(base: Any, patch: Any, core: bool, expected: Any) -> None:
    """Core lists merge by their key, new elements first; custom resources' lists are replaced whole."""
    assert merged(base, patch, core) == expected


def test_a_resource_can_be_deleted() -> None:
    """`$patch: delete` at the top takes the whole resource."""
    assert merged({"a": 1}, {"$patch": "delete"}) is None


@pytest.mark.parametrize("key", ["$retainKeys", "$setElementOrder/env", "$deleteFromPrimitiveList/finalizers"])
def test_other_directives_are_refused_by_name(key: str) -> None:
    """What is not rendered is never skipped in silence."""
    problems: list[Problem] = []
    merge(node_of({"a": {"b": 1}}), node_of({"a": {key: ["b"]}}), core=True, problems=problems)
    assert [problem.key for problem in problems] == [f"a.{key}"]


def test_unknown_patch_words_are_refused() -> None:
    """`$patch` knows merge, delete and replace."""
    problems: list[Problem] = []
    merge(node_of({"a": {}}), node_of({"a": {"$patch": "remove"}}), core=True, problems=problems)
    assert [(problem.key, problem.value) for problem in problems] == [("a.$patch", "remove")]


def test_core_groups() -> None:
    """Custom resources have no merge keys."""
    assert is_core("v1")
    assert is_core("apps/v1")
    assert not is_core("kafka.strimzi.io/v1beta2")


def test_places_follow_the_value_that_won() -> None:
    """A value from the patch is reported in the patch's file, the rest in the base's."""
    result = merge(node_of({"a": {"b": 1, "c": 2}}), node_of({"a": {"b": 9}}, "over.yaml"), core=False, problems=[])
    assert result is not None
    b, c = result.get("a", "b"), result.get("a", "c")
    assert b is not None
    assert c is not None
    assert (b.place.file, c.place.file) == ("over.yaml", "a.yaml")


@UNTIMED
@given(st.integers(0, 10**9), st.sampled_from(["", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "Ti"]))
def test_quantities_scale_with_their_suffix(number: int, suffix: str) -> None:
    """N times one unit is the quantity of n units."""
    assert quantity(f"{number}{suffix}") == pytest.approx(number * quantity(f"1{suffix}"))


@UNTIMED
@given(st.floats(0.001, 1e6))
def test_plain_numbers_are_their_own_quantity(number: float) -> None:
    """A number without suffix is cores or bytes as it stands."""
    text = f"{number:f}"
    assert quantity(text) == float(text)


@UNTIMED
@given(st.text(max_size=6))
def test_a_quantity_is_a_number_from_zero_or_refused(text: str) -> None:
    """Any text either parses to a number of at least 0 or is refused; nothing else happens."""
    with contextlib.suppress(BadInput):
        assert quantity(text) >= 0.0


@pytest.mark.parametrize("text", ["", "-1", "1 Gi", "1GB", "0x10", "Gi", "1e", "nan", "inf", "1,5"])
def test_wrong_quantities_are_refused(text: str) -> None:
    """Signs, spaces and units Kubernetes does not know are refused."""
    with pytest.raises(BadInput):
        quantity(text)
