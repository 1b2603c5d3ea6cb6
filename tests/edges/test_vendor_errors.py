"""What a vendor says instead of bars is called what it is, wherever it was saved."""

import json
from pathlib import Path

import pytest
from tests.edges.own_files import refusal

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.sources.tabular.file_formats import parse_tables
from tapetrail.sources.tabular.frames import tables_of

ROW = {"t": 1_735_689_600_000, "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}
NOT_FOUND = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
CRUMB = {"code": "Unauthorized", "description": "Invalid Crumb"}


@pytest.mark.parametrize(
    ("content", "said", "way"),
    [
        ("Too Many Requests\r\n", "Yahoo said instead: 'Too Many Requests'", "asked too often"),
        ("Edge: Too Many Requests", "Yahoo said instead", "asked too often"),
        (
            {"chart": {"result": None, "error": NOT_FOUND}},
            "Yahoo said instead: 'Not Found: No data found, symbol may be delisted'",
            "look at the symbol",
        ),
        (
            {"finance": {"result": None, "error": CRUMB}},
            "Yahoo said instead: 'Unauthorized: Invalid Crumb'",
            "fetch the bars again",
        ),
        ({"error": "No data."}, "IBKR said instead: 'No data.'", "look at the symbol"),
        (
            {"error": "Chart data unavailable", "statusCode": 500},
            "IBKR said instead: 'Chart data unavailable'",
            "once in a while",
        ),
        ({"error": "no bridge", "statusCode": 400}, "IBKR said", "log in at the gateway"),
        ({"ERROR": "No Bridge"}, "IBKR said instead: 'No Bridge'", "log in at the gateway"),
        ("no bridge", "IBKR said instead: 'no bridge'", "log in at the gateway"),
        (
            {"error": "Please query /accounts first", "statusCode": 500},
            "IBKR said",
            "iserver/accounts once",
        ),
        ({"message": "forbidden."}, "Alpaca said instead: 'forbidden.'", "look at the key"),
        (
            {"code": 42210000, "message": "invalid symbol: ~"},
            "Alpaca said instead: 'invalid symbol: ~'",
            "look at the symbol",
        ),
        (
            {"status": "ERROR", "request_id": "x", "error": "Unknown API Key"},
            "Polygon said instead: 'ERROR: Unknown API Key'",
            "look at the key",
        ),
        (
            {"status": "NOT_AUTHORIZED", "message": "Your plan does not include this data."},
            "Polygon said instead: 'NOT_AUTHORIZED: Your plan",
            "look at the key",
        ),
        ({"status": "NOT_FOUND"}, "Polygon said instead: 'NOT_FOUND'", "fetch the bars again"),
        (
            {"ticker": "X", "queryCount": 0, "resultsCount": 0, "adjusted": True, "status": "OK"},
            "Polygon said instead: 'OK: no data, no results'",
            "look at the symbol",
        ),
        (
            {"code": -1121, "msg": "Invalid symbol."},
            "Binance said instead: 'Invalid symbol. (code -1121)'",
            "look at the symbol",
        ),
        (
            {"code": -1003, "msg": "Too many requests; banned until 1."},
            "Binance said",
            "asked too often",
        ),
        (
            {"code": 404, "message": "symbol not found", "status": "error"},
            "the vendor said instead: 'error: symbol not found'",
            "look at the symbol",
        ),
        ({"message": "Forbidden", "requestId": "x"}, "what the vendor said", "look at the key"),
        ("No data", "Stooq said instead: 'No data'", "look at the symbol"),
        ("Exceeded the daily hits limit", "Stooq said", "asked too often"),
        (
            {"Note": "Thank you! Our standard API call frequency is 5 calls per minute."},
            "Alpha Vantage said instead: 'Thank you!",
            "asked too often",
        ),
        (
            {"Information": "This is a premium endpoint."},
            "Alpha Vantage said",
            "look at the key",
        ),
        ({"Error Message": "Invalid API call."}, "Alpha Vantage said", "fetch the bars again"),
        (
            "<!DOCTYPE html>\n<html><head><title>\n Sign in </title></head></html>",
            "is a page of HTML, titled 'Sign in', and no bars",
            "open the address in a browser",
        ),
        ("<html><body>502</body></html>", "is a page of HTML and no bars", "in a browser"),
    ],
)
def test_an_error_of_a_vendor_in_a_file_is_called_what_it_is(
    tmp_path: Path, *, content: object, said: str, way: str
) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    message = refusal(tmp_path, text, name="reply.json")
    assert message.startswith(f"{tmp_path / 'reply.json'}: ")
    assert said in message
    assert way in message


def test_an_error_in_a_row_of_a_cache_names_the_row() -> None:
    row = {"conid": 1, "period": "1y", "bar": "1d", "data": {"error": "No data."}}
    with pytest.raises(InvalidInput, match=r"frame, row 1: holds no bars but what IBKR said"):
        tables_of([row])


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({"bars": {"AAPL": [ROW]}, "next_page_token": "QUFQTHxE"}, "next_page_token"),
        ({"bars": [ROW], "symbol": "AAPL", "next_page_token": "QUFQTHxE"}, "next_page_token"),
        ({"results": [ROW], "next_url": "https://example.com/2"}, "next_url"),
    ],
)
def test_one_page_of_several_is_a_hole(document: object, name: str) -> None:
    with pytest.raises(InvalidInput, match=f"{name} is not null, so this is one page") as failure:
        tables_of(document)
    assert failure.value.kind is ErrorKind.BAD_BARS


@pytest.mark.parametrize(
    "document",
    [
        {"MESSAGE": [ROW], "ERROR": [ROW]},
        {"results": [ROW], "status": "DELAYED", "next_url": None},
        {"Note": "every fifth call", "Time Series (Daily)": {"2025-01-01": ROW}},
        {"data": {"data": [ROW]}, "conid": 1, "period": "1y", "error": None},
    ],
)
def test_words_beside_bars_are_no_error(document: object) -> None:
    assert all(len(table) == 1 for table in tables_of(document))


def test_rows_by_many_times_are_rows() -> None:
    (table,) = tables_of({str(1_735_689_600 + 86_400 * at): ROW for at in range(60)})
    assert len(table) == 60


def test_a_long_error_is_cut() -> None:
    with pytest.raises(InvalidInput, match=r"'x{200}\.\.\.'; fetch"):
        tables_of({"message": "x" * 300})


def test_a_table_that_begins_with_an_error_is_still_a_table() -> None:
    content = b"No data before 2020,open,high,low,close\n" + b"2025-01-01,1,1,1,1\n" * 3
    (table,) = parse_tables(content, place="a.csv")
    assert len(table) == 3
