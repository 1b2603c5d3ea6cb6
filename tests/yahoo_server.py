"""Yahoo as it answers at a time: a share with a split, restated until then, and what it may say.

Nothing here uses the source under test.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

import numpy as np
from tests.model_server import Answer, Asked

from tapetrail.core.market.bars import Calendar
from tapetrail.core.market.calendar_changes import UNCHANGED
from tapetrail.sources.calendars import load_calendar

SPLIT_ON: Final = date(2026, 9, 14)
RATIO: Final = 4
VOLUME: Final = 1_000_000
APPLE: Final[dict[str, Any]] = {
    "symbol": "AAPL", "currency": "USD", "exchangeName": "NMS", "fullExchangeName": "NasdaqGS",
    "instrumentType": "EQUITY", "exchangeTimezoneName": "America/New_York", "timezone": "EST",
    "gmtoffset": -18000, "dataGranularity": "1d", "priceHint": 2, "regularMarketPrice": 1.0,
}  # fmt: skip
QUOTES: Final[list[dict[str, Any]]] = [
    {"symbol": "AAPL", "shortname": "Apple Inc.", "longname": "Apple Incorporated",
     "exchange": "NMS", "exchDisp": "NASDAQ", "quoteType": "EQUITY", "isYahooFinance": True},
    {"index": "private", "name": "Apple Orchard", "isYahooFinance": False},
    {"symbol": "AAPL.XX", "shortname": "=APPLE CDR", "exchange": "XXX", "quoteType": "FUTURE"},
]  # fmt: skip
Change = Callable[[dict[str, Any]], object]


def unchanged(result: dict[str, Any]) -> None:
    del result


@dataclass(frozen=True, slots=True, kw_only=True)
class Yahoo:
    """What is answered at `now`; `change` is done to the one result of each chart.

    Who `follows` answers at the moment until which it is asked.
    """

    now: datetime
    meta: dict[str, Any] = field(default_factory=lambda: dict(APPLE))
    calendar: str = "XNYS"
    splits: tuple[date, ...] = (SPLIT_ON,)
    change: Change = unchanged
    follows: bool = False

    def __call__(self, asked: Asked) -> Answer:
        url = urlsplit(asked.path)
        query = {name: value for name, (value,) in parse_qs(url.query).items()}
        if url.path == "/v1/finance/search":
            return as_json({"quotes": QUOTES, "news": [], "count": len(QUOTES)})
        assert url.path.startswith("/v8/finance/chart/"), asked.path
        assert query["interval"] == "1d", "weeks and months are never asked for"
        symbol = unquote(url.path.rpartition("/")[2])
        if symbol.upper() != self.meta["symbol"].upper():
            return delisted()
        until = int(query.get("period2", self.now.timestamp()))
        at = replace(self, now=datetime.fromtimestamp(until, UTC)) if self.follows else self
        result = at.result(int(query.get("period1", until - 6 * 86_400)), until)
        if query.get("events") != "split":
            result.pop("events", None)
        self.change(result)
        return as_json({"chart": {"result": [result], "error": None}})

    def result(self, begin: int, end: int) -> dict[str, Any]:
        sessions = load_calendar(self.calendar, UNCHANGED)
        zone, at = ZoneInfo(sessions.zone), np.datetime64(self.now.replace(tzinfo=None))
        opened = _seconds(sessions.opened_at)
        rows = np.flatnonzero((opened >= begin) & (opened <= end) & (sessions.opened_at <= at))
        today = self.now.astimezone(zone).date()
        known = [split for split in self.splits if split <= today]
        traded_at = _last_trade(sessions, int(rows[-1]), self.now)
        closes = [self.close(sessions.sessions[row].item(), known) for row in rows.tolist()]
        return {
            "meta": {**self.meta, "regularMarketTime": traded_at},
            "timestamp": [*opened[rows[:-1]].tolist(), traded_at],
            "indicators": {
                "quote": [
                    {
                        "open": [close * 0.9375 for close in closes],
                        "high": [close * 1.0625 for close in closes],
                        "low": [close * 0.875 for close in closes],
                        "close": closes,
                        "volume": [
                            self.volume(sessions.sessions[row].item(), known)
                            for row in rows.tolist()
                        ],
                    }
                ],
                "adjclose": [{"adjclose": [close / 2 for close in closes]}],
            },
            **events(known, sessions, begin=begin, end=end),
        }

    def close(self, day: date, known: list[date]) -> float:
        """The close of a day, in shares as they are at the time of the reply."""
        paid = (64.0 + day.toordinal() % 32) * RATIO ** sum(day < split for split in self.splits)
        return paid / RATIO ** sum(day < split for split in known)

    def volume(self, day: date, known: list[date]) -> int:
        return VOLUME * RATIO ** sum(day < split for split in known)


def events(known: list[date], sessions: Calendar, *, begin: int, end: int) -> dict[str, Any]:
    opens = dict(zip(sessions.sessions.tolist(), _seconds(sessions.opened_at), strict=True))
    splits = {
        str(at): {"date": int(at), "numerator": RATIO, "denominator": 1, "splitRatio": "4:1"}
        for at in (opens[split] for split in known)
        if begin <= at <= end
    }
    return {"events": {"splits": splits}} if splits else {}


def as_json(document: object) -> Answer:
    return Answer(body=json.dumps(document).encode())


def error(code: str, description: str) -> bytes:
    said = {"code": code, "description": description}
    return json.dumps({"chart": {"result": None, "error": said}}).encode()


def delisted() -> Answer:
    return Answer(status=404, body=error("Not Found", "No data found, symbol may be delisted"))


def _seconds(instants: np.ndarray[Any, np.dtype[np.datetime64]]) -> Any:
    return instants.astype("datetime64[s]").astype(np.int64)


def _last_trade(sessions: Calendar, row: int, now: datetime) -> int:
    closed = datetime.fromisoformat(str(sessions.closed_at[row])).replace(tzinfo=UTC)
    return int(min(closed, now).timestamp())
