"""Files of bars as tables: CSV, XLSX, JSON, Parquet and Arrow, told apart by their first bytes.

Text is UTF-8, with or without a byte order mark, its fields separated by commas, semicolons or
tabs. Nothing is guessed about encodings or decimal commas.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from tapetrail.core.errors import EdgeFailure, ErrorKind, InvalidInput, NotFound
from tapetrail.sources.tabular.delimited import parse_delimited
from tapetrail.sources.tabular.frames import tables_of
from tapetrail.sources.tabular.layouts import PLAIN, Layout
from tapetrail.sources.tabular.shapes import tables_of_values
from tapetrail.sources.tabular.tables import Table
from tapetrail.sources.tabular.vendor_errors import refuse_error_text
from tapetrail.sources.tabular.workbooks import parse_workbook

if TYPE_CHECKING:
    import pyarrow as pa

BYTES_MAX: Final = 64 * 2**20
ROWS_MAX: Final = 2_000_000
_BOM: Final = b"\xef\xbb\xbf"
_REASON_MAX: Final = 200
# What cannot be read, by its first bytes, and what to do about it.
_REFUSED_STARTS: Final[Mapping[bytes, str]] = {
    b"\xff\xfe": "is UTF-16; save it as UTF-8",
    b"\xfe\xff": "is UTF-16; save it as UTF-8",
    b"\x1f\x8b": "is compressed by gzip; unpack it",
    b"(\xb5/\xfd": "is compressed by zstd; unpack it",
    b"\xd0\xcf\x11\xe0": "is an old workbook or has a password; save it as .xlsx without one",
    b"FEA1": "is Feather version 1; save it as version 2, Parquet or CSV",
}
_ZIP: Final = b"PK\x03\x04"
_PARQUET: Final = b"PAR1"
_ARROW_FILE: Final = b"ARROW1"
_ARROW_STREAM: Final = b"\xff\xff\xff\xff"
_BINARY_SUFFIXES: Final = frozenset({".parquet", ".pq", ".arrow", ".feather", ".ipc"})


def read_tables(path: Path, *, layout: Layout = PLAIN) -> tuple[Table, ...]:
    """Return the tables in a file, one for each symbol it tells apart.

    Raises `NotFound` if there is no such file, `InvalidInput` naming value, rule and place for a
    directory, an empty file, one of more than `BYTES_MAX` bytes, which is not opened at all, and
    for what it holds; `EdgeFailure` if the system does not let us read it or a reader is missing.
    """
    try:
        _check_readable(path)
        content = path.read_bytes()
    except OSError as error:
        raise EdgeFailure(
            f"{path}: cannot be read: {error}", kind=ErrorKind.SOURCE_UNAVAILABLE
        ) from error
    return parse_tables(content, place=str(path), layout=layout)


# A run asks for the same file twice: what it covers, then its bars. The key is the content itself,
# so that a file that was changed is read again whatever its time stamp says.
@lru_cache(maxsize=4)
def parse_tables(content: bytes, *, place: str, layout: Layout = PLAIN) -> tuple[Table, ...]:
    """Return the tables in a file's content; `place` names it in messages. Raises `InvalidInput`.

    Parquet and Arrow, which may unpack to any size, are read up to `ROWS_MAX` rows.
    """
    for start, reason in _REFUSED_STARTS.items():
        if content.startswith(start):
            raise _refused(f"{place}: {reason}")
    if content.startswith(_ZIP):
        return parse_workbook(content, place=place, layout=layout)
    if content.startswith((_PARQUET, _ARROW_FILE, _ARROW_STREAM)):
        return tables_of(_parse_arrow(content, place=place), place=place, layout=layout)
    if Path(place).suffix.lower() in _BINARY_SUFFIXES:
        raise _refused(f"{place}: begins with {content[:8]!r}, which is neither Parquet nor Arrow")
    text = _decode(content, place=place)
    if text.lstrip()[:1] in {"{", "["}:
        return tables_of_values(_parse_json(text, place=place), place=place, layout=layout)
    refuse_error_text(text, place=place)
    return parse_delimited(text, place=place, layout=layout)


def _check_readable(path: Path) -> None:
    if not path.exists():
        raise NotFound(f"{path}: no such file", kind=ErrorKind.NO_BARS)
    if path.is_dir():
        raise _refused(
            f"{path}: is a directory; name a file, or one file a symbol as in"
            f" {path / '{symbol}.csv'}"
        )
    if not path.is_file():
        raise _refused(f"{path}: is not a regular file")
    size = path.stat().st_size
    if size == 0:
        raise InvalidInput(f"{path}: is empty", kind=ErrorKind.NO_BARS)
    if size > BYTES_MAX:
        raise _refused(f"{path}: {size} bytes; files of at most {BYTES_MAX} bytes are read")


def _decode(content: bytes, *, place: str) -> str:
    body = content.removeprefix(_BOM)
    skipped = len(content) - len(body)
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise _refused(
            f"{place}, line {line}: byte {body[error.start]:#04x} at position"
            f" {error.start + skipped} is not UTF-8; save the file as UTF-8"
        ) from error
    if "\0" in text:
        raise _refused(
            f"{place}: byte 0x00 at position {text.index(chr(0)) + skipped}: not a text file"
        )
    return text


def _parse_json(text: str, *, place: str) -> object:
    """Return the document, its fractions as the text they are written as."""
    try:
        return cast(
            "object", json.loads(text, parse_float=str, object_pairs_hook=_refuse_repeated_keys)
        )
    except json.JSONDecodeError as error:
        raise _refused(
            f"{place}, line {error.lineno}, column {error.colno}: not JSON: {error.msg}"
        ) from error
    except _RepeatedKey as error:
        raise _refused(f"{place}: {error}") from error
    except (RecursionError, ValueError) as error:
        raise _refused(f"{place}: cannot be read as JSON: {error}") from error


class _RepeatedKey(Exception):
    """An object of a JSON text has two members of one name."""


def _refuse_repeated_keys(members: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(members)
    if len(document) < len(members):
        names = [name for name, _ in members]
        twice = next(name for name in names if names.count(name) > 1)
        raise _RepeatedKey(f"an object has two members called {twice!r}")
    return document


def _parse_arrow(content: bytes, *, place: str) -> "pa.Table":
    """Return the frame in a Parquet or Arrow file, once it is known to be small enough."""
    try:
        import pyarrow as pa  # noqa: PLC0415 # optional, and slow to load
        from pyarrow import ipc, parquet  # noqa: PLC0415 # optional, and slow to load
    except ImportError as error:
        raise EdgeFailure(
            f"{place}: Parquet and Arrow files are read by pyarrow, which is not installed:"
            " pip install tapetrail[files]",
            kind=ErrorKind.SOURCE_UNAVAILABLE,
        ) from error
    try:
        if content.startswith(_PARQUET):
            file = parquet.ParquetFile(pa.BufferReader(content))
            _check_rows(file.metadata.num_rows, place=place)
            return file.read()
        read = ipc.open_file if content.startswith(_ARROW_FILE) else ipc.open_stream
        table = read(pa.BufferReader(content)).read_all()
    except (pa.ArrowException, OSError) as error:
        raise _refused(f"{place}: broken: {str(error)[:_REASON_MAX]}") from error
    _check_rows(table.num_rows, place=place)
    return table


def _check_rows(rows: int, *, place: str) -> None:
    if rows > ROWS_MAX:
        raise _refused(f"{place}: {rows} rows; files of at most {ROWS_MAX} rows are read")


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, kind=ErrorKind.BAD_BARS)
