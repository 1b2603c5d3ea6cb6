"""The stored spec document read back as the chart it came from.

A page or an interactive file can so be made again from the record alone, years later: nothing is
recomputed. A document that `spec_text` would write differently is refused.
"""

from datetime import date
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from tapetrail.core.charts.axes import Axis, DateTick, Scale, Tick
from tapetrail.core.charts.panels import PANEL_KINDS
from tapetrail.core.charts.spec import (
    Break,
    Candles,
    ChartSpec,
    Form,
    Headline,
    Ink,
    Legend,
    Level,
    Panel,
    Series,
    Tag,
)
from tapetrail.core.charts.text import FORMAT, spec_text
from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Flags, Floats


def parse_spec(text: bytes) -> ChartSpec:
    """Return the chart whose stored document this is: its `spec_text` is `text` again.

    Raises `InvalidInput` for anything else: another format, a member that is missing, unknown or
    of another type, columns of different lengths, numbers written in another form.
    """
    try:
        stored = _Chart.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise InvalidInput(f"chart spec of {len(text)} bytes: {place}: {first['msg']}") from error
    if stored.format != FORMAT:
        raise InvalidInput(f"chart spec of format {stored.format}: expected {FORMAT}")
    spec = stored.spec()
    if spec_text(spec) != text:
        raise InvalidInput(
            f"chart spec of {len(text)} bytes: not in the canonical form, in which every number"
            " has ten significant digits at most and members have one order"
        )
    return spec


def _known_kind(word: str) -> str:
    if word not in PANEL_KINDS:
        raise ValueError(f"expected one of {', '.join(PANEL_KINDS)}, found {word}")
    return word


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Change(_Part):
    text: str
    ink: Ink


class _Series(_Part):
    name: str
    form: Form
    ink: Ink
    settling: int
    rising: tuple[int, ...] | None
    values: tuple[float | None, ...]

    def series(self) -> Series:
        return Series(
            name=self.name,
            form=self.form,
            ink=self.ink,
            values=_column(self.values),
            rising=None if self.rising is None else _flags(self.rising),
            settling=self.settling,
        )


class _Panel(_Part):
    kind: Annotated[str, AfterValidator(_known_kind)]
    share: float
    scale: Scale
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    legends: tuple[tuple[tuple[str, Ink], ...], ...]
    band: tuple[str, str] | None
    guides: tuple[float, ...]
    shade: tuple[float, float] | None
    tag: tuple[float, str, Ink, int] | None
    levels: tuple[tuple[float, str, str, Ink], ...]
    series: tuple[_Series, ...]

    def panel(self) -> Panel:
        ticks = tuple(Tick(value=value, label=label) for value, label in self.ticks)
        return Panel(
            kind=self.kind,
            share=self.share,
            axis=Axis(scale=self.scale, low=self.low, high=self.high, ticks=ticks),
            series=tuple(each.series() for each in self.series),
            legends=tuple(
                tuple(Legend(text=text, ink=ink) for text, ink in row) for row in self.legends
            ),
            band=self.band,
            guides=self.guides,
            shade=self.shade,
            tag=None if self.tag is None else _tag(self.tag),
            levels=tuple(
                Level(name=name, value=value, label=label, ink=ink)
                for value, name, label, ink in self.levels
            ),
        )


class _Chart(_Part):
    format: int
    style: str
    symbol: str
    timeframe: str
    facts: str
    change: _Change | None
    context: str
    days: tuple[date, ...]
    open: tuple[float, ...]
    high: tuple[float, ...]
    low: tuple[float, ...]
    close: tuple[float, ...]
    complete: tuple[int, ...]
    breaks: tuple[tuple[int, str], ...] = ()
    panels: tuple[_Panel, ...]
    date_ticks: tuple[tuple[int, str, int], ...]
    notes: tuple[str, ...]

    def spec(self) -> ChartSpec:
        change = self.change and Legend(text=self.change.text, ink=self.change.ink)
        return ChartSpec(
            style=self.style,
            headline=Headline(
                symbol=self.symbol,
                timeframe=self.timeframe,
                facts=self.facts,
                change=change,
                context=self.context,
            ),
            days=np.array(self.days, dtype="datetime64[D]"),
            candles=self._candles(),
            panels=tuple(each.panel() for each in self.panels),
            date_ticks=tuple(
                DateTick(at=at, label=label, bold=bool(bold)) for at, label, bold in self.date_ticks
            ),
            notes=self.notes,
            breaks=tuple(Break(at=at, label=label) for at, label in self.breaks),
        )

    def _candles(self) -> Candles:
        prices = (self.open, self.high, self.low, self.close)
        lengths = {len(column) for column in (*prices, self.complete)}
        if lengths != {len(self.days)}:
            raise InvalidInput(
                f"chart spec: bar columns of {sorted(lengths)} values for {len(self.days)} days;"
                " expected one value a day"
            )
        return Candles(
            open=_column(self.open),
            high=_column(self.high),
            low=_column(self.low),
            close=_column(self.close),
            complete=_flags(self.complete),
        )


def _tag(stored: tuple[float, str, Ink, int]) -> Tag:
    value, label, ink, line = stored
    return Tag(value=value, label=label, ink=ink, line=bool(line))


def _column(values: tuple[float | None, ...]) -> Floats:
    return np.array(values, dtype=np.float64)


def _flags(bits: tuple[int, ...]) -> Flags:
    return np.array(bits, dtype=np.bool_)
