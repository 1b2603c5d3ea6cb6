"""A list in every shape: table, JSON, JSON Lines, CSV, ids."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum
from itertools import chain
from typing import Final

from tapetrail.cli.terminal.bar_notes import list_notes
from tapetrail.cli.terminal.output import (
    Screen,
    echo,
    flush,
    note,
    print_json,
    screen,
    speaks_unicode,
)
from tapetrail.cli.terminal.tables import table_lines
from tapetrail.core.errors import InvalidInput
from tapetrail.listing import ListSpec, Selection
from tapetrail.listing.spec import Numbered
from tapetrail.safe_text import json_line, sanitise
from tapetrail.wire import LIMIT_DEFAULT, Page, Shown, page_document, view_document

Fetch = Callable[[str | None], Page[Numbered]]
"""What gives the page that a cursor continues with, the first one for None."""


class Shape(StrEnum):
    """What a list is printed as, by the option that asks for it."""

    TABLE = ""
    JSON = "--json"
    JSONL = "--jsonl"
    CSV = "--csv"
    IDS = "--quiet"


_SHAPES: Final = (Shape.JSON, Shape.JSONL, Shape.CSV, Shape.IDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListWords:
    """What a list was asked for. `limit` is None for all rows; no `columns` are the shape's own."""

    selection: Selection[Numbered]
    shape: Shape = Shape.TABLE
    columns: tuple[str, ...] = ()
    limit: int | None = LIMIT_DEFAULT
    cursor: str | None = None
    is_utc: bool = True

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for what the shape cannot show: it would do nothing, in silence."""
        if self.shape is Shape.IDS and self.columns:
            raise InvalidInput("--columns: with --quiet there are only ids")
        if self.shape is not Shape.TABLE and not self.is_utc:
            raise InvalidInput(f"--local: for tables only; with {self.shape} all times are UTC")


def shape_of(*, as_json: bool, as_jsonl: bool, as_csv: bool, quiet: bool) -> Shape:
    """Return the shape that was asked for, a table where none was; more than one is refused."""
    wanted = dict(zip(_SHAPES, (as_json, as_jsonl, as_csv, quiet), strict=True))
    asked = [shape for shape, is_asked in wanted.items() if is_asked]
    if len(asked) > 1:
        raise InvalidInput(f"{' and '.join(asked)}; at most one of {', '.join(_SHAPES)}")
    return asked[0] if asked else Shape.TABLE


def limit_of(limit: int | None, *, wants_all: bool) -> int | None:
    """Return how many rows were asked for, None for all of them."""
    if wants_all and limit is not None:
        raise InvalidInput(f"--limit {limit} and --all; at most one of them")
    return None if wants_all else limit or LIMIT_DEFAULT


def columns_of(text: str | None, *, listed: ListSpec[Numbered]) -> tuple[str, ...]:
    """Return the columns that were named; unknown ones are refused, as are two of a name."""
    if text is None:
        return ()
    known = listed.column_names
    named = tuple(name.strip() for name in text.split(","))
    for position, name in enumerate(named):
        if name not in known:
            raise InvalidInput(
                f"--columns: {listed.name} have no {name!r}; {_nearest(name, known)}"
            )
        if name in named[:position]:
            raise InvalidInput(f"--columns: {name!r} is named twice")
    return named


def print_list(words: ListWords, *, fetch: Fetch, near: Callable[[], Sequence[str]]) -> None:
    """Print a list from its pages. JSON Lines, CSV and ids never hold more than one of them."""
    listed = words.selection.listed
    names = words.columns or listed.column_names
    pages = _Pages(words, fetch)
    match words.shape:
        case Shape.JSON:
            _print_document(pages, names)
            return
        case Shape.TABLE:
            rows = [row for page in pages for row in page.data]
            shown = screen(zone=UTC if words.is_utc else None)
            _print_table(words.columns or listed.brief_of(rows), rows, screen=shown)
            note_bars(listed, rows)
        case _:
            _print_lines(pages, names, shape=words.shape)
    _note_the_rest(words, pages, near=near)


def print_rows(listed: ListSpec[Numbered], rows: Sequence[Numbered]) -> None:
    """Print rows of a list as a table, if there are any, and note what their bars lack."""
    _print_table(listed.brief_of(rows), rows, screen=screen())
    note_bars(listed, rows)


def note_bars(listed: ListSpec[Numbered], rows: Sequence[Numbered]) -> None:
    """Note which rows of a list were made on bars that miss sessions or end early."""
    for line in list_notes(listed, rows):
        note(line)


class _Pages:
    """The pages of a list; after them, how many rows they held and where the list goes on."""

    def __init__(self, words: ListWords, fetch: Fetch) -> None:
        self._fetch = fetch
        self._is_all = words.limit is None
        self.next_cursor = words.cursor
        self.rows = 0

    def __iter__(self) -> Iterator[Page[Numbered]]:
        goes_on = True
        while goes_on:
            page = self._fetch(self.next_cursor)
            self.next_cursor = page.next_cursor
            self.rows += len(page.data)
            goes_on = self._is_all and page.has_more
            yield page


def _print_document(pages: _Pages, names: tuple[str, ...]) -> None:
    rows = [_document(row, names) for page in pages for row in page.data]
    print_json(page_document(Page(data=rows, next_cursor=pages.next_cursor)))


def _print_table(names: tuple[str, ...], rows: Sequence[Numbered], *, screen: Screen) -> None:
    values = [[getattr(row, name) for name in names] for row in rows]
    for line in table_lines(names, values, screen=screen) if values else ():
        echo(line)


def _print_lines(pages: _Pages, names: tuple[str, ...], *, shape: Shape) -> None:
    line = _line_of(shape, names)
    # A list that is refused prints nothing, so the heading waits for the first page.
    heading = [",".join(names)] if shape is Shape.CSV else []
    for page in pages:
        for text in chain(heading, map(line, page.data)):
            echo(text)
        heading = []
        # Who reads along must not wait for a buffer to fill.
        flush()


def _line_of(shape: Shape, names: tuple[str, ...]) -> Callable[[Numbered], str]:
    from tapetrail.safe_text import csv_line  # noqa: PLC0415 # --help never needs it

    is_unicode = speaks_unicode()
    lines: dict[Shape, Callable[[Numbered], str]] = {
        Shape.JSONL: lambda row: json_line(_document(row, names), is_unicode=is_unicode),
        Shape.CSV: lambda row: csv_line([getattr(row, name) for name in names]),
        Shape.IDS: lambda row: str(row.id),
    }
    return lines[shape]


def _document(row: object, names: tuple[str, ...]) -> Shown:
    return {name: view_document(getattr(row, name)) for name in names}


def _note_the_rest(words: ListWords, pages: _Pages, *, near: Callable[[], Sequence[str]]) -> None:
    if pages.next_cursor:
        note(f"more follow: --all, or with the same filters --cursor {pages.next_cursor}")
    elif not pages.rows:
        listed, options = words.selection.listed, words.selection.options()
        note(f"no {listed.name} with {options}" if options else f"no {listed.name} yet")
        for hint in near() if options else ():
            note(f"  {sanitise(hint)}")


def _nearest(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 # only a mistake needs it

    near = get_close_matches(name, known, n=1)
    return (f"did you mean {near[0]!r}? " if near else "") + f"known are {', '.join(known)}"
