"""Settings to edges to use cases: the only module that knows them all.

What writes and what runs workflows is imported where it is used: SQLAlchemy, engine, sources,
calendars, strategies. Whoever only reads never pays for it.
"""

import os
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from secrets import token_hex
from time import sleep
from typing import TYPE_CHECKING
from uuid import uuid4

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.settings import Settings
from tapetrail.store.access import Access
from tapetrail.store.database import RecordDatabase
from tapetrail.usecases.parts import Process
from tapetrail.usecases.record import Record

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from tapetrail.analysts.models.analyst import Models
    from tapetrail.analysts.registry import Family
    from tapetrail.blobs.protocol import BlobStore
    from tapetrail.core.access_keys import AccessKey
    from tapetrail.core.recording.readings import (
        Came,
        PostedBars,
        Readers,
        ReplyRead,
        RequestRead,
    )
    from tapetrail.http.asking import Server
    from tapetrail.http.calls import Trust
    from tapetrail.http.recordings import RemoteRecordings
    from tapetrail.http.transport import Transport
    from tapetrail.settings import ProviderLimits
    from tapetrail.sources.asking import Lanes, Vendor
    from tapetrail.sources.ibkr.gateway import Gateway
    from tapetrail.sources.protocol import Searching
    from tapetrail.sources.registry import Registry
    from tapetrail.sources.tabular.in_memory import FrameSource
    from tapetrail.store.health import Health
    from tapetrail.usecases.planning import OnRecord, Planner
    from tapetrail.usecases.recordings import Recordings
    from tapetrail.workflows.prepare import Ports
    from tapetrail.workflows.run_request import RunRequest
    from tapetrail.workflows.runner import Launch


def utc_now() -> datetime:
    """Return the present, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return an id that nobody else has."""
    return str(uuid4())


def new_key() -> "AccessKey":
    """Return a key that nobody can guess."""
    from tapetrail.core.access_keys import AccessKey  # noqa: PLC0415 # for servers

    return AccessKey(name=token_hex(6), secret=token_hex(32))


def record_database(settings: Settings) -> RecordDatabase:
    """Return the database that the settings name, open or not."""
    return RecordDatabase(settings=settings, migrate_engine=_migrate_engine)


def new_access(settings: Settings) -> Access:
    """Return the way to a record, which is opened when it is first needed, for who closes it."""
    return Access(record_database(settings).open)


@contextmanager
def open_access(settings: Settings) -> Generator[Access]:
    """Give the way to a record, which is opened when it is first needed."""
    access = new_access(settings)
    try:
        yield access
    finally:
        access.close()


@contextmanager
def open_record(settings: Settings) -> Generator[Record]:
    """Give the record, which is opened when it is first needed."""
    with open_access(settings) as access:
        yield record(settings, access)


def recordings(settings: Settings, access: Access, *, holder: str | None) -> "Recordings":
    """Return what takes in what other programs tell; the record is opened when it is needed."""
    from tapetrail.usecases.recordings import Recordings  # noqa: PLC0415 # see the module's docstring

    return Recordings(access, process=process(settings), holder=holder)


def server_at(settings: Settings, url: str) -> "Server":
    """Return the server at an address.

    The key is that of the settings, or else the token of the server of this home. Raises
    `InvalidInput` where there is neither.
    """
    from tapetrail import server_file  # noqa: PLC0415 # for programs over a network
    from tapetrail.http.asking import Server, checked_url  # noqa: PLC0415 # as above
    from tapetrail.http.transport import Transport  # noqa: PLC0415 # as above

    place, key = checked_url(url), settings.server_key
    if key is None and (said := server_file.read(settings.home)) is not None and said.url == place:
        key = said.token
    if key is None:
        raise InvalidInput(
            f"server {place}: no key; TAPETRAIL_SERVER_KEY takes one, of tapetrail keys create"
        )
    transport = Transport(clock=utc_now, unusable=ErrorKind.CONNECTION_FAILED)
    return Server(place, key=key, transport=transport)


def remote_recordings(server: "Server", *, holder: str | None) -> "RemoteRecordings":
    """Return what takes in, at a server, what programs tell."""
    from tapetrail.http.recordings import RemoteRecordings  # noqa: PLC0415 # as above

    return RemoteRecordings(server, holder=holder, new_id=new_id)


