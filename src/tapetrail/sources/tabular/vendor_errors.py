"""What vendors say instead of bars, saved into a file or sent as a reply: called what it is.

Each refusal names the place, quotes the vendor and says the way on. A document that is one page of
several is refused too: what follows it would be a hole.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.sources.tabular.values import (
    Document,
    as_document,
    folded_names,
    member,
    refused,
    text_member,
)

_QUOTED_MAX: Final = 200
_MEMBERS_MAX: Final = 40
_AGAIN: Final = "fetch the bars again and save the new reply"
_WAIT: Final = f"it was asked too often; wait, then {_AGAIN}"
_SYMBOL: Final = f"look at the symbol and the dates that were asked for, then {_AGAIN}"
_ACCESS: Final = f"look at the key and at what its plan allows, then {_AGAIN}"
_LOGIN: Final = f"log in at the gateway in a browser, then {_AGAIN}"
# What a vendor's words come down to, by a piece of them in lower case; the first that fits.
_WAYS: Final[Mapping[str, str]] = {
    "too many": _WAIT,
    "rate limit": _WAIT,
    "rate of request": _WAIT,
    "call frequency": _WAIT,
    "hits limit": _WAIT,
    "requests per": _WAIT,
    "crumb": _AGAIN,
    "no bridge": _LOGIN,
    "not authenticated": _LOGIN,
    "/accounts first": f"ask the gateway for iserver/accounts once, then {_AGAIN}",
    "chart data unavailable": f"IBKR says it once in a while; {_AGAIN}",
    "api key": _ACCESS,
    "apikey": _ACCESS,
    "authoriz": _ACCESS,
    "forbidden": _ACCESS,
    "subscription": _ACCESS,
    "premium": _ACCESS,
    "upgrade": _ACCESS,
    "no data": _SYMBOL,
    "symbol": _SYMBOL,
    "not found": _SYMBOL,
}
_SOMEBODY: Final = "the vendor"
_ALPACA: Final = frozenset({"code", "message"})
_ALPHA_VANTAGE: Final = ("Note", "Information", "Error Message")
_MORE_PAGES: Final = ("next_page_token", "next_url")
_HTML: Final = re.compile(r"<(!doctype|html|head|body|\?xml)\b", re.IGNORECASE)
_TITLE: Final = re.compile(r"<title[^>]*>\s*(.*?)\s*</title>", re.IGNORECASE | re.DOTALL)
# Replies of one line of plain words, in lower case, and whose they are.
_PLAIN_REPLIES: Final[Mapping[str, str]] = {
    "too many requests": "Yahoo",
    "edge: too many requests": "Yahoo",
    "unauthorized": _SOMEBODY,
    "invalid crumb": "Yahoo",
    "no bridge": "IBKR",
    "no data": "Stooq",
    "brak danych": "Stooq",
    "exceeded the daily hits limit": "Stooq",
    "przekroczony dzienny limit": "Stooq",
    "get your apikey": "Stooq",
    "write to www@stooq.com": "Stooq",
    "access denied": _SOMEBODY,
}
_REPLY_LINES_MAX: Final = 3


def refuse_error_document(document: Document, *, place: str) -> None:
    """Raise `InvalidInput` for a document in which a vendor says an error, or that goes on.

    A document of symbols is left alone: a value that is a list holds rows. So is one of many
    members, which are rows or columns themselves.
    """
    if len(document) > _MEMBERS_MAX:
        return
    for says in _SAYINGS:
        said = says(document)
        if said is not None:
            vendor, words = said
            refuse_saying(words, vendor=vendor, place=place)
    for name in _MORE_PAGES:
        more = member(document, name)
        if more is not None and more != "":
            raise refused(
                f"{place}: {name} is not null, so this is one page of several and the rest would be"
                " a hole; fetch the pages that follow, and save the bars of all of them in one file"
            )


def refuse_error_text(text: str, *, place: str) -> None:
    """Raise `InvalidInput` for a text that is a page of the web, or a vendor's few words."""
    start = text.lstrip()
    if _HTML.match(start):
        title = _TITLE.search(text)
        named = f", titled {_quoted(title[1])}," if title and title[1] else ""
        raise refused(
            f"{place}: is a page of HTML{named} and no bars: a page of a login, a consent or an"
            f" error was saved in their place; open the address in a browser, then {_AGAIN}"
        )
    lines = start.strip().splitlines()
    if not lines or len(lines) > _REPLY_LINES_MAX:
        return
    first = lines[0].casefold()
    for words, vendor in _PLAIN_REPLIES.items():
        if first.startswith(words):
            refuse_saying(lines[0], vendor=vendor, place=place)


