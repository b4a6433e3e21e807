"""The house's style as a test: the rules of tests/support/tidy.py over the whole project, and proof that each bites."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import tidy
from tests.support.tidy import Source
from workbench.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
SOURCES = tidy.read_sources(ROOT)
PYTHON = [source for source in SOURCES if source.path.endswith(".py")]
PACKAGE = {tidy.module_name(source.path): source for source in PYTHON if source.path.startswith("workbench/")}
# What starts modules by name: experiments, scripts and the build's settings.
MENTIONS = "\n".join(
    source.text for source in SOURCES if source.path.startswith(("experiments/", "scripts/", "Makefile", "pyproject"))
)
ENTRIES = frozenset({"workbench.api", "workbench.cli", "workbench.cli.__main__"})
ENTRIES |= {"workbench.model.reference"}  # the slow model beside the engine: theory tests compare the two
ENTRIES |= {f"workbench.cli.{command.replace('-', '_')}" for command in COMMANDS}

Rule = Callable[[Source], list[str]]
RULES: tuple[tuple[Rule, tuple[str, ...]], ...] = (
    (tidy.too_long, ("workbench/", "tests/", "scripts/", "benchmarks/")),
    (tidy.caught_all, ("workbench/", "scripts/", "benchmarks/")),
    (tidy.exits, ("workbench/",)),
    (tidy.blind_sleeps, ("workbench/", "tests/", "scripts/", "benchmarks/")),
    (tidy.unseeded, ("workbench/", "tests/", "scripts/", "benchmarks/")),
    (tidy.wall_clock, ("workbench/",)),
    (tidy.undocumented_tests, ("tests/",)),
)
# A breach of each rule, and the nearest thing that is none.
PLANTED: tuple[tuple[Rule, str, str, str], ...] = (
    (tidy.too_long, "workbench/a.py", "def f():\n" + "    x = 1\n" * 70, "def f():\n" + "    x = 1\n" * 69),
    (tidy.too_long, "workbench/a.py", "x = 1\n" * 401, "x = 1\n" * 400),
    (
        tidy.caught_all,
        "workbench/drill/a.py",
        "try:\n    f()\nexcept Exception:\n    pass\n",
        "class A(Exception): ...\n",
    ),
    (
        tidy.caught_all,
        "workbench/drill/a.py",
        "try:\n    f()\nexcept:\n    pass\n",
        "try:\n    f()\nexcept OSError: ...\n",
    ),
    (tidy.caught_all, "workbench/a.py", "try:\n    f()\nexcept (OSError, BaseException): ...\n", "x = BaseException\n"),
    (
        tidy.caught_all,
        "workbench/a.py",
        "try:\n    f()\nexcept BaseException:\n    close()\n",
        "try:\n    f()\nexcept BaseException:\n    close()\n    raise\n",
    ),
    (tidy.exits, "workbench/drill/a.py", "sys.exit(1)\n", "if __name__ == '__main__':\n    sys.exit(main())\n"),
    (tidy.exits, "workbench/drill/a.py", "raise SystemExit(2)\n", "except_for = SystemExit\n"),
    (tidy.exits, "workbench/drill/a.py", "os._exit(1)\n", "os._environ\n"),
    (tidy.blind_sleeps, "workbench/a.py", "time.sleep(1)\n", "while now() < end:\n    time.sleep(1)\n"),
    (
        tidy.blind_sleeps,
        "workbench/a.py",
        "while True:\n    time.sleep(1)\n",
        "for _ in range(3):\n    time.sleep(1)\n",
    ),
    (
        tidy.blind_sleeps,
        "workbench/a.py",
        "while True:\n    if done():\n        break\n    time.sleep(1)\n",
        "while True:\n    if now() > deadline_s:\n        break\n    time.sleep(1)\n",
    ),
    (
        tidy.blind_sleeps,
        "tests/a.py",
        "while True:\n    assert fine()\n    time.sleep(1)\n",
        "while True:\n    assert now() < deadline_s\n    time.sleep(1)\n",
    ),
    (tidy.unseeded, "tests/a.py", "x = np.random.default_rng()\n", "x = np.random.default_rng(7)\n"),
    (tidy.unseeded, "workbench/a.py", "x = random.random()\n", "x = random.SystemRandom().random()\n"),
    (tidy.unseeded, "workbench/a.py", "x = np.random.rand()\n", "def f(rng: np.random.Generator): ...\n"),
    (tidy.unseeded, "workbench/a.py", "from random import choice\n", "from workbench.streams import stream\n"),
    (tidy.wall_clock, "workbench/model/a.py", "import time\n", "import math\n"),
    (tidy.wall_clock, "workbench/engine/a.py", "from datetime import datetime\n", "from math import inf\n"),
    (tidy.undocumented_tests, "tests/unit/test_a.py", "def test_a(): ...\n", "def test_a():\n    '''It is.'''\n"),
    (tidy.banned_words, "docs/a.md", "TODO: later\n", "todo lists are not banned\n"),
    (tidy.banned_words, "docs/a.md", "as asked in issue #12\n", "the session time-out of ZooKeeper\n"),
    (tidy.banned_words, "scripts/a.sh", "curl https://pypi.org/simple\n", "curl http://127.0.0.1\n"),
    (tidy.banned_words, "docs/a.md", "see /root/x\n", "see $HOME/x, ~/work/x and ./root/x\n"),
    (tidy.banned_words, "docs/a.md", "see /home/anna/x\n", "see /home\n"),
)


@pytest.mark.parametrize("rule", [rule for rule, _ in RULES], ids=lambda rule: rule.__name__)
def test_the_code_keeps_the_rule(rule: Rule) -> None:
    """No Python file where the rule holds breaks it."""
    places = dict(RULES)[rule]
    breaches = [breach for source in PYTHON if source.path.startswith(places) for breach in rule(source)]
    assert not breaches, "\n".join(breaches)


def test_no_banned_word_anywhere() -> None:
    """No file of the project holds shop talk, a registry's host or a path of one machine."""
    rules_themselves = {"tests/support/tidy.py", "tests/unit/test_tidy.py"}
    ours = [source for source in SOURCES if source.path not in rules_themselves]
    breaches = [breach for source in ours for breach in tidy.banned_words(source)]
    assert not breaches, "\n".join(breaches)


