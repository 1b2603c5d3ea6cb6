"""What a run takes from the calendar, and what it keeps of it."""

import os
from pathlib import Path
from typing import Final

import pytest
from tests.workflows.conftest import Home

from tapetrail.core.blob_keys import object_key
from tapetrail.core.canonical import Digest, digest_bytes
from tapetrail.sources.calendars import load_calendar

pytestmark = pytest.mark.service

SATURDAY: Final = "2024-06-15"
EXTRA: Final = f'calendar_extra: [{{date: {SATURDAY}, open: "10:00", close: "12:00"}}]'
SNAPSHOTS: Final = """
SELECT s.timeframe, s.session_last, s.calendar_digest, d.status
FROM tapetrail.market_snapshots AS s JOIN tapetrail.decisions AS d ON d.id = s.decision_id
ORDER BY s.id
"""


def bars(folder: Path) -> None:
    """Write plausible bars of New York, and one of a Saturday."""
    days = [str(day) for day in load_calendar("XNYS").sessions if "2021" < str(day) <= "2024-06-14"]
    lines = [
        f"{day},{100 + at % 9},{103 + at % 9},{98 + at % 9},{101 + at % 9},{1000 + at}\n"
        for at, day in enumerate([*days, SATURDAY])
    ]
    text = "".join(["date,open,high,low,close,volume\n", *lines])
    (folder / "prices.csv").write_text(text, encoding="utf-8")


def strategy(folder: Path, *, more: str = "") -> str:
    path = folder / "mine.yaml"
    data = f"{{exchange: XNYS, currency: USD, adjustment: split{more}}}"
    path.write_text(
        f"name: mine\ninstruments: [ACME]\nsource: file:prices.csv\ndata: {data}\n",
        encoding="utf-8",
    )
    return str(path)


def test_a_session_that_the_calendar_lacks_is_added_and_kept_with_the_bars(home: Home) -> None:
    folder = home.path.parent
    bars(folder)
    refused = home.run("run", strategy(folder))
    assert refused.returncode == 2
    assert f"{SATURDAY} is no session of XNYS, which is known from 1990-01-02" in refused.stderr
    assert "state the session as calendar_extra" in refused.stderr
    ran = home.run("run", strategy(folder, more=f", {EXTRA}"), "--as-of", SATURDAY)
    assert ran.returncode == 0, ran.stderr
    daily, weekly = home.rows(SNAPSHOTS)
    assert (daily["status"], str(daily["session_last"])) == ("completed", SATURDAY)
    assert str(weekly["session_last"]) == SATURDAY
    text = load_calendar("XNYS").text + f"extra {SATURDAY} 14:00 16:00\n".encode()
    digest = Digest(daily["calendar_digest"])
    assert digest == weekly["calendar_digest"] == digest_bytes(text)
    assert (home.path / "blobs" / object_key(digest)).read_bytes() == text
    assert home.run("verify", "--deep").returncode == 0


def test_a_run_needs_neither_pandas_nor_a_library_of_calendars(home: Home, tmp_path: Path) -> None:
    # TA-Lib imports pandas where it is installed, as the sample's bars have it; here it is not.
    absent = "import sys\nsys.modules |= dict.fromkeys(['pandas', 'exchange_calendars'])\n"
    (tmp_path / "sitecustomize.py").write_text(absent, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    ran = home.run(*home.asked(), PYTHONPATH=path)
    assert ran.returncode == 0, ran.stderr
    assert {row["status"] for row in home.rows(SNAPSHOTS)} == {"completed"}
