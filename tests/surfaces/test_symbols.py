"""Symbols on the command line: found at a source, shown with the line that means them."""

import json
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from tests.homes import python_path
from tests.model_server import Answer, ModelServer, model_server
from tests.surfaces.conftest import Answer as Ended
from tests.surfaces.conftest import Terminal
from tests.yahoo_server import Yahoo, as_json

NOW: Final = datetime(2026, 11, 20, 23, tzinfo=UTC)


@pytest.fixture
def yahoo() -> Generator[ModelServer]:
    with model_server() as made:
        made.answers = Yahoo(now=NOW)
        yield made


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(home=tmp_path / "home")


def find(terminal: Terminal, yahoo: ModelServer, *words: str, source: str = "yahoo") -> Ended:
    asked = ("symbols", "find", *words, "--source", source)
    return terminal.run(*asked, YAHOO_BASE_URL=yahoo.url, BINANCE_BASE_URL=yahoo.url)


def test_symbols_are_shown_with_what_means_them_and_no_home_is_made(
    terminal: Terminal, yahoo: ModelServer
) -> None:
    done = find(terminal, yahoo, "apple")
    assert done.code == 0, done.err
    heading, first, _ = done.out.splitlines()
    assert heading.split()[:3] == ["symbol", "name", "exchange"]
    assert ("XNAS" in first, 'instruments: ["AAPL"]' in first) == (True, True)
    assert "in a strategy: source: yahoo, and the last column" in done.err
    assert not terminal.home.exists()


def test_symbols_come_as_json_and_as_csv_that_a_spreadsheet_does_not_compute(
    terminal: Terminal, yahoo: ModelServer
) -> None:
    data = json.loads(find(terminal, yahoo, "apple", "--json").out)["data"]
    assert [row["symbol"] for row in data] == ["AAPL", "AAPL.XX"]
    assert data[0]["conid"] is None
    heading, _, second = find(terminal, yahoo, "apple", "--csv").out.splitlines()
    assert heading == "symbol,name,exchange,currency,conid,asset_class,strategy_line"
    assert "'=APPLE CDR" in second
    both = find(terminal, yahoo, "apple", "--csv", "--json")
    assert (both.code, "at most one of them" in both.err) == (2, True)


def test_nothing_found_is_said(terminal: Terminal, yahoo: ModelServer) -> None:
    yahoo.answers = lambda _: as_json({"quotes": []})
    done = find(terminal, yahoo, "zzz")
    assert (done.code, done.out) == (0, "")
    assert "yahoo finds nothing" in done.err


def test_who_cannot_be_asked_is_said_with_those_who_can(
    terminal: Terminal, yahoo: ModelServer
) -> None:
    unknown = find(terminal, yahoo, "apple", source="sample")
    assert (unknown.code, "these do: binance, yahoo" in unknown.err) == (3, True)
    blank = find(terminal, yahoo, " ")
    assert (blank.code, "expected a symbol or a name" in blank.err) == (2, True)
    yahoo.answers = lambda _: Answer(status=418, body=b"{}")
    banned = find(terminal, yahoo, "BTC", source="binance")
    assert (banned.code, "banned this address" in banned.err) == (5, True)


def test_yahoo_without_its_package_says_what_to_install(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['yfinance'] = None")
    words = ("symbols", "find", "apple", "--source", "yahoo")
    done = terminal.run(*words, PYTHONPATH=python_path(tmp_path))
    assert "pip install yfinance, or tapetrail[yahoo]" in done.err


def test_a_reply_that_breaks_off_is_a_source_that_did_not_do_its_part(
    terminal: Terminal, yahoo: ModelServer
) -> None:
    yahoo.answers = lambda _: Answer(body=b'{"quotes": []}', cut_at=5)
    done = find(terminal, yahoo, "apple")
    assert done.code == 5, done.err
    assert "defect" not in done.err
