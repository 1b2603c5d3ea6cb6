"""What Yahoo says instead of bars, and bars that are none: each is refused in its words."""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from tests.edges.yahoo_asked import EVENING, fetch, named, opened
from tests.model_server import Answer, ModelServer, model_server
from tests.yahoo_server import (
    Change,
    Yahoo,
    as_json,
    delisted,
    error,
)

from tapetrail.core.errors import EdgeFailure, ErrorKind, InvalidInput, NotFound, TapeTrailError
from tapetrail.sources.yahoo import PENALTY_S, YahooSource


@pytest.fixture
def server() -> Generator[ModelServer]:
    with model_server() as running:
        running.answers = Yahoo(now=EVENING)
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def source(server: ModelServer, waits: list[float]) -> Generator[YahooSource]:
    with opened(server.url, waits=waits) as found:
        yield found


def meta_says(**members: object) -> Change:
    return lambda result: result["meta"].update(members)


def has_split(**event: object) -> Change:
    return lambda result: result.update({"events": {"splits": {"1": event}}})


def cell(name: str, value: object) -> Change:
    def change(result: dict[str, Any]) -> None:
        result["indicators"]["quote"][0][name][-3] = value

    return change


def begins_with(time: object) -> Change:
    return lambda result: result["timestamp"].insert(0, time)


def without_meta(result: dict[str, Any]) -> None:
    del result["meta"]


def short_column(result: dict[str, Any]) -> None:
    result["indicators"]["quote"][0]["close"].pop()


def unapplied(result: dict[str, Any]) -> None:
    """Prices before the split as they were paid, and the split on the list."""
    split_at = int(next(iter(result["events"]["splits"])))
    for name, column in result["indicators"]["quote"][0].items():
        for row, stamp in enumerate(result["timestamp"]):
            if name != "volume" and stamp < split_at:
                column[row] *= 4


def shifted(result: dict[str, Any]) -> None:
    result["timestamp"][-2] += 86_400 * 2


def conflicting(result: dict[str, Any]) -> None:
    result["timestamp"][-3] = result["timestamp"][-2] + 1


def no_rows(result: dict[str, Any]) -> None:
    del result["timestamp"]
    result["indicators"] = {"quote": [{}]}


TOMORROW: Final = int((EVENING + timedelta(days=3)).timestamp())


WRONG: Final[list[tuple[Change, str, str]]] = [
    (meta_says(symbol="MSFT"), "bad_bars", "the reply has the bars of 'MSFT'; nothing of it"),
    (meta_says(dataGranularity="1wk"), "bad_bars", "ask Yahoo for interval=1d"),
    (meta_says(instrumentType="MUTUALFUND"), "bad_bars", "a fund's price of a day is known after"),
    (meta_says(currency=None), "bad_bars", "does not say what prices are in"),
    (unapplied, "bad_bars", "lists a split of 2026-09-14, of 4 to 1, and prices go from"),
    (
        meta_says(currency="EUR"),
        "bad_bars",
        "quoted in EUR, and AAPL (XNAS, USD) trades in USD",
    ),
    (
        meta_says(exchangeTimezoneName="Europe/Paris"),
        "bad_bars",
        "exchangeTimezoneName Europe/Paris, and the calendar XNYS is that of America/New_York",
    ),
    (meta_says(exchangeTimezoneName="Mars"), "bad_bars", "zone 'Mars'"),
    (
        has_split(date=TOMORROW, numerator=4, denominator=1),
        "bad_bars",
        "has a split of 2026-11-23, last traded on 2026-11-20, and was fetched on 2026-11-20",
    ),
    (
        has_split(date=1, numerator=0, denominator=1),
        "source_unavailable",
        "no chart at chart.result.0.events.splits.1.numerator",
    ),
    (
        begins_with(1_700_000_000_000),
        "source_unavailable",
        "no chart at chart.result.0.timestamp.0",
    ),
    (
        begins_with("noon"),
        "source_unavailable",
        "no chart at chart.result.0.timestamp.0",
    ),
    (without_meta, "source_unavailable", "no chart at"),
    (
        short_column,
        "bad_bars",
        "column 'close' has",
    ),
    (shifted, "bad_bars", "is no session of XNYS"),
    (conflicting, "bad_bars", "conflicts with"),
    (cell("low", 1e6), "bad_bars", "low"),
    (cell("volume", -1), "bad_bars", "volume"),
    (cell("close", "x"), "bad_bars", "'close'"),
    (no_rows, "no_bars", "yahoo has no bars from 2026-08-03 to 2026-11-20"),
]


