"""One strategy over two markets: each instrument has its own calendar, currency and unit."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from tests.homes import copy_home

import tapetrail
from tapetrail.core.errors import InvalidInput
from tapetrail.listing import CHARTS, DECISIONS, SNAPSHOTS
from tapetrail.sources.calendars import load_calendar

pytestmark = pytest.mark.service

VOD = {"symbol": "VOD", "exchange": "LSE", "currency": "GBP", "quoted_in": "GBX"}


def rows(symbol: str, calendar: str, price: float) -> list[str]:
    """Return bars of the sessions from 2022 on, up to the end of June."""
    sessions = load_calendar(calendar).sessions
    first, last = np.datetime64("2022-01-03"), np.datetime64("2024-06-28")
    days = sessions[(sessions >= first) & (sessions <= last)]
    closes = price * (1 + np.sin(np.arange(len(days)) / 25) / 10)
    return [f"{symbol},{day},{c:.2f},{c * 1.01:.2f},{c * 0.99:.2f},{c:.2f},1000"
            for day, c in zip(days, closes, strict=True)]  # fmt: skip


def strategy(*instruments: object) -> dict[str, object]:
    return {
        "name": "two-markets",
        "instruments": list(instruments),
        "source": "file:prices.csv",
        "data": {"exchange": "NYSE", "currency": "USD", "adjustment": "split"},
    }


def test_each_instrument_has_its_own_calendar_currency_and_unit(
    prepared_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_home(prepared_home, tmp_path / "home")
    lines = ["Symbol,Date,Open,High,Low,Close,Volume", *rows("ACME", "XNYS", 50),
             *rows("VOD", "XLON", 7600)]  # fmt: skip
    (tmp_path / "prices.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with tapetrail.open_record(tmp_path / "home") as record:
        acme = {"symbol": "ACME", "calendar": "NASDAQ"}
        ran = record.run(strategy(acme, VOD), as_of="2024-05-31")
        assert (ran.ended, ran.failed) == (2, 0)
        found = {
            row.symbol: record.detail(SNAPSHOTS, row.id).columns
            for row in record.rows(SNAPSHOTS, timeframe="1d")
        }
        said = ("calendar", "currency", "quoted_in", "price_factor")
        assert {symbol: tuple(row[name] for name in said) for symbol, row in found.items()} == {
            "ACME": ("XNAS", "USD", "USD", Decimal(1)),
            "VOD": ("XLON", "GBP", "GBX", Decimal("0.01")),
        }
        prices = {row.symbol: row.price_current for row in record.rows(CHARTS, timeframe="1d")}
        assert {symbol: round(price or 0, -1) for symbol, price in prices.items()} == {
            "ACME": 50, "VOD": 70,
        }  # fmt: skip
        # A file that leaves the record names the exchange, whatever its calendar is called.
        saved = {row.symbol: record.charts.saved_page(row.id)
                 for row in record.rows(CHARTS, timeframe="1d")}  # fmt: skip
        assert b"Instrument: ACME XNYS USD, 1d" in saved["ACME"]
        assert b"Instrument: VOD XLON GBP, 1d" in saved["VOD"]
        # VOD's number is learnt later: decisions carry it from then on, and it stands.
        record.run(strategy({**VOD, "conid": 6467}), as_of="2024-05-31")
        record.run(strategy(VOD), as_of="2024-05-31")
        conids = [record.detail(DECISIONS, row.id).columns["conid"]
                  for row in record.rows(DECISIONS, symbol="VOD")]  # fmt: skip
        assert conids == [6467, 6467, None]
        with pytest.raises(InvalidInput, match=r"VOD: it is recorded with conid 6467, .* says 7"):
            record.run(strategy({**VOD, "conid": 7}))
        with pytest.raises(InvalidInput, match="XLON quotes some prices in GBP"):
            record.run(strategy("ACME", {**VOD, "quoted_in": None}))
        assert record.verify().faults == ()
