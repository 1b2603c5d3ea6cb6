"""Yahoo's chart document as tables: prices restated for splits until today, and those splits.

`adjclose` is left out: it is restated for dividends that were paid later. The last row may be
stamped with the last trade, and may repeat the session of the row before it.
"""

from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.bars import Adjustment, Split
from tapetrail.sources.tabular.cells import shown
from tapetrail.sources.tabular.tables import Stated, Table
from tapetrail.sources.tabular.values import (
    Document,
    List,
    as_document,
    as_list,
    day_at,
    document_member,
    member,
    no_rows,
    number_member,
    refused,
    rows_of,
    text_member,
)
from tapetrail.sources.tabular.zones import zone_named

NAMES: Final = ("timestamp", "open", "high", "low", "close", "volume")
_VOLUME: Final = "volume"
_DAILY: Final = "1d"


def is_chart(document: Document) -> bool:
    """Return whether a document is Yahoo's, with a result in it."""
    return as_list(document_member(document, "chart").get("result")) is not None


def tables_of_chart(document: Document, *, place: str) -> tuple[Table, ...]:
    """Return the table of each result. Raises `InvalidInput` for bars that are not daily."""
    results = rows_of(document_member(document, "chart"), "result", place=place)
    if not results:
        raise no_rows(place)
    return tuple(_table_of_result(as_document(found) or {}, place=place) for found in results)


def _table_of_result(result: Document, *, place: str) -> Table:
    meta = document_member(result, "meta")
    granularity = text_member(meta, "dataGranularity")
    if granularity not in {None, _DAILY}:
        raise refused(
            f"{place}: dataGranularity {granularity}: a source holds daily bars, and weeks and"
            f" months are built from them; ask Yahoo for interval={_DAILY}"
        )
    times = as_list(result.get("timestamp"))
    if not times:
        raise no_rows(place)
    zone = _zone(meta, place=place)
    traded_at = number_member(meta, "regularMarketTime", place=place)
    table = _table(result, times, place=place)
    is_moving = traded_at is not None and _epoch(times[-1], place) == traded_at
    is_twice = is_moving and _is_twice(times, zone, place=place)
    if is_twice:
        table = table.take([*range(len(times) - 2), len(times) - 1])
    splits, last_on = _splits(result, zone, place=place), day_at(_epoch(times[-1], place), zone)
    traded_on = None if traded_at is None else day_at(int(traded_at), zone)
    stated = Stated(
        symbol=text_member(meta, "symbol"),
        adjustment=Adjustment.SPLIT,
        quoted_in=text_member(meta, "currency"),
        splits=splits or (),
        # The document has the splits within its own span, and prices are restated until today.
        has_all_splits=splits is not None and traded_on is not None and last_on >= traded_on,
        restated_on=traded_on,
        ends_at_last_trade=is_moving,
        note=_twice(times, zone, place=place) if is_twice else None,
    )
    return replace(table, stated=stated)


def _zone(meta: Document, *, place: str) -> ZoneInfo:
    name = text_member(meta, "exchangeTimezoneName") or "UTC"
    try:
        return zone_named(name)
    except InvalidInput as error:
        raise refused(f"{place}: exchangeTimezoneName: {error.message}") from error


def _table(result: Document, times: List, *, place: str) -> Table:
    quotes = as_list(document_member(result, "indicators").get("quote")) or [None]
    quote = as_document(quotes[0])
    if not quote:
        raise no_rows(place)
    return Table(
        place=place,
        names=NAMES,
        columns=(times, *(_column(quote, name, len(times), place=place) for name in NAMES[1:])),
        rows=range(1, len(times) + 1),
    )


def _column(quote: Document, name: str, rows: int, *, place: str) -> List:
    """Return one column of a quote; a volume may be missing altogether."""
    if name == _VOLUME and member(quote, name) is None:
        return [None] * rows
    return rows_of(quote, name, place=place)


def _is_twice(times: List, zone: ZoneInfo, *, place: str) -> bool:
    """Return whether the last two rows are of one session."""
    return len({day_at(_epoch(time, place), zone) for time in times[-2:]}) < len(times[-2:])


def _twice(times: List, zone: ZoneInfo, *, place: str) -> str:
    return (
        f"{place}: the last two rows are both of {day_at(_epoch(times[-1], place), zone)}; the last"
        " one, which is stamped with the last trade, is taken"
    )


def _splits(result: Document, zone: ZoneInfo, *, place: str) -> tuple[Split, ...] | None:
    """Return the splits in the prices by ex-date, None where the document has no word of any."""
    found = as_document(document_member(result, "events").get("splits"))
    if found is None:
        return None
    splits: list[Split] = []
    for value in found.values():
        event = as_document(value) or {}
        new, old, at = (
            number_member(event, name, place=f"{place}, a split")
            for name in ("numerator", "denominator", "date")
        )
        if not new or not old or at is None:
            raise refused(
                f"{place}: the split {shown(value)} lacks its numerator, denominator or date"
            )
        splits.append(Split(ex_on=day_at(int(at), zone), ratio=new / old))
    return tuple(sorted(splits, key=lambda split: split.ex_on))


def _epoch(time: object, place: str) -> int:
    if isinstance(time, bool) or not isinstance(time, int):
        raise refused(f"{place}: timestamp {shown(time)} is no whole number of seconds")
    return time
