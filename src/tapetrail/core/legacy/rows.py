"""Rows of the predecessor as its database writes them in JSON, and what single values say.

Nothing is repaired: what is none of a kind is None, and stands in the row's own text, which is
kept.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Final, cast

from tapetrail.core.canonical import FieldValue, decimal_text, storable, storable_text
from tapetrail.core.errors import InvalidInput
from tapetrail.core.legacy.columns import COLUMNS, Table
from tapetrail.core.recording.again import id_of

DEPTH_MAX: Final = 100
"""How deep JSON may be nested: nothing that means anything is deeper."""
DIGITS_MAX: Final = 15
EXPONENT_MAX: Final = 100
PRICE_DIGITS_MAX: Final = 30
PRICE_EXPONENT_MAX: Final = 25
NAME_CHARS_MAX: Final = 200
MILLISECOND: Final = 1000
_END_OF_IDS_MS: Final = 1 << 48
_SPANS: Final = {
    **dict.fromkeys(("1d", "d", "1day", "1 day", "day", "daily"), "1d"),
    **dict.fromkeys(("1w", "w", "1wk", "1week", "1 week", "week", "weekly"), "1w"),
    **dict.fromkeys(("1mo", "mo", "1month", "1 month", "month", "monthly"), "1mo"),
}
_TIMEFRAME: Final = re.compile(r"[1-9][0-9]{0,3}(m|h|d|w|mo)", re.ASCII)
_WHOLE: Final = re.compile(r"-?[0-9]{1,15}(\.0+)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: whose, which, its text as it came, and its columns by their names in small letters.

    `symbol` is the one that its decision is about, and `execution` the run that it belongs to, None
    where there is none.
    """

    table: Table
    id: str
    symbol: str
    execution: str | None
    text: str
    columns: Mapping[str, FieldValue]

    def value(self, name: str) -> FieldValue:
        """Return what a column says, by whichever of its names."""
        names = COLUMNS[self.table][name]
        return next(
            (found for each in names if (found := self.columns.get(each)) is not None), None
        )

    def stated(self, name: str) -> str | None:
        """Return a text that says something; a number is written out."""
        value = self.value(name)
        text = value if isinstance(value, str) else number_text(value)
        return storable_text(text) if text is not None and text.strip() else None

    def label(self, name: str) -> str | None:
        """Return a short text on one line, None for any other."""
        text = (self.stated(name) or "").strip()
        return text if text.isprintable() and 0 < len(text) <= NAME_CHARS_MAX else None

    def number(self, name: str) -> Decimal | None:
        """Return a finite number."""
        return number_of(self.value(name))

    def within(self, name: str, least: int, most: int | None = None) -> Decimal | None:
        """Return a number from `least` on, up to `most`; None for another."""
        found = self.number(name)
        is_within = found is not None and found >= least and (most is None or found <= most)
        return found if is_within else None

    def whole(self, name: str, least: int) -> int | None:
        """Return a whole number from `least` on."""
        text = number_text(self.value(name)) or ""
        found = int(Decimal(text)) if _WHOLE.fullmatch(text) else None
        return found if found is not None and found >= least else None

    def instant(self, name: str, zone: tzinfo) -> datetime | None:
        """Return an instant in UTC; a time without a zone is one of `zone`."""
        return instant_of(self.value(name), zone)

    def day(self, name: str) -> date | None:
        """Return the date that a time or a date names, where it was written."""
        found = _time_of(self.value(name))
        return None if found is None else found.date()

    def document(self, name: str) -> FieldValue:
        """Return JSON, also where it stands in a text."""
        value = self.value(name)
        if isinstance(value, str):
            try:
                value = _parsed(value)
            except InvalidInput:
                return storable_text(str(value))
        return storable(value)

    def members(self, name: str) -> Mapping[str, FieldValue] | None:
        """Return a JSON object; what is none stands in one, under `value`."""
        found = self.document(name)
        if found is None:
            return None
        return found if isinstance(found, Mapping) else {"value": found}

    def items(self, name: str) -> Sequence[FieldValue] | None:
        """Return a JSON list; what is none is the one member of one."""
        found = self.document(name)
        is_list = isinstance(found, Sequence) and not isinstance(found, str)
        return cast("Sequence[FieldValue]", found) if found is None or is_list else [found]

    def left(self, *named: str) -> dict[str, FieldValue]:
        """Return what no row of ours has a column for: those unknown here, and those named."""
        of_table = COLUMNS[self.table]
        known = {each for name, names in of_table.items() if name not in named for each in names}
        return {
            storable_text(name): storable(value)
            for name, value in self.columns.items()
            if name not in {*known, "id"} and value is not None
        }