@pytest.mark.parametrize(("change", "kind", "words"), WRONG)
def test_a_reply_of_the_right_shape_with_the_wrong_content_is_refused(  # noqa: PLR0917 # a case a column
    change: Change, kind: str, words: str, source: YahooSource, server: ModelServer
) -> None:
    server.answers = Yahoo(now=EVENING, change=change)
    with pytest.raises(TapeTrailError) as raised:
        fetch(source)
    assert words in raised.value.message, raised.value.message
    assert raised.value.kind == kind


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"Too Many Requests\r\n", ("not", "'Too Many Requests", "asked too often")),
        (401, error("Unauthorized", "Invalid Crumb"), ("HTTP 401", "Invalid Crumb", "cookie")),
        (401, b"Unauthorized", ("HTTP 401", "cookie")),
        (200, error("Internal", "busy"), ("HTTP 200", "Internal: busy")),
        (
            200,
            b'{"finance":{"error":{"code":"Unauthorized","description":"Invalid Crumb"}}}',
            ("HTTP 200", "Invalid Crumb"),
        ),
        (
            200,
            b"<!DOCTYPE html><html><title>Yahoo is part of the family</title></html>",
            ("a page of HTML, titled 'Yahoo is part of the family',", "consent"),
        ),
        (403, b"<html></html>", ("HTTP 403", "a page of HTML and no bars")),
        (404, b"nothing here", ("HTTP 404", "nothing here")),
        (200, b"", ("no chart",)),
        (200, b"[1]", ("no chart",)),
        (200, b"[" * 100_000, ("no chart",)),
        (302, b"", ("redirects to 'https://consent.yahoo.com' are not followed",)),
    ],
)
def test_what_is_no_chart_is_said_in_words(  # noqa: PLR0917 # a case a column
    status: int, body: bytes, words: tuple[str, ...], source: YahooSource, server: ModelServer
) -> None:
    headers = {"location": "https://consent.yahoo.com/v2"} if status == 302 else {}
    server.answers = lambda _: Answer(status=status, body=body, headers=headers)
    with pytest.raises(EdgeFailure) as raised:
        fetch(source)
    assert raised.value.kind is ErrorKind.SOURCE_UNAVAILABLE
    assert raised.value.message.startswith("yahoo: ")
    assert all(word in raised.value.message for word in words[1:]), raised.value.message
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        delisted(),
        Answer(body=error("Not Found", "No data found, symbol may be delisted")),
        Answer(status=400, body=error("Bad Request", "Data doesn't exist for startDate = 1")),
        as_json({"chart": {"result": [], "error": None}}),
        as_json({"chart": {"result": None, "error": None}}),
    ],
)
def test_a_symbol_without_data_has_no_bars(
    answer: Answer, source: YahooSource, server: ModelServer
) -> None:
    server.answers = lambda _: answer
    asked: tuple[Callable[[], object], ...] = (
        lambda: fetch(source),
        lambda: source.candidates(named()),
    )
    for ask in asked:
        with pytest.raises(NotFound, match="yahoo, AAPL: ") as raised:
            ask()
        assert raised.value.kind is ErrorKind.NO_BARS


def test_two_results_are_one_too_many(source: YahooSource, server: ModelServer) -> None:
    result = Yahoo(now=EVENING).result(0, int(EVENING.timestamp()))
    server.answers = lambda _: as_json({"chart": {"result": [result] * 2, "error": None}})
    with pytest.raises(InvalidInput, match="has 2 results, expected one"):
        fetch(source)


def test_a_server_that_fails_once_or_breaks_off_is_asked_again(
    source: YahooSource, server: ModelServer, waits: list[float]
) -> None:
    server.script = [Answer(status=500, body=b"oops"), Answer(body=b"{" * 100, cut_at=20)]
    assert len(fetch(source).bars) > 50
    assert waits == [1.0, 2.0]


def test_a_server_that_is_asked_too_often_is_asked_thrice_and_said(
    source: YahooSource, server: ModelServer, waits: list[float]
) -> None:
    server.answers = lambda _: Answer(status=429, body=b"Too Many Requests\r\n")
    with pytest.raises(EdgeFailure, match="yahoo: HTTP 429: 'Too Many Requests"):
        fetch(source)
    assert (len(server.asked), waits) == (3, [1.0, 2.0])


def test_a_server_that_does_not_say_for_how_long_is_left_alone_as_long_as_is_known(
    source: YahooSource, server: ModelServer, waits: list[float]
) -> None:
    server.answers = lambda _: Answer(status=429, body=b"Too Many Requests")
    rests: list[float] = []

    class Lanes:
        def place(self, vendor: str) -> AbstractContextManager[None]:
            assert vendor == "yahoo"
            return nullcontext()

        def rest(self, vendor: str, *, seconds: float, reason: str) -> None:
            assert (vendor, reason) == ("yahoo", "HTTP 429: 'Too Many Requests'")
            rests.append(seconds)

    patient = replace(source.vendor, penalty_s=PENALTY_S, lanes=Lanes())
    with pytest.raises(EdgeFailure, match="HTTP 429, is left alone for 60 s: 'Too Many"):
        fetch(replace(source, vendor=patient))
    assert (len(server.asked), waits, rests) == (1, [], [60.0])
