"""Assessments on several processes: a Dask cluster of this machine, or a scheduler that is there already.

A worker is a process with one thread (the engine's loops do not share an interpreter); compiled loops come from the
folder of workbench.compilation on each machine. Another version of the workbench on a worker is refused.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Protocol

import dask
from distributed import Client, KilledWorker, LocalCluster, as_completed

from workbench.errors import MachineTrouble, ToolFailed
from workbench.plan.search.assessing import assess
from workbench.plan.search.context import Context, code_sha256
from workbench.plan.search.set_up import SetUp

CONNECT_S: Final = 20.0
CLOSE_S: Final = 10.0
Found = Callable[[SetUp, dict[str, Any]], None]
SETTINGS: Final = {
    "distributed.worker.daemon": True,
    "distributed.comm.timeouts.connect": f"{CONNECT_S:g}s",
    "distributed.admin.log-length": 0,
}


class Progress(Protocol):
    """Is told how a search goes."""

    def begins(self, kept: int) -> None:
        """Say how many assessments are kept from before."""

    def found(self, done: int, set_ups: int, computed: int) -> None:
        """Say how many set-ups are done, of how many, and how many of them were computed just now."""


class Crew(Protocol):
    """Assesses set-ups."""

    def assess(self, context: Context, set_ups: Sequence[SetUp], found: Found) -> None:
        """Assess each; `found` is called as each comes in, in any order."""


class DaskCrew:
    """Workers of a Dask cluster, started when there is something to assess; a context manager."""

    def __init__(self, workers: int, scheduler: str | None = None) -> None:
        self._workers = workers
        self._scheduler = scheduler
        self._open = ExitStack()
        self._client: Client | None = None
        self._context: tuple[str, Any] | None = None

    def __enter__(self) -> DaskCrew:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def assess(self, context: Context, set_ups: Sequence[SetUp], found: Found) -> None:
        """Assess each set-up on some worker. Raises ToolFailed where workers keep dying."""
        if not set_ups:
            return
        client = self._client or self._connect()
        shared = self._shared(client, context)
        futures = {client.submit(assess, shared, each, pure=False): each for each in set_ups}
        try:
            for future in as_completed(futures, loop=client.loop):
                found(futures[future], future.result())
        except KilledWorker as error:
            raise ToolFailed(f"workers keep dying over one set-up: {error}") from error

    def _shared(self, client: Client, context: Context) -> Any:
        if self._context is None or self._context[0] != context.sha256:
            self._context = context.sha256, client.scatter(context, broadcast=True, hash=False)
        return self._context[1]

    def _connect(self) -> Client:
        self._open.enter_context(dask.config.set(SETTINGS))
        logging.getLogger("distributed").setLevel(logging.ERROR)
        if self._scheduler is None:
            scratch = self._open.enter_context(TemporaryDirectory(prefix="workbench-dask-"))
            with _ctrl_c_not_inherited():
                cluster = LocalCluster(
                    n_workers=self._workers,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",
                    local_directory=scratch,
                    silence_logs=logging.ERROR,
                )
            client = self._client_of(self._open.enter_context(cluster))
        else:
            client = self._client_of(self._scheduler)
        self._check(client)
        self._client = client
        return client

    def _client_of(self, where: Any) -> Client:
        try:
            return self._open.enter_context(Client(where, timeout=CONNECT_S, set_as_default=False))
        except (OSError, TimeoutError, ValueError) as error:
            raise MachineTrouble(f"no Dask scheduler answers at {where}: {error}") from error

    def _check(self, client: Client) -> None:
        try:
            client.wait_for_workers(1, timeout=CONNECT_S)
        except TimeoutError as error:
            raise MachineTrouble(f"the Dask scheduler at {self._scheduler} has no worker") from error
        own = code_sha256()
        if others := [address for address, sha256 in client.run(code_sha256).items() if sha256 != own]:
            raise ToolFailed(f"other code than this one's is on the workers {', '.join(others)}")


@contextmanager
def _ctrl_c_not_inherited() -> Iterator[None]:
    """Hold SIGINT back in the block, for good in threads and processes that begin in it.

    A terminal sends Ctrl-C to the workers too: each would end by itself while this process ends them, and some find
    their scheduler gone and say so at length. The first process that is spawned starts multiprocessing's resource
    tracker, which lets SIGINT through again in the thread that does it (Python 3.12 resource_tracker.ensure_running),
    so it is started before.
    """
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
