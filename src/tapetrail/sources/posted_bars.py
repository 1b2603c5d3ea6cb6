"""Bars that another program had, as the text that is kept of them.

They are read as every frame is, and kept as they are: no calendar says which sessions are missing.
What contradicts itself is refused, and so are bars of another span than the program says.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from tapetrail.core.canonical import float_text
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Floats, Instants, instant_of
from tapetrail.core.market.sessions import day_of
from tapetrail.core.recording.readings import PostedBars
from tapetrail.sources.tabular.cells import TimeKind
from tapetrail.sources.tabular.frames import tables_of
from tapetrail.sources.tabular.raw import RawColumns, parse_columns
from tapetrail.sources.tabular.tables import Table

PLACE: Final = "bars"
FORMAT: Final = "tapetrail-posted-bars/1"
COLUMNS: Final = "opened_at,open,high,low,close,volume"
_HEAD: Final = re.compile(rf"{re.escape(FORMAT)} timeframe=(\S+) adjustment=(.+)")
_NAMES: Final = ("time", *COLUMNS.split(",")[1:])
ROWS_LEAST: Final = 3
"""Fewer bars have no usual span between them."""
SPAN_RANGE: Final = (0.6, 1.7)
"""How far the usual step between bars may be from their span, as a share of it: months differ."""
LABEL_AHEAD: Final = timedelta(days=1)
_UNITS_S: Final = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "mo": 30 * 86400}
_SPAN_NAMES: Final = (("mo", "month"), ("w", "week"), ("d", "day"), ("h", "hour"), ("m", "minute"))


def posted_bars(frame: object, *, timeframe: str, adjustment: str, now: datetime) -> PostedBars:
    """Return the bars in a frame as text, oldest first.

    Raises `InvalidInput` (`bad_bars`) naming the row: for times without a zone that are no dates,
    for two bars of one time, for a price that is missing or that high and low do not hold, for bars
    that are further apart, or closer, than `timeframe` says, and for one that begins after `now`.
    """
    tables = _tables_of(frame)
    if len(tables) != 1:
        raise _bad(f"{PLACE}: of {len(tables)} symbols; log those of one")
    raw = _in_order(parse_columns(tables[0]))
    _check_prices(raw)
    _check_span(raw, timeframe)
    _check_begun(raw, timeframe, now)
    texts = list(_time_texts(raw, timeframe))
    columns = (raw.open, raw.high, raw.low, raw.close, raw.volume)
    numbers = [_number_texts(column) for column in columns]
    lines = [",".join(fields) for fields in zip(texts, *numbers, strict=True)]
    head = f"{FORMAT} timeframe={timeframe} adjustment={adjustment}"
    days = raw.times.values.astype("datetime64[D]")
    return PostedBars(
        text="\n".join([head, COLUMNS, *lines, ""]).encode(),
        first_on=day_of(days[0]),
        last_on=day_of(days[-1]),
        bar_count=len(raw),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread:
    """What the text of bars says of itself."""

    bars: PostedBars
    timeframe: str
    adjustment: str


def reread_bars(content: bytes, *, now: datetime) -> Reread:
    """Return what a text of bars holds, read anew.

    Raises `InvalidInput` for any text but the one that `posted_bars` would write of the same bars.
    """
    head, _, rest = content.decode("utf-8", "replace").partition("\n")
    said = _HEAD.fullmatch(head)
    columns, *lines = rest.split("\n")
    if said is None or columns != COLUMNS or not lines or lines.pop():
        raise _bad(f"{PLACE}: not a text of {FORMAT}")
    rows = [dict(zip(_NAMES, map(_cell, line.split(",")), strict=False)) for line in lines]
    timeframe, adjustment = said.groups()
    found = posted_bars(rows, timeframe=timeframe, adjustment=adjustment, now=now)
    if found.text != content:
        raise _bad(f"{PLACE}: not as {FORMAT} writes them")
    return Reread(bars=found, timeframe=timeframe, adjustment=adjustment)


def _cell(text: str) -> str | float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return text


def _tables_of(frame: object) -> Sequence[Table]:
    try:
        return tables_of(frame, place=PLACE)
    except InvalidInput as error:
        # What follows is about the headings of strategy files.
        said, _, hint = error.message.partition("; if a heading means")
        if not hint:
            raise
        raise InvalidInput(f"{said}; rename the columns to these", kind=error.kind) from error


def _in_order(raw: RawColumns) -> RawColumns:
    """Return the rows oldest first, where they are in that order or in the reverse one."""
    steps = np.diff(raw.times.values)
    none = np.timedelta64(0, "us")
    if len(steps) and bool(np.all(steps < none)):
        return raw.take(range(len(raw) - 1, -1, -1))
    wrong = np.flatnonzero(steps <= none)
    if len(wrong):
        at = int(wrong[0]) + 1
        raise _bad(
            f"{raw.where(at)}: {raw.times.values[at]} after {raw.times.values[at - 1]}; bars come"
            " in the order of their times, each once"
        )
    return raw


def _check_prices(raw: RawColumns) -> None:
    for name, column in (("open", raw.open), ("high", raw.high), ("low", raw.low),
                         ("close", raw.close)):  # fmt: skip
        missing = np.flatnonzero(~np.isfinite(column))
        if len(missing):
            raise _bad(f"{raw.where(int(missing[0]))}: {name} is missing")
    outside = (
        (raw.high < np.maximum(raw.open, raw.close))
        | (raw.low > np.minimum(raw.open, raw.close))
        | (raw.high < raw.low)
    )
    wrong = np.flatnonzero(outside)
    if len(wrong):
        at = int(wrong[0])
        raise _bad(
            f"{raw.where(at)}: open {raw.open[at]}, high {raw.high[at]}, low {raw.low[at]}, close"
            f" {raw.close[at]}; open and close lie between low and high"
        )
    negative = np.flatnonzero(raw.volume < 0)
    if len(negative):
        raise _bad(f"{raw.where(int(negative[0]))}: volume {raw.volume[negative[0]]} is below 0")


def _check_span(raw: RawColumns, timeframe: str) -> None:
    """Refuse bars whose usual step is another span than is said: weeks are no days."""
    if len(raw) < ROWS_LEAST - 1:
        return
    step_s = float(np.median(np.diff(raw.times.values)) / np.timedelta64(1, "s"))
    stated_s = span_s(timeframe)
    low, high = SPAN_RANGE
    # Between two bars may lie a weekend; none are closer than they are long.
    is_too_far = step_s > high * stated_s and len(raw) >= ROWS_LEAST
    if step_s < low * stated_s or is_too_far:
        raise _bad(
            f"{PLACE}: usually {_span_words(step_s)} apart, and timeframe {timeframe}; say the one"
            " that they are of"
        )


def _check_begun(raw: RawColumns, timeframe: str, now: datetime) -> None:
    """Refuse bars of a time that is still to come: a date in them is wrong.

    A label may stand at the end of its bar, and its day begins earlier in the east.
    """
    ahead = timedelta(seconds=span_s(timeframe)) + LABEL_AHEAD
    newest = raw.times.values[-1]
    if newest > instant_of(now + ahead):
        raise _bad(
            f"{raw.where(len(raw) - 1)}: {newest}, and it is {now.isoformat(timespec='seconds')};"
            " nobody knows that bar yet"
        )


def span_s(timeframe: str) -> int:
    """Return how many seconds a bar spans; a month counts as 30 days."""
    digits = timeframe.rstrip("mohdw")
    return int(digits) * _UNITS_S[timeframe[len(digits) :]]


def _span_words(seconds: float) -> str:
    for unit, name in _SPAN_NAMES:
        if seconds >= _UNITS_S[unit] * 0.9:
            number = round(seconds / _UNITS_S[unit], 1)
            return f"{number:g} {name}{'' if number == 1 else 's'}"
    return f"{seconds:g} seconds"


def _time_texts(raw: RawColumns, timeframe: str) -> Iterator[str]:
    """Yield dates where the times are dates, and instants in UTC where they are instants."""
    values = raw.times.values
    days = values.astype("datetime64[D]")
    is_days = raw.times.kind is not TimeKind.INSTANT and bool(np.all(values == days))
    is_intraday = timeframe.endswith(("m", "h"))
    if is_days and not is_intraday:
        yield from (str(day) for day in days)
    elif raw.times.kind is TimeKind.INSTANT:
        yield from _instant_texts(values)
    else:
        raise _bad(
            f"{raw.where(0)}: {values[0]} is a time without a zone; say which, as pandas does with"
            " tz_localize('America/New_York')"
        )


def _instant_texts(values: Instants) -> Iterator[str]:
    seconds = values.astype("datetime64[s]")
    if not bool(np.all(values == seconds)):
        raise _bad(f"{PLACE}: a bar opens within a second; expected whole ones")
    return (f"{text}Z" for text in np.datetime_as_string(seconds, unit="s").tolist())


def _number_texts(column: Floats) -> list[str]:
    texts = map(repr, column.tolist())
    return [
        ""
        if text == "nan"
        else float_text(float(text))
        if _is_odd(text)
        else text.removesuffix(".0")
        for text in texts
    ]


def _is_odd(text: str) -> bool:
    return "e" in text or text.startswith("-0")


def _bad(message: str) -> InvalidInput:
    return InvalidInput(message, kind=ErrorKind.BAD_BARS)
