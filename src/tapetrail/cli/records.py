"""`tapetrail executions|decisions|charts|analyses|signals list|show`, and `charts save`."""

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, Final

from tapetrail.cli.details import detail_lines
from tapetrail.cli.output import harmless, note, print_json, say, screen, size_text
from tapetrail.cli.session import opened
from tapetrail.cli.tables import table_lines
from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.wire import Filters, Page, Resource, detail_document, page_document

if TYPE_CHECKING:
    from collections.abc import Generator

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
ID_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ListWords:
    """What a list was asked for."""

    filters: Filters
    limit: int
    cursor: str | None = None
    as_json: bool = False


def show_list(resource: Resource, words: ListWords) -> int:
    """Print one page of a list."""
    _check_filters(resource, words.filters)
    with opened() as recorder:
        page = recorder.page(
            resource, filters=words.filters, limit=words.limit, cursor=words.cursor
        )
    if words.as_json:
        print_json(page_document(page))
    else:
        print_page(resource, page)
        _say_what_follows(resource, page, filters=words.filters)
    return 0


def print_page(resource: Resource, page: Page[Any]) -> None:
    """Print a page's rows as a table, if there are any."""
    names = COLUMNS[resource]
    rows = [[getattr(row, name) for name in names] for row in page.data]
    for line in table_lines(names, rows, screen=screen()) if rows else ():
        say(line)


def show_one(resource: Resource, number: int, *, as_json: bool) -> int:
    """Print one row whole, with what hangs on it."""
    _check_number(number)
    with opened() as recorder:
        detail = recorder.detail(resource, number)
    if as_json:
        print_json(detail_document(detail))
    else:
        for line in detail_lines(resource, detail, screen=screen()):
            say(line)
    return 0


def save_chart(number: int, *, path: Path) -> int:
    """Write a chart's image to `path`, whole or not at all; what was there is replaced."""
    _check_number(number)
    with _naming(path):
        target = path.resolve()
        if target.exists() and not target.is_file():
            raise InvalidInput(f"--output {str(path)!r}: a folder or device, expected a file")
        if not target.parent.is_dir():
            raise InvalidInput(f"--output {str(path)!r}: there is no folder {str(target.parent)!r}")
    with opened() as recorder:
        image = recorder.chart_image(number)
    with _naming(path):
        _write(image, target)
    note(f"saved {harmless(str(path))} ({size_text(len(image))})")
    return 0


@contextmanager
def _naming(path: Path) -> "Generator[None]":
    """Turn the system's refusals into an `EdgeFailure` that names the file."""
    try:
        yield
    except OSError as error:
        raise EdgeFailure(f"could not write {str(path)!r}; {error.strerror}") from error


def _write(content: bytes, path: Path) -> None:
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), path.stat().st_mode if path.exists() else _new_file_mode())
            Path(file.name).replace(path)
        finally:
            with suppress(FileNotFoundError):
                Path(file.name).unlink()


def _new_file_mode() -> int:
    """Return the rights that this process gives to new files."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _check_filters(resource: Resource, filters: Filters) -> None:
    """Refuse a status or timeframe that nothing can have: an empty list would look like an answer.

    Raises `InvalidInput` naming the known ones.
    """
    from tapetrail.core import records  # noqa: PLC0415 # --help never needs it
    from tapetrail.core.instruments import Timeframe  # noqa: PLC0415 # --help never needs it

    _check_number(filters.execution_id or 0)
    _check_number(filters.chart_id or 0)
    if filters.symbol is not None and not filters.symbol.isprintable():
        raise InvalidInput(f"--symbol {filters.symbol!r}: holds what no symbol can")
    if filters.timeframe is not None:
        Timeframe.parse(filters.timeframe)
    known = {
        Resource.EXECUTIONS: tuple(records.ExecutionStatus),
        Resource.DECISIONS: tuple(records.DecisionStatus),
        Resource.CHARTS: ("active", "archived"),
        Resource.ANALYSES: tuple(records.AnalysisStatus),
    }.get(resource, ())
    if filters.status is not None and known and filters.status not in known:
        raise InvalidInput(f"--status {filters.status!r}: expected one of {', '.join(known)}")


def _check_number(number: int) -> None:
    if number > ID_MAX:
        raise InvalidInput(f"ID {number}: larger than any that a list can show")


def _say_what_follows(resource: Resource, page: Page[Any], *, filters: Filters) -> None:
    if page.next_cursor:
        note(f"more follow, with the same filters and: --cursor {page.next_cursor}")
    elif not page.data:
        named = ", ".join(f"{name} {value}" for name, value in filters.named().items())
        note(f"no {resource} with {named}" if named else f"no {resource} yet")
