from collections.abc import Iterable, Iterator, Sequence

from openpyxl.cell import Cell

class CellRange:
    coord: str
    min_row: int
    max_row: int

class MultiCellRange:
    @property
    def ranges(self) -> Iterable[CellRange]: ...

class Worksheet:
    title: str
    sheet_state: str
    merged_cells: MultiCellRange
    def iter_rows(self) -> Iterator[tuple[Cell, ...]]: ...
    def append(self, iterable: Sequence[object]) -> None: ...
    def merge_cells(self, range_string: str) -> None: ...
    def __getitem__(self, key: str) -> Cell: ...
    def __setitem__(self, key: str, value: object) -> None: ...
