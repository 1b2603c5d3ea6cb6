"""Delimited text as tables: comma, semicolon or tab, the first line naming the columns.

Where a strategy says so another line does, or none. Binance's monthly files name none and are known
by their form. The separator is the one that the first line holds most of. A row is called by its
line. Cells stay the text they are; `cells` and `numbers` say later what they mean.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.sources.tabular.cells import is_number_or_date
from tapetrail.sources.tabular.klines import KLINE, is_kline
from tapetrail.sources.tabular.layouts import PLAIN, Layout
from tapetrail.sources.tabular.tables import Table, split_by_level, split_by_symbol

_SEPARATORS: Final = ",;\t"
# What yfinance writes in front of the rows: fields, tickers, and the name of the index alone.
_LEVEL_LINES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    line: int
    fields: Sequence[str]


def parse_delimited(text: str, *, place: str, layout: Layout = PLAIN) -> tuple[Table, ...]:
    """Return the tables in delimited text, one for each symbol it tells apart.

    Raises `InvalidInput` naming the line for a first line that does not name columns, for a row
    with more or fewer fields than names and for broken quotes.
    """
    layout.refuse(["sheet"], place=place, kind="delimited text")
    records = _records(text, place=place, layout=layout)
    if not records:
        raise InvalidInput(f"{place}: holds nothing but blank lines", kind=ErrorKind.NO_BARS)
    levels = _level_lines(records)
    if levels is not None:
        body = _table(records[2].fields, records[_LEVEL_LINES:], place=place, layout=layout)
        pairs = list(zip(levels[0].fields, levels[1].fields, strict=True))
        index = (records[2].fields[0], "")
        return split_by_level(
            body, [index, *pairs[1:]], level_names=(levels[0].fields[0], levels[1].fields[0])
        )
    names, rows = _headed(records, place=place, layout=layout)
    return split_by_symbol(_table(names, rows, place=place, layout=layout))


def _headed(
    records: Sequence[_Record], *, place: str, layout: Layout
) -> tuple[Sequence[str], Sequence[_Record]]:
    """Return the names of the columns, and the rows: all records where none of them names any."""
    header = records[0]
    if layout.header is None and is_kline(header.fields):
        return KLINE, records
    if not layout.has_headings:
        return [f"column {at + 1}" for at in range(len(header.fields))], records
    odd = next(filter(is_number_or_date, header.fields), None)
    if odd is not None:
        raise _refused(
            f"{place}, line {header.line}: expected the names of columns, found {odd!r}; where no"
            " line names them, add to `data`: `header: none` and the number of each column:"
            " `columns: {time: 1, open: 2, high: 3, low: 4, close: 5}`"
        )
    return header.fields, records[1:]


def _records(text: str, *, place: str, layout: Layout) -> list[_Record]:
    """Return the lines that are not blank, as fields, from the layout's first line on."""
    before = layout.first_line - 1
    lines = list(io.StringIO(text, newline=""))[before:]
    first = next((line for line in lines if line.strip()), "")
    if layout.header is not None and layout.has_headings and lines[:1] != [first]:
        raise _refused(f"{place}, line {before + 1}: expected the names of columns, found nothing")
    separator = max(_SEPARATORS, key=first.count)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        records = [
            _Record(line=reader.line_num + before, fields=fields)
            for fields in reader
            if any(map(str.strip, fields))
        ]
    except csv.Error as error:
        raise _refused(f"{place}, line {reader.line_num + before}: {error}") from error
    for record in records:
        if len(record.fields) != len(records[0].fields):
            raise _refused(
                f"{place}, line {record.line}: {len(record.fields)} fields, but line"
                f" {records[0].line} names {len(records[0].fields)} columns, separated by"
                f" {separator!r}; a decimal comma would do that, and so would lines before the"
                " names of columns, whose line is said in `data` by `header: 3`"
            )
    return records


def _level_lines(records: Sequence[_Record]) -> tuple[_Record, _Record] | None:
    """Return the two lines of field and ticker names, None where one line names the columns."""
    if len(records) < _LEVEL_LINES:
        return None
    first, second, third = records[:_LEVEL_LINES]
    is_both = {first.fields[0].casefold(), second.fields[0].casefold()} == {"price", "ticker"}
    return (first, second) if is_both and not any(third.fields[1:]) else None


def _table(names: Sequence[str], rows: Sequence[_Record], *, place: str, layout: Layout) -> Table:
    if not rows:
        raise InvalidInput(f"{place}: holds no rows", kind=ErrorKind.NO_BARS)
    return Table(
        place=place,
        names=tuple(names),
        columns=tuple(zip(*(row.fields for row in rows), strict=True)),
        rows=[row.line for row in rows],
        row_word="line",
        layout=layout,
    )


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, kind=ErrorKind.BAD_BARS)
