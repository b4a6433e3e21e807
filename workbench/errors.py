"""Every error the workbench raises on purpose, as one tree.

WorkbenchError
├── BadInput            exit 2   a scenario, flag or manifest is wrong; carries every problem at once
├── MachineTrouble      exit 3   memory, disk, a port, a missing kernel feature, a download
│   └── ToolFailed      exit 3   a server or tool we run failed or timed out
├── Inconclusive        exit 4   the drill ran but proves nothing
├── Stopped             exit 5   a guard or a person stopped it
└── UndoUnverified      exit 6   something may still be broken

Only `workbench.cli` catches them. Where several exit codes apply the first of EXIT_PRECEDENCE wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

EXIT_AS_EXPECTED: Final = 0
EXIT_MISSED: Final = 1
EXIT_BAD_INPUT: Final = 2
EXIT_MACHINE: Final = 3
EXIT_INCONCLUSIVE: Final = 4
EXIT_STOPPED: Final = 5
EXIT_UNDO_UNVERIFIED: Final = 6
EXIT_PRECEDENCE: Final = (6, 5, 3, 2, 1, 4, 0)


def worst_exit_code(codes: Iterable[int]) -> int:
    """Return the code that wins when several apply (EXIT_PRECEDENCE)."""
    present = set(codes) or {EXIT_AS_EXPECTED}
    return next(code for code in EXIT_PRECEDENCE if code in present)


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input: where, what was found, what is allowed."""

    file: str
    key: str  # dotted path inside the file, "" for the file as a whole
    value: str
    bound: str  # what would be right, as a phrase: "a number above 0"
    line: int | None = None  # in that file, from 1; None where it is not known

    def __str__(self) -> str:
        file = self.file if self.line is None else f"{self.file}:{self.line}"
        place = f"{file}: {self.key}" if self.key else file
        found = f" is {self.value}" if self.value else ""
        return f"{place}{found}: {self.bound}"


class WorkbenchError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command line returns."""

    exit_code: int = EXIT_MACHINE


class BadInput(WorkbenchError):
    """The input is wrong. `problems` holds all of them, never only the first."""

    exit_code = EXIT_BAD_INPUT

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join([message, *(f"  {problem}" for problem in self.problems)]))

    def problems_in(self, file: str) -> tuple[Problem, ...]:
        """Return the problems; an error without any is itself the one problem of `file`."""
        return self.problems or (Problem(file, "", "", str(self)),)


class MachineTrouble(WorkbenchError):
    """This machine cannot do it: memory, disk, port, kernel feature, download."""

    exit_code = EXIT_MACHINE


class ToolFailed(MachineTrouble):
    """A server or tool that we run failed or did not answer in time."""


class Inconclusive(WorkbenchError):
    """The drill ran, but what it shows proves nothing."""

    exit_code = EXIT_INCONCLUSIVE


class Stopped(WorkbenchError):
    """A guard or a person stopped the drill."""

    exit_code = EXIT_STOPPED


class UndoUnverified(WorkbenchError):
    """The fault's undo could not be verified: something may still be broken."""

    exit_code = EXIT_UNDO_UNVERIFIED
