"""Bars as plain Python values, as JSON and the clients of providers deliver them, read as tables.

Known are lists of mappings, of bar objects, of CCXT rows and of Binance's; mappings of columns, of
rows by time and of symbols; and the documents of Alpaca, Polygon, Alpha Vantage and IBKR's Client
Portal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias, cast

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.market.bars import Adjustment
from tapetrail.sources.tabular.columns import field_named, names_prices
from tapetrail.sources.tabular.klines import KLINE, is_kline
from tapetrail.sources.tabular.layouts import PLAIN, Layout
from tapetrail.sources.tabular.tables import Stated, Table, split_by_symbol, table_of_records

Document: TypeAlias = Mapping[str, object]
List: TypeAlias = Sequence[object]

TEXT_KEYS: Final = ("header", "decimal", "sheet")
"""What a strategy may say of text and of sheets alone."""
CCXT_ROW: Final = ("time", "open", "high", "low", "close", "volume")
_BAR_FIELDS: Final = ("date", "open", "high", "low", "close", "volume")
_SPLIT_KEYS: Final = frozenset({"columns", "index", "data"})
_TIME_SERIES: Final = "time series"
# Interactive Brokers sends -1 where a kind of price, such as a midpoint, has no volume.
_NO_VOLUME: Final = -1
_SHOWN_MAX: Final = 10


def tables_of_values(data: object, *, place: str, layout: Layout = PLAIN) -> tuple[Table, ...]:
    """Return the tables that plain Python values hold, one for each symbol they tell apart.

    Raises `InvalidInput` for a shape that is none of the known ones and for no rows at all.
    """
    layout.refuse(TEXT_KEYS, place=place, kind="no text of lines")
    document, rows = _document(data), _list(data)
    if document is not None:
        return _tables_of_document(document, place=place, layout=layout)
    if rows is not None:
        table = _table_of_list(rows, place=place, stated=Stated())
        return split_by_symbol(replace(table, layout=layout))
    raise _unknown(place, f"a value of type {type(data).__name__}")


def _tables_of_document(document: Document, *, place: str, layout: Layout) -> tuple[Table, ...]:
    """Return the tables of a mapping, which its keys tell apart."""
    bars = _document(document.get("bars"))
    table = None if bars is not None else _table_of_document(document, place=place)
    if table is not None:
        return split_by_symbol(replace(table, layout=layout))
    found = _tables_by_symbol(document if bars is None else bars, place=place)
    return tuple(replace(table, layout=layout) for table in found)


def _tables_by_symbol(document: Document, *, place: str) -> tuple[Table, ...]:
    """Return the tables of a mapping from symbols to rows, those without any rows left out."""
    tables: list[Table] = []
    for symbol, held in document.items():
        if held is None or held == []:
            continue
        rows, inner, where = _list(held), _document(held) or {}, f"{place}, {symbol}"
        table = (
            _table_of_document(inner, place=where)
            if rows is None
            else _table_of_list(rows, place=where, stated=Stated())
        )
        if table is None:
            raise _unknown(place, f"a mapping with the keys {_listed(document)}")
        tables.append(replace(table, stated=replace(table.stated, symbol=symbol)))
    if not tables:
        raise _no_rows(place)
    return tuple(tables)


def _table_of_document(document: Document, *, place: str) -> Table | None:
    """Return the table of a mapping that holds one, None if its keys are none of the known ones."""
    for known, read in (
        ("bars" in document, _table_of_alpaca),
        (bool(_time_series_keys(document)), _table_of_alpha_vantage),
        ("results" in document, _table_of_polygon),
        (document.keys() >= _SPLIT_KEYS, _table_of_split),
        ("data" in document, _table_of_client_portal),
        (names_prices(document), _table_of_columns),
        (_has_rows_by_time(document), _table_by_time),
    ):
        if known:
            return read(document, place=place)
    return None


def _time_series_keys(document: Document) -> list[str]:
    return [key for key in document if key.casefold().startswith(_TIME_SERIES)]


def _has_rows_by_time(document: Document) -> bool:
    """Return whether each value is a row of its own: names of prices, and cells."""
    row = _document(next(iter(document.values()), None)) or {}
    return names_prices(row) and not any(map(_holds_cells, row.values()))


def _table_of_alpha_vantage(document: Document, *, place: str) -> Table:
    about = _document(document.get("Meta Data")) or {}
    symbols = [str(value) for key, value in about.items() if key.casefold().endswith("symbol")]
    rows = _document(document[_time_series_keys(document)[0]])
    if rows is None:
        raise _unknown(place, f"a mapping with the keys {_listed(document)}")
    table = _table_by_time(rows, place=place)
    return replace(table, stated=Stated(symbol=next(iter(symbols), None)))


def _table_of_alpaca(document: Document, *, place: str) -> Table:
    stated = Stated(symbol=_text(document, "symbol"))
    return _table_of_list(_rows(document, "bars", place=place), place=place, stated=stated)


def _table_of_polygon(document: Document, *, place: str) -> Table:
    adjusted = document.get("adjusted")
    stated = Stated(
        symbol=_text(document, "ticker"),
        # Polygon adjusts for splits alone.
        adjustment={True: Adjustment.SPLIT, False: Adjustment.RAW}.get(adjusted)
        if isinstance(adjusted, bool)
        else None,
    )
    return _table_of_list(_rows(document, "results", place=place), place=place, stated=stated)


def _table_of_client_portal(document: Document, *, place: str) -> Table:
    """Return IBKR's rows. `priceFactor` scales its summary texts; the rows' prices are prices."""
    stated = Stated(
        symbol=_text(document, "symbol"), volume_factor=_factor(document, "volumeFactor", place)
    )
    return _table_of_list(_rows(document, "data", place=place), place=place, stated=stated)


def _table_of_split(document: Document, *, place: str) -> Table:
    """Return what pandas writes with `orient="split"`: names, index and rows apart."""
    names = tuple(map(str, _rows(document, "columns", place=place)))
    index = _rows(document, "index", place=place)
    rows = [_list(row) or () for row in _rows(document, "data", place=place)]
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise _refused(f"{place}, row {number}: {len(row)} values for {len(names)} columns")
    return Table(
        place=place,
        names=("index", *names),
        columns=(index, *([row[at] for row in rows] for at in range(len(names)))),
        rows=range(1, len(rows) + 1),
    )


def _table_of_columns(document: Document, *, place: str) -> Table:
    """Return a mapping of names to columns, each a list, or a mapping from the index to cells."""
    indexed = [_document(column) for column in document.values()]
    fields = [column for name, column in zip(document, indexed, strict=True) if field_named(name)]
    by_key = [column for column in fields if column is not None]
    # A key that one column lacks is a missing cell there, and no row that is left out.
    index = [*dict.fromkeys(key for column in by_key for key in column)] if by_key else None
    columns: list[List] = []
    for (name, column), by_index in zip(document.items(), indexed, strict=True):
        cells = _list(column) if by_index is None else [by_index.get(key) for key in index or ()]
        if cells is None:
            raise _refused(f"{place}: column {name!r} is no list")
        columns.append(list(cells))
    names = tuple(document)
    if index is not None:
        names, columns = ("index", *names), [index, *columns]
    return Table(
        place=place, names=names, columns=tuple(columns), rows=range(1, len(columns[0]) + 1)
    )


def _table_by_time(document: Document, *, place: str) -> Table:
    rows = [{"index": time, **(_document(row) or {})} for time, row in document.items()]
    return table_of_records(rows, place=place)


def _table_of_list(rows: List, *, place: str, stated: Stated) -> Table:
    """Return the table of a list: of mappings, of six values each, or of bar objects."""
    if not rows:
        raise _no_rows(place)
    if _list(rows[0]) is not None and _bar_record(rows[0]) is None:
        return _table_of_lists(rows, place=place, stated=stated)
    records: list[Document] = []
    for number, row in enumerate(rows, 1):
        record = _document(row) or _bar_record(row)
        if record is None:
            raise _unknown(f"{place}, row {number}", f"a value of type {type(row).__name__}")
        records.append(record)
    return table_of_records(records, place=place, stated=stated)


def _table_of_lists(rows: List, *, place: str, stated: Stated) -> Table:
    values = [_list(row) or () for row in rows]
    names = KLINE if is_kline(values[0]) else CCXT_ROW
    for number, row in enumerate(values, 1):
        if len(row) != len(names):
            raise _refused(
                f"{place}, row {number}: {len(row)} values; a list without names holds"
                f" {_listed(names)}"
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


def _factor(document: Document, key: str, place: str) -> Decimal | None:
    value = document.get(key)
    if value is None:
        return None
    try:
        factor = Decimal(str(value))
    except InvalidOperation as error:
        raise _refused(f"{place}: {key} {value!r} is not a number") from error
    if not (factor.is_finite() and factor > 0):
        raise _refused(f"{place}: {key} {value} must be a number above 0")
    return factor


def _rows(document: Document, key: str, *, place: str) -> List:
    rows = _list(document.get(key))
    if rows is None:
        raise _refused(f"{place}: {key!r} is no list")
    return rows


def _text(document: Document, key: str) -> str | None:
    value = document.get(key)
    return value if isinstance(value, str) else None


def _document(value: object) -> Document | None:
    if not isinstance(value, Mapping):
        return None
    members = cast("Mapping[object, object]", value)
    return {str(key): member for key, member in members.items()}


def _list(value: object) -> List | None:
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        return cast("List", value)
    return None


def _holds_cells(value: object) -> bool:
    return _document(value) is not None or _list(value) is not None


def _listed(words: Sequence[str] | Document) -> str:
    shown = list(words)
    more = len(shown) - _SHOWN_MAX
    return ", ".join(shown[:_SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")


def _no_rows(place: str) -> InvalidInput:
    return InvalidInput(f"{place}: holds no rows", kind=ErrorKind.NO_BARS)


def _unknown(place: str, found: str) -> InvalidInput:
    return _refused(
        f"{place}: {found} holds no bars; expected a frame, a list of rows or of bars, or a"
        " document of Alpaca, Polygon, Alpha Vantage or IBKR"
    )


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, kind=ErrorKind.BAD_BARS)
