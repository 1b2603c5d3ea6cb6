"""What Yahoo's server says, as far as it is used, and what it says instead, in its words.

`GET /v8/finance/chart/SYMBOL` has bars and splits, `GET /v1/finance/search` finds symbols. Both are
unofficial: nobody documents them, and they may change or stop any day.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, NoReturn, TypeVar

from pydantic import BaseModel, Field, ValidationError

from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.http.calls import Received
from tapetrail.http.excerpts import excerpt
from tapetrail.http.json_bodies import load_json
from tapetrail.sources.asking import Vendor
from tapetrail.sources.yahoo_markets import Described

_OK: Final = range(200, 300)
_NO_BARS: Final = ("no data found", "data doesn't exist", "not found")
_AGAIN: Final = "wait, then ask again"
_NEWER: Final = "a newer yfinance may know the way: pip install --upgrade yfinance"
# What its words come down to, by a piece of them in lower case; the first that fits.
_WAYS: Final[Mapping[str, str]] = {
    "too many requests": f"it was asked too often, or takes whoever asks for a robot; {_AGAIN},"
    f" and {_NEWER}",
    "crumb": f"it does not take the cookie it gave; {_NEWER}",
    "unauthorized": f"it does not take the cookie it gave; {_NEWER}",
}
_HTML: Final = re.compile(rb"\s*<(!doctype|html|head|body)\b", re.IGNORECASE)
_TITLE: Final = re.compile(rb"<title[^>]*>\s*(.*?)\s*</title>", re.IGNORECASE | re.DOTALL)


Seconds = Annotated[int, Field(strict=True, gt=-(2**32), lt=2**36)]
"""From 1834 to 4147: milliseconds are none."""


class _Error(BaseModel):
    code: str = ""
    description: str | None = None


class Meta(BaseModel):
    """What a chart says of its symbol."""

    symbol: str
    currency: str | None = None
    exchange_code: str = Field(alias="exchangeName")
    instrument_type: str = Field(alias="instrumentType")
    zone: str = Field(alias="exchangeTimezoneName")
    traded_at: Seconds | None = Field(default=None, alias="regularMarketTime")
    first_traded_at: float | None = Field(default=None, alias="firstTradeDate")

    def described(self, *, place: str) -> Described:
        """Return what it says of where the symbol trades. Raises `InvalidInput`."""
        if not self.currency:
            raise InvalidInput(
                f"{place}: currency {self.currency!r}: Yahoo does not say what prices are in",
                kind=ErrorKind.BAD_BARS,
            )
        return Described(
            symbol=self.symbol,
            exchange_code=self.exchange_code,
            currency=self.currency,
            instrument_type=self.instrument_type,
        )


class _Split(BaseModel):
    date: Seconds
    numerator: float = Field(gt=0, allow_inf_nan=False)
    denominator: float = Field(gt=0, allow_inf_nan=False)


class _Events(BaseModel):
    splits: dict[str, _Split] | None = None


class _Result(BaseModel):
    meta: Meta
    timestamp: list[Seconds] | None = None
    events: _Events | None = None


class _Inner(BaseModel):
    result: list[_Result] | None = None
    error: _Error | None = None


class Chart(BaseModel):
    """A reply with a chart, or with what is said in its place."""

    chart: _Inner

    @property
    def has_rows(self) -> bool:
        """Whether it has a row at all."""
        return any(result.timestamp for result in self.chart.result or ())


class Quote(BaseModel):
    """A row of a search; one of a private company has no symbol."""

    symbol: str = ""
    name: str | None = Field(default=None, alias="longname")
    short_name: str | None = Field(default=None, alias="shortname")
    exchange_code: str = Field(default="", alias="exchange")
    quote_type: str = Field(default="", alias="quoteType")


class Quotes(BaseModel):
    """What a search found."""

    quotes: list[Quote]


_Reply = TypeVar("_Reply", Chart, Quotes)


def read_reply(received: Received, model: type[_Reply], *, vendor: Vendor) -> _Reply:
    """Return a reply that is one. Raises `EdgeFailure` for whatever else came, in its words."""
    status = received.http_status
    if status not in _OK:
        raise vendor.refused(f"HTTP {status}: {_said(received.body)}")
    try:
        return model.model_validate_json(received.body)
    except ValidationError as error:
        said = f"no {model.__name__.lower()}{_where(error)}: {_said(received.body)}"
        raise vendor.refused(said) from error


def refuse_error(received: Received, *, symbol: str, vendor: Vendor) -> None:
    """Raise for an error that a chart holds: `NotFound` (`no_bars`) for a symbol without data.

    Whatever the status is: Yahoo says some with 200, and some with 404.
    """
    error = _error_in(received.body)
    if error is None:
        return
    words = ": ".join(filter(None, (error.code, error.description)))
    if any(piece in words.casefold() for piece in _NO_BARS):
        raise NotFound(
            f"yahoo, {symbol}: {words!r}; look at the symbol, which is written as on"
            " finance.yahoo.com (VOD.L, BRK-B, ^GSPC, BTC-USD), and at the days: tapetrail symbols"
            " find TEXT --source yahoo",
            kind=ErrorKind.NO_BARS,
        )
    raise vendor.refused(f"HTTP {received.http_status}: {_said(words.encode())}")


def meta_of(chart: Chart, *, symbol: str) -> Meta:
    """Return what a chart says of the symbol that was asked for. Raises `NotFound`, `InvalidInput`.

    A chart of another symbol is refused by name.
    """
    results = chart.chart.result or []
    if not results:
        raise_no_bars(f"yahoo, {symbol}: the reply has no result in it")
    if len(results) > 1:
        said = f"yahoo, {symbol}: the reply has {len(results)} results, expected one"
        raise InvalidInput(said, kind=ErrorKind.BAD_BARS)
    meta = results[0].meta
    if meta.symbol.casefold() != symbol.casefold():
        raise InvalidInput(
            f"yahoo, {symbol}: the reply has the bars of {meta.symbol!r}; nothing of it is taken",
            kind=ErrorKind.BAD_BARS,
        )
    return meta


def raise_no_bars(message: str) -> NoReturn:
    """Raise `NotFound` (`no_bars`)."""
    raise NotFound(message, kind=ErrorKind.NO_BARS)


def _error_in(body: bytes) -> _Error | None:
    """Return the error of `{"chart": {"result": null, "error": {...}}}` or its kin."""
    try:
        document: object = load_json(body)
    except ValueError:
        return None
    for key in ("chart", "finance"):
        inner: object = document.get(key) if isinstance(document, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] # JSON
        error: object = inner.get("error") if isinstance(inner, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] # JSON
        if isinstance(error, dict):
            return _Error.model_validate(error)
    return None


def _where(error: ValidationError) -> str:
    """Return where a document is another one than was expected; nothing where it is none at all."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f" at {place} ({first['msg']})" if place else ""


def _said(body: bytes) -> str:
    """Return what came instead of bars, and what it comes down to."""
    if _HTML.match(body):
        title = _TITLE.search(body)
        named = f", titled {excerpt(title[1])}," if title else ""
        return (
            f"a page of HTML{named} and no bars, as pages of a consent or of an error are; {_NEWER}"
        )
    lower = body.decode(errors="replace").casefold()
    way = next((f"; {way}" for piece, way in _WAYS.items() if piece in lower), "")
    return f"{excerpt(body)}{way}"
