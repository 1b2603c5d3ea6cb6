"""A vendor's bars out of its vintages: which of them answers, and when the vendor is asked."""

from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session
from tests.edges.yahoo_asked import EVENING, SHARE, at, opened
from tests.model_server import ModelServer, model_server
from tests.yahoo_server import APPLE, Yahoo

from tapetrail.blobs.directory import DirectoryBlobs
from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.core.market.bars import DAILY
from tapetrail.core.records.runs import InstrumentRecord
from tapetrail.sources.calendars import load_calendar
from tapetrail.sources.protocol import Fetched
from tapetrail.sources.vendor_source import Vintage, Wanted
from tapetrail.sources.yahoo import YahooSource
from tapetrail.store import appends
from tapetrail.store.private.server import ServerAddress
from tapetrail.store.session import open_engine
from tapetrail.workflows.vintages import Ask, KeptSource, Shelf

pytestmark = pytest.mark.service

CALENDAR: Final = load_calendar("XNAS")
WEDNESDAY, FRIDAY = (datetime(2026, 11, day, 21, tzinfo=UTC) for day in (18, 20))
AT_THE_CLOSE: Final = datetime(2026, 11, 20, 21, 10, tzinfo=UTC)
"""Ten minutes after the close of a feed that is half an hour late."""
FIRST: Final = date(2026, 8, 3)


@pytest.fixture
def engine(database: ServerAddress) -> Generator[Engine]:
    made = open_engine(database.url("tapetrail_app"))
    yield made
    made.dispose()


@pytest.fixture
def yahoo() -> Generator[ModelServer]:
    with model_server() as running:
        running.answers = Yahoo(now=EVENING)
        yield running


@pytest.fixture
def kept(engine: Engine, yahoo: ModelServer, tmp_path: Path) -> Generator[KeptSource]:
    with Session(engine) as session, session.begin():
        row = appends.append_instrument(session, InstrumentRecord(instrument=SHARE))
    blobs = DirectoryBlobs(root=tmp_path / "blobs")
    shelf = Shelf(engine=engine, blobs=blobs, clock=lambda: EVENING, actor="tests")
    with opened(yahoo.url, waits=[]) as vendor:
        yield KeptSource(vendor=vendor, row=row, shelf=shelf, ask=Ask.WHERE_LACKING)


class Hasty(YahooSource):
    """Says of what it sends that it goes to the last close, however late its feed is."""

    def download(self, wanted: Wanted) -> Vintage:
        return replace(super().download(wanted), last_on=wanted.last)


def again(kept: KeptSource, *, now: datetime | None = None, ask: Ask | None = None) -> KeptSource:
    """The same as another decision meets it, at another time if one is given."""
    vendor = kept.vendor
    assert isinstance(vendor, YahooSource)
    return replace(
        kept,
        vendor=vendor if now is None else at(vendor, now),
        shelf=kept.shelf if now is None else replace(kept.shelf, clock=lambda: now),
        ask=ask or kept.ask,
        used=[],
        downloaded=set(),
    )


def fetch(kept: KeptSource, as_of: datetime, first: date = FIRST) -> Fetched:
    return kept.fetch(SHARE, timeframe=DAILY, first=first, as_of=as_of, calendar=CALENDAR)


def spans(engine: Engine) -> list[tuple[date, date, str | None]]:
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT first_on, last_on, problem FROM tapetrail.market_vintages ORDER BY id")
        )
        return [(row.first_on, row.last_on, row.problem) for row in found]


def test_what_is_asked_for_goes_from_new_year_to_now_and_answers_for_the_days_within(
    kept: KeptSource, yahoo: ModelServer, engine: Engine
) -> None:
    assert not fetch(kept, WEDNESDAY).from_cache
    for as_of, first in ((FRIDAY, FIRST), (WEDNESDAY, date(2026, 1, 1))):
        other = again(kept)
        assert fetch(other, as_of, first).from_cache
        assert (other.used, other.downloaded) == (kept.used, set())
    assert len(yahoo.asked) == 1
    assert spans(engine) == [(date(2026, 1, 1), date(2026, 11, 20), None)]


def test_a_vintage_that_begins_or_ends_too_early_is_not_used(
    kept: KeptSource, yahoo: ModelServer
) -> None:
    fetch(kept, WEDNESDAY)
    fetch(again(kept), WEDNESDAY, date(2025, 12, 31))
    assert len(yahoo.asked) == 2
    monday = datetime(2026, 11, 23, 22, tzinfo=UTC)
    yahoo.answers = Yahoo(now=monday)
    fetch(again(kept, now=monday), datetime(2026, 11, 23, 21, tzinfo=UTC))
    assert len(yahoo.asked) == 3


