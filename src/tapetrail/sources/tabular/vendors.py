"""The documents of Alpaca, Polygon and Alpha Vantage as tables."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tapetrail.core.market.bars import Adjustment
from tapetrail.sources.tabular.plain_shapes import table_by_time, table_of_list
from tapetrail.sources.tabular.tables import Stated, Table
from tapetrail.sources.tabular.values import (
    Document,
    as_document,
    document_member,
    listed,
    member,
    no_rows,
    rows_of,
    text_member,
    unknown,
)

_TIME_SERIES: Final = "time series"


def time_series_keys(document: Document) -> Sequence[str]:
    """Return the members that hold Alpha Vantage's rows."""
    return [key for key in document if key.casefold().startswith(_TIME_SERIES)]


def table_of_alpha_vantage(document: Document, *, place: str) -> Table:
    """Return Alpha Vantage's rows by time, as whatever symbol `Meta Data` names."""
    about = document_member(document, "Meta Data")
    symbols = [str(value) for key, value in about.items() if key.casefold().endswith("symbol")]
    rows = as_document(document[time_series_keys(document)[0]])
    if rows is None:
        raise unknown(place, f"a mapping with the keys {listed(document)}")
    table = table_by_time(rows, place=place)
    return replace(table, stated=Stated(symbol=next(iter(symbols), None)))


def table_of_alpaca(document: Document, *, place: str) -> Table:
    """Return Alpaca's bars. The reply does not say how prices are adjusted."""
    if member(document, "bars") is None:
        raise no_rows(place)
    stated = Stated(symbol=text_member(document, "symbol"))
    return table_of_list(rows_of(document, "bars", place=place), place=place, stated=stated)


def table_of_polygon(document: Document, *, place: str) -> Table:
    """Return Polygon's results, whose `adjusted` means splits alone."""
    if member(document, "results") is None:
        raise no_rows(place)
    adjusted = member(document, "adjusted")
    stated = Stated(
        symbol=text_member(document, "ticker"),
        adjustment={True: Adjustment.SPLIT, False: Adjustment.RAW}.get(adjusted)
        if isinstance(adjusted, bool)
        else None,
    )
    return table_of_list(rows_of(document, "results", place=place), place=place, stated=stated)
