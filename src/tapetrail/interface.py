"""The record as a Python program opens it: run strategies, also on frames, and read what came."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Self, TypeAlias, cast
from urllib.parse import urlsplit

from tapetrail import bootstrap
from tapetrail.core.errors import InvalidInput
from tapetrail.core.recording import values
from tapetrail.listing import list_named
from tapetrail.settings import HOME, Settings, read_settings
from tapetrail.settings_files import places, read_files
from tapetrail.usecases.days import read_day, read_days, read_symbols
from tapetrail.usecases.record import Record
from tapetrail.usecases.runs import Manner

if TYPE_CHECKING:
    from tapetrail.analysts.registry import Family
    from tapetrail.core.strategy.strategies import StrategySpec
    from tapetrail.http.reading import RemoteRecord
    from tapetrail.listing.spec import Wanted
    from tapetrail.sdk.recording import Recorder
    from tapetrail.sdk.services import Reading
    from tapetrail.sdk.sinks import Sink
    from tapetrail.store.reads import Progress
    from tapetrail.usecases.backfills import Backfilled
    from tapetrail.usecases.planning import Asked, RunQuery

MODEL_ADDRESSES: Final = (
    "OPENAI_BASE_URL",
    "OPENAI_API_BASE",
    "AZURE_OPENAI_ENDPOINT",
    "ANTHROPIC_BASE_URL",
    "GOOGLE_GEMINI_BASE_URL",
    "OLLAMA_HOST",
)
"""Variables by which SDKs of model providers find their servers."""
Day: TypeAlias = str | date | datetime
"""A date, or an instant with its zone; what pandas and numpy have for them will do."""
Strategy: TypeAlias = "StrategySpec | Mapping[str, object]"


class OpenRecord(Record):
    """An open record, made by `open_record`, until `close` or the end of its `with` block."""

    def __init__(self, settings: Settings, *, analysts: "Mapping[str, Family] | None") -> None:
        self._settings = settings
        self._access = bootstrap.new_access(settings)
        self._access.database()
        super().__init__(
            self._access,
            process=bootstrap.process(settings),
            wiring=bootstrap.Wiring(settings=settings, analysts=analysts),
        )

    def __enter__(self) -> Self:
        """Give the record, which is closed at the end."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the record."""
        self.close()

    def __repr__(self) -> str:
        """Return where the record is."""
        state = "closed" if self._access.is_closed else "open"
        return f"<record in {self._settings.home}, {state}>"

    def close(self) -> None:
        """Let the record go: its connections, and the private server if nobody else uses it.

        Whoever asks it for anything afterwards is told so. Twice is the same as once.
        """
        self._access.close()

    def run(
        self,
        strategy: Strategy,
        *,
        frame: object = None,
        symbols: str | Sequence[str] = (),
        as_of: "Day | None" = None,
        in_child: bool = False,
        how: Manner | None = None,
    ) -> "Progress":
        """Run a strategy once and record every decision; return how the execution ended.

        `strategy` is the content of a strategy file; paths in it begin in the current folder.
        `frame` holds the bars of one with `source: frame`: a pandas, polars or pyarrow frame, or a
        list of rows. `symbols`, or one of them, take the place of the strategy's instruments.
        `as_of` is the last day that is known, by default the latest completed session; a time with
        its zone is taken literally. A program that runs the durable
        engine itself lets a child process do the work (`in_child`). `how` says who does the work
        and is shown how far it is. Raises what `tapetrail run` refuses, before anything is written.
        """
        day = None if as_of is None else read_day(as_of, "as_of")
        query = replace(_query(strategy, frame=frame, symbols=symbols), as_of_on=day)
        manner = how or Manner()
        carried = replace(manner, in_child=in_child or manner.in_child)
        return self.runs.carry_out([query], carried)[0]

    def backfill(
        self,
        strategy: Strategy,
        *,
        dates: "Iterable[Day] | Asked",
        frame: object = None,
        symbols: str | Sequence[str] = (),
        again: bool = False,
        how: Manner | None = None,
    ) -> "Backfilled":
        """Run a strategy as of days that are over, oldest first; return what came of it.

        `dates` are those days, also as an index of pandas, or `days_between(...)`. What this
        version of the strategy completed before is skipped, unless it is wanted `again`; what
        failed is decided anew; what was stopped goes on. `how` says who does the work and is shown
        how far it is.
        """
        from tapetrail.usecases.backfills import backfill  # noqa: PLC0415 # for runs only
        from tapetrail.usecases.planning import Asked  # noqa: PLC0415 # for runs only

        asked = dates if isinstance(dates, Asked) else Asked(named=read_days(dates, "dates"))
        query = _query(strategy, frame=frame, symbols=symbols)
        return backfill(self.runs, query, asked, manner=how, again=again)


