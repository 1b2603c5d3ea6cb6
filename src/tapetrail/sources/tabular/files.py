"""Bars from a user's own files: one file, or one file a symbol. No network.

`file:prices.csv` is one file. It holds one instrument, or several told apart by a symbol column;
an instrument that names no symbol takes the dataset's, or else the name of the file.
`file:data/{symbol}.csv` is one file for each symbol.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.core.market.timeframes import Timeframe
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.sources.protocol import Need, Process, SourceKind
from tapetrail.sources.tabular.datasets import DatasetSpec, TabularSource, dataset_of
from tapetrail.sources.tabular.file_formats import read_tables
from tapetrail.sources.tabular.longer_histories import files_beside
from tapetrail.sources.tabular.raw import RawColumns, parsed_columns
from tapetrail.sources.tabular.tables import Table, symbol_table

PREFIX: Final = "file:"
FOLDER_KEY: Final = "folder"
"""Where an execution's configuration keeps the folder that relative paths begin in."""
SYMBOL: Final = "{symbol}"
_FILE_SYMBOL: Final = re.compile(r"[^/\\\0]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource(TabularSource):
    """The daily bars in a file, or with `{symbol}` in the last part of `path`, in several files.

    `name` is what records hold: the source as it was asked for, without the folder it was found in.
    """

    name: str
    path: Path
    dataset: DatasetSpec
    _held: list[str] = field(default_factory=list[str], init=False, repr=False, compare=False)

    @classmethod
    def parse(cls, text: str, *, folder: Path, dataset: DatasetSpec) -> Self:
        """Return the source that `file:PATH` names, a relative path starting from `folder`.

        Raises `InvalidInput` for any other text and for `{symbol}` in the name of a folder.
        """
        written = text.removeprefix(PREFIX)
        if not text.startswith(PREFIX) or not Path(written).name:
            raise InvalidInput(f"source {text!r}: expected {PREFIX} and a path")
        if SYMBOL in str(Path(written).parent) or Path(written).name.count(SYMBOL) > 1:
            raise InvalidInput(f"source {text!r}: {SYMBOL} may stand once, in the name of the file")
        return cls(name=text, path=folder / written, dataset=dataset)

    @property
    def place(self) -> str:
        """Return the path."""
        return str(self.path)

    def held_symbols(self) -> Sequence[str]:
        """Return the symbols in the file, or those there is a file for. Raises as `read_tables`.

        They are looked up once: each of many instruments asks for all of them.
        """
        if not self._held:
            self._held.extend(self._listed())
        return self._held

    def _listed(self) -> Sequence[str]:
        if SYMBOL in self.path.name:
            return _symbols_of_files(self.path)
        only = self.dataset.symbol or self.path.stem
        return [table.stated.symbol or only for table in self._tables(self.path)]

    def read_longer(self, symbol: str) -> Mapping[Timeframe, RawColumns]:
        """Return the weeks and months in the file, or else in those beside it, as `ACME_1w.json`.

        Raises as reading and parsing a table do.
        """
        found = dict(TabularSource.read_longer(self, symbol))
        for timeframe, path in files_beside(self._path_of(symbol)).items():
            tables = self._tables(path)
            if any(table.stated.symbol in {symbol, None} for table in tables):
                table = symbol_table(tables, symbol, place=str(path))
                found.setdefault(timeframe, parsed_columns(table))
        return found

    def _path_of(self, symbol: str) -> Path:
        return self.path.with_name(self.path.name.replace(SYMBOL, symbol))

    def read_columns(self, symbol: str) -> RawColumns:
        """Return the bars of one of `held_symbols`. Raises as reading and parsing a table do."""
        path = self._path_of(symbol)
        return parsed_columns(symbol_table(self._tables(path), symbol, place=str(path)))

    def _tables(self, path: Path) -> tuple[Table, ...]:
        try:
            return read_tables(path, layout=self.dataset.layout)
        except NotFound as error:
            if Path(self.name.removeprefix(PREFIX)).is_absolute() or path.exists():
                raise
            raise NotFound(
                f"{error.message}; {self.name} begins in the folder of the strategy file, or write"
                " the whole path",
                kind=error.kind,
            ) from error


def _symbols_of_files(pattern: Path) -> Sequence[str]:
    """Return the symbols for which there is a file. Raises `NotFound` if there is none."""
    before, _, after = pattern.name.partition(SYMBOL)
    if not pattern.parent.is_dir():
        raise NotFound(f"{pattern.parent}: no such folder", kind=ErrorKind.NO_BARS)
    names = [path.name for path in pattern.parent.iterdir() if path.is_file()]
    symbols = [
        symbol
        for name in names
        if name.startswith(before) and name.endswith(after)
        for symbol in [name[len(before) : len(name) - len(after)]]
        if _FILE_SYMBOL.fullmatch(symbol)
    ]
    if not symbols:
        raise NotFound(f"{pattern}: no file has a name of this form", kind=ErrorKind.NO_BARS)
    return symbols


def _open(spec: StrategySpec, config: Mapping[str, str], process: Process) -> FileSource:
    del process
    folder = Path(config.get(FOLDER_KEY, ""))
    return FileSource.parse(spec.source, folder=folder, dataset=dataset_of(spec))


KIND: Final = SourceKind(
    name=PREFIX,
    argument="PATH",
    summary="daily bars of your own: a CSV, XLSX, JSON, Parquet or Arrow file, or one a symbol",
    open=_open,
    needs=frozenset({Need.DATA, Need.FOLDER}),
)