def readers() -> "Readers":
    """Return who reads frames, requests and replies; each is loaded when it is first asked."""
    from tapetrail.core.recording.readings import Readers  # noqa: PLC0415 # for programs that record

    def bars(frame: object, *, timeframe: str, adjustment: str, now: datetime) -> "PostedBars":
        from tapetrail.sources.posted_bars import posted_bars  # noqa: PLC0415 # numpy, for bars only

        return posted_bars(frame, timeframe=timeframe, adjustment=adjustment, now=now)

    def read_request(url: str | None, request: bytes | None) -> "RequestRead":
        from tapetrail.analysts.models import told_calls  # noqa: PLC0415 # prices, for calls only

        return told_calls.read_request(url, request)

    def read_reply(
        url: str | None, request: bytes | None, came: "Came", *, at: datetime
    ) -> "ReplyRead":
        from tapetrail.analysts.models import told_calls  # noqa: PLC0415 # as above

        return told_calls.read_reply(url, request, came, at=at)

    return Readers(bars=bars, request=read_request, reply=read_reply)


def record(settings: Settings, access: Access) -> Record:
    """Return the record that an access leads to."""
    return Record(access, process=process(settings), wiring=Wiring(settings=settings))


def process(settings: Settings) -> Process:
    """Return what the use cases of this process share."""
    return Process(
        actor=settings.actor,
        clock=utc_now,
        new_id=new_id,
        home=settings.home,
        open_blobs=lambda: _open_blobs(settings),
        free_bytes=lambda: _free_bytes(settings.home),
        clock_offset_ms=_clock_offset_ms,
        budget_day_usd=settings.budget_day_usd,
        new_key=new_key,
        debug_mode=settings.debug_mode,
        has_bucket=settings.s3 is not None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What runs need from outside, of these settings; `analysts` come with the program.

    Models find their keys and addresses in `environment`, None is that of this process, and where
    it says nothing in the file of keys.
    """

    settings: Settings
    analysts: "Mapping[str, Family] | None" = None
    environment: Mapping[str, str] | None = field(default=None, repr=False)

    def planner(
        self, frame: "FrameSource | None", on_record: "OnRecord | None" = None
    ) -> "Planner":
        """Return what settles what a run will do, by what an open record tells."""
        from tapetrail.analysts.registry import Analysts  # noqa: PLC0415 # see the module's docstring
        from tapetrail.sources.calendars import load_calendar  # noqa: PLC0415 # see the module's docstring
        from tapetrail.usecases.planning import NO_RECORD, Planner  # noqa: PLC0415 # see the module's docstring

        return Planner(
            sources=self._sources(frame),
            load_calendar=load_calendar,
            analysts=Analysts(self.analysts, models=self._models()),
            clock=utc_now,
            on_record=on_record or NO_RECORD,
        )

    def searching(self, source: str) -> "Searching":
        """Return who finds the symbols of a source. Raises `NotFound` listing those that can."""
        return self._sources(None).searching(source)

    def ports(self) -> "Ports":
        """Return what a decision needs from outside."""
        from tapetrail.analysts.registry import Analysts  # noqa: PLC0415 # see the module's docstring
        from tapetrail.sources.calendars import load_calendar  # noqa: PLC0415 # see the module's docstring
        from tapetrail.workflows.prepare import Ports  # noqa: PLC0415 # see the module's docstring

        analysts, sources = Analysts(self.analysts, models=self._models()), self._sources(None)
        return Ports(
            open_source=sources.open,
            asks_a_vendor=sources.asks_a_vendor,
            open_analyst=analysts.open,
            load_calendar=load_calendar,
            clock=utc_now,
            brought=analysts.brought,
            limits=self.settings.limits,
            budget_day_usd=self.settings.budget_day_usd,
        )

    def limits(self, provider: str) -> "ProviderLimits":
        """Return how much may be asked of a provider or vendor."""
        return self.settings.limits(provider)

    def _models(self) -> "Callable[[], Models]":
        """Return what opens models over a wire, once one is asked for. Raises as `keys` does."""
        environment = self.keys()

        @cache
        def models() -> "Models":
            from tapetrail.analysts.models.analyst import Models  # noqa: PLC0415 # see the module's docstring
            from tapetrail.http.transport import Transport  # noqa: PLC0415 # as above

            return Models(environment, transport=Transport(clock=utc_now))

        return models

    def keys(self) -> dict[str, str]:
        """Return the environment in which models find their keys, with those of the file.

        Raises `InvalidInput` for a file that is not to be trusted, or says what nobody reads.
        """
        environment = os.environ if self.environment is None else self.environment
        if (file := self.settings.keys_file) is None:
            return dict(environment)
        from tapetrail.analysts.models.keys import environment_with  # noqa: PLC0415 # see the module's docstring
        from tapetrail.settings_files import read_private  # noqa: PLC0415 # for models only

        return environment_with(read_private(file), environment, place=f"settings {file}")

    def launch(self, database_url: str, *, concurrency: int) -> "Launch":
        """Return what this process needs to take part in the work.

        Raises `InvalidInput` for a server behind a pool that hands sessions round.
        """
        from tapetrail.store.pooling import refuse_shared_sessions  # noqa: PLC0415 # for work only
        from tapetrail.workflows.runner import Launch  # noqa: PLC0415 # see the module's docstring

        if self.settings.database_url is not None:
            refuse_shared_sessions(database_url)
        return Launch(
            database_url=database_url,
            blobs=_open_blobs(self.settings),
            ports=self.ports(),
            executor_id=new_id(),
            concurrency=concurrency,
        )

    def carry_out_in_child(self, requests: "Mapping[str, RunRequest]", *, concurrency: int) -> None:
        """Carry out requests in a child process; return when all have ended."""
        from tapetrail.usecases.children import run_in_child  # noqa: PLC0415 # see the module's docstring

        run_in_child(requests, settings=self.settings, concurrency=concurrency)

    @contextmanager
    def gateway(self) -> "Generator[Gateway]":
        """Give IBKR's gateway that the environment names. Raises `InvalidInput` for no such."""
        from tapetrail.http.transport import Transport  # noqa: PLC0415 # see the module's docstring
        from tapetrail.sources import asking  # noqa: PLC0415 # see the module's docstring
        from tapetrail.sources.ibkr.source import NAME, gateway_of, trust_of  # noqa: PLC0415 # see the module's docstring

        environment = os.environ if self.environment is None else self.environment
        kind, trust = ErrorKind.SOURCE_UNAVAILABLE, trust_of(environment)
        with Transport(clock=utc_now, unusable=kind, trust=trust) as transport:
            call = transport.send
            vendor = asking.Vendor(name=NAME, call=call, pause=sleep, clock=utc_now)
            yield gateway_of(environment, vendor)

    def _sources(self, frame: "FrameSource | None") -> "Registry":
        """Return what opens the sources of strategies; stored frames lie among the blobs."""
        from tapetrail.core.blob_keys import object_key  # noqa: PLC0415 # see the module's docstring
        from tapetrail.core.canonical import parse_digest  # noqa: PLC0415 # see the module's docstring
        from tapetrail.http.calls import CHECKED  # noqa: PLC0415 # see the module's docstring
        from tapetrail.sources import asking, protocol, registry  # noqa: PLC0415 # see the module's docstring

        @cache
        def transport(trust: "Trust") -> "Transport":
            from tapetrail.http.transport import Transport  # noqa: PLC0415 # for vendors alone

            return Transport(clock=utc_now, unusable=ErrorKind.SOURCE_UNAVAILABLE, trust=trust)

        def read_frame(digest: str) -> bytes:
            found = parse_digest(digest)
            return _open_blobs(self.settings).read(object_key(found), digest=found)

        def vendor(name: str, lanes: "Lanes", trust: "Trust" = CHECKED) -> "Vendor":
            return asking.Vendor(
                name=name, call=transport(trust).send, pause=sleep, clock=utc_now, lanes=lanes
            )

        process = protocol.Process(
            read_frame=read_frame,
            in_memory=frame,
            vendors=vendor,
            environment=os.environ if self.environment is None else self.environment,
        )
        return registry.Registry(process=process)


def load_health(settings: Settings) -> "Health":
    """Return how the database does, which is up to date. Raises `EdgeFailure` as opening does."""
    from tapetrail.store.health import load_health as load  # noqa: PLC0415 # for one command only

    with (
        record_database(settings).open() as database,
        owner_engine(database.owner_url) as engine,
    ):
        return load(engine, app=database.roles.app)


@contextmanager
def owner_engine(url: str) -> "Generator[Engine]":
    """Give an engine. A server that is away is an `EdgeFailure`, whoever notices."""
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415 # see the module's docstring

    from tapetrail.core.errors import EdgeFailure  # noqa: PLC0415 # as above
    from tapetrail.store.session import open_engine  # noqa: PLC0415 # see the module's docstring

    engine = open_engine(url)
    try:
        yield engine
    except OperationalError as error:
        reason = str(error.orig).strip().partition("\n")[0].removeprefix("connection failed: ")
        raise EdgeFailure(f"PostgreSQL did not answer; {reason}") from error
    finally:
        engine.dispose()


def _free_bytes(home: Path) -> int:
    """Return how much room the disk of a home has, which need not be there yet."""
    return shutil.disk_usage(next(path for path in (home, *home.parents) if path.exists())).free


def _clock_offset_ms() -> Decimal | None:
    from tapetrail.host_clock import load_clock_offset_ms  # noqa: PLC0415 # for runs only

    return load_clock_offset_ms()


def _open_blobs(settings: Settings) -> "BlobStore":
    from tapetrail.blobs.opening import open_blobs  # noqa: PLC0415 # lists do without

    return open_blobs(settings)


def _migrate_engine(owner_url: str, app: str) -> None:
    from tapetrail.workflows.engine import migrate_engine  # noqa: PLC0415 # for upgrades only

    migrate_engine(owner_url, application_role=app)
