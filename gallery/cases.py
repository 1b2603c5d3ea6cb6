"""The table of the gallery: every case, what it shows, and how its chart is made."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

import numpy as np

from gallery import histories
from gallery.histories import made, sample
from tapetrail.core.analysis.analyses import SignalType
from tapetrail.core.analysis.chart_marks import SignalMarks, SignalPrices, derive_marks
from tapetrail.core.charts.chart import ChartHeader, derive_chart
from tapetrail.core.charts.spec import ChartSpec
from tapetrail.core.market.bars import MONTHLY, WEEKLY, Bars
from tapetrail.core.market.completeness import Gap, missing_sessions
from tapetrail.core.market.indicators import IndicatorSettings, derive_indicators
from tapetrail.core.market.instruments import PartialBar
from tapetrail.sources.calendars import load_calendar

STANDARD: Final = IndicatorSettings()
SAMPLE_END: Final = date(2013, 3, 1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One chart of the gallery: the last `drawn` bars of a history, under a caption.

    `marks` are those of a signal: then the printed page is shown instead of the image. Sessions of
    the `calendar` that have no bar are missing.
    """

    name: str
    caption: str
    history: Callable[[], Bars]
    drawn: int
    symbol: str
    exchange: str = "XNYS"
    as_of: str = ""
    settings: IndicatorSettings = STANDARD
    marks: SignalMarks | None = None
    calendar: str | None = None

    def spec(self) -> ChartSpec:
        """Return the chart, its indicators computed on the whole history."""
        bars = self.history()
        first = max(0, len(bars) - self.drawn)
        return derive_chart(
            bars,
            derive_indicators(bars, self.settings, first_drawn=first),
            self.settings,
            header=ChartHeader(
                symbol=self.symbol,
                exchange=self.exchange,
                currency=bars.currency,
                timeframe=bars.timeframe,
                as_of=self.as_of,
                gaps=self._gaps(bars),
            ),
            first_drawn=first,
        )

    def _gaps(self, bars: Bars) -> tuple[Gap, ...]:
        if self.calendar is None:
            return ()
        return missing_sessions(bars, load_calendar(self.calendar), spans=bars).gaps


def _apple(until: date = SAMPLE_END) -> Bars:
    return sample("AAPL", until)


def _flat() -> Bars:
    prices = np.full(300, 10.0)
    return histories.bars_of([prices] * 4, np.full(300, 25_000.0))


def _bitcoin() -> Bars:
    bars = made(460, last=108_452.3, decimals=1, swing=0.022, seed=7, calendar="24/7")
    return replace(bars, volume=np.round(bars.volume / 37, 4), volume_unit="coins")


def _euro() -> Bars:
    bars = made(460, last=1.0871, decimals=5, swing=0.0035, seed=5, calendar="24/5")
    return histories.without_volume(bars)


def _halted() -> Bars:
    bars = made(460, last=40.0, decimals=2, seed=9)
    return histories.without_sessions(bars, date(2026, 4, 20), date(2026, 7, 3))


def _signal(kind: str, *prices: str | None, ratio: str | None = None) -> SignalMarks:
    entry, stop, target = (Decimal(price) if price else None for price in prices)
    return derive_marks(
        SignalType(kind),
        SignalPrices(entry=entry, stop=stop, target=target),
        reward_risk=Decimal(ratio) if ratio else None,
        facts=("confidence 0.68",),
    )


