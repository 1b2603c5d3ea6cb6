"""Rows in: the same again is the same row, something else under the same name is refused."""

from collections.abc import Generator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session
from tests.builders import utc
from tests.edges.conftest import Connect

from tapetrail.core.canonical import digest_text
from tapetrail.core.errors import EdgeFailure, InvalidInput, NotFound
from tapetrail.core.market.instruments import Instrument
from tapetrail.core.records.runs import InstrumentRecord
from tapetrail.store import appends, reads
from tapetrail.store.appends import BlobRow
from tapetrail.store.private.server import ServerAddress
from tapetrail.store.session import ReconnectPolicy, open_engine, transaction
from tapetrail.store.tables.schema import metadata

pytestmark = pytest.mark.service

SHARE = Instrument(
    symbol="AAPL",
    exchange="XNAS",
    currency="USD",
    conid=None,
    asset_class="equity",
    tick_size=Decimal("0.01"),
    multiplier=Decimal(1),
    calendar="XNAS",
)
UNIQUE = ("symbol", "exchange", "currency")
NOBODY = "postgresql+psycopg://nobody@/nothing?host="


@pytest.fixture
def session(connect: Connect) -> Generator[Session]:
    """Give the application's session in a transaction that is rolled back."""
    with connect("tapetrail_app") as app, Session(app) as made:
        yield made


def test_the_same_row_again_is_the_row_that_is_there(session: Session) -> None:
    first = appends.append_or_same(session, InstrumentRecord(instrument=SHARE), unique=UNIQUE)
    assert (
        appends.append_or_same(session, InstrumentRecord(instrument=SHARE), unique=UNIQUE) == first
    )


def test_another_content_under_the_same_name_is_refused(session: Session) -> None:
    appends.append_or_same(session, InstrumentRecord(instrument=SHARE), unique=UNIQUE)
    other = replace(SHARE, calendar="XNYS")
    with pytest.raises(InvalidInput, match=r"instruments: symbol AAPL, .* with other content"):
        appends.append_or_same(session, InstrumentRecord(instrument=other), unique=UNIQUE)


def test_a_source_that_knows_less_of_an_instrument_means_the_one_that_is_recorded(
    session: Session,
) -> None:
    known = replace(SHARE, symbol="KNOWN", conid=265598)
    first = appends.append_instrument(session, InstrumentRecord(instrument=known))
    less = replace(known, conid=None, tick_size=None)
    assert [
        appends.append_instrument(session, InstrumentRecord(instrument=record))
        for record in (known, less)
    ] == [first] * 2


def test_an_exchange_by_another_name_means_the_instrument_that_is_recorded(
    session: Session,
) -> None:
    def append(exchange: str, *, calendar: str | None = None) -> int:
        share = replace(SHARE, symbol="ALIAS", exchange=exchange, calendar=calendar or exchange)
        return appends.append_instrument(session, InstrumentRecord(instrument=share)).id

    alias = append("NYSE")
    assert (append("XNYS"), append("NYSE")) == (alias, alias)
    assert append("XNAS") != alias
    # Rows of before, under both names: the one under the MIC is used.
    both = replace(SHARE, symbol="ALIAS", exchange="XNYS", calendar="XNYS")
    mic = appends.append(session, InstrumentRecord(instrument=both)).id
    assert (append("XNYS"), append("NYSE")) == (mic, mic)


def test_a_tick_size_that_the_record_leaves_open_stays_open(session: Session) -> None:
    left_open = replace(SHARE, symbol="OPEN", tick_size=None)
    first = appends.append_instrument(session, InstrumentRecord(instrument=left_open))
    stated = replace(left_open, tick_size=Decimal("0.01"))
    assert appends.append_instrument(session, InstrumentRecord(instrument=stated)) == first


