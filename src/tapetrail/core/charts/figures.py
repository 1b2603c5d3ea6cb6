"""The figures stored beside a chart, and what it must say about itself: starts, partials."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

import numpy as np

from tapetrail.core.canonical import decimal_of
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Bars, Floats
from tapetrail.core.market.indicators import IndicatorLine, IndicatorSettings, IndicatorValues

VOLUME_BARS: Final = 20
SETTLING_VALUES: Final = 125
PERCENT_STEP: Final = Decimal("0.000001")
NO_VOLUME: Final = "no volume"
ZERO_VOLUME: Final = "zero volume"
FLAT: Final = "the price did not move"
NOT_FED: Final = "no complete bar is drawn"
_WIDE: Final = Context(prec=700)
"""Wide enough for the ratio of any two float64 prices, written out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingIndicator:
    """An indicator that was asked for and has no value in the drawn bars, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartFigures:
    """What a chart's row says about it, over the drawn bars.

    `price_current` is the last close; `price_change_pct` compares the last two, six decimals,
    None for a single bar or after a close of zero; `volume_avg` is the exact mean of the last 20
    volumes, None where one of them is missing.
    """

    data_points: int
    start_date: date
    end_date: date
    price_current: Decimal
    price_change_pct: Decimal | None
    volume_avg: Decimal | None
    missing_indicators: tuple[MissingIndicator, ...]


def derive_figures(
    bars: Bars, values: IndicatorValues, settings: IndicatorSettings, *, first_drawn: int
) -> ChartFigures:
    """Return the figures of the chart that draws `bars` from `first_drawn` on.

    `bars` and `values` are the whole history, as for `derive_chart`. Raises `InvalidInput` unless
    `first_drawn` is one of the bars.
    """
    check_first_drawn(bars, first_drawn)
    drawn = bars.take(slice(first_drawn, None))
    closes = [decimal_of(close) for close in drawn.close[-2:].tolist()]
    return ChartFigures(
        data_points=len(drawn),
        start_date=drawn.first_on[0].item(),
        end_date=drawn.last_on[-1].item(),
        price_current=closes[-1],
        price_change_pct=change_pct(closes),
        volume_avg=_volume_avg(bars.volume),
        missing_indicators=missing_indicators(bars, values, settings, first_drawn=first_drawn),
    )


def check_first_drawn(bars: Bars, first_drawn: int) -> None:
    """Raise `InvalidInput` unless `first_drawn` is the index of a bar."""
    if not 0 <= first_drawn < len(bars):
        raise InvalidInput(
            f"chart from bar {first_drawn} of {len(bars)}: expected at least one bar to draw",
            kind=ErrorKind.NO_BARS if len(bars) == 0 else ErrorKind.TOO_FEW_BARS,
        )


def change_pct(closes: list[Decimal]) -> Decimal | None:
    """Return by how many percent the last close differs from the one before, six decimals."""
    if len(closes) < 2 or closes[-2] == 0:  # noqa: PLR2004 # a change takes two closes
        return None
    ratio = _WIDE.divide(_WIDE.subtract(closes[-1], closes[-2]), abs(closes[-2]))
    return _WIDE.multiply(ratio, Decimal(100)).quantize(PERCENT_STEP, ROUND_HALF_EVEN, _WIDE)


def missing_indicators(
    bars: Bars, values: IndicatorValues, settings: IndicatorSettings, *, first_drawn: int
) -> tuple[MissingIndicator, ...]:
    """Return the indicators without a value in the drawn bars, in the order of the chart."""
    held = int(np.count_nonzero(bars.complete))
    fed = bool(bars.complete[first_drawn:].any())
    volume = _volume_word(bars.take(slice(first_drawn, None)))
    columns = values.columns
    return tuple(
        MissingIndicator(name=line.name, reason=_reason(line, held, volume) if fed else NOT_FED)
        for column, line in settings.lines.items()
        if not has_value(columns.get(column), first_drawn=first_drawn)
    )


def has_value(column: Floats | None, *, first_drawn: int) -> bool:
    """Return whether a drawn bar has a value."""
    return column is not None and not bool(np.isnan(column[first_drawn:]).all())


def settling_bars(column: Floats | None, *, first_drawn: int) -> int:
    """Return how many drawn bars come before the column's 126th value; 0 without any value."""
    defined = np.flatnonzero(~np.isnan(column)) if column is not None else ()
    if column is None or len(defined) == 0:
        return 0
    settled_at = min(int(defined[0]) + SETTLING_VALUES, len(column))
    return max(0, settled_at - first_drawn)


def has_volume(drawn: Bars) -> bool:
    """Return whether any drawn bar has a volume above zero."""
    return bool((drawn.volume > 0).any())


def _volume_word(drawn: Bars) -> str:
    """Return what to say of bars of which none has a volume above zero: zero is not missing."""
    return ZERO_VOLUME if bool((drawn.volume == 0).all()) else NO_VOLUME


def derive_notes(
    bars: Bars, values: IndicatorValues, settings: IndicatorSettings, *, first_drawn: int
) -> tuple[str, ...]:
    """Return what the chart says about its own limits: a partial bar, values of a start."""
    drawn = bars.take(slice(first_drawn, None))
    missing = missing_indicators(bars, values, settings, first_drawn=first_drawn)
    columns = values.columns
    settling = {
        line.name: settling_bars(columns.get(column), first_drawn=first_drawn)
        for column, line in settings.lines.items()
        if line.settles
    }
    return (
        *_missing_notes(bars, drawn, missing),
        *_bar_notes(drawn, settling),
    )


def _reason(line: IndicatorLine, held: int, volume: str) -> str:
    """Return why a line has no value, where `held` bars feed it; `volume` says how theirs lacks."""
    if held <= line.lookback:
        return f"needs {line.lookback + 1} bars, {held} are there"
    return volume if line.of_volume else FLAT


def _missing_notes(bars: Bars, drawn: Bars, missing: tuple[MissingIndicator, ...]) -> Iterator[str]:
    of_volume = {NO_VOLUME, ZERO_VOLUME}
    without_volume = [each.name for each in missing if each.reason in of_volume]
    flat = [each.name for each in missing if each.reason == FLAT]
    short = [each.name for each in missing if each.reason not in {*of_volume, FLAT, NOT_FED}]
    if short:
        yield f"Short history (bars: {len(bars)}), without a value: {', '.join(short)}"
    if not has_volume(drawn):
        without_volume.insert(0, "volume")
    if without_volume:
        yield f"{_volume_word(drawn).capitalize()}, left out: {', '.join(without_volume)}"
    if flat:
        yield f"The price did not move, without a value: {', '.join(flat)}"


def _bar_notes(drawn: Bars, settling: Mapping[str, int]) -> Iterator[str]:
    if not drawn.complete[-1]:
        period = drawn.timeframe.period
        yield f"Partial {period}: the last bar, its edge dotted, feeds no indicator"
    names = [name for name, bars in settling.items() if bars > 0]
    if names:
        until = drawn.last_on[max(settling.values()) - 1]
        span = f"until {until} (dashed, their first {SETTLING_VALUES} values)"
        yield f"Settling {span}: {', '.join(names)}"


def _volume_avg(volumes: Floats) -> Decimal | None:
    last = volumes[-VOLUME_BARS:]
    if len(last) < VOLUME_BARS or bool(np.isnan(last).any()):
        return None
    total = sum((decimal_of(volume) for volume in last.tolist()), Decimal(0))
    return total / VOLUME_BARS
