"""Axes a person and a model can read: ranges, round ticks, labels that never run into each other.

Nothing here knows pixels. Room is given as a share of the axis (values) or as a number of bars
(dates), so whoever knows the size of a label decides how many fit.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tapetrail.core.canonical import float_text
from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Days, Flags, Floats

LOG_FROM_RATIO: Final = 5.0
FLAT_BELOW: Final = 1e-6
FLAT_MARGIN: Final = 0.01
SMALLEST: Final = 1e-300
LABEL_MAX: Final = 10
PRICE_MAX: Final = 13
_BULK_DECIMALS: Final = 8
MILLION: Final = 1e6
PLAIN_BELOW: Final = 1e4
THOUSAND: Final = 1000

MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"
_MONTH_STEPS: Final = (1, 2, 3, 6)
_YEAR_STEPS: Final = (1, 2, 5, 10, 20, 50, 100)
_UNITS: Final = ((12, "T"), (9, "B"), (6, "M"), (3, "K"))
_STEPS: Final = ((1, 0), (2, 0), (25, -1), (5, 0), (1, 1))
# The round numbers of one decade, times ten, from the densest set to the sparsest.
_DECADES: Final = ((10, 15, 20, 30, 40, 50, 60, 80), (10, 20, 30, 50), (10, 20, 50), (10, 30))

Keys: TypeAlias = NDArray[np.int64]
DayText: TypeAlias = Callable[[date], str]


class Scale(StrEnum):
    """How values are laid along the axis."""

    LINEAR = "linear"
    LOG = "log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A labelled value."""

    value: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DateTick:
    """A labelled bar: `at` counts drawn bars from 0. A year's first bar is bold."""

    at: int
    label: str
    bold: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A range of values, how they are laid along it, and its labels, lowest first."""

    scale: Scale
    low: float
    high: float
    ticks: tuple[Tick, ...]

    def __post_init__(self) -> None:
        """Raise `InvalidInput` unless low < high, both finite, above 0 on a log axis."""
        _check_range(self.low, self.high, self.scale)
        if self.low == self.high:
            raise InvalidInput(f"axis from {self.low} to {self.high}: expected room between them")


@dataclass(frozen=True, slots=True)
class _Round:
    """The number digits x 10^exponent, exactly."""

    digits: int
    exponent: int

    @property
    def value(self) -> float:
        return float(f"{self.digits}e{self.exponent}")


def choose_scale(low: float, high: float) -> Scale:
    """Return log when `high` is at least five times a positive `low`, else linear."""
    return Scale.LOG if 0 < low * LOG_FROM_RATIO <= high else Scale.LINEAR


def axis_range(
    low: float, high: float, *, scale: Scale, above: float = 0.0, below: float = 0.0
) -> tuple[float, float]:
    """Return the axis' ends, so that shares `above` and `below` of it stay free of data.

    Values that differ by less than a millionth of their size are flat: they lie in the middle of
    +-1 % (of +-1 around zero). Raises `InvalidInput` unless low <= high, both finite, above 0 on
    a log axis.
    """
    _check_range(low, high, scale)
    size = max(abs(low), abs(high))
    if high - low <= max(size * FLAT_BELOW, SMALLEST):
        margin = size * FLAT_MARGIN if size > SMALLEST else 1.0
        low, high = low - margin, high + margin
    if scale is Scale.LOG:
        start, end = _widen(math.log10(low), math.log10(high), above=above, below=below)
        return 10.0**start, 10.0**end
    return _widen(low, high, above=above, below=below)


def value_ticks(
    low: float, high: float, *, scale: Scale, gap: float, edge: float = 0.0
) -> tuple[Tick, ...]:
    """Return round values inside the range, lowest first, each at least `gap` above the last.

    `gap` and `edge` are shares of the axis; within `edge` of either end there is no tick. A linear
    step is 1, 2, 2.5 or 5 times a power of ten. Log ticks are round numbers of each decade, or
    whole decades. All labels of a linear axis have the same number of decimals and the same unit.
    """
    _check_range(low, high, scale)
    if scale is Scale.LOG:
        return _log_ticks(math.log10(low), math.log10(high), gap=gap, edge=edge)
    margin = (high - low) * edge
    step = _step_from((high - low) * gap)
    first = math.ceil((low + margin) / step.value)
    last = math.floor((high - margin) / step.value)
    rounds = [_Round(step.digits * count, step.exponent) for count in range(first, last + 1)]
    largest = max((abs(number.value) for number in rounds), default=0.0)
    return tuple(Tick(value=number.value, label=_label(number, largest)) for number in rounds)


def date_ticks(days: Days, *, gap: float) -> tuple[DateTick, ...]:
    """Return labels for bars of these dates, oldest first, at least `gap` bars apart.

    The finest of day, week, month, 2, 3, 6 months, year ... 100 years is taken whose labels have
    room; where dates are uneven the later of two close ones goes, but a year stays.
    With no change to mark, the first bar carries its date.
    """
    if len(days) == 0:
        raise InvalidInput("date axis: no bars; expected at least one")
    years = days.astype("datetime64[Y]").astype(np.int64) + 1970
    turns = _starts(years)
    starts, form = _finest(days, years, gap=gap)
    marked = starts | turns if form is _day_text else starts
    kept = _thin(np.flatnonzero(marked), turns, gap=gap)
    if not kept:
        return (DateTick(at=0, label=_day_text(days[0].item()), bold=False),)
    return tuple(_date_tick(days[at].item(), at, form=form, bold=bool(turns[at])) for at in kept)


def price_decimals(prices: Floats) -> int:
    """Return how many decimals show these prices: what they are quoted in, 6 digits at most.

    That is what the last price has, or most of them: one odd print long ago adds no zeros to all
    others. Never less than 2. The size is that of the last price.
    """
    each = sorted(_decimals_of(price) for price in prices.tolist())
    quoted = max(_decimals_of(float(prices[-1])), each[len(each) // 2])
    size = abs(float(prices[-1]))
    whole = math.floor(math.log10(size)) if size > SMALLEST else 0
    return max(2, min(quoted, 5 - whole, 15))


def difference_decimals(values: Floats, decimals: int) -> int:
    """Return how many decimals show differences of prices written with `decimals`.

    Never less than those: three significant digits of the largest, so that an average range of a
    penny stock is `0.000573`, not `0.0006`. The values may be NaN, not all of them.
    """
    largest = float(np.nanmax(np.abs(values)))
    if largest <= SMALLEST:
        return decimals
    return max(decimals, min(2 - math.floor(math.log10(largest)), 15))


def price_text(price: float, decimals: int) -> str:
    """Return `1,234.50`; what is too long for that as `3.7245B`, or tiny as `6.50123e-09`."""
    text = f"{price:z,.{decimals}f}"
    if len(text) <= PRICE_MAX:
        return text
    return amount_text(price, 4) if abs(price) >= MILLION else f"{price:.5e}"


def price_texts(prices: Floats, decimals: int, *, missing: str) -> tuple[str, ...]:
    """Return the `price_text` of each price, `missing` for NaN.

    Short ones are written in one `%`: one at a time costs five times more.
    """
    if decimals > _BULK_DECIMALS or not bool(
        (np.abs(prices[~np.isnan(prices)]) < THOUSAND - 1).all()
    ):
        return tuple(
            missing if math.isnan(price) else price_text(price, decimals)
            for price in prices.tolist()
        )
    text = f"%.{decimals}f\n" * len(prices) % tuple(prices.tolist())
    zero = f"{0:.{decimals}f}\n"
    return tuple(text.replace(f"-{zero}", zero).replace("nan", missing).splitlines())


def amount_text(amount: float, decimals: int) -> str:
    """Return a large amount in thousands, millions, ...: `19.73M`; below 10,000 as it is."""
    if abs(amount) < PLAIN_BELOW:
        return f"{amount:,.0f}" if amount == round(amount) else f"{amount:,.{decimals}f}"
    for power, unit in reversed(_UNITS):
        scaled = round(amount / 10.0**power, decimals)
        if abs(scaled) < THOUSAND:
            return f"{scaled:.{decimals}f}{unit}"
    return f"{amount:.{decimals}e}"


def _check_range(low: float, high: float, scale: Scale) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise InvalidInput(f"axis from {low} to {high}: expected two finite values, low first")
    if scale is Scale.LOG and low <= 0:
        raise InvalidInput(f"log axis from {low}: expected a value above 0")


def _widen(low: float, high: float, *, above: float, below: float) -> tuple[float, float]:
    span = (high - low) / (1.0 - above - below)
    return low - below * span, high + above * span


def _step_from(smallest: float) -> _Round:
    """Return the least of 1, 2, 2.5, 5 x 10^n that is not below `smallest`."""
    power = math.floor(math.log10(smallest))
    steps = (_Round(digits, power + shift) for digits, shift in _STEPS)
    return next((step for step in steps if step.value >= smallest), _Round(1, power + 2))


def _log_ticks(low: float, high: float, *, gap: float, edge: float) -> tuple[Tick, ...]:
    """Return ticks of an axis from 10^low to 10^high."""
    span = high - low
    inside = (low + span * edge, high - span * edge)
    decades = range(math.floor(low), math.ceil(high) + 1)
    for digits in _DECADES:
        places = [math.log10(number) for number in (*digits, 100)]
        if min(np.diff(places)) >= span * gap:
            numbers = [_Round(digit, decade - 1) for decade in decades for digit in digits]
            break
    else:
        every = max(1, math.ceil(span * gap))
        numbers = [_Round(10, decade - 1) for decade in decades if decade % every == 0]
    shown = [number for number in numbers if inside[0] <= math.log10(number.value) <= inside[1]]
    return tuple(Tick(value=number.value, label=_label(_short(number), 0.0)) for number in shown)


def _short(number: _Round) -> _Round:
    whole = number.digits % 10 == 0
    return _Round(number.digits // 10, number.exponent + 1) if whole else number


def _label(number: _Round, largest: float) -> str:
    """Return the number exactly, in the unit and with the decimals that suit the `largest`."""
    if number.digits == 0:
        return "0"
    largest = max(largest, abs(number.value))
    for text in _forms(number, largest):
        if len(text) <= LABEL_MAX:
            return text
    return f"{number.value:.{max(0, math.floor(math.log10(largest)) - number.exponent)}e}"


def _forms(number: _Round, largest: float) -> Iterator[str]:
    if largest < MILLION:
        yield f"{number.value:,.{max(0, -number.exponent)}f}"
    for power, unit in _UNITS:
        if largest >= 10.0**power:
            scaled = float(f"{number.digits}e{number.exponent - power}")
            yield f"{scaled:,.{max(0, power - number.exponent)}f}{unit}"


def _decimals_of(price: float) -> int:
    return len(float_text(price).partition(".")[2])


def _starts(keys: Keys) -> Flags:
    """Return where a key differs from the one in front of it; never at the first place."""
    return np.concatenate([np.zeros(1, np.bool_), keys[1:] != keys[:-1]])


def _finest(days: Days, years: Keys, *, gap: float) -> tuple[Flags, DayText]:
    """Return where the shortest periods begin that have room, and their labels' form.

    One in ten may be too close to the one before, so that a short February or a holiday does not
    cost all the other months their label.
    """
    for keys, form in _periods(days, years):
        starts = _starts(keys)
        places = np.flatnonzero(starts)
        if np.count_nonzero(np.diff(places) < gap) * 10 <= len(places):
            return starts, form
    return np.zeros(len(days), np.bool_), _month_text


def _periods(days: Days, years: Keys) -> Iterator[tuple[Keys, DayText]]:
    """Return the period each bar lies in, by ever longer periods."""
    numbers = days.astype("datetime64[D]").astype(np.int64)
    months = days.astype("datetime64[M]").astype(np.int64)
    yield numbers, _day_text
    yield (numbers + 3) // 7, _day_text  # day 0, 1 January 1970, was a Thursday
    for count in _MONTH_STEPS:
        yield months // count, _month_text
    for count in _YEAR_STEPS:
        yield years // count, _month_text


def _thin(places: NDArray[np.int64], turns: Flags, *, gap: float) -> list[int]:
    """Return the places at least `gap` apart; of two close ones the year's, else the first."""
    kept: list[int] = []
    for place in places.tolist():
        while kept and place - kept[-1] < gap and turns[place] and not turns[kept[-1]]:
            kept.pop()
        if not kept or place - kept[-1] >= gap:
            kept.append(place)
    return kept


def _date_tick(day: date, at: int, *, form: DayText, bold: bool) -> DateTick:
    return DateTick(at=at, label=str(day.year) if bold else form(day), bold=bold)


def _day_text(day: date) -> str:
    return f"{day.day} {_month_text(day)}"


def _month_text(day: date) -> str:
    return MONTHS[3 * day.month - 3 : 3 * day.month]