def days_between(first: "Day", last: "Day | None" = None, *, every: str = "1w") -> "Asked":
    """Return the last session of each week (`"1w"`) or month (`"1mo"`), or each (`"session"`).

    From `first` to `last`, both included; without `last`, to the latest completed session. Raises
    `InvalidInput` for another word.
    """
    from tapetrail.core.plans import read_every  # noqa: PLC0415 # for runs only
    from tapetrail.usecases.planning import Asked  # noqa: PLC0415 # for runs only

    return Asked(
        first_on=_date(first, "first"),
        last_on=None if last is None else _date(last, "last"),
        every=read_every(every),
    )


def recorder(
    target: str | Path | None = None,
    *,
    agent: str | None = None,
    version: str | None = None,
    on_error: Literal["raise", "spool"] = "raise",
    spool: str | Path | None = None,
    max_wait: float = 5.0,
    unattributed: Literal["warn", "raise", "ignore"] = "warn",
) -> "Recorder":
    """Return what a program of your own tells its decisions to; they are recorded beside ours.

    `target` is the home of a record, by default the one that the command line uses here, or the
    address of a server (`tapetrail serve`), by default `TAPETRAIL_SERVER`. `agent` and `version`
    name the program. Where the record does not answer within `max_wait` seconds, durable points
    raise `EdgeFailure`, or with `on_error="spool"` what was told is kept on disk, in the folder
    `spool`, by default in the home, and sent later. `unattributed` says what becomes of a call to a
    model that is seen outside of every decision.

    Raises `InvalidInput` for wrong arguments, and `EdgeFailure` where the record cannot be opened
    and there is no spool.
    """
    from tapetrail.sdk.recording import Recorder, Ways  # noqa: PLC0415 # for programs that record
    from tapetrail.sdk.spool import FOLDER, Spool  # noqa: PLC0415 # as above

    url = str(target) if str(target).startswith(("http://", "https://")) else None
    settings = _settings(None if url else target)
    url = settings.server if target is None else url
    sink, reading = _at_server(settings, url) if url else _at_hand(settings)
    ways = Ways(
        sink=sink,
        reading=reading,
        spool=Spool(settings.home / FOLDER if spool is None else Path(spool)),
        clock=bootstrap.utc_now,
        actor=settings.actor,
        agent=values.label_or_none(agent, "agent"),
        agent_version=values.label_or_none(version, "version"),
        spools_books=_one_of(on_error, ("raise", "spool"), "on_error") == "spool",
        max_wait=_seconds(max_wait),
        unattributed=_one_of(unattributed, ("warn", "raise", "ignore"), "unattributed"),
        readers=bootstrap.readers(),
        model_hosts=_model_hosts(os.environ),
    )
    if not ways.spools_books:
        try:
            ways.sink.open()
        except BaseException:
            ways.sink.close()
            raise
    return Recorder(ways)


def _at_hand(settings: Settings) -> "tuple[Sink, Reading]":
    access, holder = bootstrap.new_access(settings), bootstrap.new_id()
    sink = bootstrap.recordings(settings, access, holder=holder)
    return sink, _ReadBeside(bootstrap.record(settings, access))


def _at_server(settings: Settings, url: str) -> "tuple[Sink, Reading]":
    from tapetrail.http.reading import RemoteRecord  # noqa: PLC0415 # over a network alone

    server = bootstrap.server_at(settings, url)
    sink = bootstrap.remote_recordings(server, holder=bootstrap.new_id())
    return sink, _ReadAfar(RemoteRecord(server))


@dataclass(frozen=True, slots=True)
class _ReadAfar:
    """Finds rows of the record that a recorder tells to over a network."""

    record: "RemoteRecord"

    def rows(
        self, listed: str, filters: Mapping[str, object], *, limit: int | None
    ) -> "Sequence[Mapping[str, object]]":
        """Return the newest rows of a list."""
        given = cast("Mapping[str, Wanted]", filters)
        found = islice(self.record.rows(list_named(listed), **given), limit)
        return [asdict(row) for row in found]  # pyright: ignore[reportArgumentType] # rows are dataclasses, which no type says

    def analysis_stats(
        self, by: str, filters: Mapping[str, object]
    ) -> "Sequence[Mapping[str, object]]":
        """Return what models were asked, and what it cost, by a word."""
        return self.record.spend(by, **cast("Mapping[str, Wanted]", filters))

    def archive_old_charts(self, older_than_days: int) -> int:
        """Archive charts that were generated so many days ago; return how many."""
        return self.record.archive_charts(older_than_days=older_than_days)


