"""The durable engine: DBOS on the record's own database, and the take-over of dead workers.

Every worker process holds one session advisory lock, named by its executor id, for as long as it
lives. A peer that can take that lock knows that the owner is dead, and puts the owner's unfinished
workflows back on their queue. The lock is taken before the engine starts, so no worker is ever
seen alive without it. PostgreSQL ends the session of a frozen worker, and with it its lock; the
worker, awake again, finds that its workflows have another owner and cannot end them.
"""

import logging
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from dbos import (
    DBOS,
    DBOSConfig,
    DBOSPortableJSONSerializer,
    SQLAlchemyDatasource,
    WorkflowStatus,
)
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError

from tapetrail.core.errors import EdgeFailure
from tapetrail.store.session import ReconnectPolicy, advisory_lock
from tapetrail.workflows.queues import QUEUE, WAITING_QUEUE, family_queue
from tapetrail.workflows.work import Work

APPLICATION: Final = "tapetrail"
APPLICATION_VERSION: Final = "1"
"""Pinned: work that an older release queued is finished by a newer one."""
EXECUTE: Final = "execute"
RESUME: Final = "resume"
TRIED_BY: Final = "tried_by"
POLLING_S: Final = 0.25
TAKEN_MAX: Final = 8
"""What a worker takes off the queue at most: what it works on, and about a second of work ahead.

It is a setting of the queue, so it has to be the same for every worker.
"""
WAITING_MAX: Final = 100
"""How many decisions of a worker wait for somebody at most; they hold no slot while they do."""
TAKE_OVER_EVERY_S: Final = 1.0
FROZEN_AFTER_S: Final = 10
"""A worker silent for this long loses its lock, though its connection stands."""
DRAIN_S: Final = 5
NOTING_S: Final = 1.0
PATIENCE_S: Final = 20
GUARD_END_S: Final = 2.0
NOTED_POLL_S: Final = 0.02
POOL_SIZE: Final = 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How this process takes part in the work."""

    database_url: str
    executor_id: str
    families: Sequence[str] = ()

    @property
    def queues(self) -> "dict[str, int]":
        """The queues that this process takes decisions from, and how many it takes at most."""
        own = {family_queue(family): WAITING_MAX for family in self.families}
        return {QUEUE: TAKEN_MAX, WAITING_QUEUE: WAITING_MAX, **own}


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """The connections of this process: those of the record, and those of the durable engine."""

    records: Engine
    engine: Engine
    reconnect: ReconnectPolicy


def migrate_engine(owner_url: str, *, application_role: str) -> None:
    """Create or upgrade the engine's own tables, and let the application's role use them."""
    _quiet()
    event.listen(Engine, "connect", _lift_limit)  # the engine opens connections of its own
    try:
        DBOS.migrate(owner_url, application_role=application_role)
        SQLAlchemyDatasource.migrate(owner_url, application_role=application_role)
    finally:
        event.remove(Engine, "connect", _lift_limit)


def _lift_limit(connection: DBAPIConnection, _record: object) -> None:
    """Have a session's statements take their time: a limit of the server's is for questions."""
    cursor = connection.cursor()
    cursor.execute("SET statement_timeout = 0")
    connection.commit()
    cursor.close()


def open_datasource(engine: Engine, *, database_url: str) -> SQLAlchemyDatasource:
    """Return the datasource whose transactions commit together with their checkpoint."""
    return SQLAlchemyDatasource.create(
        database_url,
        engine=engine,
        serializer=DBOSPortableJSONSerializer(),
        run_migrations=False,
    )


def count_tries(executor_id: str) -> int:
    """Return how many processes have started on the workflow at hand, this one included.

    The count is committed at once: it is there when this process does not live to the end. A
    process counts once, however often the database interrupts it.
    """
    tried_by = _tried_by()
    if executor_id not in tried_by:
        _store_tried_by({*tried_by, executor_id})
    return len({*tried_by, executor_id})


def forget_try(executor_id: str) -> None:
    """Take this process out of those that have started on the workflow: it ends in good order."""
    tried_by = _tried_by()
    if executor_id in tried_by:
        _store_tried_by(tried_by - {executor_id})


def _tried_by() -> set[str]:
    workflow_id = str(DBOS.workflow_id)
    found = DBOS.list_workflows(workflow_ids=[workflow_id], load_input=False, load_output=False)
    return {*(found[0].attributes or {}).get(TRIED_BY, [])}


def _store_tried_by(executor_ids: set[str]) -> None:
    attributes = {TRIED_BY: sorted(executor_ids)}
    DBOS.update_workflow_attributes(str(DBOS.workflow_id), attributes, merge=True)


@contextmanager
def launched(settings: EngineSettings, engines: Engines, *, work: Work) -> Generator[None]:
    """Take part in the work until the end of the context.

    Unfinished work of dead workers is taken over at the start and every second from then on. At
    the end decisions in work get seconds to come to theirs; what is left or was not started is
    taken over. When the database goes away, a connection waits `PATIENCE_S` for its return, and the
    engine for ever.
    Raises `EdgeFailure` when it does so at the start.
    """
    lock = _LivenessLock(engines.records, settings.executor_id)
    stop = threading.Event()
    guard = threading.Thread(target=_guard, args=(lock, stop), name="take-over", daemon=True)
    drain_s = 0
    try:
        with bounded_wait(engines.reconnect):
            lock.hold()
            DBOS.launch()
            for queue, taken_max in settings.queues.items():
                DBOS.register_queue(
                    queue,
                    worker_concurrency=taken_max,
                    polling_interval_sec=POLLING_S,
                    on_conflict="always_update",
                )
            await_opened(lock.take_over())
        guard.start()
        yield
        work.close()
        work.await_nobody_waits(GUARD_END_S)
        drain_s = 0 if work.is_idle else DRAIN_S
        if work.is_idle:
            _await_noted(settings.executor_id)
    finally:
        stop.set()
        work.close()
        if not drain_s:
            work.is_ending = True
            engines.reconnect.refuse()
        DBOS.destroy(workflow_completion_timeout_sec=drain_s)
        work.is_ending = True
        engines.reconnect.refuse()
        if guard.ident is not None:
            guard.join(GUARD_END_S)
        lock.release()


@contextmanager
def bounded_wait(reconnect: ReconnectPolicy) -> Generator[None]:
    """Bound a wait for the engine, which by itself waits for a lost database for ever.

    Raises `EdgeFailure` when the database is away for longer than `PATIENCE_S`, or goes away.
    """
    reconnect.is_final = True
    try:
        yield
    except SystemExit as error:
        if not reconnect.is_refused:
            raise
        raise EdgeFailure(
            f"PostgreSQL did not answer for {PATIENCE_S} s; what was queued goes on with the next"
            " run or worker"
        ) from error
    except OperationalError as error:
        raise EdgeFailure(f"PostgreSQL did not answer: {error.orig}") from error
    finally:
        reconnect.is_final = False


@contextmanager
def configured(settings: EngineSettings, engines: Engines) -> Generator[None]:
    """Have the engine's one instance in this process; workflows are registered after."""
    _quiet()
    config: DBOSConfig = {
        "name": APPLICATION,
        "system_database_url": settings.database_url,
        "system_database_engine": engines.engine,
        "application_version": APPLICATION_VERSION,
        "executor_id": settings.executor_id,
        "serializer": DBOSPortableJSONSerializer(),
        "run_migrations": False,
        "log_level": "CRITICAL",
        "scheduler_polling_interval_sec": 30.0,
        "notification_listener_polling_interval_sec": 0.1,
        "notification_coalesce_sec": 0.1,  # for events and streams, of which there are none
    }
    DBOS(config=config)
    try:
        DBOS.listen_queues([*settings.queues])
        yield
    finally:
        DBOS.destroy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A workflow that put decisions on a queue: who carried it out, and which queue that was."""

    executor_id: str | None
    queue: str


def opened_by(workflow_ids: Sequence[str]) -> dict[str, Opened]:
    """Return who opened or resumed executions by these workflows, of those that there are."""
    if not workflow_ids:
        return {}  # an empty list means all of them to the engine
    found = DBOS.list_workflows(workflow_ids=[*workflow_ids], load_output=False)
    return {
        status.workflow_id: Opened(executor_id=status.executor_id, queue=_queue_in(status))
        for status in found
    }


def resumption_id(workflow_id: str, number: int) -> str:
    """Return the id of the workflow that resumes an execution for the `number`th time."""
    return f"{workflow_id}:resumed:{number}"


def _queue_in(status: WorkflowStatus) -> str:
    """Return the queue that a workflow was told; both kinds have it second."""
    said = status.input["args"] if status.input else ()
    return said[1] if len(said) > 1 else QUEUE


def alive(connection: Connection, executor_id: str) -> bool:
    """Return whether a process holds its lock of life."""
    with advisory_lock(connection, key=_key(executor_id)) as dead:
        return not dead


class _LivenessLock:
    """The advisory lock that says this process lives, and the test of it on others."""

    def __init__(self, engine: Engine, executor_id: str) -> None:
        self._engine = engine
        self._executor_id = executor_id
        self._connection: Connection | None = None

    def hold(self) -> None:
        """Take our own lock on a connection of its own, kept until `release`."""
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._connection = connection
        connection.execute(text(f"SET idle_session_timeout = '{FROZEN_AFTER_S}s'"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _key(self._executor_id)})

    def take_over(self) -> list[str]:
        """Put the unfinished work of every dead peer back on a queue; return its ids."""
        if self._connection is None:
            return []
        # A sign of life; and the engine below would wait for a lost database, this does not.
        self._connection.execute(text("SELECT 1"))
        moved: list[str] = []
        for peer in self._peers():
            with advisory_lock(self._connection, key=_key(peer)) as dead:
                moved += _resume(peer) if dead else []
        return moved

    def renew(self) -> None:
        """Take the lock anew after the connection was lost."""
        self.release()
        self.hold()

    def release(self) -> None:
        """Give the lock back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _peers(self) -> list[str]:
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        peers = {status.executor_id for status in pending if status.executor_id}
        return sorted(peers - {self._executor_id})


