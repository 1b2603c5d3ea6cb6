"""What rows say of letters that an image writes by number."""

from typing import Final

import pytest
from tests.workflows.conftest import Home

from tapetrail.sources.calendars import load_calendar

pytestmark = pytest.mark.service

SYMBOLS: Final = "贵州茅台, ÖBB"
CHARTS: Final = (
    "SELECT id, decision_id, symbol, escaped_letters FROM tapetrail.charts ORDER BY symbol"
)
SAID: Final = "the image writes 贵州茅台 by number, as [U+8D35]"


def test_letters_that_an_image_cannot_draw_are_named_where_the_chart_is_shown(home: Home) -> None:
    folder = home.path.parent
    days = [str(day) for day in load_calendar("XNYS").sessions if "2022" < str(day) <= "2024-06-14"]
    for symbol in SYMBOLS.split(", "):
        lines = [f"{day},{100 + at % 9},120,98,101,{at}" for at, day in enumerate(days)]
        text = "\n".join(["date,open,high,low,close,volume", *lines])
        (folder / f"{symbol}.csv").write_text(text, encoding="utf-8")
    (folder / "mine.yaml").write_text(
        f"name: mine\ninstruments: [{SYMBOLS}]\nsource: file:{{symbol}}.csv\ntimeframes: [1d]\n"
        "data: {exchange: XNYS, currency: USD, adjustment: split}\n",
        encoding="utf-8",
    )
    ran = home.run("run", "mine.yaml", "--as-of", "2024-06-14")
    assert ran.returncode == 0, ran.stderr
    oebb, maotai = home.rows(CHARTS)
    assert (oebb["symbol"], oebb["escaped_letters"]) == ("ÖBB", None)
    assert (maotai["symbol"], maotai["escaped_letters"]) == ("贵州茅台", "贵州茅台")
    assert SAID in home.run("charts", "show", str(maotai["id"])).stdout
    assert SAID in home.run("decisions", "show", str(maotai["decision_id"])).stdout
    assert "by number" not in home.run("charts", "show", str(oebb["id"])).stdout
