"""A folder of IBKR's histories becomes decisions, and what they cannot say is said."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from tests.surfaces.conftest import Terminal

from tapetrail.sources.calendars import load_calendar

SESSIONS: Final = 900
DAYS: Final = 84
LAST: Final = "2025-06-27"
FACTORS: Final = {"ACME": 1, "BETA": 100}
"""What each history says of its volumes: both are lots, whatever they say."""
STRATEGY: Final = """\
name: histories
instruments: [ACME, BETA]
source: file:bars/{symbol}_1d.json
timeframes: [1d, 1w]
data: {exchange: XNAS, currency: USD, adjustment: split}
"""
CALENDAR: Final = load_calendar("XNAS")
END: Final = int(np.searchsorted(CALENDAR.sessions, np.datetime64(LAST))) + 1
Row = dict[str, Any]


def days() -> list[Row]:
    """Return daily rows up to 2025-06-27, in fractional lots."""
    opened = CALENDAR.opened_at[END - SESSIONS : END].astype("datetime64[ms]").astype(np.int64)
    return [
        {"o": 100 + at / 8, "h": 102 + at / 8, "l": 99 + at / 8, "c": 101 + at / 8, "v": 12.5,
         "t": stamp}
        for at, stamp in enumerate(opened.tolist())
    ]  # fmt: skip


def weeks(rows: Sequence[Row]) -> list[list[Row]]:
    """Return the rows of each whole week."""
    sessions = CALENDAR.sessions[END - SESSIONS : END].astype(object)
    found: dict[tuple[int, int], list[Row]] = {}
    for session, row in zip(sessions.tolist(), rows, strict=True):
        found.setdefault(session.isocalendar()[:2], []).append(row)
    return [*found.values()][1:]


def weekly(rows: Sequence[Row]) -> list[Row]:
    """Return weekly rows, each at the open of its first session."""
    return [
        {
            "o": week[0]["o"], "h": max(day["h"] for day in week),
            "l": min(day["l"] for day in week), "c": week[-1]["c"],
            "v": sum(day["v"] for day in week), "t": week[0]["t"],
        }
        for week in weeks(rows)
    ]  # fmt: skip


def document(symbol: str, rows: Sequence[Row], *, factor: int, length: int) -> str:
    return json.dumps(
        {
            "symbol": symbol, "priceFactor": 100, "volumeFactor": factor, "barLength": length,
            "mdAvailability": "S", "outsideRth": False, "points": len(rows) - 1,
            "data": [*rows],
        }
    )  # fmt: skip


def write(folder: Path, symbol: str, weeks_of: Sequence[Row]) -> None:
    """Write 84 daily bars of a symbol, and the weekly ones beside them."""
    folder.mkdir(exist_ok=True)
    for bar, rows, length in (("1d", days()[-DAYS:], 86_400), ("1w", weeks_of, 604_800)):
        text = document(symbol, rows, factor=FACTORS[symbol], length=length)
        (folder / f"{symbol}_{bar}.json").write_text(text, encoding="utf-8")


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    (tmp_path / "s.yaml").write_text(STRATEGY, encoding="utf-8")
    return Terminal(home=tmp_path / "home")


def shown(terminal: Terminal, number: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(terminal.run("charts", "show", str(number), "--json").out)
    return found


@pytest.mark.service
def test_a_folder_of_histories_becomes_decisions_and_says_what_it_lacks(
    terminal: Terminal, tmp_path: Path
) -> None:
    for symbol in FACTORS:
        write(tmp_path / "bars", symbol, weekly(days()))
    ran = terminal.run("run", "s.yaml")
    assert ran.code == 0, ran.err
    whole = len(weeks(days()))
    for number in (1, 2):
        chart = shown(terminal, 2 * number - 1)
        assert (chart["timeframe"], chart["data_points"]) == ("1d", DAYS)
        assert chart["volume_avg"] == "1250"
        assert [missing["name"] for missing in chart["missing_indicators"]] == ["SMA200"]
        longer = shown(terminal, 2 * number)
        assert (longer["timeframe"], longer["data_points"]) == ("1w", 104)
        (bars,) = longer["snapshots"]
        assert bars["bar_count"] == whole
        rows = json.loads(terminal.run("snapshots", "show", str(2 * number), "--json").out)
        assert rows["raw_digest"] != chart["snapshots"][0]["bars_digest"]
    text = terminal.run("charts", "save", "2", "--format", "html", "-o", "chart.html")
    assert text.code == 0, text.err
    page = (tmp_path / "chart.html").read_text(encoding="utf-8")
    own = "170 weeks from 2021-11-29 to 2025-02-28 are the vendor&#x27;s own: 84 daily bars"
    assert f"{own} confirm the 17 after them, and cannot confirm those" in page
    assert terminal.run("verify", "--deep").code == 0


@pytest.mark.service
def test_weeks_that_are_not_those_of_the_days_are_a_recorded_failure(
    terminal: Terminal, tmp_path: Path
) -> None:
    rows = weekly(days())
    write(
        tmp_path / "bars", "ACME", [*rows[:-3], {**rows[-3], "h": 1.5 * rows[-3]["h"]}, *rows[-2:]]
    )
    write(tmp_path / "bars", "BETA", [{**row, "v": row["v"] / 100} for row in rows])
    ran = terminal.run("run", "s.yaml")
    assert ran.code == 1, ran.err
    prices, volumes = (
        json.loads(terminal.run("decisions", "show", number, "--json").out)["error_message"]
        for number in ("1", "2")
    )
    assert "1w bar of 2025-06-09 to 2025-06-13: high " in prices
    assert "they are not of one history" in prices
    assert "volume 62.5 of the vendor, 6250 of its daily bars" in volumes


@pytest.mark.service
def test_weeks_that_the_vendor_left_out_are_a_recorded_failure(
    terminal: Terminal, tmp_path: Path
) -> None:
    rows = weekly(days())
    for symbol in FACTORS:
        write(tmp_path / "bars", symbol, [*rows[:-60], *rows[-30:]])
    ran = terminal.run("run", "s.yaml", "--instruments", "ACME")
    assert ran.code == 1, ran.err
    failed = json.loads(terminal.run("decisions", "show", "1", "--json").out)
    assert failed["error_kind"] == "missing_sessions"
    assert "30 weeks of them, from that to " in failed["error_message"]


@pytest.mark.service
def test_a_weekly_file_in_the_place_of_a_daily_one_is_refused(
    terminal: Terminal, tmp_path: Path
) -> None:
    for symbol in FACTORS:
        write(tmp_path / "bars", symbol, weekly(days()))
    (tmp_path / "w.yaml").write_text(STRATEGY.replace("_1d.json", "_1w.json"), encoding="utf-8")
    refused = terminal.run("run", "w.yaml")
    assert refused.code == 2
    assert "ACME_1w.json: barLength 604800 s, and a day has 86400" in refused.err
    (tmp_path / "bars" / "ACME_1w.json").write_text(
        document("ACME", days(), factor=1, length=86_400), encoding="utf-8"
    )
    mistaken = terminal.run("run", "s.yaml")
    assert mistaken.code == 2
    assert "ACME_1w.json: barLength 86400 s is no week" in mistaken.err
