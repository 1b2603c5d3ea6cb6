"""Plain tables of values: lists of rows, and mappings of columns or of rows by time.

A row is a mapping, a list of CCXT's six values or of Binance's twelve, or a bar object.
"""

from typing import Final, cast

from tapetrail.sources.tabular.columns import field_named, names_prices
from tapetrail.sources.tabular.klines import KLINE, is_kline
from tapetrail.sources.tabular.tables import Stated, Table, table_of_records
from tapetrail.sources.tabular.values import (
    Document,
    List,
    as_document,
    as_list,
    listed,
    no_rows,
    refused,
    rows_of,
    unknown,
)

CCXT_ROW: Final = ("time", "open", "high", "low", "close", "volume")
_BAR_FIELDS: Final = ("date", "open", "high", "low", "close", "volume")
SPLIT_KEYS: Final = frozenset({"columns", "index", "data"})
# Interactive Brokers sends -1 where a kind of price, such as a midpoint, has no volume.
_NO_VOLUME: Final = -1


def has_rows_by_time(document: Document) -> bool:
    """Return whether each value is a row of its own: names of prices, and cells."""
    row = as_document(next(iter(document.values()), None)) or {}
    return names_prices(row) and not any(map(_holds_cells, row.values()))


def table_of_split(document: Document, *, place: str) -> Table:
    """Return what pandas writes with `orient="split"`: names, index and rows apart."""
    names = tuple(map(str, rows_of(document, "columns", place=place)))
    index = rows_of(document, "index", place=place)
    rows = [as_list(row) or () for row in rows_of(document, "data", place=place)]
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise refused(f"{place}, row {number}: {len(row)} values for {len(names)} columns")
    return Table(
        place=place,
        names=("index", *names),
        columns=(index, *([row[at] for row in rows] for at in range(len(names)))),
        rows=range(1, len(rows) + 1),
    )


def table_of_columns(document: Document, *, place: str) -> Table:
    """Return a mapping of names to columns, each a list, or a mapping from the index to cells."""
    indexed = [as_document(column) for column in document.values()]
    fields = [column for name, column in zip(document, indexed, strict=True) if field_named(name)]
    by_key = [column for column in fields if column is not None]
    # A key that one column lacks is a missing cell there, and no row that is left out.
    index = [*dict.fromkeys(key for column in by_key for key in column)] if by_key else None
    columns: list[List] = []
    for (name, column), by_index in zip(document.items(), indexed, strict=True):
        cells = as_list(column) if by_index is None else [by_index.get(key) for key in index or ()]
        if cells is None:
            raise refused(f"{place}: column {name!r} is no list")
        columns.append(list(cells))
    names = tuple(document)
    if index is not None:
        names, columns = ("index", *names), [index, *columns]
    return Table(
        place=place, names=names, columns=tuple(columns), rows=range(1, len(columns[0]) + 1)
    )


def table_by_time(document: Document, *, place: str) -> Table:
    """Return the rows of a mapping from times to them."""
    rows = [{"index": time, **(as_document(row) or {})} for time, row in document.items()]
    return table_of_records(rows, place=place)


def table_of_list(rows: List, *, place: str, stated: Stated) -> Table:
    """Return the table of a list: of mappings, of six values each, or of bar objects."""
    if not rows:
        raise no_rows(place)
    if as_list(rows[0]) is not None and _bar_record(rows[0]) is None:
        return _table_of_lists(rows, place=place, stated=stated)
    records: list[Document] = []
    for number, row in enumerate(rows, 1):
        record = as_document(row) or _bar_record(row)
        if record is None:
            raise unknown(f"{place}, row {number}", f"a value of type {type(row).__name__}")
        records.append(record)
    return table_of_records(records, place=place, stated=stated)


def _table_of_lists(rows: List, *, place: str, stated: Stated) -> Table:
    values = [as_list(row) or () for row in rows]
    names = KLINE if is_kline(values[0]) else CCXT_ROW
    for number, row in enumerate(values, 1):
        if len(row) != len(names):
            raise refused(
                f"{place}, row {number}: {len(row)} values; a list without names holds"
                f" {listed(names)}"
            )
    return Table(
        place=place,
        names=names,
        columns=tuple([row[at] for row in values] for at in range(len(names))),
        rows=range(1, len(values) + 1),
        stated=stated,
    )


def _bar_record(bar: object) -> Document | None:
    """Return a bar object of ib_async, or of any client like it, as a record."""
    if not all(hasattr(bar, name) for name in _BAR_FIELDS[:-1]):
        return None
    record = {name: cast("object", getattr(bar, name, None)) for name in _BAR_FIELDS}
    return record if record["volume"] != _NO_VOLUME else record | {"volume": None}


def _holds_cells(value: object) -> bool:
    return as_document(value) is not None or as_list(value) is not None
