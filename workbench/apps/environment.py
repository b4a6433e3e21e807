"""Settings of the hub's applications, from the environment alone; every problem is reported at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")


class BadSettings(Exception):
    """The environment is incomplete or wrong; `problems` holds one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class Environment:
    """Reads variables; what is wrong is noted, and `check` raises it all together."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._problems: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        """Return a variable that must not be empty, `default` where it is not set."""
        value = self._variables.get(name, default)
        if not value:
            self._problems.append(f"{name} is not set")
        return value

    def number(self, name: str, low: float, high: float) -> float:
        """Return a number from `low` to `high`."""
        value = self.text(name)
        try:
            parsed = float(value or "nan")
        except ValueError:
            parsed = float("nan")
        if value and not low <= parsed <= high:
            self._problems.append(f"{name} is {value!r}: a number from {low:g} to {high:g}")
        return parsed if low <= parsed <= high else low

    def all_or_none(self, *names: str) -> tuple[str, ...]:
        """Return variables that only make sense together, nothing where none of them is set."""
        values = tuple(self._variables.get(name, "") for name in names)
        if any(values) and not all(values):
            missing = " and ".join(name for name, value in zip(names, values, strict=True) if not value)
            self._problems.append(f"{missing} not set: {', '.join(names)} go together")
        return values if all(values) else ()

    def only(self, name: str, known: str) -> None:
        """Note a variable that is set to anything but the one value this program knows."""
        if (value := self._variables.get(name, known)) != known:
            self._problems.append(f"{name} is {value!r}: {known} is all this program can do")

    def log_level(self) -> str:
        """Return LOG_LEVEL, INFO where it is not set."""
        level = self._variables.get("LOG_LEVEL", "INFO").upper()
        if level not in LOG_LEVELS:
            self._problems.append(f"LOG_LEVEL is {level!r}: one of {', '.join(LOG_LEVELS)}")
        return level

    def check(self) -> None:
        """Raise BadSettings with everything that was wrong."""
        if self._problems:
            raise BadSettings(self._problems)
