"""Workbooks (XLSX) as tables: one sheet, one row of it naming the columns.

Cells keep their types, so that a date is a date. What a sheet only seems to show is refused with
its cell: a formula that no program computed yet, and cells merged into one.
"""

import io
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tapetrail.core.errors import EdgeFailure, ErrorKind, InvalidInput
from tapetrail.sources.tabular.cells import cell_text, is_number_or_date
from tapetrail.sources.tabular.layouts import Layout
from tapetrail.sources.tabular.tables import Table, split_by_symbol

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

UNPACKED_MAX: Final = 64 * 2**20
CELLS_MAX: Final = 3_000_000
"""What a sheet may reach over: more than a file of that size can fill."""
_PART: Final = "xl/workbook.xml"
_FORMULA: Final = "f"
_VISIBLE: Final = "visible"
_REASON_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    number: int
    values: Sequence[object]


def parse_workbook(content: bytes, *, place: str, layout: Layout) -> tuple[Table, ...]:
    """Return the tables in one sheet, the first one shown or the layout's, one for each symbol.

    Raises `InvalidInput` naming the place for what is no workbook, unpacks to more than
    `UNPACKED_MAX` bytes, reaches over more than `CELLS_MAX` cells, or does not hold the sheet, and
    `EdgeFailure` where openpyxl is missing.
    """
    _check_archive(content, place=place)
    sheet = _sheet(_opened(content, place=place, values=False), place=place, layout=layout)
    where = f"{place}, sheet {sheet.title!r}"
    _check_reach(sheet, where=where)
    cells = [row for row in sheet.iter_rows() if row and row[0].row >= layout.first_line]
    computed = _computed(cells, content, place=place, title=sheet.title)
    rows = [
        _Row(number=row[0].row, values=[computed.get(cell.coordinate, cell.value) for cell in row])
        for row in cells
    ]
    filled = [row for row in rows if any(map(_is_filled, row.values))]
    if not filled:
        raise InvalidInput(f"{where}: holds no rows", kind=ErrorKind.NO_BARS)
    _check_merged(sheet, filled, where=where)
    return split_by_symbol(_table(filled, where=where, layout=layout))


def _table(filled: Sequence[_Row], *, where: str, layout: Layout) -> Table:
    width = 1 + max(at for row in filled for at, cell in enumerate(row.values) if _is_filled(cell))
    names, rows = _headed(filled, width, where=where, layout=layout)
    if not rows:
        raise InvalidInput(f"{where}: holds no rows", kind=ErrorKind.NO_BARS)
    return Table(
        place=where,
        names=tuple(names),
        columns=tuple([row.values[at] for row in rows] for at in range(width)),
        rows=[row.number for row in rows],
        layout=layout,
    )


def _headed(
    filled: Sequence[_Row], width: int, *, where: str, layout: Layout
) -> tuple[Sequence[str], Sequence[_Row]]:
    if not layout.has_headings:
        return [f"column {at + 1}" for at in range(width)], filled
    header = filled[0]
    if layout.header is not None and header.number != layout.header:
        raise _refused(f"{where}, row {layout.header}: expected the names of columns, found none")
    names = [cell_text(cell).strip() for cell in header.values[:width]]
    odd = next(filter(is_number_or_date, names), None)
    if odd is not None:
        raise _refused(
            f"{where}, row {header.number}: expected the names of columns, found {odd!r}; where"
            " another row names them, add to `data`: `header: 3`, where none does: `header: none`"
            " and the number of each column: `columns: {time: 1, open: 2, ...}`"
        )
    return names, filled[1:]


