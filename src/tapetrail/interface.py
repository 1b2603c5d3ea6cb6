"""The record as a Python program opens it: run strategies, also on frames, and read what came."""

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final, TypeVar, overload
from uuid import uuid4

from sqlalchemy.orm import Session

from tapetrail import bootstrap
from tapetrail.child_run import run_in_child
from tapetrail.core.records.states import RunType
from tapetrail.core.strategy.strategies import StrategySpec, parse_strategy
from tapetrail.listing import ListSpec, list_named
from tapetrail.listing.spec import Numbered
from tapetrail.listing.values import Given
from tapetrail.planner import Request
from tapetrail.recorder import Recorder
from tapetrail.settings import HOME, Settings, read_settings
from tapetrail.settings_files import folder_file, read_files, user_file
from tapetrail.store.reads import Progress
from tapetrail.wire import LIMIT_DEFAULT, Detail, Page, Status

Row = TypeVar("Row", bound=Numbered)
Strategy = StrategySpec | Mapping[str, object]
CONCURRENCY: Final = 2


class OpenRecord:
    """An open record. It is made by `open_record`, and good for as long as that is open."""

    def __init__(self, recorder: Recorder, *, settings: Settings) -> None:
        self._recorder = recorder
        self._settings = settings

    def run(
        self,
        strategy: Strategy,
        *,
        frame: object = None,
        symbols: Sequence[str] = (),
        as_of: date | None = None,
    ) -> Progress:
        """Run a strategy once and record every decision; return how the execution ended.

        `strategy` is the content of a strategy file; paths in it begin in the current folder.
        `frame` holds the bars of one with `source: frame`: a pandas, polars or pyarrow frame, or a
        list of rows. `symbols` take the place of the strategy's instruments. `as_of` is the last
        day that is known, by default the latest completed session. Raises what `tapetrail run`
        refuses, before anything is written.
        """
        return self.backfill(strategy, frame=frame, symbols=symbols, dates=[as_of])[0]

    def backfill(
        self,
        strategy: Strategy,
        *,
        dates: Sequence[date | None],
        frame: object = None,
        symbols: Sequence[str] = (),
    ) -> list[Progress]:
        """Run a strategy as of each of `dates`; return how the executions ended, in that order.

        One process works on all of them, which saves the seconds that its start takes.
        """
        from tapetrail.sources.registry import config_of, frame_source  # noqa: PLC0415 # for runs only

        spec = _parsed(strategy)
        in_memory = frame_source(spec, frame)
        planner = bootstrap.planner(self._settings, in_memory=in_memory)
        config = config_of(spec, folder=Path.cwd())
        plans = [
            planner.plan(Request(spec=spec, symbols=symbols, as_of_on=day, config=config))
            for day in dates
        ]
        if in_memory is not None:
            config["frame"] = self._recorder.keep_frame(
                in_memory.serialise(), at=bootstrap.utc_now()
            )
        runtime = bootstrap.runtime_record()
        orders = {
            str(uuid4()): self._recorder.order(
                spec, plan, run_type=RunType.MANUAL, runtime=runtime, config=config
            )
            for plan in plans
        }
        run_in_child(orders, settings=self._settings, concurrency=CONCURRENCY)
        ended = {progress.workflow_id: progress for progress in self._recorder.progress([*orders])}
        return [ended[workflow_id] for workflow_id in orders]

    @overload
    def rows(self, listed: str, **filters: Given | None) -> list[dict[str, object]]: ...
    @overload
    def rows(self, listed: ListSpec[Row], **filters: Given | None) -> list[Row]: ...
    def rows(self, listed: str | ListSpec[Row], **filters: Given | None) -> object:
        """Return the rows of a list, newest first.

        By name, such as `"decisions"`, each is a dictionary, as `pandas.DataFrame` takes them. By
        the list itself, such as `tapetrail.listing.DECISIONS`, each is its row, whose fields a type
        checker knows. `filters` are the list's own, such as `symbol="AAPL"`. Values are Python's:
        Decimal, datetime. Raises `InvalidInput` for an unknown list or filter.
        """
        if isinstance(listed, str):
            named = list_named(listed)
            found = self._recorder.rows(named.select(**filters))
            return [{name: getattr(row, name) for name in named.column_names} for row in found]
        return [*self._recorder.rows(listed.select(**filters))]

    def page(
        self,
        listed: ListSpec[Row],
        *,
        limit: int = LIMIT_DEFAULT,
        cursor: str | None = None,
        **filters: Given | None,
    ) -> Page[Row]:
        """Return one page of a list, newest first, of at most 200 rows, and where it goes on.

        Raises `InvalidInput` for an unknown filter, and for a cursor of another list.
        """
        return self._recorder.page(listed.select(**filters), limit=limit, cursor=cursor)

    def detail(self, listed: str | ListSpec[Numbered], number: int) -> Detail:
        """Return one row whole, and what hangs on it. Raises `NotFound`."""
        named = list_named(listed) if isinstance(listed, str) else listed
        return self._recorder.detail(named, number)

    def chart_image(self, number: int) -> bytes:
        """Return a chart's JPEG, checked against its digest."""
        return self._recorder.chart_image(number)

    def chart_page(self, number: int) -> bytes:
        """Return a chart's interactive HTML page, checked against its digest."""
        return self._recorder.chart_page(number)

    def chart_print(self, number: int) -> bytes:
        """Return a chart for printing, as PDF, with the levels of the signal that followed."""
        return self._recorder.chart_print(number)

    def blob(self, digest: str) -> bytes:
        """Return the stored bytes that a `*_digest` column names, checked against it.

        Raises `NotFound` for bytes that no row names.
        """
        return self._recorder.blob(digest)

    def status(self) -> Status:
        """Return how much the record holds."""
        return self._recorder.status()

    @contextmanager
    def session(self) -> Generator[Session]:
        """Give an SQLAlchemy session that can only read, for the classes of `tapetrail.models`."""
        with self._recorder.reading() as session:
            yield session


@contextmanager
def open_record(home: str | Path | None = None) -> Generator[OpenRecord]:
    """Open the record in `home`, by default the one that the command line uses here.

    An empty home becomes a record by the first run. The private server runs for as long as the
    record is open. Raises `EdgeFailure` when the database does not answer.
    """
    environment = dict(os.environ)
    if home is not None:
        environment[HOME] = str(home)
    folder = Path.cwd()
    files = read_files([folder_file(folder), user_file()])
    settings = read_settings(environment, working_folder=folder, files=files)
    with bootstrap.open_recorder(settings) as recorder:
        yield OpenRecord(recorder, settings=settings)


def _parsed(strategy: Strategy) -> StrategySpec:
    if isinstance(strategy, StrategySpec):
        return strategy
    from tapetrail.sources.registry import source_rules  # noqa: PLC0415 # for runs only

    return parse_strategy(strategy, place="strategy", sources=source_rules())
