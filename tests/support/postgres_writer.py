"""Writes rows to the hub's Postgres by its Service, again and again, and says of each whether it is committed.

`python -m tests.support.postgres_writer`, where the cluster's names are known; the address is HUB_DSN. Every attempt is
a connection of its own, so that nothing but the name leads to the primary. A line of JSON an attempt: number, when it
began and ended (epoch s), whether the commit was acknowledged. Ends with its standard input.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time

import psycopg

PERIOD_S = 0.1
CONNECT_TIMEOUT_S = 2


def write(number: int) -> bool:
    """Commit one row; tell whether that was acknowledged."""
    try:
        with psycopg.connect(os.environ["HUB_DSN"], connect_timeout=CONNECT_TIMEOUT_S) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS written (number bigint PRIMARY KEY)")
            connection.execute("INSERT INTO written VALUES (%s)", (number,))
    except psycopg.Error:
        return False
    return True


def main() -> None:
    """Write until the standard input ends."""
    number = 0
    while not select.select([sys.stdin], [], [], PERIOD_S)[0]:
        begun_s = time.time()
        committed = write(number)
        line = {"number": number, "begun_s": begun_s, "ended_s": time.time(), "committed": committed}
        print(json.dumps(line), flush=True)
        number += 1


if __name__ == "__main__":
    main()