def _key(executor_id: str) -> int:
    """Return the lock's number: the first 60 bits of the id, which is a random UUID."""
    return int(executor_id.replace("-", "")[:15], 16)


def _resume(peer: str) -> list[str]:
    pending = DBOS.list_workflows(
        status="PENDING", executor_id=peer, load_input=False, load_output=False
    )
    for queue in {status.queue_name for status in pending}:
        ids = [status.workflow_id for status in pending if status.queue_name == queue]
        # An execution was opened by its run, on no queue.
        DBOS.resume_workflows(ids, queue_name=queue or QUEUE)
        _log.info("took over %d unfinished workflows of worker %s", len(ids), peer)
    return [status.workflow_id for status in pending]


def await_opened(taken_over: list[str]) -> None:
    """Wait until executions that a dead worker was opening have their decisions on the queue.

    A run finishes what was left after its own decisions, and has to know of it.
    """
    deadline = time.monotonic() + PATIENCE_S
    while taken_over and time.monotonic() < deadline:
        found = DBOS.list_workflows(
            workflow_ids=taken_over,
            name=[EXECUTE, RESUME],
            status=["ENQUEUED", "PENDING"],
            load_input=False,
            load_output=False,
        )
        if not found:
            return
        time.sleep(POLLING_S)


def _await_noted(executor_id: str) -> None:
    """Wait a moment until the engine has noted the end of what this process did.

    It does so after the decision is recorded. What was taken ahead and not begun stays as it is.
    """
    deadline = time.monotonic() + NOTING_S
    while time.monotonic() < deadline and DBOS.list_workflows(
        status="PENDING", executor_id=executor_id, load_input=False, load_output=False
    ):
        time.sleep(NOTED_POLL_S)


def _guard(lock: _LivenessLock, stop: threading.Event) -> None:
    while not stop.wait(TAKE_OVER_EVERY_S):
        try:
            lock.take_over()
        except DBAPIError as error:
            _log.warning("the database went away (%s); renewing the worker's lock", error.orig)
            _renew(lock, stop)


def _renew(lock: _LivenessLock, stop: threading.Event) -> None:
    while not stop.wait(TAKE_OVER_EVERY_S):
        try:
            lock.renew()
        except DBAPIError:
            continue
        return


def _quiet() -> None:
    """Keep the engine's own log lines off the terminal: what fails is raised, or recorded."""
    logging.getLogger("dbos").setLevel(logging.CRITICAL)
