"""Workbooks are read as what they hold, and refused where they only seem to hold it."""

import io
import re
import sys
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from openpyxl import Workbook
from tests.edges.exports import (
    rows,
    sheet_of,
    workbook,
)
from tests.edges.own_files import digest, expected, fetched, refusal, source_of, written

from tapetrail.core.errors import EdgeFailure
from tapetrail.sources.tabular.workbooks import CELLS_MAX, UNPACKED_MAX


def with_cell(cells: list[list[object]], *, row: int, column: int, value: object) -> bytes:
    changed = [list(each) for each in cells]
    changed[row][column] = value
    return workbook({"Prices": changed})


@pytest.mark.parametrize(
    ("row", "column", "value", "says"),
    [
        (2, 4, "=B3+1", "cell E3: a formula whose value is not in the file"),
        (2, 5, "=F2", "cell F3: a formula whose value is not in the file"),
        (2, 0, 45627, "row 3, column 'Date': '45627' is no time, it may be a spreadsheet's count"),
        (2, 3, "#DIV/0!", "row 3, column 'Low': '#DIV/0!' is not a number"),
        (2, 2, True, "row 3, column 'High': True is not a number"),
        (0, 4, "Last", "no column for close; found 'Date', 'Open', 'High', 'Low', 'Last'"),
        (0, 0, datetime(2024, 12, 1), "row 1: expected the names of columns, found '2024-12-01"),  # noqa: DTZ001 # as a spreadsheet has dates
    ],
)
def test_a_cell_that_only_seems_to_hold_a_value_is_refused(
    *, tmp_path: Path, row: int, column: int, value: object, says: str
) -> None:
    content = with_cell(sheet_of(rows()), row=row, column=column, value=value)
    message = refusal(tmp_path, content, name="a.xlsx")
    assert "a.xlsx, sheet 'Prices'" in message
    assert says in message


def test_a_sheet_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    content = workbook({"About": [["x"]], "Prices": sheet_of(rows())})
    assert "no sheet 'Preise'; found 'About', 'Prices'" in refusal(
        tmp_path, content, {"sheet": "Preise"}, name="a.xlsx"
    )
    assert "sheet 'About': holds no rows" in refusal(tmp_path, content, name="a.xlsx")


def test_a_hidden_sheet_is_not_the_first(tmp_path: Path) -> None:
    book, content = Workbook(), io.BytesIO()
    book.worksheets[0].sheet_state = "hidden"
    book.worksheets[0].append(["Date", "Open", "High", "Low", "Close"])
    shown = book.create_sheet("Shown")
    for row in sheet_of(rows()):
        shown.append(row)
    book.save(content)
    assert digest(source_of(written(tmp_path, content.getvalue(), "a.xlsx"))) == expected(rows())


def merged(title_rows: int, span: str) -> bytes:
    book, content = Workbook(), io.BytesIO()
    sheet = book.worksheets[0]
    for _ in range(title_rows):
        sheet.append(["ACME"])
    for row in sheet_of(rows()):
        sheet.append(row)
    sheet.merge_cells(span)
    book.save(content)
    return content.getvalue()


def test_merged_cells_are_refused_and_skipped_where_they_are_a_title(tmp_path: Path) -> None:
    assert "cells A2:A3 are merged" in refusal(tmp_path, merged(0, "A2:A3"), name="a.xlsx")
    titled = merged(1, "A1:F1")
    assert "say the row of those in `data`: `header: 3`" in refusal(tmp_path, titled, name="a.xlsx")
    path = written(tmp_path, titled, "b.xlsx")
    assert digest(source_of(path, {"header": 2})) == expected(rows())


def test_a_zip_file_or_an_old_workbook_says_what_to_do(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("BTCUSDT-1d-2025-01.csv", b"1,2")
    assert "is a zip file and no workbook (.xlsx); unpack it" in refusal(
        tmp_path, content.getvalue()
    )
    assert "is an old workbook or has a password" in refusal(tmp_path, b"\xd0\xcf\x11\xe0")
    half = workbook({"Prices": sheet_of(rows())})
    assert "broken: " in refusal(tmp_path, half[: len(half) // 2], name="a.xlsx")


def test_a_workbook_that_unpacks_to_too_much_is_refused_unread(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * (UNPACKED_MAX + 1))
    message = refusal(tmp_path, content.getvalue(), name="a.xlsx")
    assert f"unpacks to {UNPACKED_MAX + 1} bytes; workbooks of at most {UNPACKED_MAX}" in message


@pytest.mark.parametrize("stray", ["A1048576", "XFD2000"])
def test_a_sheet_with_a_stray_cell_far_away_is_refused_before_the_room_between_is_read(
    tmp_path: Path, stray: str
) -> None:
    book, content = Workbook(), io.BytesIO()
    sheet = book.worksheets[0]
    for row in sheet_of(rows()):
        sheet.append(row)
    sheet[stray].number_format = "0.00"
    book.save(content)
    message = refusal(tmp_path, content.getvalue(), name="a.xlsx")
    assert f"sheet 'Sheet': reaches to cell {'F1048576' if stray[0] == 'A' else stray}" in message
    assert f"at most {CELLS_MAX} cells are read; delete the rows and columns" in message


def test_without_openpyxl_a_workbook_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = workbook({"Prices": sheet_of(rows()[:3])})
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(EdgeFailure, match=r"pip install tapetrail\[files\]"):
        fetched(source_of(written(tmp_path, content, "a.xlsx")))


def test_what_a_spreadsheet_computed_and_saved_is_read(tmp_path: Path) -> None:
    """A formula has its value beside it once a spreadsheet program has saved the file."""
    cells = [list(row) for row in sheet_of(rows())]
    cells[1][4] = "=1+1"
    content, saved = io.BytesIO(workbook({"Prices": cells})), io.BytesIO()
    close = float(rows()[0].close)
    with zipfile.ZipFile(content) as before, zipfile.ZipFile(saved, "w") as after:
        for part in before.infolist():
            body = before.read(part)
            value = f"</f><v>{close}</v>".encode()
            after.writestr(part, re.sub(rb"</f><v ?(/>|></v>)", value, body))
    assert digest(source_of(written(tmp_path, saved.getvalue(), "a.xlsx"))) == expected(rows())
