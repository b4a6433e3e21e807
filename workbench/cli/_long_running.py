"""What commands that take minutes share: `run` may be left out, and SIGTERM stops them as Ctrl-C does."""

from __future__ import annotations

import signal
from types import FrameType

import click

from workbench.errors import Stopped


class RunByDefault(click.Group):
    """`workbench nightly smoke` is `workbench nightly run smoke`; a bare command still shows its help."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `run` before anything that is neither a command nor a call for help."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


def stop_on_sigterm(words: str = "signal") -> None:
    """Let SIGTERM raise Stopped with `words` and the signal's name, so that everything ends in order."""

    def terminated(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's signature
        raise Stopped(f"{words} {signal.Signals(signum).name}")

    signal.signal(signal.SIGTERM, terminated)


__all__ = ["RunByDefault", "stop_on_sigterm"]