def parse_row(
    table: Table, number: str, text: str, *, symbol: str = "", execution: str | None = None
) -> Row:
    """Return the row that a text is. Raises `InvalidInput` for JSON that is nested too deep."""
    found = _parsed(text)
    if not isinstance(found, Mapping):
        raise InvalidInput(f"{table} {number}: no row, but {text[:40]!r}")
    columns: dict[str, FieldValue] = {}
    for name, value in found.items():
        if columns.get(name.lower()) is None:
            columns[name.lower()] = value
    return Row(
        table=table, id=number, symbol=symbol, execution=execution, text=text, columns=columns
    )


def legacy_id(source: str, what: str, at: datetime) -> str:
    """Return the id of a row that an import gives it, always the same one."""
    return id_of(instant_ms(at), f"legacy {source} {what}")


def instant_ms(at: datetime) -> int:
    """Return an instant as ids have it: whole milliseconds from 1970 on."""
    found = int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * MILLISECOND)
    return min(max(found, 0), _END_OF_IDS_MS - 1)


def instant_of(value: FieldValue, zone: tzinfo) -> datetime | None:
    """Return the instant that a text names, in UTC; one without a zone is of `zone`."""
    found = _time_of(value)
    if found is None:
        return None
    try:
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        return None


def number_of(value: FieldValue) -> Decimal | None:
    """Return a finite number of a size that means something, also where it stands in a text."""
    text = number_text(value)
    if text is None:
        return None
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        return None
    if not found.is_finite() or abs(found.adjusted()) > PRICE_EXPONENT_MAX:
        return None
    is_short = len(found.as_tuple().digits) <= PRICE_DIGITS_MAX
    return Decimal(decimal_text(found)) if is_short else None


def number_text(value: FieldValue) -> str | None:
    """Return a number, or a text, as text; None for anything else."""
    is_number = isinstance(value, str | int | Decimal) and not isinstance(value, bool)
    return str(value) if is_number else None


def timeframe_of(text: str | None, kind: str | None = None) -> str | None:
    """Return a span as `1d`, from how it is written or from the `kind` of chart; None without.

    A month was written as a minute is; the kind of chart tells them apart.
    """
    word, named = (text or "").strip().lower(), _SPANS.get((kind or "").strip().lower())
    found = _SPANS.get(word) or (word if _TIMEFRAME.fullmatch(word) else named)
    return named if found == "1m" and named == "1mo" else found


def conid_of(rows: Iterable[Row]) -> int | None:
    """Return the conid that rows state, None where they state none or several."""
    tables = {Table.CHARTS, Table.SIGNALS, Table.CACHE}
    found = {row.whole("conid", 1) for row in rows if row.table in tables} - {None}
    return found.pop() if len(found) == 1 else None


def _time_of(value: FieldValue) -> datetime | None:
    try:
        return datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return None


def _parsed(text: str) -> FieldValue:
    """Return JSON with exact numbers; those of no sensible size, and NaN, stay text."""
    try:
        found = cast(
            "FieldValue",
            json.loads(text, parse_float=_float_member, parse_int=_int_member, parse_constant=str),
        )
    except ValueError as error:
        raise InvalidInput(f"JSON: {error}") from error
    except RecursionError as error:
        raise InvalidInput("JSON: it is nested too deep") from error
    if _depth(found) > DEPTH_MAX:
        raise InvalidInput(f"JSON: it is nested more than {DEPTH_MAX} deep")
    return found


def _int_member(text: str) -> FieldValue:
    return int(text) if len(text) <= DIGITS_MAX else text


def _float_member(text: str) -> FieldValue:
    found = Decimal(text)
    is_sensible = len(text) <= EXPONENT_MAX and abs(found.adjusted()) <= EXPONENT_MAX
    return found if is_sensible else text


def _depth(value: FieldValue) -> int:
    """Return how many levels JSON has, level by level: it may be deeper than calls can be."""
    level, depth = [value], 0
    while level:
        depth += 1
        level = [
            member
            for each in level
            if isinstance(each, Mapping | list)
            for member in (each.values() if isinstance(each, Mapping) else each)
        ]
    return depth
