"""Tables as text and back: a frame in memory outlives the process that passed it in.

The text is JSON: `{"format": "tapetrail-frame/1", "tables": [...]}`. Every cell is the text that
evidence holds of it, so that the bars read from a frame and from its stored form are the same.
"""

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tapetrail.core.canonical import decimal_text, storable_text
from tapetrail.core.errors import IntegrityFailure
from tapetrail.core.market.bars import Adjustment, Split
from tapetrail.sources.tabular.cells import cell_text
from tapetrail.sources.tabular.tables import Stated, Table

FORMAT: Final = "tapetrail-frame/1"


class _Said(BaseModel):
    """What else a document says of itself, as far as it says something."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    conid: int | None = None
    quoted_in: str | None = None
    us_volumes_in_lots: bool = False
    splits: tuple[tuple[date, Decimal], ...] = ()
    has_all_splits: bool = False
    restated_on: date | None = None
    ends_at_last_trade: bool = False
    bar_seconds: Decimal | None = None
    note: str | None = None


class _StoredTable(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    place: str
    symbol: str | None
    adjustment: Adjustment | None
    volume_factor: Decimal | None
    said: _Said = _Said()
    names: tuple[str, ...]
    rows: tuple[int, ...]
    columns: tuple[tuple[str, ...], ...]


class _StoredFrame(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    format: Literal["tapetrail-frame/1"]
    tables: Annotated[tuple[_StoredTable, ...], Field(min_length=1)]


def serialise_tables(tables: Sequence[Table]) -> bytes:
    """Return the tables as JSON text, UTF-8: the same bytes for the same cells."""
    document = {"format": FORMAT, "tables": [_document(table) for table in tables]}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def load_tables(content: bytes) -> tuple[Table, ...]:
    """Return the tables that `serialise_tables` wrote.

    Raises `IntegrityFailure` for bytes that it did not write.
    """
    try:
        frame = _StoredFrame.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        at = ".".join(map(str, first["loc"]))
        raise IntegrityFailure(f"not a stored frame: {at}: {first['msg']}") from error
    return tuple(
        Table(
            place=table.place,
            names=table.names,
            columns=table.columns,
            rows=table.rows,
            stated=_stated(table),
        )
        for table in frame.tables
    )


def _stated(table: _StoredTable) -> Stated:
    said = table.said
    return Stated(
        symbol=table.symbol,
        adjustment=table.adjustment,
        volume_factor=table.volume_factor,
        conid=said.conid,
        quoted_in=said.quoted_in,
        us_volumes_in_lots=said.us_volumes_in_lots,
        splits=tuple(Split(ex_on=ex_on, ratio=ratio) for ex_on, ratio in said.splits),
        has_all_splits=said.has_all_splits,
        restated_on=said.restated_on,
        ends_at_last_trade=said.ends_at_last_trade,
        bar_seconds=said.bar_seconds,
        note=said.note,
    )


def _said(stated: Stated) -> _Said:
    return _Said(
        conid=stated.conid,
        quoted_in=stated.quoted_in and storable_text(stated.quoted_in),
        us_volumes_in_lots=stated.us_volumes_in_lots,
        splits=tuple((split.ex_on, split.ratio) for split in stated.splits),
        has_all_splits=stated.has_all_splits,
        restated_on=stated.restated_on,
        ends_at_last_trade=stated.ends_at_last_trade,
        bar_seconds=stated.bar_seconds,
        note=_note(stated),
    )


def _note(stated: Stated) -> str | None:
    """Return what is made of the rows; the longer histories beside them are not stored."""
    unused = [
        f"{table.place}: its bars of {timeframe} are not used: a frame has daily bars alone"
        for timeframe, table in stated.longer
    ]
    said = "; ".join([*filter(None, [stated.note]), *unused])
    return storable_text(said) or None


def _document(table: Table) -> dict[str, object]:
    factor = table.stated.volume_factor
    said = _said(table.stated).model_dump(mode="json", exclude_defaults=True)
    return {
        "place": storable_text(table.place),
        "symbol": table.stated.symbol and storable_text(table.stated.symbol),
        "adjustment": table.stated.adjustment,
        "volume_factor": None if factor is None else decimal_text(factor),
        **({"said": said} if said else {}),
        "names": list(map(storable_text, table.names)),
        "rows": list(table.rows),
        "columns": [
            [storable_text(cell_text(cell)) for cell in column] for column in table.columns
        ],
    }
