"""Histories of IBKR's Client Portal as tables, alone or as rows of a cache that kept them.

A cache row is `{"conid": ..., "period": "1y", "bar": "1d", "data": {history}}`, its history a
document or the JSON text of one. Prices are prices: `priceFactor` scales only the summary texts.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from tapetrail.core.market.bars import MONTHLY, WEEKLY, Adjustment, Timeframe
from tapetrail.sources.tabular.plain_shapes import table_of_list
from tapetrail.sources.tabular.tables import Stated, Table
from tapetrail.sources.tabular.values import (
    Document,
    List,
    as_document,
    as_list,
    folded_names,
    member,
    no_rows,
    number_member,
    refused,
    rows_of,
    text_member,
)
from tapetrail.sources.tabular.vendor_errors import refuse_error_document

DAILY_BAR: Final = "1d"
_CACHE: Final = frozenset({"conid", "data"})
_CACHE_REQUEST: Final = frozenset({"period", "bar"})
# Members that a history of the Client Portal has and nobody else's document does.
_OWN: Final = frozenset(
    {
        "volumefactor",
        "pricefactor",
        "mdavailability",
        "mktdatadelay",
        "barlength",
        "timeperiod",
        "serverid",
        "outsiderth",
    }
)
_LONGER_WORDS: Final = {
    **dict.fromkeys(("1w", "1week", "w", "week", "weekly", "1weeks"), WEEKLY),
    **dict.fromkeys(("1m", "1mo", "1month", "m", "month", "monthly", "1months"), MONTHLY),
}
"""The vendor writes a month as m, and a minute as min."""
_DAILY_WORDS: Final = frozenset({"1d", "1day", "d", "day", "daily", "1days"})


def is_history(document: Document) -> bool:
    """Return whether a document is a history: rows under `data`, as no ticker would be."""
    return "data" in document or ("data" in folded_names(document) and _is_own(document))


def is_cache_row(value: object) -> bool:
    """Return whether a value is a row of a cache of histories."""
    document = as_document(value)
    names = folded_names(document) if document is not None else frozenset[str]()
    return names >= _CACHE and bool(names & _CACHE_REQUEST)


def table_of_history(document: Document, *, place: str) -> Table:
    """Return the rows of a history, of bars as long as it says.

    Raises `InvalidInput` (`bad_bars`) for bars of more than regular hours, and for fewer or more
    rows than `points` says, which counts from 0.
    """
    rows = rows_of(document, "data", place=place)
    _check_hours(document, place=place)
    _check_points(document, rows, place=place)
    factor = number_member(document, "volumeFactor", place=place)
    if factor is not None and factor <= 0:
        raise refused(f"{place}: volumeFactor {factor} must be a number above 0")
    is_own = _is_own(document)
    stated = Stated(
        symbol=text_member(document, "symbol"),
        volume_factor=factor,
        # Its bars are those of trades, restated for splits; there is no word to ask for others.
        adjustment=Adjustment.SPLIT if is_own else None,
        us_volumes_in_lots=is_own,
        bar_seconds=number_member(document, "barLength", place=place),
    )
    return table_of_list(rows, place=place, stated=stated)


def tables_of_cache(rows: Sequence[object], *, place: str) -> tuple[Table, ...]:
    """Return the daily history of each conid that rows of a cache hold.

    A history that names no symbol goes by its conid where there are several. Raises `InvalidInput`
    for two daily histories of one conid, and where there is none.
    """
    kept = [_cache_row(row, place=place, number=at) for at, row in enumerate(rows, 1)]
    conids = list(dict.fromkeys(row.conid for row in kept))
    tables = [_table_of_conid([r for r in kept if r.conid == conid]) for conid in conids]
    if len(tables) == 1:
        return tuple(tables)
    return tuple(
        replace(
            table,
            stated=replace(table.stated, symbol=table.stated.symbol or str(table.stated.conid)),
        )
        for table in tables
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _CacheRow:
    """A row of a cache: whose history, of bars how long, and the history."""

    place: str
    conid: int
    bar: str | None
    symbol: str | None
    history: Document

    @property
    def is_daily(self) -> bool:
        return self.bar is None or self.bar.casefold().replace(" ", "") in _DAILY_WORDS

    @property
    def longer(self) -> Timeframe | None:
        return _LONGER_WORDS.get((self.bar or "").casefold().replace(" ", ""))


def _cache_row(value: object, *, place: str, number: int) -> _CacheRow:
    where = f"{place}, row {number}"
    document = as_document(value)
    if document is None or not is_cache_row(document):
        raise refused(
            f"{where}: is no row of a cache as the first one is, with conid, period, bar and data"
        )
    conid = number_member(document, "conid", place=where)
    if conid is None or conid != int(conid) or conid <= 0:
        raise refused(f"{where}: conid {conid} is no whole number above 0")
    return _CacheRow(
        place=where,
        conid=int(conid),
        bar=text_member(document, "bar"),
        symbol=text_member(document, "symbol"),
        history=_history(member(document, "data"), place=where),
    )


def _history(data: object, *, place: str) -> Document:
    if isinstance(data, str):
        try:
            data = json.loads(data, parse_float=str)
        except ValueError as error:
            raise refused(f"{place}: data is no JSON: {error}") from error
    rows: List | None = as_list(data)
    history: Document | None = {"data": rows} if rows is not None else as_document(data)
    if history is None:
        raise no_rows(place)
    refuse_error_document(history, place=place)
    return history


def _table_of_conid(rows: Sequence[_CacheRow]) -> Table:
    daily = [row for row in rows if row.is_daily]
    if not daily:
        words = ", ".join(str(row.bar) for row in rows)
        raise refused(
            f"{rows[0].place}: conid {rows[0].conid} has bars of {words} and none of {DAILY_BAR}; a"
            " source holds daily bars, and weeks and months are built from them"
        )
    if len(daily) > 1:
        raise refused(
            f"{daily[1].place}: a second daily history of conid {daily[0].conid}, beside"
            f" {daily[0].place}; keep the one that is meant"
        )
    row = daily[0]
    table = _table_of_row(row)
    longer = [(other.longer, _table_of_row(other)) for other in rows if other.longer is not None]
    stated = replace(table.stated, longer=tuple(longer))
    return replace(table, stated=stated)


def _table_of_row(row: _CacheRow) -> Table:
    table = table_of_history(row.history, place=row.place)
    stated = replace(
        table.stated,
        symbol=table.stated.symbol or row.symbol,
        conid=row.conid,
        adjustment=Adjustment.SPLIT,
        us_volumes_in_lots=True,
    )
    return replace(table, stated=stated)


def _is_own(document: Document) -> bool:
    return bool(folded_names(document) & _OWN)


def _check_hours(document: Document, *, place: str) -> None:
    if member(document, "outsideRth") is True:
        raise refused(
            f"{place}: outsideRth true: a day's bar goes on after the session's close, and would be"
            " taken as known before it is; ask IBKR for outsideRth=false"
        )


def _check_points(document: Document, rows: List, *, place: str) -> None:
    points = number_member(document, "points", place=place)
    if points is not None and len(rows) not in {points, points + 1}:
        raise refused(
            f"{place}: points {points} says {points + 1} bars, and data has {len(rows)}; fetch the"
            " history again and save the whole reply"
        )
