"""The documentation against the project: links, commands, scenarios and the picture of the rooms."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from workbench.cli import COMMANDS
from workbench.errors import EXIT_PRECEDENCE

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])
DIAGRAM_COLUMN = 41  # where the rooms end and their explanation begins


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page, and every path it names in code marks, is there."""
    text = page.read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    paths = re.findall(r"`((?:workbench|tests|docs|scenarios|manifests|scripts|benchmarks)/[\w./-]+)`", text)
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing + [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    """Every `make` target and `workbench` command a page names exists."""
    text = page.read_text()
    targets = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"`make ([a-z0-9]+)", text)) <= targets
    assert set(re.findall(r"`(?:\.venv/bin/)?workbench ([a-z-]+)", text)) <= set(COMMANDS)


def test_every_scenario_is_in_the_readme() -> None:
    """The README's table of scenarios names each file of scenarios/ and no other."""
    text = (ROOT / "README.md").read_text()
    table = text.partition("| scenario |")[2].partition("\n\n")[0]
    named = {name for row in table.splitlines() for name in re.findall(r"`([\w-]+)`", row.split("|")[1])}
    assert named == {path.stem for path in (ROOT / "scenarios").glob("*.yaml")}


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md"])
def test_every_exit_code_is_explained(page: str) -> None:
    """The table of exit codes has one row a code."""
    rows = re.findall(r"^\| (\d) \|", (ROOT / page).read_text(), flags=re.MULTILINE)
    assert sorted(map(int, rows)) == sorted(EXIT_PRECEDENCE)


def test_the_picture_of_the_rooms_is_the_contract() -> None:
    """The rooms drawn in docs/architecture.md are, line by line, the layers that import-linter checks."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [set(layer.split(" | ")) for layer in contracts[0]["layers"]]
    diagram = (ROOT / "docs" / "architecture.md").read_text().partition("## Rooms")[2].split("```")[1]
    drawn = [set(line[:DIAGRAM_COLUMN].split()) for line in diagram.splitlines() if line[:DIAGRAM_COLUMN].strip()]
    assert drawn == layers
