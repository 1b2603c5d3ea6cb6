"""Tables as text and back: a frame in memory outlives the process that passed it in.

The text is JSON: `{"format": "tapetrail-frame/1", "tables": [...]}`. Every cell is the text that
evidence holds of it, so that the bars read from a frame and from its stored form are the same.
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tapetrail.core.canonical import decimal_text, storable_text
from tapetrail.core.errors import IntegrityFailure
from tapetrail.core.market.bars import Adjustment
from tapetrail.sources.tabular.cells import cell_text
from tapetrail.sources.tabular.tables import Stated, Table

FORMAT: Final = "tapetrail-frame/1"


class _StoredTable(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    place: str
    symbol: str | None
    adjustment: Adjustment | None
    volume_factor: Decimal | None
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
            stated=Stated(
                symbol=table.symbol,
                adjustment=table.adjustment,
                volume_factor=table.volume_factor,
            ),
        )
        for table in frame.tables
    )


def _document(table: Table) -> dict[str, object]:
    factor = table.stated.volume_factor
    return {
        "place": storable_text(table.place),
        "symbol": table.stated.symbol and storable_text(table.stated.symbol),
        "adjustment": table.stated.adjustment,
        "volume_factor": None if factor is None else decimal_text(factor),
        "names": list(map(storable_text, table.names)),
        "rows": list(table.rows),
        "columns": [
            [storable_text(cell_text(cell)) for cell in column] for column in table.columns
        ],
    }
