"""Bars that a Python program passes in: a frame in memory, kept whole with the execution."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, Self

from tapetrail.core.errors import InvalidInput
from tapetrail.core.strategy.strategies import StrategySpec
from tapetrail.sources.protocol import Need, Process, Source, SourceKind
from tapetrail.sources.tabular import files
from tapetrail.sources.tabular.datasets import DatasetSpec, TabularSource, dataset_of
from tapetrail.sources.tabular.frames import tables_of
from tapetrail.sources.tabular.layouts import Layout
from tapetrail.sources.tabular.raw import RawColumns, parsed_columns
from tapetrail.sources.tabular.stored_frames import load_tables, serialise_tables
from tapetrail.sources.tabular.tables import Table, symbol_table

NAME: Final = "frame"
DIGEST_KEY: Final = "frame"
"""Where an execution's configuration keeps the digest of its frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSource(TabularSource):
    """The daily bars of a frame in memory, or of any value that `tables_of` reads.

    `dataset.symbol` names bars that name no symbol themselves.
    """

    dataset: DatasetSpec
    tables: tuple[Table, ...] = field(repr=False)
    name: str = NAME

    @classmethod
    def of(cls, data: object, *, dataset: DatasetSpec) -> Self:
        """Return the source of what `data` holds now; later changes to it are not seen.

        Raises `InvalidInput` for a shape that is not known, and for bars that nothing names.
        """
        tables = tables_of(data, place=NAME, layout=dataset.layout)
        if dataset.symbol is None and any(table.stated.symbol is None for table in tables):
            raise InvalidInput(f"{NAME}: names no symbol; name one in the listing")
        # As any other process will read it, so that what a plan accepted a decision can read.
        return cls.load(serialise_tables(tables), dataset=dataset)

    @classmethod
    def load(cls, content: bytes, *, dataset: DatasetSpec) -> Self:
        """Return the source with this stored form. Raises `IntegrityFailure` for other bytes."""
        return cls(dataset=dataset, tables=_laid_out(content, dataset.layout))

    def serialise(self) -> bytes:
        """Return the frame as bytes that any process can read back."""
        return serialise_tables(self.tables)

    @property
    def place(self) -> str:
        """Return `frame`."""
        return NAME

    def held_symbols(self) -> Sequence[str]:
        """Return the symbols in the frame."""
        return [table.stated.symbol or self.dataset.symbol or "" for table in self.tables]

    def read_columns(self, symbol: str) -> RawColumns:
        """Return the bars of one of `held_symbols`. Raises as `parse_columns` does."""
        return parsed_columns(symbol_table(self.tables, symbol, place=NAME))


# A backtest opens the same frame once a decision, and its tables are parsed once.
@lru_cache(maxsize=4)
def _laid_out(content: bytes, layout: Layout) -> tuple[Table, ...]:
    """Return the stored tables, with what the strategy says of how they are written."""
    return tuple(replace(table, layout=layout) for table in load_tables(content))


def _open(spec: StrategySpec, config: Mapping[str, str], process: Process) -> Source:
    dataset = dataset_of(spec)
    if process.in_memory is not None:
        return process.in_memory
    if DIGEST_KEY not in config:
        raise InvalidInput(
            f"source {NAME}: a Python program hands over its bars; a strategy file names"
            f" {files.KIND.written}"
        )
    return FrameSource.load(process.read_frame(config[DIGEST_KEY]), dataset=dataset)


KIND: Final = SourceKind(
    name=NAME,
    summary="daily bars that a Python program hands over; the command line refuses it",
    open=_open,
    needs=frozenset({Need.DATA, Need.FRAME}),
)
