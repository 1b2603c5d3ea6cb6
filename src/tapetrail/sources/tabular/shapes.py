"""Bars as plain Python values, as JSON and the clients of providers deliver them, read as tables.

Known are lists of mappings, of bar objects, of CCXT rows and of Binance's; mappings of columns, of
rows by time and of symbols; and the documents of Alpaca, Polygon, Alpha Vantage, Yahoo and IBKR's
Client Portal, these also as rows of a cache. What a vendor says instead of bars is refused.
"""

from dataclasses import replace
from typing import Final

from tapetrail.sources.tabular.client_portal import (
    is_cache_row,
    is_history,
    table_of_history,
    tables_of_cache,
)
from tapetrail.sources.tabular.columns import names_prices
from tapetrail.sources.tabular.layouts import PLAIN, Layout
from tapetrail.sources.tabular.plain_shapes import (
    SPLIT_KEYS,
    has_rows_by_time,
    table_by_time,
    table_of_columns,
    table_of_list,
    table_of_split,
)
from tapetrail.sources.tabular.tables import Stated, Table, split_by_symbol
from tapetrail.sources.tabular.values import (
    Document,
    as_document,
    as_list,
    listed,
    no_rows,
    unknown,
)
from tapetrail.sources.tabular.vendor_errors import refuse_error_document
from tapetrail.sources.tabular.vendors import (
    table_of_alpaca,
    table_of_alpha_vantage,
    table_of_polygon,
    time_series_keys,
)
from tapetrail.sources.tabular.yahoo_chart import is_chart, tables_of_chart

TEXT_KEYS: Final = ("header", "decimal", "sheet")
"""What a strategy may say of text and of sheets alone."""


def tables_of_values(data: object, *, place: str, layout: Layout = PLAIN) -> tuple[Table, ...]:
    """Return the tables that plain Python values hold, one for each symbol they tell apart.

    Raises `InvalidInput` for a shape that is none of the known ones, for no rows at all, and for
    what a vendor says instead of bars.
    """
    layout.refuse(TEXT_KEYS, place=place, kind="no text of lines")
    document, rows = as_document(data), as_list(data)
    if document is not None:
        return _tables_of_document(document, place=place, layout=layout)
    if rows is None:
        raise unknown(place, f"a value of type {type(data).__name__}")
    if rows and is_cache_row(rows[0]):
        return _laid_out(tables_of_cache(rows, place=place), layout)
    table = table_of_list(rows, place=place, stated=Stated())
    return split_by_symbol(replace(table, layout=layout))


def _tables_of_document(document: Document, *, place: str, layout: Layout) -> tuple[Table, ...]:
    """Return the tables of a mapping, which its keys tell apart."""
    refuse_error_document(document, place=place)
    if is_cache_row(document):
        return _laid_out(tables_of_cache([document], place=place), layout)
    if is_chart(document):
        return _laid_out(tables_of_chart(document, place=place), layout)
    bars = as_document(document.get("bars"))
    table = None if bars is not None else _table_of_document(document, place=place)
    if table is not None:
        return split_by_symbol(replace(table, layout=layout))
    return _laid_out(_tables_by_symbol(document if bars is None else bars, place=place), layout)


def _laid_out(tables: tuple[Table, ...], layout: Layout) -> tuple[Table, ...]:
    return tuple(replace(table, layout=layout) for table in tables)


def _tables_by_symbol(document: Document, *, place: str) -> tuple[Table, ...]:
    """Return the tables of a mapping from symbols to rows, those without any rows left out."""
    tables: list[Table] = []
    for symbol, held in document.items():
        if held is None or held == []:
            continue
        rows, inner, where = as_list(held), as_document(held) or {}, f"{place}, {symbol}"
        refuse_error_document(inner, place=where)
        table = (
            _table_of_document(inner, place=where)
            if rows is None
            else table_of_list(rows, place=where, stated=Stated())
        )
        if table is None:
            raise unknown(place, f"a mapping with the keys {listed(document)}")
        tables.append(replace(table, stated=replace(table.stated, symbol=symbol)))
    if not tables:
        raise no_rows(place)
    return tuple(tables)


def _table_of_document(document: Document, *, place: str) -> Table | None:
    """Return the table of a mapping that holds one, None if its keys are none of the known ones."""
    for known, read in (
        ("bars" in document, table_of_alpaca),
        (bool(time_series_keys(document)), table_of_alpha_vantage),
        ("results" in document, table_of_polygon),
        (document.keys() >= SPLIT_KEYS, table_of_split),
        (is_history(document), table_of_history),
        (names_prices(document), table_of_columns),
        (has_rows_by_time(document), table_by_time),
    ):
        if known:
            return read(document, place=place)
    return None
