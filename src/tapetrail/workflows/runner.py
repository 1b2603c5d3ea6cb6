"""This process as a worker: it carries out what was requested, by itself and by others.

The engine lives in a thread of its own, so that whoever starts it may have an event loop running,
be a notebook or a thread. There is one engine in a process, which those who need it take turns at.
"""

import random
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

import dbos._dbos as engine_module
from dbos import DBOS, SetWorkflowID
from sqlalchemy.exc import OperationalError

from tapetrail.blobs.protocol import BlobStore
from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.core.records.states import ExecutionStatus
from tapetrail.store import control, reads
from tapetrail.store.control import Execution
from tapetrail.store.reads import Progress
from tapetrail.store.session import ReconnectPolicy, open_engine, transaction
from tapetrail.store.slots import Slots
from tapetrail.workflows import halting
from tapetrail.workflows.decide import DECISIONS
from tapetrail.workflows.engine import (
    PATIENCE_S,
    POOL_SIZE,
    Engines,
    EngineSettings,
    alive,
    bounded_wait,
    configured,
    launched,
    open_datasource,
    opened_by,
    resumption_id,
)
from tapetrail.workflows.open_decisions import Dependencies
from tapetrail.workflows.prepare import Ports
from tapetrail.workflows.queues import priority_of
from tapetrail.workflows.run_request import RunRequest
from tapetrail.workflows.work import Work

_TURN: Final = threading.Lock()
_turn_of: int | None = None


Answer = TypeVar("Answer")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """An execution in work whose decisions this process can make; `is_left` by a dead one."""

    workflow_id: str
    open: int
    is_left: bool


