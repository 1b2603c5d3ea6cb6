"""This process as a worker: it carries out orders, its own and those of others."""

from collections.abc import Generator
from contextlib import contextmanager

from dbos import DBOS, SetWorkflowID
from sqlalchemy import Engine

from tapetrail.blobs.protocol import BlobStore
from tapetrail.store.session import ReconnectPolicy, open_engine
from tapetrail.workflows.decide import DECISIONS, Decisions, Dependencies
from tapetrail.workflows.engine import (
    PATIENCE_S,
    POOL_SIZE,
    Engines,
    EngineSettings,
    Work,
    bounded_wait,
    configure,
    launched,
    open_datasource,
)
from tapetrail.workflows.prepare import Ports
from tapetrail.workflows.run_request import RunRequest


class Runner:
    """Opens executions, whose decisions this process and every other worker work off."""

    def __init__(self, decisions: Decisions, *, reconnect: ReconnectPolicy) -> None:
        self._decisions = decisions
        self._reconnect = reconnect

    def open(self, request: RunRequest, *, workflow_id: str) -> None:
        """Open an execution and put its decisions on the queue.

        A request with this id that was given before stays as it is, and is finished if whoever
        gave it died over it. Raises `EdgeFailure` when the database goes away and stays away.
        """
        with bounded_wait(self._reconnect), SetWorkflowID(workflow_id):
            DBOS.start_workflow(self._decisions.execute, request).get_result()


@contextmanager
def launch(
    engine: Engine,
    *,
    database_url: str,
    blobs: BlobStore,
    ports: Ports,
    executor_id: str,
    concurrency: int,
) -> Generator[Runner]:
    """Give a runner; while it is open, this process works off the queue.

    `concurrency` decisions are worked on at once, besides those that wait for an analyst; it is a
    matter of this process alone.
    """
    settings = EngineSettings(database_url=database_url, executor_id=executor_id)
    own = open_engine(database_url, pool_size=POOL_SIZE)
    engines = Engines(
        records=engine, engine=own, reconnect=ReconnectPolicy(engine, own, patience_s=PATIENCE_S)
    )
    work = Work(slots=concurrency)
    try:
        configure(settings, engines)
        datasource = open_datasource(engine, database_url=database_url)
        deps = Dependencies(
            engine=engine,
            datasource=datasource,
            blobs=blobs,
            ports=ports,
            work=work,
            executor_id=executor_id,
        )
        DECISIONS.bind(deps)
        with launched(settings, engines, work=work):
            yield Runner(DECISIONS, reconnect=engines.reconnect)
    finally:
        own.dispose()