@dataclass(frozen=True, slots=True)
class _ReadBeside:
    """Finds rows of the record that a recorder tells to."""

    record: Record

    def rows(
        self, listed: str, filters: Mapping[str, object], *, limit: int | None
    ) -> "Sequence[Mapping[str, object]]":
        """Return the newest rows of a list."""
        given = cast("Mapping[str, Wanted]", filters)
        found = self.record.rows(listed, **given)
        return found if limit is None else found[:limit]

    def analysis_stats(
        self, by: str, filters: Mapping[str, object]
    ) -> "Sequence[Mapping[str, object]]":
        """Return what models were asked, and what it cost, by a word."""
        given = cast("Mapping[str, Wanted]", filters)
        return [asdict(each) for each in self.record.stats.spend(by, **given)]

    def archive_old_charts(self, older_than_days: int) -> int:
        """Archive charts that were generated so many days ago; return how many."""
        return sum(self.record.charts.archive(older_than_days=older_than_days))


def connect(url: str) -> "RemoteRecord":
    """Return the record behind a server, to read: lists, rows, bytes.

    The key is `TAPETRAIL_SERVER_KEY`, or else the token of the server of the home here. Raises
    `InvalidInput` without one, and for an address to which a key would go in the clear.
    """
    from tapetrail.http.reading import RemoteRecord  # noqa: PLC0415 # over a network alone

    return RemoteRecord(bootstrap.server_at(_settings(None), url))


def open_record(
    home: str | Path | None = None, *, analysts: "Mapping[str, Family] | None" = None
) -> OpenRecord:
    """Open the record in `home`, by default the one that the command line uses here.

    Use it in a `with` block, or `close()` it. An empty home becomes a record by the first run. The
    private server runs for as long as the record is open. `analysts` are families of analysts that
    the program brings along, by the word before the colon in their names; a child process does not
    have them. Raises `EdgeFailure` when the database does not answer.
    """
    return OpenRecord(_settings(home), analysts=analysts)


def _settings(home: str | Path | None) -> Settings:
    """Return the settings that the command line has here, of another home where one is given."""
    environment = dict(os.environ)
    if home is not None:
        environment[HOME] = str(home)
    folder = Path.cwd()
    return read_settings(environment, working_folder=folder, files=read_files(places(folder)))


def _model_hosts(environment: Mapping[str, str]) -> list[str]:
    """Return the hosts at which the SDKs of this process find models, where it names any."""
    stated = [environment[name] for name in MODEL_ADDRESSES if environment.get(name)]
    places = [urlsplit(each if "//" in each else f"//{each}").netloc for each in stated]
    return [place.rpartition("@")[2] for place in places if place]


def _one_of(value: str, known: Sequence[str], name: str) -> str:
    if value not in known:
        raise InvalidInput(f"{name} {value!r}: expected one of {', '.join(known)}")
    return value


def _seconds(value: float) -> float:
    return float(values.positive(value, "max_wait"))


def _query(strategy: Strategy, *, frame: object, symbols: str | Sequence[str]) -> "RunQuery":
    from tapetrail.sources.registry import config_of, frame_source  # noqa: PLC0415 # for runs only
    from tapetrail.usecases.planning import RunQuery  # noqa: PLC0415 # for runs only

    spec = _parsed(strategy)
    return RunQuery(
        spec=spec,
        symbols=read_symbols(symbols),
        config=config_of(spec, folder=Path.cwd()),
        frame=frame_source(spec, frame),
    )


def _date(value: "Day", place: str) -> date:
    found = read_day(value, place)
    if isinstance(found, datetime):
        raise InvalidInput(f"{place} {value}: an instant, expected a date")
    return found


def _parsed(strategy: object) -> "StrategySpec":
    from tapetrail.core.strategy.strategies import StrategySpec, parse_strategy  # noqa: PLC0415 # for runs only
    from tapetrail.sources.registry import source_rules  # noqa: PLC0415 # for runs only

    if isinstance(strategy, StrategySpec):
        return strategy
    if not isinstance(strategy, Mapping):
        raise InvalidInput(
            f"strategy {strategy!r}: {type(strategy).__name__}, expected the content of a strategy"
            " file as a mapping"
        )
    content = cast("Mapping[str, object]", strategy)
    return parse_strategy(content, place="strategy", sources=source_rules())