class Runner:
    """Opens executions, whose decisions this process and every other worker work off."""

    def __init__(
        self,
        thread: ThreadPoolExecutor,
        engines: Engines,
        settings: EngineSettings,
        *,
        began_at: datetime,
    ) -> None:
        self._thread = thread
        self._priority = priority_of(began_at)
        self._engines = engines
        self._settings = settings
        self._queues: dict[int, str] = {}

    def open(self, request: RunRequest, *, workflow_id: str) -> None:
        """Open an execution and put its decisions on the queue.

        A request with this id that was made before stays as it is, and is finished if whoever made
        it died over it. Raises `EdgeFailure` when the database goes away and stays away.
        """
        self._thread.submit(self._open, request, workflow_id).result()

    def resume(self, number: int, *, actor: str, reason: str) -> str:
        """Let a stopped execution go on; return the workflow that opened it.

        One that goes on meanwhile is let be: a process may have died while it resumed it, which is
        then made up for. Raises `NotFound`, `InvalidInput` for one that has ended, and as `open`
        does.
        """
        return self._thread.submit(self._resume, number, (actor, reason)).result()

    def stop(
        self, workflow_ids: Sequence[str], *, actor: str, reason: str, at: datetime
    ) -> list[int]:
        """Stop the executions of these workflows that are in work; return their numbers.

        What this process was asked to open before is open by then.
        """
        return self._thread.submit(self._stop, workflow_ids, (actor, reason), at).result()

    def stopped(self, workflow_ids: Sequence[str]) -> list[int]:
        """Return the executions of these workflows that are stopped."""
        return [
            found.row.id
            for found in _again(lambda: self._executions_of(workflow_ids))
            if found.status is ExecutionStatus.STOPPED
        ]

    def _executions_of(self, workflow_ids: Sequence[str]) -> Sequence[Execution]:
        with transaction(self._engines.records) as session:
            return control.executions_of(session, workflow_ids)

    def unfinished(self) -> list[Unfinished]:
        """Return the executions in work, of anybody's, whose decisions this process can make."""
        return self._thread.submit(lambda: _again(self._unfinished)).result()

    def progress(self, workflow_ids: Sequence[str]) -> Sequence[Progress]:
        """Return how far the executions of these workflows are, as far as they have started."""
        return _again(lambda: self._progress(workflow_ids))

    def _progress(self, workflow_ids: Sequence[str]) -> Sequence[Progress]:
        with transaction(self._engines.records) as session:
            return reads.progress(session, workflow_ids)

    def _open(self, request: RunRequest, workflow_id: str) -> None:
        with bounded_wait(self._engines.reconnect), SetWorkflowID(workflow_id):
            queue = self._queue_of(request["strategy_id"])
            DBOS.start_workflow(DECISIONS.execute, request, queue, self._priority).get_result()

    def _resume(self, number: int, said: tuple[str, str]) -> str:
        found = _again(lambda: self._execution(number))
        if found.workflow_id is None or found.strategy_id is None:
            raise InvalidInput(
                f"execution {number} was recorded by another program: it has no work"
            )
        if found.status.is_in_work:
            return found.workflow_id
        check_stopped(found, number)
        own = resumption_id(found.workflow_id, found.resumptions + 1)
        with bounded_wait(self._engines.reconnect), SetWorkflowID(own):
            queue = self._queue_of(found.strategy_id)
            DBOS.start_workflow(
                DECISIONS.resume, number, queue, self._priority, [*said]
            ).get_result()
        return found.workflow_id

    def _execution(self, number: int) -> Execution:
        with transaction(self._engines.records) as session:
            return control.execution(session, number)

    def _stop(self, workflow_ids: Sequence[str], said: tuple[str, str], at: datetime) -> list[int]:
        actor, reason = said
        with transaction(self._engines.records) as session:
            wanted = [
                found.row.id
                for found in control.executions_of(session, workflow_ids)
                if found.status.is_in_work
            ]
            return [
                number
                for number in wanted
                if halting.stop_if_in_work(session, number, actor=actor, reason=reason, at=at)
            ]

    def _unfinished(self) -> list[Unfinished]:
        with transaction(self._engines.records) as session:
            opened_as = {
                _opener(found): found
                for found in control.executions_in_work(session)
                if found.workflow_id and found.open
            }
        openers = opened_by([*opened_as])
        with self._engines.records.connect() as connection:
            return [
                Unfinished(
                    workflow_id=str(opened_as[name].workflow_id),
                    open=opened_as[name].open,
                    is_left=opener.executor_id is None or not alive(connection, opener.executor_id),
                )
                for name, opener in openers.items()
                if opener.queue in self._settings.queues
            ]

    def _queue_of(self, strategy_id: int) -> str:
        if strategy_id not in self._queues:
            self._queues[strategy_id] = DECISIONS.queue_of(strategy_id)
        return self._queues[strategy_id]


def _again(ask: Callable[[], Answer]) -> Answer:
    """Return an answer, asked for a second time where the server did not give one.

    It may have ended an idle connection, or cut it; a new one waits for the server's return.
    """
    try:
        return ask()
    except (EdgeFailure, OperationalError):
        return ask()


def check_stopped(found: Execution, number: int) -> None:
    """Raise `InvalidInput` for an execution that is not stopped."""
    if found.status is not ExecutionStatus.STOPPED:
        left = (
            "; what a dead process left of it, the next run or tapetrail worker finishes"
            if found.status.is_in_work
            else ""
        )
        said = f"execution {number} is {found.status}: only a stopped one is resumed{left}"
        raise InvalidInput(said)


def _opener(found: Execution) -> str:
    """Return the workflow that put what is open of an execution on its queue."""
    opened = str(found.workflow_id)
    return resumption_id(opened, found.resumptions) if found.resumptions else opened


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
    provider_slots = Slots(wanted.database_url, chance=random.random)
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
                provider_slots=provider_slots,
            )
            DECISIONS.bind(deps)
            with launched(settings, engines, work=work):
                yield Runner(thread, engines, settings, began_at=wanted.ports.clock())
    finally:
        provider_slots.close()
        own.dispose()
        records.dispose()
