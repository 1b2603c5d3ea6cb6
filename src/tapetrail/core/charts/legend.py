"""What a chart says at each bar: the texts of its headline and legends, for a pointer to follow.

The legends of a `ChartSpec` show the last values. Here the same legends are read at every bar, in
the same words, so that an interactive chart writes no number by a rule of its own.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from tapetrail.core.canonical import decimal_of
from tapetrail.core.charts.axes import amount_text, price_decimals, price_texts
from tapetrail.core.charts.chart import QUOTED_CLOSES
from tapetrail.core.charts.figures import change_pct
from tapetrail.core.charts.indicator_panels import panel_decimals
from tapetrail.core.charts.panels import PANEL_KINDS
from tapetrail.core.charts.spec import ChartSpec, Form, Ink, Legend, Panel, Series
from tapetrail.core.charts.window import NONE, Unit
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Flags, Floats

Texts: TypeAlias = tuple[str, ...]

AMOUNT_DECIMALS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """What one legend says at each of n bars: its label, then one of `texts`.

    Where `rising` is given, shape (n,), the ink of a bar is up or down instead of `ink`.
    """

    label: str
    texts: Texts
    ink: Ink
    rising: Flags | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChartLegend:
    """The texts of n bars. `changes` are empty where there is no close to compare with.

    `panels` has the readings of each panel of the chart, in the order of its legends. `decimals`
    is what the values of each panel are written with.
    """

    decimals: tuple[int, ...]
    opens: Texts
    highs: Texts
    lows: Texts
    closes: Texts
    changes: Texts
    panels: tuple[tuple[Reading, ...], ...]


def derive_legend(spec: ChartSpec) -> ChartLegend:
    """Return what the chart's headline and legends say at each of its bars.

    Raises `InvalidInput` where a panel's legends are not those of its series.
    """
    candles = spec.candles
    decimals = price_decimals(candles.close[-QUOTED_CLOSES:])
    by_panel = tuple(_decimals(panel, decimals) for panel in spec.panels)

    return ChartLegend(
        decimals=by_panel,
        opens=_prices(candles.open, decimals),
        highs=_prices(candles.high, decimals),
        lows=_prices(candles.low, decimals),
        closes=_prices(candles.close, decimals),
        changes=tuple(_changes(candles.close)),
        panels=tuple(
            tuple(_readings(panel, shown))
            for panel, shown in zip(spec.panels, by_panel, strict=True)
        ),
    )


def _changes(closes: Floats) -> Iterator[str]:
    exact = [decimal_of(close) for close in closes.tolist()]
    for at in range(len(exact)):
        change = change_pct(exact[max(0, at - 1) : at + 1])
        yield "" if change is None else f"{change:+.2f}%"


def _decimals(panel: Panel, decimals: int) -> int:
    unit = PANEL_KINDS[panel.kind].unit
    if unit is Unit.DIFFERENCE:
        return panel_decimals(panel.series, decimals)
    return decimals if unit is Unit.PRICE else AMOUNT_DECIMALS


def _readings(panel: Panel, decimals: int) -> Iterator[Reading]:
    """Yield the panel's readings. A legend's label is its first word, its text the rest."""
    legends = [legend for row in panel.legends for legend in row]
    sources = _sources(panel)
    if len(legends) != len(sources):
        raise InvalidInput(
            f"{panel.kind} panel: {len(legends)} legends for {len(sources)} series or bands;"
            " expected one legend each",
            kind=ErrorKind.RENDER_FAILED,
        )
    for legend, source in zip(legends, sources, strict=True):
        yield _reading(legend, [_texts(panel.kind, each, decimals) for each in source], source[0])


def _sources(panel: Panel) -> list[tuple[Series, ...]]:
    """Return what the legends speak of, in their order: lines, the band, then what has directions.

    A band is two series, the lower one first, because its legend is a range.
    """
    by_name = {each.name: each for each in panel.series}
    band = [] if panel.band is None else [tuple(by_name[name] for name in reversed(panel.band))]
    lines = [(each,) for each in panel.series if each.form is Form.LINE]
    directed = [(each,) for each in panel.series if each.form is not Form.LINE]
    alone = [each for each in lines if panel.band is None or each[0].name not in panel.band]
    return [*alone, *band, *directed]


def _reading(legend: Legend, columns: list[Texts], first: Series) -> Reading:
    texts = columns[0]
    if len(columns) > 1:
        texts = tuple(f" {NONE} ".join(each) for each in zip(*columns, strict=True))
    if first.form is Form.TREND and first.rising is not None:
        ways = first.rising.tolist()
        texts = tuple(_trend_text(text, up) for text, up in zip(texts, ways, strict=True))
    return Reading(
        label=legend.text.partition(" ")[0],
        texts=texts,
        ink=legend.ink,
        rising=None if legend.ink is Ink.TEXT else first.rising,
    )


def _trend_text(text: str, up: bool) -> str:  # noqa: FBT001 # a direction, not a switch
    return text if text == NONE else f"{text} {'▲' if up else '▼'}"


def _texts(kind: str, series: Series, decimals: int) -> Texts:
    write = _amounts if PANEL_KINDS[kind].unit is Unit.AMOUNT else _prices
    return write(series.values, decimals)


def _prices(column: Floats, decimals: int) -> Texts:
    return price_texts(column, decimals, missing=NONE)


def _amounts(column: Floats, decimals: int) -> Texts:
    return tuple(
        NONE if math.isnan(amount) else amount_text(amount, decimals) for amount in column.tolist()
    )
