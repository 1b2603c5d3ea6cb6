"""Daily bars of a contract: asked for page by page, backwards, and each page held against its ask.

`GET iserver/marketdata/history` gives a thousand bars at most, from `startTime` back for a `period`
where no `direction` is said. What its two values mean the vendor's documentation says in two ways,
so none is sent, and each reply must lie where it was asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.core.market.bars import Instrument
from tapetrail.http.calls import Received
from tapetrail.sources.ibkr.gateway import Gateway, Reply
from tapetrail.sources.tabular.client_portal import DAILY_BAR, table_of_history
from tapetrail.sources.tabular.tables import Table
from tapetrail.sources.tabular.values import (
    Document,
    as_document,
    as_list,
    folded_names,
    member,
    number_member,
    rows_of,
    text_member,
)
from tapetrail.sources.tabular.zones import zone_named
from tapetrail.sources.vendor_bars import NO_DELAY
from tapetrail.sources.vendor_source import Wanted

PATH: Final = "iserver/marketdata/history"
PAGE_WEEKS: Final = 180
"""900 sessions of five days a week, of the thousand that a reply has at most."""
PAGES_MAX: Final = 40
DELAY: Final = timedelta(minutes=20)
"""IBKR says that delayed prices come 15 to 20 minutes late; the longer one is never too early."""
_WEEK: Final = timedelta(weeks=1)
_SLACK_DAYS: Final = 10
_SLACK_PART: Final = 8
"""A period counted in sessions reaches back further than one in days, by the holidays in it."""
_DELAYS: Final[Mapping[str, timedelta]] = {
    "R": NO_DELAY,
    "S": NO_DELAY,
    "Z": NO_DELAY,
    "D": DELAY,
    "Y": DELAY,
}
"""By the first letter of `mdAvailability`: realtime, streaming, frozen, delayed, frozen delayed."""
_NOT_SUBSCRIBED: Final = "N"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The time that a page is asked for: bars that open from `begin` on and before `end`."""

    begin: datetime
    end: datetime

    @property
    def weeks(self) -> int:
        """Return how many weeks it has."""
        return (self.end - self.begin) // _WEEK

    @property
    def earliest(self) -> datetime:
        """Return the earliest open that is taken for one of this span."""
        return self.begin - timedelta(days=_SLACK_DAYS) - (self.end - self.begin) / _SLACK_PART

    def __str__(self) -> str:
        """Return `2026-10-02 to 2026-11-20`, the days in UTC."""
        return f"{self.begin:%Y-%m-%d} to {self.end:%Y-%m-%d}"


def fetch_pages(gateway: Gateway, wanted: Wanted) -> list[Received]:
    """Return the replies with the bars that are wanted, the oldest first; none where there are.

    Raises `InvalidInput` (`bad_bars`) for a page that is not what was asked for, and otherwise as
    the gateway does.
    """
    zone = zone_named(wanted.calendar.zone)
    now = gateway.vendor.clock().replace(microsecond=0)
    first = _midnight(wanted.first, zone)
    end = min(_midnight(wanted.last + timedelta(days=1), zone), now)
    pages: list[Received] = []
    while len(pages) < PAGES_MAX:
        span = _last_page(first, end)
        reply = _ask(gateway, wanted.instrument, span)
        opens = [] if reply is None else _checked(reply, wanted.instrument, span)
        if reply is None or not opens:
            return pages
        pages.insert(0, reply.received)
        oldest = min(opens).astimezone(zone).date()
        if not _has_session(wanted, wanted.first, oldest):
            return pages
        end = _midnight(oldest, zone)
    raise gateway.vendor.refused(
        f"{wanted.instrument}: {PAGES_MAX} pages reach back to {end:%Y-%m-%d} only, and bars from"
        f" {wanted.first} on were asked for"
    )


def table_of_pages(documents: Sequence[object], instrument: Instrument) -> Table:
    """Return the rows of all pages, the oldest first, as one table.

    Raises `InvalidInput` (`bad_bars`) for a page that is none of this instrument's daily bars, or
    that means something else by its numbers than the others do.
    """
    histories = [_history(each, instrument) for each in documents]
    place = _place(instrument)
    for name in ("volumeFactor", "priceFactor"):
        found = {number_member(each, name, place=place) for each in histories}
        if len(found) > 1:
            said = " and ".join(sorted(map(str, found)))
            raise _bad(f"{place}: pages of one history say {name} {said}; fetch it again")
    rows = [row for each in histories for row in rows_of(each, "data", place=place)]
    newest = {name: value for name, value in histories[-1].items() if name != "points"}
    return table_of_history({**newest, "data": rows}, place=place)