def test_a_last_bar_that_is_not_final_is_left_out_where_it_is_not_needed(
    kept: KeptSource, yahoo: ModelServer, engine: Engine
) -> None:
    yahoo.answers = Yahoo(now=AT_THE_CLOSE)
    early = again(kept, now=AT_THE_CLOSE)
    found = fetch(early, WEDNESDAY)
    assert found.bars.last_on[-1].item() == date(2026, 11, 18)
    assert spans(engine) == [(date(2026, 1, 1), date(2026, 11, 19), None)]
    # Who needs it is told, and the next one asks anew.
    with pytest.raises(InvalidInput, match="was not final when it was fetched") as raised:
        fetch(again(kept, now=AT_THE_CLOSE), FRIDAY)
    assert raised.value.kind is ErrorKind.STALE_BARS
    yahoo.answers = Yahoo(now=EVENING)
    assert fetch(again(kept, now=EVENING), FRIDAY).bars.last_on[-1].item() == date(2026, 11, 20)
    assert [problem is None for *_, problem in spans(engine)] == [True, False, True]


def test_what_was_asked_just_after_a_close_answers_for_every_session_before_it(
    kept: KeptSource, yahoo: ModelServer, engine: Engine
) -> None:
    yahoo.answers = Yahoo(now=FRIDAY)
    vendor = kept.vendor
    assert isinstance(vendor, YahooSource)
    early = again(kept, now=FRIDAY)
    # As of a vendor whose reply alone says that it is late.
    hasty = replace(early, vendor=Hasty(vendor=at(vendor, FRIDAY).vendor, base_url=yahoo.url))
    fetch(hasty, datetime(2026, 10, 1, 21, tzinfo=UTC))
    assert spans(engine) == [(date(2026, 1, 1), date(2026, 11, 19), None)]


def test_nobody_is_asked_who_may_not_be_and_whoever_must_be_is_once(
    kept: KeptSource, yahoo: ModelServer
) -> None:
    with pytest.raises(NotFound, match="kept: nothing") as raised:
        fetch(again(kept, ask=Ask.NEVER), WEDNESDAY)
    assert raised.value.kind is ErrorKind.NOT_CACHED
    assert yahoo.asked == []
    always = again(kept, ask=Ask.ALWAYS)
    for _ in range(2):
        fetch(always, WEDNESDAY)
    assert len(yahoo.asked) == 1
    assert fetch(again(kept, ask=Ask.NEVER), WEDNESDAY).from_cache
    fetch(again(kept, ask=Ask.ALWAYS), WEDNESDAY)
    assert len(yahoo.asked) == 2


def test_only_the_vintages_that_are_named_are_used(kept: KeptSource) -> None:
    fetch(kept, WEDNESDAY)
    other = again(kept, ask=Ask.ALWAYS)
    fetch(other, WEDNESDAY)
    first, second = kept.used[0], other.used[0]
    assert first != second
    named = replace(again(kept, ask=Ask.NEVER), only=frozenset({first}))
    fetch(named, WEDNESDAY)
    assert named.used == [first]


def test_another_address_has_vintages_of_its_own(kept: KeptSource, yahoo: ModelServer) -> None:
    fetch(kept, WEDNESDAY)
    vendor = kept.vendor
    assert isinstance(vendor, YahooSource)
    elsewhere = replace(again(kept), vendor=replace(vendor, base_url=f"{yahoo.url}/other"))
    with pytest.raises(NotFound, match="kept: nothing"):
        fetch(replace(elsewhere, ask=Ask.NEVER), WEDNESDAY)


def test_a_newer_reply_that_cannot_be_read_is_told_beside_the_bars_that_are_used(
    kept: KeptSource, yahoo: ModelServer
) -> None:
    fetch(kept, FRIDAY)
    assert fetch(again(kept), FRIDAY).remarks == ()
    yahoo.answers = Yahoo(now=EVENING, meta={**APPLE, "currency": "EUR"})
    with pytest.raises(InvalidInput):
        fetch(again(kept, ask=Ask.ALWAYS), FRIDAY)
    found = fetch(again(kept), FRIDAY)
    assert found.from_cache
    (said,) = found.remarks
    assert said == "What yahoo sent since 2026-11-20 23:00 UTC cannot be read, and is not used"


def test_of_a_restated_history_is_said_what_concerns_the_bars_that_are_wanted(
    kept: KeptSource, yahoo: ModelServer
) -> None:
    def other_friday(result: dict[str, Any]) -> None:
        (quote,) = result["indicators"]["quote"]
        for name in ("open", "high", "low", "close"):
            quote[name][-1] *= 1.5

    fetch(kept, FRIDAY)
    yahoo.answers = Yahoo(now=EVENING, change=other_friday)
    (said,) = fetch(again(kept, ask=Ask.ALWAYS), FRIDAY).remarks
    assert said == (
        "Restated by yahoo: 1 bar moved, went or came since vintage"
        f" {kept.used[0]}, by at most 50 %"
    )
    # On Wednesday nobody could know of Friday, nor that there was anything to know.
    assert fetch(again(kept), WEDNESDAY).remarks == ()


