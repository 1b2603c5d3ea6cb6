"""The stored spec document: everything a chart shows, as JSON text that is the same everywhere.

The order of keys is that of this module. Series are written in bulk, ten significant digits a
number, null where there is none. No clock, id or path is in it, so equal charts are equal bytes.
"""

import json
from collections.abc import Iterator
from typing import Final

from tapetrail.core.charts.spec import DIGITS, ChartSpec, Level, Panel, Series, Tag
from tapetrail.core.market.bars import Flags, Floats

FORMAT: Final = 1


def spec_text(spec: ChartSpec) -> bytes:
    """Return the stored document of the chart, UTF-8 (ASCII, in fact), one line feed at its end."""
    candles = spec.candles
    head = spec.headline
    change = head.change and {"text": head.change.text, "ink": head.change.ink}
    members = [
        _member("format", str(FORMAT)),
        _member("style", json.dumps(spec.style)),
        _member("symbol", json.dumps(head.symbol)),
        _member("timeframe", json.dumps(head.timeframe)),
        _member("facts", json.dumps(head.facts)),
        _member("change", json.dumps(change)),
        _member("context", json.dumps(head.context)),
        _member("days", json.dumps(spec.days.astype("datetime64[D]").astype(str).tolist())),
        _member("open", _numbers(candles.open)),
        _member("high", _numbers(candles.high)),
        _member("low", _numbers(candles.low)),
        _member("close", _numbers(candles.close)),
        _member("complete", _bits(candles.complete)),
        *_breaks(spec),
        _member("panels", "[\n" + ",\n".join(map(_panel, spec.panels)) + "\n]"),
        _member("date_ticks", json.dumps([[t.at, t.label, int(t.bold)] for t in spec.date_ticks])),
        _member("notes", json.dumps(spec.notes)),
    ]
    return ("{" + ",\n".join(members) + "}\n").encode("ascii")


def _breaks(spec: ChartSpec) -> Iterator[str]:
    """Yield the member of breaks, which a chart without any goes without."""
    if spec.breaks:
        yield _member("breaks", json.dumps([[each.at, each.label] for each in spec.breaks]))


def _member(name: str, text: str) -> str:
    return f'"{name}":{text}'


def _panel(panel: Panel) -> str:
    axis = panel.axis
    legends = [[[legend.text, legend.ink] for legend in row] for row in panel.legends]
    members = [
        _member("kind", json.dumps(panel.kind)),
        _member("share", _number(panel.share)),
        _member("scale", json.dumps(axis.scale)),
        _member("low", _number(axis.low)),
        _member("high", _number(axis.high)),
        _member("ticks", _list(f"[{_number(t.value)},{json.dumps(t.label)}]" for t in axis.ticks)),
        _member("legends", json.dumps(legends)),
        _member("band", json.dumps(panel.band)),
        _member("guides", _list(map(_number, panel.guides))),
        _member("shade", _list(map(_number, panel.shade)) if panel.shade else "null"),
        _member("tag", _tag(panel.tag) if panel.tag else "null"),
        _member("levels", _list(map(_level, panel.levels))),
        _member("series", "[\n" + ",\n".join(map(_series, panel.series)) + "\n]"),
    ]
    return "{" + ",".join(members) + "}"


def _series(series: Series) -> str:
    members = [
        _member("name", json.dumps(series.name)),
        _member("form", json.dumps(series.form)),
        _member("ink", json.dumps(series.ink)),
        _member("settling", str(series.settling)),
        _member("rising", "null" if series.rising is None else _bits(series.rising)),
        _member("values", _numbers(series.values)),
    ]
    return "{" + ",".join(members) + "}"


def _tag(tag: Tag) -> str:
    return _list(
        (_number(tag.value), json.dumps(tag.label), json.dumps(tag.ink), str(int(tag.line)))
    )


def _level(level: Level) -> str:
    texts = (json.dumps(level.name), json.dumps(level.label), json.dumps(level.ink))
    return _list((_number(level.value), *texts))


def _list(items: Iterator[str] | tuple[str, ...]) -> str:
    return "[" + ",".join(items) + "]"


def _number(number: float) -> str:
    return f"{number + 0.0:.{DIGITS}g}"


def _numbers(column: Floats) -> str:
    """Return the column as a JSON list, in one `%`: one number at a time costs ten times more.

    Adding zero turns -0 into 0, so that equal values are equal text.
    """
    text = ",".join([f"%.{DIGITS}g"] * len(column)) % tuple((column + 0.0).tolist())
    return "[" + text.replace("nan", "null") + "]"


def _bits(flags: Flags) -> str:
    return "[" + ",".join(["%d"] * len(flags)) % tuple(flags.tolist()) + "]"
