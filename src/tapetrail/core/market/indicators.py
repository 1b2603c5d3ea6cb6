"""Indicators of bars: SMA, Bollinger, SuperTrend, RSI, MACD, OBV and ATR, as columns.

The conventions are fixed, because the same name means other numbers elsewhere. Theirs is version
`CONVENTIONS`, and it is recorded with each chart:

* SMA(n): mean of the last n closes; first value at index n-1.
* Bollinger(n, k): SMA(n) +- k population standard deviations.
* RSI(n): Wilder (1978), seeded by the mean of the first n changes; first value at index n.
  Undefined until the price has moved once, where TA-Lib says 0.
* ATR(n): Wilder, seeded by the mean of the true ranges 1..n; the first bar's range has no
  close in front of it and stays out. First value at index n.
* MACD(f, s, g): EMA(f) - EMA(s), each seeded by its own SMA; the signal is EMA(g) of that.
  `talib.MACD` seeds the fast EMA late and is not used.
* SuperTrend(n, k): (high+low)/2 +- k ATR(n); see `supertrend`.
* OBV: 0 at the first drawn bar, because its level has no meaning and its slope has. Undefined
  from the first missing volume on: a missing volume is not 0.

A price that does not move has indicators that do not move: see `residues`.

Only complete bars feed an indicator; a bar that is not complete has no value.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Final, TypeVar, cast

import numpy as np

from tapetrail.core.canonical import FieldValue, decimal_text
from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Bars, Flags, Floats
from tapetrail.core.market.residues import above_residue, by_window, is_level, spans_wide

Column = TypeVar("Column", Floats, Flags)

CONVENTIONS: Final = 1
PERIOD_MAX: Final = 1000
MULTIPLIER_MAX: Final = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorLine:
    """A line of an indicator that is asked for, under the name by which it is shown.

    Its first `lookback` bars have no value. One that `settles` carries the weight of its start for
    a while, as Wilder's and exponential means do; one `of_volume` has no value without volume.
    """

    name: str
    lookback: int
    settles: bool = False
    of_volume: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorSettings:
    """Which indicators to compute: periods in bars, widths in deviations or ranges.

    None, False or an empty tuple leaves one out. MACD is (fast, slow, signal).
    """

    sma: tuple[int, ...] = (20, 50, 200)
    bollinger: tuple[int, Decimal] | None = (20, Decimal(2))
    supertrend: tuple[int, Decimal] | None = (10, Decimal(3))
    rsi: int | None = 14
    macd: tuple[int, int, int] | None = (12, 26, 9)
    obv: bool = True
    atr: int | None = 14

    def __post_init__(self) -> None:
        """Raise `InvalidInput` naming the indicator and the number that is out of range."""
        for name, periods in self._periods().items():
            for period in periods:
                if not 2 <= period <= PERIOD_MAX:  # noqa: PLR2004 # one bar is no average
                    raise InvalidInput(f"{name}: period {period} must lie in 2..{PERIOD_MAX}")
        for name, width in (("Bollinger", self.bollinger), ("SuperTrend", self.supertrend)):
            if width is not None and not (width[1].is_finite() and 0 < width[1] <= MULTIPLIER_MAX):
                raise InvalidInput(
                    f"{name}: width {width[1]} must lie above 0, at most {MULTIPLIER_MAX}"
                )
        if len(set(self.sma)) != len(self.sma):
            raise InvalidInput(f"SMA: the periods {list(self.sma)} name one twice")
        if self.macd is not None and self.macd[0] >= self.macd[1]:
            raise InvalidInput(
                f"MACD: the fast period {self.macd[0]} must be shorter than the slow one,"
                f" {self.macd[1]}"
            )

    @property
    def longest_lookback(self) -> int:
        """How many bars must come before the first one at which every indicator has a value."""
        return max((line.lookback for line in self.lines.values()), default=0)

    @property
    def lines(self) -> Mapping[str, IndicatorLine]:
        """The lines that are asked for by their columns, in the order of the chart."""
        return dict((*self._lines_over_prices(), *self._lines_below()))

    def _lines_over_prices(self) -> Iterator[tuple[str, IndicatorLine]]:
        for period in self.sma:
            yield f"sma_{period}", IndicatorLine(name=f"SMA{period}", lookback=period - 1)
        if self.bollinger is not None:
            name, period = _named("BB", *self.bollinger), self.bollinger[0]
            yield "bollinger_upper", IndicatorLine(name=name, lookback=period - 1)
        if self.supertrend is not None:
            name, period = _named("SuperTrend", *self.supertrend), self.supertrend[0]
            yield "supertrend", IndicatorLine(name=name, lookback=period, settles=True)

    def _lines_below(self) -> Iterator[tuple[str, IndicatorLine]]:
        if self.rsi is not None:
            name = _named("RSI", self.rsi)
            yield "rsi", IndicatorLine(name=name, lookback=self.rsi, settles=True)
        if self.macd is not None:
            name, (_, slow, signal) = _named("MACD", *self.macd), self.macd
            yield "macd", IndicatorLine(name=name, lookback=slow - 1, settles=True)
            lookback = slow + signal - 2
            yield "macd_signal", IndicatorLine(name="MACD signal", lookback=lookback, settles=True)
        if self.obv:
            yield "obv", IndicatorLine(name="OBV", lookback=0, of_volume=True)
        if self.atr is not None:
            name = _named("ATR", self.atr)
            yield "atr", IndicatorLine(name=name, lookback=self.atr, settles=True)

    def _periods(self) -> Mapping[str, tuple[int, ...]]:
        return {
            "SMA": self.sma,
            "Bollinger": () if self.bollinger is None else self.bollinger[:1],
            "SuperTrend": () if self.supertrend is None else self.supertrend[:1],
            "RSI": () if self.rsi is None else (self.rsi,),
            "MACD": self.macd or (),
            "ATR": () if self.atr is None else (self.atr,),
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IndicatorValues:
    """The values of each indicator at each bar: columns of shape (n,), NaN where undefined.

    A column is None when it was not asked for or is not possible, such as OBV without volume;
    `sma` has a column for each period asked for. `supertrend_up` is False where SuperTrend is
    undefined. Prices for SMA, Bollinger, SuperTrend, MACD and ATR, 0 to 100 for RSI, and volume
    for OBV.
    """

    sma: Mapping[int, Floats]
    bollinger_upper: Floats | None = None
    bollinger_middle: Floats | None = None
    bollinger_lower: Floats | None = None
    supertrend: Floats | None = None
    supertrend_up: Flags | None = None
    rsi: Floats | None = None
    macd: Floats | None = None
    macd_signal: Floats | None = None
    macd_histogram: Floats | None = None
    obv: Floats | None = None
    atr: Floats | None = None

    def __post_init__(self) -> None:
        """Raise `InvalidInput` unless all columns have one shape, (n,)."""
        columns = {**self.columns, "supertrend_up": self.supertrend_up}
        shapes = {name: column.shape for name, column in columns.items() if column is not None}
        if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
            raise InvalidInput(f"indicators: columns of the shapes {shapes}, expected one (n,)")

    @property
    def columns(self) -> Mapping[str, Floats | None]:
        """The columns of numbers by name; the mean of 20 closes is `sma_20`."""
        named = {each.name: getattr(self, each.name) for each in fields(self)[1:]}
        del named["supertrend_up"]
        return {f"sma_{period}": column for period, column in self.sma.items()} | named


def derive_indicators(
    bars: Bars, settings: IndicatorSettings, *, first_drawn: int
) -> IndicatorValues:
    """Return the indicators over all of `bars`, warm-up included, by this module's conventions.

    `first_drawn` is the index of the first drawn bar, at which OBV is 0. With fewer bars than an
    indicator looks back, its column is all NaN. Raises `InvalidInput` if `first_drawn` lies
    outside the bars.
    """
    if not 0 <= first_drawn <= len(bars):
        raise InvalidInput(f"indicators: first drawn bar {first_drawn} of {len(bars)}")
    if bars.complete.all():
        return _derive(bars, settings, first_drawn=first_drawn)
    complete = bars.complete
    begins = int(np.count_nonzero(complete[:first_drawn]))
    return _spread(_derive(bars.take(complete), settings, first_drawn=begins), complete)


def applied(settings: IndicatorSettings) -> Mapping[str, FieldValue]:
    """Return what a chart's record says was computed: names, parameters, conventions' version."""
    return {
        "conventions": CONVENTIONS,
        "SMA": list(settings.sma),
        "Bollinger": None if settings.bollinger is None else list(settings.bollinger),
        "SuperTrend": None if settings.supertrend is None else list(settings.supertrend),
        "RSI": settings.rsi,
        "MACD": None if settings.macd is None else list(settings.macd),
        "OBV": settings.obv,
        "ATR": settings.atr,
    }


# `import talib` loads pandas and polars where they are installed, 0.3 s to 3 s, and its compiled
# core does the same; whoever only reads settings does not wait for that.


def sma(closes: Floats, period: int) -> Floats:
    """Return the mean of the last `period` closes, shape (n,), NaN in the first `period - 1`."""
    import talib  # noqa: PLC0415 # see above

    mean = by_window(closes, period)[0] if spans_wide(closes) else talib.SMA(closes, period)
    return np.where(is_level(closes, period), closes, mean)


def ema(column: Floats, period: int) -> Floats:
    """Return the exponential mean of weight 2/(period+1), seeded by the SMA of its first values.

    NaN values at the start of `column` are skipped, then come `period - 1` more. Shape (n,).
    """
    import talib  # noqa: PLC0415 # see above

    return talib.EMA(column, period)


def bollinger(closes: Floats, period: int, *, width: float) -> tuple[Floats, Floats, Floats]:
    """Return the upper, middle and lower band: SMA +- `width` population standard deviations."""
    import talib  # noqa: PLC0415 # see above

    edges = talib.BBANDS(closes, period, width, width)
    if spans_wide(closes):
        mean, deviation = by_window(closes, period)
        edges = (mean + width * deviation, mean, mean - width * deviation)
    level = is_level(closes, period)
    upper, middle, lower = (np.where(level, closes, edge) for edge in edges)
    return upper, middle, lower


def rsi(closes: Floats, period: int) -> Floats:
    """Return Wilder's relative strength index, 0 to 100, shape (n,).

    NaN in its first `period` places and until the close has moved once: a ratio of nothing to
    nothing is not 0.
    """
    import talib  # noqa: PLC0415 # see above

    values = talib.RSI(closes, period)
    moved = np.logical_or.accumulate(closes != closes[:1])
    return np.where(moved, values, np.nan)


def atr(bars: Bars, period: int) -> Floats:
    """Return Wilder's average true range, in prices, shape (n,), NaN in the first `period`.

    0 where what is left of it cannot be told from the price.
    """
    import talib  # noqa: PLC0415 # see above

    return above_residue(talib.ATR(bars.high, bars.low, bars.close, period), bars.close)


def macd(closes: Floats, fast: int, *, slow: int, signal: int) -> tuple[Floats, Floats, Floats]:
    """Return the MACD line, its signal line and the histogram, the one less the other.

    A difference that cannot be told from the price is 0.
    """
    line = above_residue(ema(closes, fast) - ema(closes, slow), closes)
    mean = above_residue(ema(line, signal), closes)
    return line, mean, above_residue(line - mean, closes)


def supertrend(bars: Bars, period: int, *, width: float) -> tuple[Floats, Flags]:
    """Return the SuperTrend line, NaN in its first `period` places, and where it points up.

    The upper band is (high+low)/2 + `width` ATR. It takes the new value if that is lower or if
    the close before was above the band, else it stays; the lower band mirrors that. Down turns up
    when the close is above the current upper band, up turns down when it is below the current
    lower one; on the band nothing turns. The first defined bar points down. The line is the lower
    band while up, the upper while down.
    """
    n = len(bars)
    middle = (bars.high + bars.low) / 2.0
    reach = width * atr(bars, period)
    above = (middle + reach).tolist()
    below = (middle - reach).tolist()
    closes = bars.close.tolist()
    line = [np.nan] * n
    up = [False] * n
    rising = False
    # No band yet: the first defined bar takes both of its own.
    upper, lower, before = np.inf, -np.inf, 0.0
    # Plain floats: an array would box each of them again.
    for at in range(period, n):
        close = closes[at]
        if above[at] < upper or before > upper:
            upper = above[at]
        if below[at] > lower or before < lower:
            lower = below[at]
        rising = at > period and (close >= lower if rising else close > upper)
        up[at] = rising
        line[at] = lower if rising else upper
        before = close
    return np.array(line, dtype=np.float64), np.array(up, dtype=np.bool_)


def obv(bars: Bars, *, first_drawn: int) -> Floats | None:
    """Return the on-balance volume, 0 at the first drawn bar, shape (n,), NaN before it.

    Each bar adds its volume if it closes higher, subtracts it if lower. NaN from the first missing
    volume on. None if no drawn bar has a volume above 0.
    """
    volume = bars.volume[first_drawn:]
    if not bool((volume > 0).any()):
        return None
    steps = np.sign(np.diff(bars.close[first_drawn:])) * volume[1:]
    column = np.full(len(bars), np.nan)
    column[first_drawn] = 0.0
    column[first_drawn + 1 :] = np.cumsum(steps)
    return column


def _named(name: str, *parameters: int | Decimal) -> str:
    """Return `MACD(12,26,9)`: the name as it is shown, its parameters in canonical form."""
    return f"{name}({','.join(decimal_text(Decimal(each)) for each in parameters)})"


def _derive(bars: Bars, settings: IndicatorSettings, *, first_drawn: int) -> IndicatorValues:
    """Return the values over bars that are all complete."""
    closes = bars.close
    upper, middle, lower = (
        (None, None, None)
        if settings.bollinger is None
        else bollinger(closes, settings.bollinger[0], width=float(settings.bollinger[1]))
    )
    trend, trend_up = (
        (None, None)
        if settings.supertrend is None
        else supertrend(bars, settings.supertrend[0], width=float(settings.supertrend[1]))
    )
    line, signal, histogram = (
        (None, None, None)
        if settings.macd is None
        else macd(closes, settings.macd[0], slow=settings.macd[1], signal=settings.macd[2])
    )
    return IndicatorValues(
        sma={period: sma(closes, period) for period in settings.sma},
        bollinger_upper=upper,
        bollinger_middle=middle,
        bollinger_lower=lower,
        supertrend=trend,
        supertrend_up=trend_up,
        rsi=None if settings.rsi is None else rsi(closes, settings.rsi),
        macd=line,
        macd_signal=signal,
        macd_histogram=histogram,
        obv=obv(bars, first_drawn=first_drawn) if settings.obv else None,
        atr=None if settings.atr is None else atr(bars, settings.atr),
    )


def _spread(values: IndicatorValues, complete: Flags) -> IndicatorValues:
    """Return the values at the complete bars, NaN or False at the others: columns of shape (n,)."""
    columns = {
        field.name: _spread_column(column, complete)
        for field in fields(values)[1:]
        for column in (getattr(values, field.name),)
        if column is not None
    }
    sma = {period: _spread_column(column, complete) for period, column in values.sma.items()}
    return replace(values, sma=sma, **columns)


def _spread_column(column: Column, complete: Flags) -> Column:
    blank = np.nan if column.dtype == np.float64 else False
    spread = np.full(len(complete), blank, dtype=column.dtype)
    spread[complete] = column
    return cast("Column", spread)
