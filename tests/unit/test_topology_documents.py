"""Strict YAML: what is read, what is refused, and on which line."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.errors import BadInput
from workbench.topology.documents import DEPTH_MAX, Node, Place, dotted, parse, read_documents


def _plain(text: str) -> object:
    return parse(text, Place("a.yaml"))[0].plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 12", 12),
        ("a: -3", -3),
        ("a: 0755", 0o755),
        ("a: 0.05", 0.05),
        ("a: 1e3", 1000.0),
        ("a: true", True),
        ("a: FALSE", False),
        ("a: ~", None),
        ("a:", None),
        ('a: "12"', "12"),
        ("a: 3.7.1", "3.7.1"),
        ("a: 1:30", "1:30"),  # YAML 1.1 takes it for 90
        ("a: 2026-01-02", "2026-01-02"),  # and this for a date
        ("a: 1_000", "1_000"),
        ("a: 'on'", "on"),
        ("a: !!str 5", "5"),
        ("a: [1, [2], {b: x}]", [1, [2], {"b": "x"}]),
    ],
)
def test_values_are_what_kubernetes_would_read(text: str, value: object) -> None:
    """Numbers, truths and nulls are converted; everything that only looks like one stays text."""
    assert _plain(text) == {"a": value}


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", "a", 3),
        ("a: on\n", "a", 1),
        ("x:\n  y: Yes\n", "x.y", 2),
        ("1: a\n", "1", 1),
        ("on: a\n", "on", 1),
        ("a: {b: 1}\nc:\n  <<: {d: 1}\n", "c.<<", 3),
        ("a: .inf\n", "a", 1),
        ("a: 1e999\n", "a", 1),
        ("a:\n  - .nan\n", "a[0]", 2),
        ("a: !!binary aGk=\n", "a", 1),
        ('a:\n  b.c: "x"\n  b.c: "y"\n', 'a["b.c"]', 3),
    ],
)
def test_what_readers_disagree_on_is_refused_with_its_place(text: str, key: str, line: int) -> None:
    """A key twice, a bare `on`, a number as key, a merge key, an infinite number: file, key and line are named."""
    with pytest.raises(BadInput) as caught:
        parse(text, Place("a.yaml"))
    problem = caught.value.problems[0]
    assert (problem.file, problem.key, problem.line) == ("a.yaml", key, line)


def test_every_problem_of_a_file_is_reported() -> None:
    """Two wrong values on two lines make two problems."""
    with pytest.raises(BadInput) as caught:
        parse("a: on\nb: off\n", Place("a.yaml"))
    assert [problem.line for problem in caught.value.problems] == [1, 2]


def test_unparsable_yaml_names_file_and_line(tmp_path: Path) -> None:
    """The line is where the parser stopped understanding."""
    path = tmp_path / "broken file.yaml"
    path.write_text("a: 1\nb: [1, 2\nc: 3\n")
    with pytest.raises(BadInput) as caught:
        read_documents(path)
    (problem,) = caught.value.problems
    assert problem.file.endswith("broken file.yaml")
    assert problem.line == 3
    assert f"{problem.file}:3" in str(problem)


@pytest.mark.parametrize("content", [b"", b"  \n\n", b"\xff\xfe\x00x"])
def test_files_without_text_are_refused(tmp_path: Path, content: bytes) -> None:
    """Empty, blank and binary files are problems, not empty documents."""
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read_documents(path)
    assert len(caught.value.problems) == 1


def test_folders_and_missing_files_are_refused(tmp_path: Path) -> None:
    """A folder in a file's place says so, as does nothing at all."""
    for path, found in ((tmp_path, "a folder"), (tmp_path / "no.yaml", "missing")):
        with pytest.raises(BadInput) as caught:
            read_documents(path)
        assert caught.value.problems[0].value == found


def test_aliases_are_read_but_bounded() -> None:
    """An alias repeats its value; a document that grows without end through them is refused."""
    assert _plain("a: &x {b: 1}\nc: *x\n") == {"a": {"b": 1}, "c": {"b": 1}}
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 9)]
    with pytest.raises(BadInput, match="too large"):
        parse("\n".join(lines), Place("a.yaml"))
    with pytest.raises(BadInput, match="too deep"):
        parse("a: " + "[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1), Place("a.yaml"))
    with pytest.raises(BadInput, match="too deep"):
        parse("a: &a [*a]", Place("a.yaml"))


def test_a_text_inside_a_file_keeps_that_files_lines() -> None:
    """A patch that starts on line 7 of a kustomization counts its lines from there."""
    (document,) = parse("a: 1\nb: 2\n", Place("k.yaml", 7))
    assert document.fields["b"].place == Place("k.yaml", 8)


def test_nodes_answer_for_what_is_missing() -> None:
    """Getters on a scalar, or past the end of a path, return nothing instead of failing."""
    node = Node("x", Place("a.yaml"))
    assert node.get("a", "b") is None
    assert node.text("a") == ""
    assert node.items == []
    assert dotted("a", "b.c") == 'a["b.c"]'
