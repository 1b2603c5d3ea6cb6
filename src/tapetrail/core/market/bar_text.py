"""The canonical text of bars, `tapetrail-bars/1`: what is stored, hashed and readable for good.

Line 1 names the format and what the numbers mean, line 2 the columns, then one line a bar, oldest
first. Symbol, source and `available_at` are left out, so that equal bars from two vendors have
equal bytes. The text is canonical: one set of bars has exactly one text, and `parse_bars_text`
refuses every other spelling of it.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import zip_longest
from typing import Final, TypeAlias, TypedDict

import numpy as np

from tapetrail.core.canonical import float_text
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import (
    Adjustment,
    Bars,
    Days,
    Floats,
    Instants,
    Ohlcv,
    SessionHours,
    Timeframe,
    broken_price_rule,
)

COLUMNS_LINE: Final = "session,open,high,low,close,volume,complete"
_HEADER: Final = re.compile(
    r"tapetrail-bars/1 timeframe=([!-~]+) adjustment=([!-~]+) session=([!-~]+)"
    r" currency=([!-~]+) volume_unit=([!-~]+)"
)
_FIRST_BAR_LINE: Final = 3
_FIELDS: Final = 7
# repr() writes numbers outside these bounds with an exponent.
_PLAIN_FROM: Final = 1e-4
_PLAIN_BELOW: Final = 1e16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SessionSpans:
    """Where bars of a day or longer lie: their first and last scheduled session, shape (n,)."""

    first_on: Days
    last_on: Days


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Openings:
    """Where intraday bars lie: the UTC instants at which they open, shape (n,), whole seconds."""

    opened_at: Instants


Places: TypeAlias = SessionSpans | Openings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BarsText:
    """What the text of bars says, and no more: it holds no availability and no source."""

    numbers: Ohlcv
    places: Places


def bars_text(bars: Bars) -> bytes:
    """Return the canonical bytes of `bars`; their SHA-256 is the bars digest.

    Prices and volumes are the shortest decimals that read back as the same float64. Raises
    `InvalidInput` for an intraday bar that does not open on a whole second.
    """
    return parsed_text(BarsText(numbers=bars, places=_places(bars)))


def parsed_text(text: BarsText) -> bytes:
    """Return the canonical bytes of parsed bars: those that `parse_bars_text` was given."""
    columns = text.numbers
    header = (
        f"tapetrail-bars/1 timeframe={columns.timeframe} adjustment={columns.adjustment}"
        f" session={columns.hours} currency={columns.currency} volume_unit={columns.volume_unit}"
        f"\n{COLUMNS_LINE}\n"
    )
    numbers = np.stack(
        (columns.open, columns.high, columns.low, columns.close, columns.volume), axis=1
    )
    fields = [""] * (_FIELDS * len(columns))
    fields[0::_FIELDS] = _place_texts(text)
    texts = _number_texts(numbers)
    for column in range(5):
        fields[column + 1 :: _FIELDS] = texts[column::5]
    fields[6::_FIELDS] = map(str, columns.complete.view(np.uint8).tolist())
    # One format string for all bars: a call per bar would cost more than all the numbers.
    body = "%s,%s,%s,%s,%s,%s,%s\n" * len(columns) % tuple(fields)
    return (header + body.replace(".0,", ",").replace(",nan,", ",,")).encode()


def parse_bars_text(content: bytes) -> BarsText:
    """Return what canonical bars text holds.

    Raises `InvalidInput`, naming the line, for text that is not of this format, for bars that
    break a rule of prices or of time, and for any spelling but the canonical one.
    """
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError as error:
        raise _refused(content.count(b"\n", 0, error.start) + 1, "not UTF-8") from error
    words = _parse_header(lines)
    rows = [_parse_row(line, number) for number, line in enumerate(lines[2:-1], _FIRST_BAR_LINE)]
    numbers = np.array([row[1] for row in rows], dtype=np.float64).reshape(-1, 5)
    columns = Ohlcv(
        **words,
        open=numbers[:, 0],
        high=numbers[:, 1],
        low=numbers[:, 2],
        close=numbers[:, 3],
        volume=numbers[:, 4],
        complete=np.array([row[2] for row in rows], dtype=np.bool_),
    )
    places = _parse_places([row[0] for row in rows], columns.timeframe)
    text = BarsText(numbers=columns, places=places)
    _check_prices(columns)
    _check_order(places)
    _check_canonical(text, lines)
    return text


def _places(bars: Bars) -> Places:
    if bars.timeframe.is_intraday:
        return Openings(opened_at=bars.opened_at)
    return SessionSpans(first_on=bars.first_on, last_on=bars.last_on)


def _place_texts(text: BarsText) -> list[str]:
    places = text.places
    if isinstance(places, Openings):
        seconds = places.opened_at.astype("datetime64[s]")
        if not bool(np.all(seconds == places.opened_at)):
            odd = places.opened_at[int(np.argmax(seconds != places.opened_at))]
            raise InvalidInput(
                f"bar {odd}: an intraday bar opens on a whole second", kind=ErrorKind.BAD_BARS
            )
        return [f"{second}Z" for second in seconds.astype(str).tolist()]
    last: list[str] = places.last_on.astype(str).tolist()
    if text.numbers.timeframe.lies_in_one_session:
        return last
    first: list[str] = places.first_on.astype(str).tolist()
    return [f"{begins}..{ends}" for begins, ends in zip(first, last, strict=True)]


def _number_texts(numbers: Floats) -> list[str]:
    """Return the texts of an (n, 5) table row by row, whole numbers still with their `.0`."""
    sizes = np.abs(numbers)
    has_exponent = (sizes >= _PLAIN_BELOW) | ((sizes < _PLAIN_FROM) & (sizes > 0))
    # Adding zero turns -0.0, which has no canonical text, into 0.0.
    texts = list(map(repr, (numbers + 0.0).ravel().tolist()))
    for at in np.flatnonzero(has_exponent).tolist():
        texts[at] = float_text(float(numbers.flat[at]))
    return texts


class _Words(TypedDict):
    timeframe: Timeframe
    adjustment: Adjustment
    hours: SessionHours
    currency: str
    volume_unit: str


def _parse_header(lines: list[str]) -> _Words:
    """Return what the first two lines say of the numbers that follow."""
    match = _HEADER.fullmatch(lines[0])
    if match is None:
        raise _refused(1, f"expected 'tapetrail-bars/1 timeframe=...', found {lines[0][:80]!r}")
    if lines[1:2] != [COLUMNS_LINE]:
        raise _refused(2, f"expected {COLUMNS_LINE!r}, found {lines[1:2]}")
    try:
        return _Words(
            timeframe=Timeframe.parse(match[1]),
            adjustment=Adjustment(match[2]),
            hours=SessionHours(match[3]),
            currency=match[4],
            volume_unit=match[5],
        )
    except (ValueError, InvalidInput) as error:
        raise _refused(1, str(error)) from error


def _parse_row(line: str, number: int) -> tuple[str, list[float], bool]:
    """Return the place, the five numbers and whether the bar is complete."""
    fields = line.split(",")
    if len(fields) != _FIELDS or fields[6] not in {"0", "1"}:
        raise _refused(number, f"expected {COLUMNS_LINE!r} with complete 0 or 1, found {line!r}")
    try:
        prices = [float(field) for field in fields[1:5]]
        volume = float(fields[5]) if fields[5] else float("nan")
    except ValueError as error:
        raise _refused(number, f"{error}, in {line!r}") from error
    return fields[0], [*prices, volume], fields[6] == "1"


def _parse_places(texts: list[str], timeframe: Timeframe) -> Places:
    if timeframe.is_intraday:
        opened = [_parse_opening(text, at) for at, text in enumerate(texts, _FIRST_BAR_LINE)]
        return Openings(opened_at=np.array(opened, dtype="datetime64[us]"))
    spans = [
        _parse_span(f"{text}..{text}" if timeframe.lies_in_one_session else text, at)
        for at, text in enumerate(texts, _FIRST_BAR_LINE)
    ]
    days = np.array(spans, dtype="datetime64[D]").reshape(-1, 2)
    return SessionSpans(first_on=days[:, 0], last_on=days[:, 1])


def _parse_opening(text: str, number: int) -> datetime:
    try:
        opened = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise _refused(number, f"opening {text!r}: expected 2026-11-20T14:30:00Z") from error
    return opened.replace(tzinfo=None)


def _parse_span(text: str, number: int) -> tuple[date, date]:
    first, _, last = text.partition("..")
    try:
        span = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError as error:
        raise _refused(number, f"session {text!r}: {error}") from error
    if span[0] > span[1]:
        raise _refused(number, f"session {text!r}: ends before it begins")
    return span


def _check_prices(columns: Ohlcv) -> None:
    broken = broken_price_rule(
        (columns.open, columns.high, columns.low, columns.close), columns.volume
    )
    if broken is not None:
        at, rule = broken
        raise _refused(at + _FIRST_BAR_LINE, f"breaks the rule that {rule}")


def _check_order(places: Places) -> None:
    if isinstance(places, Openings):
        late = places.opened_at[1:] <= places.opened_at[:-1]
    else:
        late = places.first_on[1:] <= places.last_on[:-1]
    if late.any():
        at = int(np.argmax(late)) + 1
        raise _refused(at + _FIRST_BAR_LINE, "is not later than the bar in front of it")


def _check_canonical(text: BarsText, lines: list[str]) -> None:
    """Refuse what reads well but is written otherwise, such as `1.50` for `1.5`."""
    canonical = parsed_text(text).decode().split("\n")
    for number, (found, expected) in enumerate(zip_longest(lines, canonical), 1):
        if found != expected:
            raise _refused(number, f"canonical is {expected!r}, found {found!r}")


def _refused(line: int, reason: str) -> InvalidInput:
    return InvalidInput(f"bars text, line {line}: {reason}", kind=ErrorKind.BAD_BARS)