def _check_archive(content: bytes, *, place: str) -> None:
    """Raise `InvalidInput` for a zip file that is no workbook, or one of too much."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except zipfile.BadZipFile as error:
        raise _refused(f"{place}: broken: {error}") from error
    if _PART not in {part.filename for part in parts}:
        raise _refused(f"{place}: is a zip file and no workbook (.xlsx); unpack it")
    size = sum(part.file_size for part in parts)
    if size > UNPACKED_MAX:
        raise _refused(
            f"{place}: unpacks to {size} bytes; workbooks of at most {UNPACKED_MAX} are read"
        )


def _opened(content: bytes, *, place: str, values: bool) -> "Workbook":
    """Return the workbook, formulas as what was last computed of them, or as themselves."""
    try:
        import openpyxl  # noqa: PLC0415 # optional, and slow to load
    except ImportError as error:
        raise EdgeFailure(
            f"{place}: workbooks are read by openpyxl, which is not installed:"
            " pip install tapetrail[files]",
            kind=ErrorKind.SOURCE_UNAVAILABLE,
        ) from error
    with warnings.catch_warnings():
        # It warns of styles and drop-down lists that it does not read; neither do we.
        warnings.simplefilter("ignore")
        try:
            return openpyxl.load_workbook(io.BytesIO(content), data_only=values)
        # A broken part raises whatever the reader of that part happens to raise.
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"[:_REASON_MAX]
            raise _refused(f"{place}: broken: {reason}") from error


def _sheet(book: "Workbook", *, place: str, layout: Layout) -> "Worksheet":
    names = [sheet.title for sheet in book.worksheets]
    if layout.sheet is not None and layout.sheet not in names:
        found = ", ".join(map(repr, names))
        raise _refused(f"{place}: no sheet {layout.sheet!r}; found {found}")
    if layout.sheet is not None:
        return book.worksheets[names.index(layout.sheet)]
    visible = [sheet for sheet in book.worksheets if sheet.sheet_state == _VISIBLE]
    if not visible:
        raise InvalidInput(f"{place}: holds no sheet that is shown", kind=ErrorKind.NO_BARS)
    return visible[0]


def _check_reach(sheet: "Worksheet", *, where: str) -> None:
    """Refuse a sheet over which a stray cell far away, perhaps only formatted, spreads nothing."""
    count = sheet.max_row * sheet.max_column
    if count > CELLS_MAX:
        last = sheet.dimensions.rpartition(":")[2]
        raise _refused(
            f"{where}: reaches to cell {last}, over {count} cells; sheets of at most {CELLS_MAX}"
            " cells are read; delete the rows and columns beyond the bars, or save it as CSV"
        )


def _computed(
    cells: "Sequence[Sequence[Cell]]", content: bytes, *, place: str, title: str
) -> dict[str, object]:
    """Return what formulas came to. Raises `InvalidInput` naming one that nothing computed."""
    formulas = [cell.coordinate for row in cells for cell in row if cell.data_type == _FORMULA]
    if not formulas:
        return {}
    book = _opened(content, place=place, values=True)
    sheet = next(sheet for sheet in book.worksheets if sheet.title == title)
    found: dict[str, object] = {at: sheet[at].value for at in formulas}
    for at, value in found.items():
        if value is None:
            raise _refused(
                f"{place}, sheet {title!r}, cell {at}: a formula whose value is not in the file;"
                " open and save it in a spreadsheet program, or save it as CSV"
            )
    return found


def _check_merged(sheet: "Worksheet", filled: Sequence[_Row], *, where: str) -> None:
    """Refuse merged cells among the rows that are read: but one of them holds what all show."""
    first, last = filled[0].number, filled[-1].number
    for merged in sheet.merged_cells.ranges:
        if merged.max_row >= first and merged.min_row <= last:
            raise _refused(
                f"{where}: cells {merged.coord} are merged, so that one of them holds what all"
                " show; unmerge them, or where they stand above the names of columns, say the row"
                " of those in `data`: `header: 3`"
            )


def _is_filled(value: object) -> bool:
    return value is not None and (not isinstance(value, str) or bool(value.strip()))


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, kind=ErrorKind.BAD_BARS)