CASES: Final = (
    Case(
        name="daily-250",
        caption="250 daily bars: the standard chart",
        history=_apple,
        drawn=250,
        symbol="AAPL",
        exchange="XNAS",
    ),
    Case(
        name="daily-30",
        caption="30 daily bars",
        history=_apple,
        drawn=30,
        symbol="AAPL",
        exchange="XNAS",
    ),
    Case(
        name="daily-100",
        caption="100 daily bars, as of a stated instant",
        history=lambda: sample("MSFT", date(2012, 6, 29)),
        drawn=100,
        symbol="MSFT",
        exchange="XNAS",
        as_of="2012-06-29 20:00 UTC",
    ),
    Case(
        name="daily-500",
        caption="500 daily bars",
        history=lambda: sample("IBM", SAMPLE_END),
        drawn=500,
        symbol="IBM",
    ),
    Case(
        name="weekly-104",
        caption="104 weekly bars",
        history=lambda: sample("GOOG", SAMPLE_END, timeframe=WEEKLY),
        drawn=104,
        symbol="GOOG",
        exchange="XNAS",
    ),
    Case(
        name="monthly-60",
        caption="60 monthly bars: a history of 13 years is short for an average of 200",
        history=lambda: sample("MSFT", SAMPLE_END, timeframe=MONTHLY),
        drawn=60,
        symbol="MSFT",
        exchange="XNAS",
    ),
    Case(
        name="partial-week",
        caption="The running week marked: not finished, its edge dotted, fed to no indicator",
        history=lambda: sample(
            "IBM", date(2012, 10, 17), timeframe=WEEKLY, partial=PartialBar.MARK
        ),
        drawn=52,
        symbol="IBM",
    ),
    Case(
        name="partial-week-left-out",
        caption="The same Wednesday with the running week left out, as by default",
        history=lambda: sample("IBM", date(2012, 10, 17), timeframe=WEEKLY),
        drawn=52,
        symbol="IBM",
    ),
    Case(
        name="penny-stock",
        caption="Prices of a cent: four decimals",
        history=lambda: made(460, last=0.0123, decimals=4, swing=0.035, seed=3),
        drawn=250,
        symbol="PNNY",
    ),
    Case(
        name="bitcoin",
        caption="Prices of six digits, a market that never closes",
        history=_bitcoin,
        drawn=250,
        symbol="BTC",
        exchange="CRYPTO",
    ),
    Case(
        name="eurusd",
        caption="An exchange rate: five decimals, and no volume",
        history=_euro,
        drawn=250,
        symbol="EURUSD",
        exchange="IDEALPRO",
    ),
    Case(
        name="flat",
        caption="A price that never moved",
        history=_flat,
        drawn=120,
        symbol="FLAT",
    ),
    Case(
        name="session-gap",
        caption="Eleven weeks without bars: a break, and how many sessions are missing",
        history=_halted,
        drawn=200,
        symbol="HALT",
        calendar="XNYS",
    ),
    Case(
        name="price-gap",
        caption="A fall of 52 % overnight, 2000-09-29",
        history=lambda: _apple(date(2000, 12, 29)),
        drawn=120,
        symbol="AAPL",
        exchange="XNAS",
    ),
    Case(
        name="no-volume",
        caption="No volume: two panels are left out, and a note says so",
        history=lambda: histories.without_volume(_apple()),
        drawn=150,
        symbol="AAPL",
        exchange="XNAS",
    ),
    Case(
        name="short-history",
        caption="Nine months after a listing: what has no value yet is named, what settles dashed",
        history=lambda: sample("FB", SAMPLE_END),
        drawn=250,
        symbol="FB",
        exchange="XNAS",
    ),
    Case(
        name="first-month",
        caption="20 bars are all there is: most indicators have no value",
        history=lambda: sample("FB", date(2012, 6, 15)),
        drawn=250,
        symbol="FB",
        exchange="XNAS",
    ),
    Case(
        name="one-bar",
        caption="A single bar",
        history=lambda: sample("FB", date(2012, 5, 18)),
        drawn=250,
        symbol="FB",
        exchange="XNAS",
    ),
    Case(
        name="log-scale",
        caption="Monthly bars over a factor of 60: a log scale, and a note says so",
        history=lambda: sample("AAPL", SAMPLE_END, timeframe=MONTHLY),
        drawn=120,
        symbol="AAPL",
        exchange="XNAS",
    ),
    Case(
        name="many-averages",
        caption="Twelve averages: legends in several rows",
        history=_apple,
        drawn=250,
        symbol="AAPL",
        exchange="XNAS",
        settings=replace(STANDARD, sma=tuple(range(10, 190, 15))),
    ),
    Case(
        name="signal-buy",
        caption="Print: a BUY with entry, stop and target",
        history=lambda: _apple(date(2012, 12, 3)),
        drawn=120,
        symbol="AAPL",
        exchange="XNAS",
        marks=_signal("BUY", "586.19", "545.20", "668.17", ratio="2"),
    ),
    Case(
        name="signal-sell",
        caption="Print: a SELL whose target lies below all bars",
        history=_apple,
        drawn=120,
        symbol="AAPL",
        exchange="XNAS",
        marks=_signal("SELL", "430.47", "454.174352", "380.25", ratio="2.118574"),
    ),
    Case(
        name="signal-close-levels",
        caption="Print: levels and last price within a few cents, tags apart",
        history=_apple,
        drawn=120,
        symbol="AAPL",
        exchange="XNAS",
        marks=_signal("BUY", "430.60", "429.90", "431.95", ratio="1.928571"),
    ),
    Case(
        name="signal-hold",
        caption="Print: a HOLD has no levels",
        history=lambda: sample("GOOG", SAMPLE_END),
        drawn=120,
        symbol="GOOG",
        exchange="XNAS",
        marks=_signal("HOLD", None, None, None),
    ),
)
"""Every case, in the order of the page."""
