"""Bars from a user's own data: a file, one file a symbol, or a frame in memory. No network.

`file:prices.csv` is one file. It holds one instrument, or several told apart by a symbol column;
an instrument that names no symbol takes the listing's, or else the name of the file.
`file:data/{symbol}.csv` is one file for each symbol.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.core.strategy.strategies import FILE, FRAME
from tapetrail.sources.tabular.datasets import DatasetSpec, ListedSource
from tapetrail.sources.tabular.file_formats import read_tables
from tapetrail.sources.tabular.frames import tables_of
from tapetrail.sources.tabular.raw import RawColumns, parse_columns
from tapetrail.sources.tabular.stored_frames import load_tables, serialise_tables
from tapetrail.sources.tabular.tables import Table, symbol_table

SYMBOL: Final = "{symbol}"
_FILE_SYMBOL: Final = re.compile(r"[^/\\\0]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource(ListedSource):
    """The daily bars in a file, or with `{symbol}` in the last part of `path`, in several files.

    `name` is what records hold: the source as it was asked for, without the folder it was found in.
    """

    name: str
    path: Path
    dataset: DatasetSpec

    @classmethod
    def parse(cls, text: str, *, folder: Path, dataset: DatasetSpec) -> Self:
        """Return the source that `file:PATH` names, a relative path starting from `folder`.

        Raises `InvalidInput` for any other text and for `{symbol}` in the name of a folder.
        """
        written = text.removeprefix(FILE)
        if not text.startswith(FILE) or not Path(written).name:
            raise InvalidInput(f"source {text!r}: expected {FILE} and a path")
        if SYMBOL in str(Path(written).parent) or Path(written).name.count(SYMBOL) > 1:
            raise InvalidInput(f"source {text!r}: {SYMBOL} may stand once, in the name of the file")
        return cls(name=text, path=folder / written, dataset=dataset)

    @property
    def place(self) -> str:
        """Return the path."""
        return str(self.path)

    def symbols(self) -> Sequence[str]:
        """Return the symbols in the file, or those there is a file for. Raises as `read_tables`."""
        if SYMBOL in self.path.name:
            return _symbols_of_files(self.path)
        only = self.dataset.symbol or self.path.stem
        return [table.stated.symbol or only for table in read_tables(self.path)]

    def read_columns(self, symbol: str) -> RawColumns:
        """Return the bars of one of `symbols`. Raises as `read_tables` and `parse_columns` do."""
        path = self.path.with_name(self.path.name.replace(SYMBOL, symbol))
        return _parsed(symbol_table(read_tables(path), symbol, place=str(path)))


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSource(ListedSource):
    """The daily bars of a frame in memory, or of any value that `tables_of` reads.

    `dataset.symbol` names bars that name no symbol themselves.
    """

    dataset: DatasetSpec
    tables: tuple[Table, ...] = field(repr=False)
    name: str = FRAME

    @classmethod
    def of(cls, data: object, *, dataset: DatasetSpec) -> Self:
        """Return the source of what `data` holds now; later changes to it are not seen.

        Raises `InvalidInput` for a shape that is not known, and for bars that nothing names.
        """
        tables = tables_of(data, place=FRAME)
        if dataset.symbol is None and any(table.stated.symbol is None for table in tables):
            raise InvalidInput(f"{FRAME}: names no symbol; name one in the listing")
        # As any other process will read it, so that what a plan accepted a decision can read.
        return cls.load(serialise_tables(tables), dataset=dataset)

    @classmethod
    def load(cls, content: bytes, *, dataset: DatasetSpec) -> Self:
        """Return the source with this stored form. Raises `IntegrityFailure` for other bytes."""
        return cls(dataset=dataset, tables=load_tables(content))

    def serialise(self) -> bytes:
        """Return the frame as bytes that any process can read back."""
        return serialise_tables(self.tables)

    @property
    def place(self) -> str:
        """Return `frame`."""
        return FRAME

    def symbols(self) -> Sequence[str]:
        """Return the symbols in the frame."""
        return [table.stated.symbol or self.dataset.symbol or "" for table in self.tables]

    def read_columns(self, symbol: str) -> RawColumns:
        """Return the bars of one of `symbols`. Raises as `parse_columns` does."""
        return _parsed(symbol_table(self.tables, symbol, place=FRAME))


# A backtest asks for the same table once a decision; a table is what it is, and known by identity.
@lru_cache(maxsize=8)
def _parsed(table: Table) -> RawColumns:
    return parse_columns(table)


def _symbols_of_files(pattern: Path) -> Sequence[str]:
    """Return the symbols for which there is a file. Raises `NotFound` if there is no folder."""
    before, _, after = pattern.name.partition(SYMBOL)
    if not pattern.parent.is_dir():
        raise NotFound(f"{pattern.parent}: no such folder", kind=ErrorKind.NO_BARS)
    names = [path.name for path in pattern.parent.iterdir() if path.is_file()]
    return [
        symbol
        for name in names
        if name.startswith(before) and name.endswith(after)
        for symbol in [name[len(before) : len(name) - len(after)]]
        if _FILE_SYMBOL.fullmatch(symbol)
    ]
