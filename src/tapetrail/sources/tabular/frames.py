"""Bars in any shape as tables: data frames here, everything else through `shapes`.

pandas, polars and pyarrow frames are read column by column through narwhals, which knows no
index, so a pandas index comes along as a column of its own.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, TypeAlias, TypeGuard, cast

import narwhals as nw
import numpy as np
from narwhals.typing import IntoSeriesT

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.sources.tabular.cells import Cells
from tapetrail.sources.tabular.layouts import PLAIN, Layout
from tapetrail.sources.tabular.shapes import TEXT_KEYS, tables_of_values
from tapetrail.sources.tabular.tables import Table, split_by_level, split_by_symbol

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FRAME: Final = "frame"
_LEVELS: Final = 2
_NamedCells: TypeAlias = tuple[str, Cells]


def tables_of(data: object, *, place: str = FRAME, layout: Layout = PLAIN) -> tuple[Table, ...]:
    """Return the tables that `data` holds, one for each symbol it tells apart.

    Raises `InvalidInput` for a shape that is not known.
    """
    layout.refuse(TEXT_KEYS, place=place, kind="no text of lines")
    if nw.dependencies.is_pandas_dataframe(data):
        return _tables_of_pandas(data, place=place, layout=layout)
    if _is_arrow(data):
        return split_by_symbol(_table_of(_arrow_columns(data), place=place, layout=layout))
    if nw.dependencies.is_into_dataframe(data):
        frame = nw.from_native(data, eager_only=True)
        columns = [(series.name, _cells(series)) for series in frame.iter_columns()]
        return split_by_symbol(_table_of(columns, place=place, layout=layout))
    if isinstance(data, np.ndarray):
        data = cast("object", data.tolist())
    return tables_of_values(data, place=place, layout=layout)


def _tables_of_pandas(frame: "pd.DataFrame", *, place: str, layout: Layout) -> tuple[Table, ...]:
    index = list(_index_columns(frame))
    columns = [
        _cells(nw.from_native(frame.iloc[:, at], series_only=True))
        for at in range(len(frame.columns))
    ]
    if frame.columns.nlevels == 1:
        names = [str(name) for name in frame.columns]
        named = [*index, *zip(names, columns, strict=True)]
        return split_by_symbol(_table_of(named, place=place, layout=layout))
    if frame.columns.nlevels != _LEVELS:
        raise InvalidInput(
            f"{place}: columns of {frame.columns.nlevels} levels; expected a field and a ticker",
            kind=ErrorKind.BAD_BARS,
        )
    pairs = [(str(one), str(other)) for one, other in frame.columns]
    one, other = (str(name or "") for name in frame.columns.names)
    table = _table_of(
        [*index, *((" ".join(pair), cells) for pair, cells in zip(pairs, columns, strict=True))],
        place=place,
        layout=layout,
    )
    return split_by_level(
        table, [*((name, "") for name, _ in index), *pairs], level_names=(one, other)
    )


def _index_columns(frame: "pd.DataFrame") -> Iterator[_NamedCells]:
    """Yield the levels of a pandas index, but not the numbers that rows have without one."""
    index = frame.index
    if type(index).__name__ == "RangeIndex" and index.name is None:
        return
    for level in range(index.nlevels):
        values = index.get_level_values(level)
        yield str(values.name or "index"), values.tolist()


def _is_arrow(data: object) -> TypeGuard["pa.Table"]:
    return nw.dependencies.is_pyarrow_table(data)  # pyright: ignore[reportUnknownMemberType] # narwhals types it only beside the library's own stubs


def _arrow_columns(table: "pa.Table") -> list[_NamedCells]:
    return [
        (name, _cells(nw.from_native(column, series_only=True)))
        for name, column in zip(table.column_names, table.columns, strict=True)
    ]


def _cells(series: nw.Series[IntoSeriesT]) -> Cells:
    """Return a column's cells. A float32 stays one, so that its own shortest decimal is kept."""
    if series.dtype == nw.Float32:
        return series.fill_null(float("nan")).to_numpy().astype(np.float32)
    return series.to_list()


def _table_of(columns: list[_NamedCells], *, place: str, layout: Layout) -> Table:
    rows = len(columns[0][1]) if columns else 0
    if not rows:
        raise InvalidInput(f"{place}: holds no rows", kind=ErrorKind.NO_BARS)
    return Table(
        place=place,
        names=tuple(name for name, _ in columns),
        columns=tuple(cells for _, cells in columns),
        rows=range(1, rows + 1),
        layout=layout,
    )
