"""This process as a worker: it carries out what was requested, by itself and by others.

The engine lives in a thread of its own, so that whoever starts it may have an event loop running,
be a notebook or a thread. There is one engine in a process, which those who need it take turns at.
"""

import threading
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

import dbos._dbos as engine_module
from dbos import DBOS, SetWorkflowID

from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.store import reads
from tapetrail.store.reads import Progress
from tapetrail.store.session import ReconnectPolicy, open_engine, transaction
from tapetrail.workflows.decide import DECISIONS, Dependencies
from tapetrail.workflows.engine import (
    PATIENCE_S,
    POOL_SIZE,
    Engines,
    EngineSettings,
    bounded_wait,
    configured,
    launched,
    open_datasource,
)
from tapetrail.workflows.prepare import Ports
from tapetrail.workflows.run_request import RunRequest
from tapetrail.workflows.work import Work

_TURN: Final = threading.Lock()
_turn_of: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What a process needs to take part in the work.

    `concurrency` decisions are worked on at once, besides those that wait for an analyst; it is a
    matter of this process alone.
    """

    database_url: str
    blobs: BlobStore
    ports: Ports
    executor_id: str
    concurrency: int


class Runner:
    """Opens executions, whose decisions this process and every other worker work off."""

    def __init__(self, thread: ThreadPoolExecutor, engines: Engines) -> None:
        self._thread = thread
        self._engines = engines
        self._queues: dict[int, str] = {}

    def open(self, request: RunRequest, *, workflow_id: str) -> None:
        """Open an execution and put its decisions on the queue.

        A request with this id that was made before stays as it is, and is finished if whoever made
        it died over it. Raises `EdgeFailure` when the database goes away and stays away.
        """
        self._thread.submit(self._open, request, workflow_id).result()

    def progress(self, workflow_ids: Sequence[str]) -> Sequence[Progress]:
        """Return how far the executions of these workflows are, as far as they have started."""
        try:
            return self._progress(workflow_ids)
        except EdgeFailure:
            # The server had ended an idle connection; a new one waits for the server's return.
            return self._progress(workflow_ids)

    def _progress(self, workflow_ids: Sequence[str]) -> Sequence[Progress]:
        with transaction(self._engines.records) as session:
            return reads.progress(session, workflow_ids)

    def _open(self, request: RunRequest, workflow_id: str) -> None:
        with bounded_wait(self._engines.reconnect), SetWorkflowID(workflow_id):
            strategy_id = request["strategy_id"]
            if strategy_id not in self._queues:
                self._queues[strategy_id] = DECISIONS.queue_of(strategy_id)
            queue = self._queues[strategy_id]
            DBOS.start_workflow(DECISIONS.execute, request, queue).get_result()


@contextmanager
def launch(wanted: Launch) -> Generator[Runner]:
    """Give a runner; while it is open, this process works off the queue.

    Raises `InvalidInput` where a runner is open in this thread already, and where the program runs
    the engine itself.
    """
    with _turn(), ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine") as thread:
        stack = ExitStack()
        try:
            yield thread.submit(stack.enter_context, _launched(wanted, thread)).result()
        finally:
            thread.submit(stack.close).result()


@contextmanager
def _turn() -> Generator[None]:
    """Hold the engine of this process alone."""
    global _turn_of  # noqa: PLW0603 # the engine is one in a process, and so is its turn
    if _turn_of == threading.get_ident():
        raise InvalidInput("a run is under way in this thread: wait for its end")
    with _TURN:
        if engine_module._dbos_global_instance is not None:  # noqa: SLF001 # nothing public tells  # pyright: ignore[reportPrivateUsage]
            raise InvalidInput(
                "this program runs the durable engine itself, and there is one in a process;"
                " let a child process carry out the run: in_child=True"
            )
        _turn_of = threading.get_ident()
        try:
            yield
        finally:
            _turn_of = None


@contextmanager
def _launched(wanted: Launch, thread: ThreadPoolExecutor) -> Generator[Runner]:
    settings = EngineSettings(
        database_url=wanted.database_url,
        executor_id=wanted.executor_id,
        families=sorted(wanted.ports.brought),
    )
    records = open_engine(wanted.database_url)
    own = open_engine(wanted.database_url, pool_size=POOL_SIZE)
    reconnect = ReconnectPolicy(records, own, patience_s=PATIENCE_S)
    engines = Engines(records=records, engine=own, reconnect=reconnect)
    work = Work(slots=wanted.concurrency)
    try:
        with configured(settings, engines):
            with bounded_wait(reconnect):
                datasource = open_datasource(records, database_url=wanted.database_url)
            deps = Dependencies(
                engine=records,
                datasource=datasource,
                blobs=wanted.blobs,
                ports=wanted.ports,
                work=work,
                executor_id=wanted.executor_id,
            )
            DECISIONS.bind(deps)
            with launched(settings, engines, work=work):
                yield Runner(thread, engines)
    finally:
        own.dispose()
        records.dispose()