def test_every_module_is_reached() -> None:
    """Every module is imported or started, directly or not, from the command line, the API or an experiment."""
    breaches = tidy.dead_modules(PACKAGE, ENTRIES, MENTIONS)
    assert not breaches, "\n".join(breaches)


def test_every_function_and_class_is_used() -> None:
    """Nothing at the top of a module is there for nobody."""
    breaches = tidy.unused_names(PACKAGE, MENTIONS)
    assert not breaches, "\n".join(breaches)


@pytest.mark.parametrize(("rule", "path", "breach", "fine"), PLANTED, ids=lambda value: getattr(value, "__name__", ""))
def test_the_rule_bites(rule: Rule, path: str, breach: str, fine: str) -> None:
    """Each rule names a planted breach by its file, and lets pass what only looks like one."""
    found = rule(Source(path, breach))
    assert len(found) == 1
    assert found[0].startswith(f"{path}:")
    assert rule(Source(path, fine)) == []


def test_the_command_line_may_catch_and_exit() -> None:
    """What is a breach in a room is the command line's own work."""
    source = Source("workbench/cli/a.py", "try:\n    f()\nexcept Exception:\n    sys.exit(3)\n")
    assert tidy.caught_all(source) + tidy.exits(source) == []


def test_a_dead_module_is_found() -> None:
    """A module reached by nobody is dead, two that only import each other too; one started by name is alive."""
    texts = {
        "workbench": "",
        "workbench.cli": "import workbench.alive\n",
        "workbench.alive": "PROGRAM = ('python', '-m', 'workbench.started')\n",
        "workbench.started": "'''Speaks of workbench.praised in its docstring only.'''\n",
        "workbench.praised": "",
        "workbench.left": "import workbench.right\n",
        "workbench.right": "from workbench import left\n",
        "workbench.acted": "",
    }
    package = {name: Source(name.replace(".", "/") + ".py", text) for name, text in texts.items()}
    dead = tidy.dead_modules(package, frozenset({"workbench.cli"}), "module: workbench.acted\n")
    assert [breach.split(":")[0] for breach in dead] == [
        f"workbench/{name}.py" for name in ("left", "praised", "right")
    ]


def test_an_unused_function_is_found() -> None:
    """A function that nothing names is found; a used, a mentioned and a decorated one are not."""
    text = "def unused(): ...\ndef used(): ...\nused()\ndef probe(): ...\n@click.command\ndef command(): ...\n"
    found = tidy.unused_names({"workbench.a": Source("workbench/a.py", text)}, "func: probe")
    assert found == ["workbench/a.py:1: unused is named nowhere else"]


def test_every_kind_of_file_is_read() -> None:
    """The walk sees code, prose, scripts and settings, and nothing fetched or generated."""
    paths = {source.path for source in SOURCES}
    assert {"Makefile", "pyproject.toml", "README.md", ".ci/run", "scripts/setup.sh", "workbench/errors.py"} <= paths
    assert not [path for path in paths if path.startswith((".venv/", "reports/out/", ".git/"))]
