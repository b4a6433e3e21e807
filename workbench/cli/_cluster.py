"""What the commands on a throwaway cluster share: which one, and telling how far they are."""

from __future__ import annotations

import time
from collections.abc import Callable

import click

CLUSTER_OPTION = click.option("--cluster", "cluster_id", default="", help="Its id; not needed while only one is up.")


def elapsed_teller() -> Callable[[str], None]:
    """Return what prints a line of progress behind the seconds since this call."""
    begun_s = time.monotonic()

    def tell(text: str) -> None:
        click.echo(f"{time.monotonic() - begun_s:6.1f} s  {text}", err=True)

    return tell


__all__ = ["CLUSTER_OPTION", "elapsed_teller"]
