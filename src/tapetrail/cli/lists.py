"""`tapetrail executions|decisions|charts|analyses|signals list`, in every shape."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from itertools import chain
from typing import Any, Final

from tapetrail.cli.list_words import ListWords, Shape, check_filters
from tapetrail.cli.output import (
    Screen,
    echo,
    flush,
    json_line,
    note,
    print_json,
    screen,
    speaks_unicode,
)
from tapetrail.cli.session import opened
from tapetrail.cli.tables import table_lines
from tapetrail.wire import (
    LIMIT_MAX,
    Page,
    Resource,
    Shown,
    column_names,
    page_document,
    view_document,
)

COLUMNS: Final = {
    Resource.EXECUTIONS: (
        "id", "strategy", "strategy_version", "provenance", "as_of", "status",
        "decisions", "signals", "failed", "started_at",
    ),
    Resource.DECISIONS: (
        "id", "execution_id", "symbol", "as_of", "run_no", "status", "signal_type", "confidence",
        "entry_price", "stop_loss", "target_price", "risk_reward_ratio", "error_kind",
    ),
    Resource.CHARTS: (
        "id", "execution_id", "decision_id", "symbol", "timeframe", "start_date", "end_date",
        "data_points", "price_current", "price_change_pct", "status",
    ),
    Resource.ANALYSES: (
        "id", "execution_id", "decision_id", "chart_id", "symbol", "timeframe", "kind", "status",
        "trend_direction", "confidence_score", "latency_ms", "analyst",
    ),
    Resource.SIGNALS: (
        "id", "execution_id", "decision_id", "symbol", "signal_type", "confidence", "entry_price",
        "stop_loss", "target_price", "risk_reward_ratio", "decided_at",
    ),
}  # fmt: skip
"""The columns of a table where none are named; the other shapes have them all."""

Fetch = Callable[[str | None], Page[Any]]
"""What gives the page that a cursor continues with, the first one for None."""


def show_list(resource: Resource, words: ListWords) -> int:
    """Print a list: one page, or all of it where no limit was asked for."""
    check_filters(resource, words.filters)
    with opened() as recorder:

        def fetch(cursor: str | None) -> Page[Any]:
            limit = words.limit or LIMIT_MAX
            return recorder.page(resource, filters=words.filters, limit=limit, cursor=cursor)

        print_list(resource, words, fetch=fetch)
    return 0


def print_list(resource: Resource, words: ListWords, *, fetch: Fetch) -> None:
    """Print a list from its pages. JSON Lines, CSV and ids never hold more than one of them."""
    names = words.columns or _own_columns(resource, words.shape)
    pages = _Pages(words, fetch)
    match words.shape:
        case Shape.JSON:
            _print_document(pages, names)
            return
        case Shape.TABLE:
            rows = [row for page in pages for row in page.data]
            shown = screen(zone=UTC if words.is_utc else None)
            _print_table(names, rows, screen=shown)
        case _:
            _print_lines(pages, names, shape=words.shape)
    _note_the_rest(resource, words, pages)


def print_page(resource: Resource, page: Page[Any]) -> None:
    """Print a page's rows as a table, if there are any."""
    _print_table(COLUMNS[resource], page.data, screen=screen())


class _Pages:
    """The pages of a list; after them, how many rows they held and where the list goes on."""

    def __init__(self, words: ListWords, fetch: Fetch) -> None:
        self._fetch = fetch
        self._is_all = words.limit is None
        self.next_cursor = words.cursor
        self.rows = 0

    def __iter__(self) -> Iterator[Page[Any]]:
        goes_on = True
        while goes_on:
            page = self._fetch(self.next_cursor)
            self.next_cursor = page.next_cursor
            self.rows += len(page.data)
            goes_on = self._is_all and page.has_more
            yield page


def _own_columns(resource: Resource, shape: Shape) -> tuple[str, ...]:
    return COLUMNS[resource] if shape is Shape.TABLE else column_names(resource)


def _print_document(pages: _Pages, names: tuple[str, ...]) -> None:
    rows = [_document(row, names) for page in pages for row in page.data]
    print_json(page_document(Page(data=rows, next_cursor=pages.next_cursor)))


def _print_table(names: tuple[str, ...], rows: Sequence[Any], *, screen: Screen) -> None:
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


def _line_of(shape: Shape, names: tuple[str, ...]) -> Callable[[Any], str]:
    from tapetrail.cli.csv_text import csv_line  # noqa: PLC0415 # --help never needs it

    is_unicode = speaks_unicode()
    lines: dict[Shape, Callable[[Any], str]] = {
        Shape.JSONL: lambda row: json_line(_document(row, names), is_unicode=is_unicode),
        Shape.CSV: lambda row: csv_line([getattr(row, name) for name in names]),
        Shape.IDS: lambda row: str(row.id),
    }
    return lines[shape]


def _document(row: object, names: tuple[str, ...]) -> Shown:
    return {name: view_document(getattr(row, name)) for name in names}


def _note_the_rest(resource: Resource, words: ListWords, pages: _Pages) -> None:
    if pages.next_cursor:
        note(f"more follow: --all, or with the same filters --cursor {pages.next_cursor}")
    elif not pages.rows:
        named = ", ".join(f"{name} {value}" for name, value in words.filters.named().items())
        note(f"no {resource} with {named}" if named else f"no {resource} yet")
