"""How bars are written where they do not say it themselves: what a strategy says of them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.strategy.data_parts import NO_HEADER, DataSpec
from tapetrail.sources.tabular.columns import Field


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a strategy says of columns, headings, dates, numbers and sheets; nothing by default.

    `header` is the number of the line of headings, or `none`.
    """

    columns: tuple[tuple[Field, str | int], ...] = ()
    header: int | str | None = None
    date_format: str | None = None
    decimal: str | None = None
    sheet: str | None = None

    @classmethod
    def of(cls, data: DataSpec) -> "Layout":
        """Return what the strategy says."""
        return cls(
            columns=tuple((Field(field), column) for field, column in data.columns or ()),
            header=data.header,
            date_format=data.date_format,
            decimal=data.decimal,
            sheet=data.sheet,
        )

    @property
    def first_line(self) -> int:
        """The line to begin at, from 1."""
        return self.header if isinstance(self.header, int) else 1

    @property
    def has_headings(self) -> bool:
        """Whether a line names the columns."""
        return self.header != NO_HEADER

    def refuse(self, keys: Sequence[str], *, place: str, kind: str) -> None:
        """Raise `InvalidInput` for those of `keys` that are said and would change nothing."""
        said = [
            each.name for each in fields(self) if each.name in keys and getattr(self, each.name)
        ]
        if said:
            raise InvalidInput(
                f"{place}: is {kind}, where `{said[0]}` means nothing; leave it out of `data`",
                kind=ErrorKind.BAD_BARS,
            )


PLAIN: Final = Layout()
