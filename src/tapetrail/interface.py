"""The record as a Python program opens it: run strategies, also on frames, and read what came."""

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tapetrail import bootstrap
from tapetrail.settings import HOME, read_settings
from tapetrail.settings_files import folder_file, read_files, user_file
from tapetrail.usecases.record import Record
from tapetrail.usecases.runs import Manner

if TYPE_CHECKING:
    from tapetrail.analysts.registry import Family
    from tapetrail.core.strategy.strategies import StrategySpec
    from tapetrail.store.reads import Progress
    from tapetrail.usecases.backfills import Backfilled
    from tapetrail.usecases.planning import Asked, RunQuery

Strategy: TypeAlias = "StrategySpec | Mapping[str, object]"


class OpenRecord(Record):
    """An open record. It is made by `open_record`, and good for as long as that is open."""

    def run(
        self,
        strategy: Strategy,
        *,
        frame: object = None,
        symbols: Sequence[str] = (),
        as_of: date | None = None,
        in_child: bool = False,
    ) -> "Progress":
        """Run a strategy once and record every decision; return how the execution ended.

        `strategy` is the content of a strategy file; paths in it begin in the current folder.
        `frame` holds the bars of one with `source: frame`: a pandas, polars or pyarrow frame, or a
        list of rows. `symbols` take the place of the strategy's instruments. `as_of` is the last
        day that is known, by default the latest completed session. A program that runs the durable
        engine itself lets a child process do the work (`in_child`). Raises what `tapetrail run`
        refuses, before anything is written.
        """
        query = replace(_query(strategy, frame=frame, symbols=symbols), as_of_on=as_of)
        return self.runs.carry_out([query], Manner(in_child=in_child))[0]

    def backfill(
        self,
        strategy: Strategy,
        *,
        dates: "Sequence[date] | Asked",
        frame: object = None,
        symbols: Sequence[str] = (),
        again: bool = False,
        how: Manner | None = None,
    ) -> "Backfilled":
        """Run a strategy as of days that are over, oldest first; return what came of it.

        `dates` are those days, or `days_between(...)`. What this version of the strategy completed
        before is skipped, unless it is wanted `again`; what failed is decided anew; what was
        stopped goes on. `how` says who does the work and is shown how far it is.
        """
        from tapetrail.usecases.backfills import backfill  # noqa: PLC0415 # for runs only
        from tapetrail.usecases.planning import Asked  # noqa: PLC0415 # for runs only

        asked = dates if isinstance(dates, Asked) else Asked(named=dates)
        query = _query(strategy, frame=frame, symbols=symbols)
        return backfill(self.runs, query, asked, manner=how, again=again)


def days_between(first: date, last: date | None = None, *, every: str = "1w") -> "Asked":
    """Return the last session of each week (`"1w"`) or month (`"1mo"`), or each (`"session"`).

    From `first` to `last`, both included; without `last`, to the latest completed session. Raises
    `InvalidInput` for another word.
    """
    from tapetrail.core.plans import read_every  # noqa: PLC0415 # for runs only
    from tapetrail.usecases.planning import Asked  # noqa: PLC0415 # for runs only

    return Asked(first_on=first, last_on=last, every=read_every(every))


@contextmanager
def open_record(
    home: str | Path | None = None, *, analysts: "Mapping[str, Family] | None" = None
) -> Generator[OpenRecord]:
    """Open the record in `home`, by default the one that the command line uses here.

    An empty home becomes a record by the first run. The private server runs for as long as the
    record is open. `analysts` are families of analysts that the program brings along, by the word
    before the colon in their names; a child process does not have them. Raises `EdgeFailure` when
    the database does not answer.
    """
    environment = dict(os.environ)
    if home is not None:
        environment[HOME] = str(home)
    folder = Path.cwd()
    files = read_files([folder_file(folder), user_file()])
    settings = read_settings(environment, working_folder=folder, files=files)
    with bootstrap.open_access(settings) as access:
        access.database()
        yield OpenRecord(
            access,
            process=bootstrap.process(settings),
            wiring=bootstrap.Wiring(settings=settings, analysts=analysts),
        )


def _query(strategy: Strategy, *, frame: object, symbols: Sequence[str]) -> "RunQuery":
    from tapetrail.sources.registry import config_of, frame_source  # noqa: PLC0415 # for runs only
    from tapetrail.usecases.planning import RunQuery  # noqa: PLC0415 # for runs only

    spec = _parsed(strategy)
    return RunQuery(
        spec=spec,
        symbols=symbols,
        config=config_of(spec, folder=Path.cwd()),
        frame=frame_source(spec, frame),
    )


def _parsed(strategy: Strategy) -> "StrategySpec":
    from tapetrail.core.strategy.strategies import StrategySpec, parse_strategy  # noqa: PLC0415 # for runs only
    from tapetrail.sources.registry import source_rules  # noqa: PLC0415 # for runs only

    if isinstance(strategy, StrategySpec):
        return strategy
    return parse_strategy(strategy, place="strategy", sources=source_rules())