def delay_of(documents: Sequence[object], instrument: Instrument) -> timedelta:
    """Return how late the feed of a history was. Raises `InvalidInput` where it does not say."""
    return max(_delay(as_document(each) or {}, place=_place(instrument)) for each in documents)


def _ask(gateway: Gateway, instrument: Instrument, span: Span) -> Reply | None:
    """Return a page, None where the gateway says that it has no data."""
    try:
        return gateway.get(
            PATH,
            conid=instrument.conid or 0,
            period=f"{span.weeks}w",
            bar=DAILY_BAR,
            outsideRth="false",
            startTime=f"{span.end.astimezone(UTC):%Y%m%d-%H:%M:%S}",
        )
    except NotFound:
        return None


def _last_page(first: datetime, end: datetime) -> Span:
    """Return the newest page of what is wanted: whole weeks, and no more than one has bars for."""
    weeks = max(-((first - end) // _WEEK), 1)
    return Span(begin=end - min(weeks, PAGE_WEEKS) * _WEEK, end=end)


def _checked(reply: Reply, instrument: Instrument, span: Span) -> list[datetime]:
    """Return when the bars of a page open. Raises `InvalidInput` unless it is what was asked for.

    Nothing is returned for a page without rows.
    """
    place = _place(instrument)
    document = as_document(reply.value)
    if document is not None and as_list(member(document, "data")) == []:
        return []
    document = _history(reply.value, instrument)
    _delay(document, place=place)
    rows = rows_of(document, "data", place=place)
    opens = [_opened(row, place=f"{place}, row {at}") for at, row in enumerate(rows, 1)]
    for at, opened in enumerate(opens, 1):
        if not span.earliest <= opened < span.end:
            raise _bad(
                f"{place}, row {at}: opens at {opened:%Y-%m-%d %H:%M} UTC, and the {span.weeks}"
                f" weeks from {span} were asked for; a gateway that answers something else is not"
                " read"
            )
    return opens


def _history(value: object, instrument: Instrument) -> Document:
    """Return a page as a document. Raises `InvalidInput` for what is no history of this one."""
    place = _place(instrument)
    document = as_document(value)
    if document is None or "data" not in folded_names(document):
        shown = "a list" if document is None else ", ".join(list(document)[:10]) or "nothing"
        raise _bad(f"{place}: the reply is no history, it holds {shown}; expected data")
    table_of_history(document, place=place)
    symbol = text_member(document, "symbol")
    if symbol != instrument.symbol:
        raise _bad(
            f"{place}: the history of conid {instrument.conid} says symbol {symbol!r}, expected"
            f" {instrument.symbol!r}; correct the symbol or the conid"
        )
    factor = number_member(document, "priceFactor", place=place)
    if factor is not None and factor <= Decimal(0):
        raise _bad(f"{place}: priceFactor {factor} must be a number above 0")
    return document


def _delay(document: Document, *, place: str) -> timedelta:
    """Return how late the feed is, by the letters that say what the login may see."""
    letters = text_member(document, "mdAvailability") or ""
    if letters[:1] == _NOT_SUBSCRIBED:
        raise _bad(
            f"{place}: mdAvailability {letters!r}: this login has no market data for it; subscribe"
            " to those of the exchange at IBKR, or take bars from another source"
        )
    delay = _DELAYS.get(letters[:1])
    if delay is None:
        known = ", ".join(_DELAYS)
        raise _bad(
            f"{place}: mdAvailability {letters!r} does not say how late the bars are; expected one"
            f" that begins with {known}"
        )
    return delay


def _opened(row: object, *, place: str) -> datetime:
    opened = member(as_document(row) or {}, "t")
    if type(opened) is not int:
        raise _bad(f"{place}: t is {opened!r}, expected milliseconds")
    try:
        return datetime.fromtimestamp(opened / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _bad(f"{place}: t is {opened!r}, expected milliseconds") from error


def _has_session(wanted: Wanted, first: date, end: date) -> bool:
    """Return whether the exchange has a session from `first` on and before `end`."""
    sessions = wanted.calendar.sessions
    low, high = np.searchsorted(sessions, np.asarray([first, end], dtype="datetime64[D]"))
    return bool(low < high)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the beginning of a day on the exchange's clock, in UTC."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def _place(instrument: Instrument) -> str:
    return f"ibkr, {instrument.symbol}"


def _bad(message: str) -> InvalidInput:
    return InvalidInput(message, kind=ErrorKind.BAD_BARS)