def test_a_conid_that_is_learnt_later_is_a_fact_and_stands(session: Session) -> None:
    def told(conid: int, source: str = "strategy s") -> None:
        appends.append_conid(session, share, conid, source=source, at=utc("2026-11-20 12:00"))

    def facts() -> list[tuple[str, str]]:
        table = metadata.tables["tapetrail.instrument_facts"]
        rows = session.execute(select(table).where(table.c.instrument_id == share.id))
        return [(row.value, row.source) for row in rows]

    share = appends.append_instrument(
        session, InstrumentRecord(instrument=replace(SHARE, symbol="LATER"))
    )
    told(265598)
    told(265598, "source vendor")
    assert facts() == [("265598", "strategy s")]
    assert reads.instruments(session, [share.id])[share.id].conid == 265598
    with pytest.raises(InvalidInput, match="LATER: it is recorded with conid 265598, strategy s s"):
        told(7)
    share = appends.append_instrument(
        session, InstrumentRecord(instrument=replace(SHARE, symbol="BORN", conid=265598))
    )
    told(265598)
    assert facts() == []
    with pytest.raises(InvalidInput, match=r"BORN: it is recorded with conid 265598, .* says 7"):
        told(7)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"calendar": "XNYS"}, "recorded with calendar XNAS, the source says XNYS"),
        ({"asset_class": "etf"}, "recorded with asset_class equity, the source says etf"),
        ({"multiplier": Decimal(100)}, "recorded with multiplier 1, the source says 100"),
        ({"tick_size": Decimal("0.05")}, "recorded with tick_size 0.01, the source says 0.05"),
    ],
)
def test_an_instrument_that_is_another_one_is_refused_by_what_differs(
    session: Session, change: dict[str, Any], said: str
) -> None:
    share = replace(SHARE, symbol="ONE")
    appends.append_instrument(session, InstrumentRecord(instrument=share))
    with pytest.raises(InvalidInput, match=said) as refused:
        appends.append_instrument(session, InstrumentRecord(instrument=replace(share, **change)))
    assert refused.value.message.startswith("instrument ONE (XNAS, USD): ")


def test_a_strategy_without_a_version_takes_its_own_or_the_next(session: Session) -> None:
    def version_of(spec: str, version: int | None = None) -> int:
        stored = appends.append_strategy(
            session, name="s", version=version, spec={"is": spec}, digest=digest_text(spec)
        )
        table = metadata.tables["tapetrail.strategies"]
        return session.execute(select(table.c.version).where(table.c.id == stored.id)).scalar_one()

    assert [version_of("a"), version_of("b"), version_of("a"), version_of("c", 7)] == [1, 2, 1, 7]
    assert version_of("d") == 8
    with pytest.raises(InvalidInput, match=r"strategy s version 2 is already .*or take 9"):
        version_of("e", 2)


def test_a_strategy_without_a_version_takes_the_newest_of_equal_ones(session: Session) -> None:
    def append(spec: str, version: int | None) -> int:
        return appends.append_strategy(
            session, name="s", version=version, spec={"is": spec}, digest=digest_text(spec)
        ).id

    rows = {version: append(spec, version) for version, spec in ((5, "a"), (2, "a"), (9, "b"))}
    assert append("a", None) == rows[5]


def test_a_blob_is_named_once(session: Session) -> None:
    blob = BlobRow(digest=digest_text("x"), key="objects/x", size=1, media_type="text/plain")
    at = session.execute(text("SELECT now()")).scalar_one()
    appends.append_blobs(session, [blob], at=at)
    appends.append_blobs(session, [blob], at=at)
    appends.append_blobs(session, [], at=at)
    assert appends.append_all(session, []) == []
    table = metadata.tables["tapetrail.blobs"]
    assert len(session.execute(select(table).where(table.c.key == "objects/x")).all()) == 1


def test_what_there_is_not_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound, match="no decision -1"):
        reads.decision_task(session, -1)
    with pytest.raises(NotFound, match=r"instruments: no row -1"):
        reads.stored(session, "instruments", [-1])


def ask(engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(text("SELECT 1"))


def test_a_server_that_is_away_is_an_edge_that_failed(tmp_path: Path) -> None:
    engine = open_engine(f"{NOBODY}{tmp_path}")
    with pytest.raises(EdgeFailure, match=r"PostgreSQL did not answer: .*connection failed"):
        ask(engine)


def test_a_wait_for_a_server_ends_in_time_and_for_good_where_it_is_final(tmp_path: Path) -> None:
    engine = open_engine(f"{NOBODY}{tmp_path}")
    reconnect = ReconnectPolicy(engine, patience_s=0.3)
    with pytest.raises(EdgeFailure):
        ask(engine)
    assert not reconnect.is_refused
    reconnect.is_final = True
    with pytest.raises(SystemExit):
        ask(engine)
    assert reconnect.is_refused


def test_open_connections_outlive_a_refusal_and_no_others_follow(server: ServerAddress) -> None:
    engine = open_engine(server.url("postgres"))
    reconnect = ReconnectPolicy(engine, patience_s=0.3)
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW timezone")) == "UTC"
        reconnect.refuse()
        assert connection.scalar(text("SELECT 1")) == 1
        with pytest.raises(SystemExit):
            engine.connect()
    engine.dispose()