def test_a_vendor_that_is_late_with_its_last_bar_is_asked_again(
    kept: KeptSource, yahoo: ModelServer, engine: Engine
) -> None:
    def without_the_last(result: dict[str, Any]) -> None:
        del result["timestamp"][-1]
        for column in result["indicators"]["quote"][0].values():
            del column[-1]

    yahoo.answers = Yahoo(now=EVENING, change=without_the_last)
    assert fetch(kept, FRIDAY).bars.last_on[-1].item() == date(2026, 11, 19)
    assert spans(engine) == [(date(2026, 1, 1), date(2026, 11, 19), None)]
    # Whoever prepares what was just fetched reads it all the same.
    named = replace(again(kept, ask=Ask.NEVER), only=frozenset(kept.used))
    assert fetch(named, FRIDAY).bars.last_on[-1].item() == date(2026, 11, 19)
    yahoo.answers = Yahoo(now=EVENING)
    assert fetch(again(kept), FRIDAY).bars.last_on[-1].item() == date(2026, 11, 20)
    assert len(yahoo.asked) == 2


def test_what_is_asked_for_anew_takes_the_place_of_all_before_it(
    kept: KeptSource, engine: Engine
) -> None:
    fetch(kept, WEDNESDAY, date(2025, 3, 3))
    fetch(again(kept, ask=Ask.ALWAYS), FRIDAY)
    assert [first for first, *_ in spans(engine)] == [date(2025, 1, 1)] * 2
    other = again(kept)
    fetch(other, WEDNESDAY, date(2025, 3, 3))
    assert other.used != kept.used


def test_bars_that_begin_later_than_yahoo_says_it_has_them_are_told(
    kept: KeptSource, yahoo: ModelServer
) -> None:
    def late(result: dict[str, Any]) -> None:
        del result["timestamp"][:100]
        for column in result["indicators"]["quote"][0].values():
            del column[:100]
        result["meta"]["firstTradeDate"] = 345479400

    yahoo.answers = Yahoo(now=EVENING, change=late)
    (said,) = fetch(kept, FRIDAY, date(2026, 1, 2)).remarks
    assert said.endswith("and Yahoo says that it has them since 1980-12-12")


def test_what_cannot_be_read_any_more_is_no_reason_to_refuse_what_comes_now(
    kept: KeptSource, yahoo: ModelServer, tmp_path: Path
) -> None:
    fetch(kept, FRIDAY)
    for file in (tmp_path / "blobs").rglob("*"):
        if file.is_file():
            file.write_bytes(b"something else")
    yahoo.answers = Yahoo(now=EVENING, meta={**APPLE, "priceHint": 4})
    found = fetch(again(kept, ask=Ask.ALWAYS), FRIDAY)
    assert not found.from_cache
    assert fetch(again(kept, ask=Ask.NEVER), FRIDAY).payload == found.payload


def test_bars_are_used_though_those_that_they_restate_are_gone(
    kept: KeptSource, yahoo: ModelServer, tmp_path: Path
) -> None:
    def other_friday(result: dict[str, Any]) -> None:
        (quote,) = result["indicators"]["quote"]
        for name in ("open", "high", "low", "close"):
            quote[name][-1] *= 1.5

    fetch(kept, FRIDAY)
    first = [file for file in (tmp_path / "blobs").rglob("*") if file.is_file()]
    yahoo.answers = Yahoo(now=EVENING, change=other_friday)
    fetch(again(kept, ask=Ask.ALWAYS), FRIDAY)
    for file in first:
        file.write_bytes(b"something else")
    found = fetch(again(kept), FRIDAY)
    assert found.remarks == (
        f"Restated by yahoo: vintage {kept.used[0]} cannot be compared with these bars",
    )


def test_what_is_fetched_goes_back_as_far_as_any_before_it(
    kept: KeptSource, engine: Engine, yahoo: ModelServer
) -> None:
    fetch(kept, FRIDAY, date(2025, 6, 2))
    monday = datetime(2026, 11, 23, 22, tzinfo=UTC)
    yahoo.answers = Yahoo(now=monday)
    fetch(again(kept, now=monday), datetime(2026, 11, 23, 21, tzinfo=UTC))
    assert [first for first, *_ in spans(engine)] == [date(2025, 1, 1)] * 2
