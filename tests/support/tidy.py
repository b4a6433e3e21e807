"""The house's style as rules over its text; each returns one sentence a breach, empty when there is none.

A rule takes sources, not the checkout, so that a test can hand it a planted breach of its kind.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

FUNCTION_LINES_MAX: Final = 70
FILE_LINES_MAX: Final = 400
TEXT_SUFFIXES: Final = frozenset(
    {".py", ".md", ".yaml", ".yml", ".toml", ".sh", ".sql", ".j2", ".css", ".lock", ".properties", ".txt"}
)
NOT_OURS: Final = frozenset({".git", ".venv", "out", "build", "__pycache__"})

# Where a sleep is no poll: the file and why.
PACED_SLEEPS: Final = {
    "workbench/load/canary.py": "the pacer ends the loop by answering None, and says how long to wait",
}
# Handlers that catch everything and yet swallow nothing: the file and where the error goes.
CARRIED_ERRORS: Final = {
    "workbench/observe/collector.py": "a thread's error is raised by stop(), in the drill's own thread",
}
# Files in which a forked child ends itself without running its parent's clean-up.
FORKING: Final = frozenset({"workbench/target/local/supervisor.py", "workbench/target/local/guardian.py"})

# Files whose classes a framework finds by their base class.
FOUND_BY_BASE: Final = frozenset({"workbench/load/locustfile.py", "workbench/load/readers_locustfile.py"})

# Words of the workshop, not of the product; hosts of package registries; homes of one machine.
BANNED: Final = {
    r"\b(TODO|FIXME|XXX|HACK|WIP)\b": "a note to oneself",
    r"(?i)\b(as requested|issue #?\d+|(this|our|the) (issue|ticket))\b": "shop talk",
    r"(?i)\b(chatgpt|copilot|claude|language model)\b": "shop talk",
    r"(?i)\b(pypi\.org|pythonhosted\.org|maven\.org|maven\.apache\.org|npmjs\.(org|com)|anaconda\.org)\b": "a registry",
    r"(?<![\w.$~}])/(root|Users|work)/\w|(?<![\w.$~}])/home/\w": "a path of one machine",
}


@dataclass(frozen=True)
class Source:
    """One file: its path inside the project, with slashes, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Return the parsed file (Python only)."""
        return ast.parse(self.text)

    @cached_property
    def reaches(self) -> frozenset[str]:
        """Return the modules it imports, or names in a string to start them as programs (Python only)."""
        prose = {id(node.value) for node in ast.walk(self.tree) if isinstance(node, ast.Expr)}
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            if isinstance(node, ast.ImportFrom) and node.module:
                found.update((node.module, *(f"{node.module}.{alias.name}" for alias in node.names)))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
                found |= named_modules(node.value)
                if re.fullmatch(r"\w+\.py", node.value):  # a file beside this one, started by its path
                    found.add(module_name(f"{self.path.rpartition('/')[0]}/{node.value}"))
        return frozenset(found)


def read_sources(root: Path) -> list[Source]:
    """Return every text file of the project in `root`, sorted; what is generated or fetched is left out."""
    found = []
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        ours = not NOT_OURS.intersection(inside.parts) and not any(part.endswith(".egg-info") for part in inside.parts)
        named = path.suffix in TEXT_SUFFIXES or path.name == "Makefile" or inside.parts[0] == ".ci"
        if ours and named and path.is_file():
            found.append(Source(inside.as_posix(), path.read_text()))
    return found


def too_long(source: Source) -> list[str]:
    """Files over FILE_LINES_MAX lines and functions over FUNCTION_LINES_MAX, docstring counted."""
    lines = source.text.count("\n")
    breaches = [f"{source.path}: {lines} lines, at most {FILE_LINES_MAX}"] if lines > FILE_LINES_MAX else []
    for node in _functions(source.tree):
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > FUNCTION_LINES_MAX:
            breaches.append(
                f"{source.path}:{node.lineno}: {node.name} has {length} lines, at most {FUNCTION_LINES_MAX}"
            )
    return breaches


def caught_all(source: Source) -> list[str]:
    """Handlers that swallow every error: bare, Exception or BaseException, and no `raise` at their end.

    Only the command line may.
    """
    if source.path.startswith("workbench/cli/") or source.path in CARRIED_ERRORS:
        return []
    handlers = [node for node in ast.walk(source.tree) if isinstance(node, ast.ExceptHandler)]
    return [
        f"{source.path}:{node.lineno}: catches everything"
        for node in handlers
        if (node.type is None or {"Exception", "BaseException"}.intersection(_names(node.type)))
        and not isinstance(node.body[-1], ast.Raise)
    ]


def exits(source: Source) -> list[str]:
    """Calls that end the process, outside the command line and a program's own `if __name__` block."""
    if source.path.startswith("workbench/cli/"):
        return []
    guarded = {id(inner) for node in source.tree.body if _is_main_guard(node) for inner in ast.walk(node)}
    breaches = []
    for node in ast.walk(source.tree):
        ends = _dotted(node.func) if isinstance(node, ast.Call) else ""
        if ends in ("sys.exit", "exit", "quit", "SystemExit") and id(node) not in guarded:
            breaches.append(f"{source.path}:{getattr(node, 'lineno', 0)}: {ends} outside cli")
        if ends == "os._exit" and source.path not in FORKING:
            breaches.append(f"{source.path}:{getattr(node, 'lineno', 0)}: os._exit outside a forked child")
    return breaches