def refuse_saying(words: str, *, vendor: str, place: str) -> NoReturn:
    """Raise `InvalidInput` for what a vendor said in place of bars, with the way on."""
    lower = words.casefold()
    way = next((way for piece, way in _WAYS.items() if piece in lower), _AGAIN)
    raise InvalidInput(
        f"{place}: holds no bars but what {vendor} said instead: {_quoted(words)}; {way}",
        kind=ErrorKind.NO_BARS if way is _SYMBOL else ErrorKind.BAD_BARS,
    )


_Saying = tuple[str, str]


def _said_by_yahoo(document: Document) -> _Saying | None:
    """Return the error of `{"chart": {"result": null, "error": {"code": ...}}}` or its kin."""
    for value in document.values():
        inner = as_document(value)
        if inner is None or "error" not in inner or "result" not in inner:
            continue
        error = as_document(inner["error"])
        if error is not None:
            words = [text_member(error, name) for name in ("code", "description")]
            return "Yahoo", ": ".join(filter(None, words)) or str(error)
    return None


def _said_by_polygon(document: Document) -> _Saying | None:
    status = text_member(document, "status")
    if status is None or "results" in folded_names(document):
        return None
    words = text_member(document, "error") or text_member(document, "message")
    if words is not None:
        # Others say it in lower case, such as Twelve Data.
        return ("Polygon" if status.isupper() else _SOMEBODY), f"{status}: {words}"
    if status.upper() in {"ERROR", "NOT_AUTHORIZED", "NOT_FOUND"}:
        return "Polygon", status
    asked = {"resultscount", "querycount"} & folded_names(document)
    return ("Polygon", f"{status}: no data, no results") if asked else None


def _said_by_binance(document: Document) -> _Saying | None:
    code, words = member(document, "code"), text_member(document, "msg")
    return None if words is None or code is None else ("Binance", f"{words} (code {code})")


def _said_by_ibkr(document: Document) -> _Saying | None:
    words = text_member(document, "error")
    if words is None or as_document(member(document, "data")):
        return None
    known = ("no data", "chart data", "no bridge", "/accounts", "authenticated")
    is_theirs = "statuscode" in folded_names(document) or any(
        piece in words.casefold() for piece in known
    )
    return ("IBKR" if is_theirs else _SOMEBODY), words


def _said_by_alpha_vantage(document: Document) -> _Saying | None:
    found = (text_member(document, name) for name in _ALPHA_VANTAGE)
    words = next((text for text in found if text is not None), None)
    has_rows = any(key.casefold().startswith("time series") for key in document)
    return None if words is None or has_rows else ("Alpha Vantage", words)


def _said_by_alpaca(document: Document) -> _Saying | None:
    words = text_member(document, "message")
    if words is None or folded_names(document) & {"bars", "data", "results"}:
        return None
    return ("Alpaca" if folded_names(document) <= _ALPACA else _SOMEBODY), words


_SAYINGS: Final[tuple[Callable[[Document], _Saying | None], ...]] = (
    _said_by_yahoo,
    _said_by_polygon,
    _said_by_binance,
    _said_by_ibkr,
    _said_by_alpha_vantage,
    _said_by_alpaca,
)


def _quoted(words: str) -> str:
    plain = " ".join(words.split())
    shown = plain if len(plain) <= _QUOTED_MAX else f"{plain[:_QUOTED_MAX]}..."
    return repr(shown)
