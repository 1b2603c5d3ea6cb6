"""A gateway of IBKR's Client Portal on this machine: it speaks the documented routes and formats.

Its bars are made up from the day, on the sessions of a calendar; what it is asked for is kept by
the server, and `spoil` changes a history before it goes out.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import numpy as np
from tests.model_server import Answer, Asked

from tapetrail.sources.calendars import load_calendar

API: Final = "/v1/api"
AAPL: Final = 265598
VOD_LONDON: Final = 31972278
VOD_NASDAQ: Final = 144705520
VOD_FRANKFURT: Final = 150990459
TOYOTA: Final = 13905344
BHP: Final = 4036812
History = dict[str, Any]
Row = dict[str, Any]
POINTS_MAX: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Share:
    """A contract as the gateway lists it."""

    conid: int
    symbol: str
    exchange: str
    currency: str
    calendar: str
    listed_on: date = date(2000, 1, 3)


SHARES: Final = (
    Share(conid=AAPL, symbol="AAPL", exchange="NASDAQ", currency="USD", calendar="XNAS"),
    Share(conid=38708077, symbol="AAPL", exchange="MEXI", currency="MXN", calendar="XMEX"),
    Share(conid=VOD_LONDON, symbol="VOD", exchange="LSE", currency="GBP", calendar="XLON"),
    Share(conid=VOD_NASDAQ, symbol="VOD", exchange="NASDAQ", currency="USD", calendar="XNAS"),
    Share(conid=VOD_FRANKFURT, symbol="VOD", exchange="FWB", currency="EUR", calendar="XFRA"),
    Share(conid=TOYOTA, symbol="7203", exchange="TSEJ", currency="JPY", calendar="XTKS"),
    Share(conid=BHP, symbol="BHP", exchange="ASX", currency="AUD", calendar="XASX"),
)


def row_of(day: date, opened_ms: int) -> Row:
    """A bar of a day: prices around 100, in hundredths, and a volume in hundreds."""
    at = day.toordinal() % 50
    return {
        "o": 100.1 + at, "c": 101.25 + at, "h": 102.0 + at, "l": 99.5 + at,
        "v": 1000.25 + at, "t": opened_ms,
    }  # fmt: skip


@dataclass(kw_only=True)
class IbkrGateway:
    """What a gateway knows, and the state of its session; called, it answers a request."""

    shares: Sequence[Share] = SHARES
    has_session: bool = True
    has_named_accounts: bool = True
    competes: bool = False
    is_connected: bool | None = True
    mends: bool = True
    accounts: tuple[str, ...] = ("DU0000001",)
    availability: str = "R"
    volume_factor: float = 1
    bars_max: int = POINTS_MAX
    spoil: Callable[[History], object] = lambda _history: None
    bodies: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])

    def __call__(self, asked: Asked) -> Answer:
        parts = urlsplit(asked.path)
        assert parts.path.startswith(f"{API}/"), asked.path
        path = parts.path.removeprefix(f"{API}/")
        query = {name: value for name, (value,) in parse_qs(parts.query).items()}
        if asked.method == "POST":
            return self._begin(asked, path)
        if path == "iserver/auth/status":
            return said(self._status())
        if path == "trsrv/stocks":
            return said(self._stocks(query["symbols"]))
        return self._lacks(path) or self._of_session(path, query)

    def _lacks(self, path: str) -> Answer | None:
        """What is said instead of an answer, until the session is there and was greeted."""
        if not self.has_session:
            return said({"error": "no bridge", "statusCode": 400}, status=400)
        if path == "iserver/accounts":
            self.has_named_accounts = True
        if not self.has_named_accounts:
            return said({"error": "Please query /accounts first"}, status=500)
        return None

    def _of_session(self, path: str, query: Mapping[str, str]) -> Answer:
        if path == "iserver/accounts":
            return said({"accounts": self.accounts, "selectedAccount": "DU0000001"})
        if path == "iserver/secdef/search":
            return said(self._found(query))
        if path.startswith("iserver/contract/"):
            return said(self._info(int(path.split("/")[2])))
        assert path == "iserver/marketdata/history", path
        return self._history(query)

    def _begin(self, asked: Asked, path: str) -> Answer:
        assert path == "iserver/auth/ssodh/init"
        self.bodies.append(asked.document)
        self.has_session = self.has_session or (self.mends and not self.competes)
        return said(self._status())

    def _status(self) -> Mapping[str, object]:
        return {
            "authenticated": self.has_session, "competing": self.competes,
            "connected": self.is_connected,
            "message": "", "MAC": "00:00:00:00:00:00", "fail": "",
        }  # fmt: skip

    def _stocks(self, symbol: str) -> Mapping[str, object]:
        return {
            symbol: [
                {
                    "name": f"{symbol} COMPANY", "chineseName": None, "assetClass": "STK",
                    "contracts": [
                        {"conid": each.conid, "exchange": each.exchange, "isUS": True}
                        for each in self.shares
                        if each.symbol == symbol
                    ],
                }
            ]
        }  # fmt: skip

    def _found(self, query: Mapping[str, str]) -> object:
        """What a search finds: symbols by their beginning, and companies by any part."""
        assert query["secType"] == "STK"
        word, is_name = query["symbol"].upper(), query["name"] == "true"
        found = [
            {
                "conid": str(each.conid), "companyName": f"{each.symbol} COMPANY",
                "symbol": each.symbol, "description": each.exchange, "restricted": None,
                "sections": [{"secType": "STK"}, {"secType": "OPT", "months": "DEC26"}],
            }
            for each in self.shares
            if (word in f"{each.symbol} COMPANY" if is_name else each.symbol.startswith(word))
        ]  # fmt: skip
        return found or {"error": "No symbol found"}

    def _info(self, conid: int) -> Mapping[str, object]:
        share = self._share(conid)
        return {
            "con_id": conid, "symbol": share.symbol, "currency": share.currency,
            "instrument_type": "STK", "exchange": "SMART", "valid_exchanges": "SMART,NYSE",
            "local_symbol": share.symbol, "company_name": "A COMPANY", "r_t_h": True,
        }  # fmt: skip

    def _share(self, conid: int) -> Share:
        return next(each for each in self.shares if each.conid == conid)

    def _history(self, query: Mapping[str, str]) -> Answer:
        assert (query["bar"], query["outsideRth"]) == ("1d", "false")
        assert "direction" not in query
        share = self._share(int(query["conid"]))
        end = datetime.strptime(query["startTime"], "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC)
        begin = end - timedelta(weeks=int(query["period"].removesuffix("w")))
        rows = _rows(share, begin=begin, end=end)[-self.bars_max :]
        if not rows:
            return said({"error": "No data."}, status=500)
        history: History = {
            "serverId": "20477", "symbol": share.symbol, "text": "A COMPANY", "priceFactor": 100,
            "startTime": query["startTime"], "high": "10200/1/0", "low": "9950/1/0",
            "timePeriod": query["period"], "barLength": 86400,
            "mdAvailability": self.availability, "mktDataDelay": 0, "outsideRth": False,
            "volumeFactor": self.volume_factor, "priceDisplayRule": 1, "priceDisplayValue": "2",
            "negativeCapable": False, "messageVersion": 2, "data": rows,
            "points": len(rows) - 1, "travelTime": 48,
        }  # fmt: skip
        self.spoil(history)
        return said(history)


def _rows(share: Share, *, begin: datetime, end: datetime) -> list[Row]:
    calendar = load_calendar(share.calendar)
    low, high = (np.datetime64(each.replace(tzinfo=None), "us") for each in (begin, end))
    opens = calendar.opened_at
    at = np.flatnonzero((opens >= low) & (opens < high))
    found: list[Row] = []
    for position in at.tolist():
        day = date.fromisoformat(str(calendar.sessions[position]))
        if day >= share.listed_on:
            found.append(row_of(day, int(opens[position].astype("datetime64[ms]").astype(int))))
    return found


def said(document: object, *, status: int = 200) -> Answer:
    return Answer(status=status, body=json.dumps(document).encode())