def blind_sleeps(source: Source) -> list[str]:
    """Sleeps that are no poll: outside a loop, or in a loop that need not end."""
    if source.path in PACED_SLEEPS:
        return []
    polled = {id(inner) for loop in ast.walk(source.tree) if _ends(loop) for inner in ast.walk(loop)}
    return [
        f"{source.path}:{node.lineno}: sleeps outside a loop with a bound"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and _dotted(node.func) in ("time.sleep", "sleep") and id(node) not in polled
    ]


def unseeded(source: Source) -> list[str]:
    """Draws from a global or unseeded generator, and streams of another origin in the package.

    SystemRandom (ports, passwords) decides no result.
    """
    allowed = {"random.SystemRandom", "random.Random"}
    allowed |= {
        f"{numpy}.random.{name}" for numpy in ("np", "numpy") for name in ("Generator", "PCG64", "SeedSequence")
    }
    calls = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
    seeded = {id(node.func) for node in calls if node.args and _dotted(node.func).endswith("random.default_rng")}
    if source.path.startswith("workbench/"):
        seeded.clear()
    breaches = []
    for node in ast.walk(source.tree):
        name = _dotted(node) if isinstance(node, ast.Attribute) and id(node) not in seeded else ""
        if re.match(r"((np|numpy)\.)?random\.\w+$", name) and name not in allowed:
            breaches.append(f"{source.path}:{getattr(node, 'lineno', 0)}: {name} instead of a stream of the seed")
        if isinstance(node, ast.ImportFrom) and node.module in ("random", "numpy.random"):
            breaches.append(f"{source.path}:{node.lineno}: from {node.module} import ...")
    return breaches


def wall_clock(source: Source) -> list[str]:
    """Clocks in the model and its engine, where time is simulated; a program there may time itself."""
    if not source.path.startswith(("workbench/model/", "workbench/engine/")) or source.path.endswith("/__main__.py"):
        return []
    breaches = []
    for node in ast.walk(source.tree):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if {"time", "datetime"}.intersection(modules):
            breaches.append(f"{source.path}:{getattr(node, 'lineno', 0)}: the model knows no wall clock")
    return breaches


def undocumented_tests(source: Source) -> list[str]:
    """Test functions without a docstring that says what they show."""
    return [
        f"{source.path}:{node.lineno}: {node.name} has no docstring"
        for node in _functions(source.tree)
        if node.name.startswith("test_") and ast.get_docstring(node) is None
    ]


def banned_words(source: Source) -> list[str]:
    """Words and names of BANNED, in code and prose alike."""
    return [
        f"{source.path}:{source.text.count(chr(10), 0, match.start()) + 1}: {match.group()!r} is {why}"
        for pattern, why in BANNED.items()
        for match in re.finditer(pattern, source.text)
    ]


def dead_modules(package: Mapping[str, Source], entries: frozenset[str], mentions: str) -> list[str]:
    """Modules that no entry point reaches by imports or by naming them.

    Args:
        package: every module by its dotted name.
        entries: modules started from outside.
        mentions: text that starts modules by name, such as experiments and scripts.
    """
    waiting = [*entries, *named_modules(mentions)]
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in reached or name not in package:
            continue
        reached.add(name)
        waiting += [f"{name}.__main__", *package[name].reaches]
        waiting.append(name.rpartition(".")[0])
    return [f"{package[name].path}: nothing imports or starts it" for name in sorted(package.keys() - reached)]


def unused_names(package: Mapping[str, Source], mentions: str) -> list[str]:
    """Functions and classes at the top of a module that nothing else in the package or in `mentions` names.

    A decorated one is used by its decorator, `__getattr__` and the like by the language.
    """
    everything = "\n".join([*(source.text for source in package.values()), mentions])
    counts: dict[str, int] = {}
    for word in re.findall(r"\w+", everything):
        counts[word] = counts.get(word, 0) + 1
    return [
        f"{source.path}:{node.lineno}: {node.name} is named nowhere else"
        for source in package.values()
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.decorator_list
        and not node.name.startswith("__")
        and counts[node.name] == 1
        and source.path not in FOUND_BY_BASE
    ]


def module_name(path: str) -> str:
    """Return the dotted name of a module's path inside the project."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def named_modules(text: str) -> frozenset[str]:
    """Return the dotted names of the package's modules that a text names, "workbench.a.b" or "workbench/a/b.py"."""
    dotted = re.findall(r"(?<![\w.])workbench(?:\.\w+)+", text)
    return frozenset([*dotted, *map(module_name, re.findall(r"(?<![\w./])workbench/[\w/]+\.py", text))])


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


_LEAVING: Final = (ast.Return, ast.Raise, ast.Break)


def _ends(loop: ast.AST) -> bool:
    """Tell whether a loop has a bound: a `for`, a condition, or a deadline that makes it leave."""
    if isinstance(loop, ast.For) or (isinstance(loop, ast.While) and not isinstance(loop.test, ast.Constant)):
        return True
    inside = list(ast.walk(loop)) if isinstance(loop, ast.While) else []
    ways_out = [node for node in inside if isinstance(node, ast.If) and isinstance(node.body[-1], _LEAVING)]
    tests = [node.test for node in [*ways_out, *(node for node in inside if isinstance(node, ast.Assert))]]
    return any(re.search("deadline|timeout", ast.unparse(test)) for test in tests)


def _names(node: ast.expr) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _dotted(node: ast.expr) -> str:
    """Return "a.b.c" of a name or attribute chain, "" of anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def _is_main_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in _names(node.test)
