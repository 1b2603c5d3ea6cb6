"""`tapetrail run`, `worker` and `demo`: start work, watch it, print what came of it."""

import gc
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tapetrail.cli.session import opened_or_new, settings
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.list_output import note_bars, print_rows
from tapetrail.cli.terminal.output import note, print_json, sanitise
from tapetrail.cli.terminal.words import Concurrency, Json
from tapetrail.core.errors import InvalidInput
from tapetrail.listing import DECISIONS, EXECUTIONS
from tapetrail.wire import LIMIT_MAX, detail_document

if TYPE_CHECKING:
    from tapetrail.store.reads import Progress
    from tapetrail.usecases.planning import RunQuery
    from tapetrail.usecases.record import Record
    from tapetrail.usecases.records import Records

LATEST: Final = 10
group: Final = typer.Typer()
GOES_ON: Final = "interrupted; what was queued goes on with the next `tapetrail run` or `worker`"


@group.command(
    epilog=examples("tapetrail demo --no-serve", "TAPETRAIL_HOME=/tmp/trial tapetrail demo")
)
@shows_errors(hint="tapetrail status", interrupted=GOES_ON)
def demo(
    *,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End when all is recorded.")] = False,
    concurrency: Concurrency = 2,
) -> int:
    """Record 130 decisions on real sample bars: no key, no network.

    A home that has them already keeps them; nothing is recorded twice.
    """
    from tapetrail.core.records.states import RunType  # noqa: PLC0415 # --help never needs it
    from tapetrail.strategy_files import bundled_strategy  # noqa: PLC0415 # --help never needs it
    from tapetrail.usecases.planning import RunQuery  # noqa: PLC0415 # --help never needs it

    # There is nothing to serve yet, so both ways end when all is recorded.
    del no_serve
    spec, started = bundled_strategy(), time.monotonic()
    with opened_or_new(settings()) as record:
        queries = [
            RunQuery(spec=spec, as_of_on=day, run_type=RunType.BACKFILL, workflow_id=f"demo:{day}")
            for day in record.runs.demo_dates(spec)
        ]
        ended = _carried_out(record, queries, concurrency=concurrency)
        _show_demo(record.records, ended, seconds=time.monotonic() - started)
    return 0


@group.command(
    epilog=examples(
        "tapetrail run mine.yaml",
        "tapetrail run mine.yaml --as-of 2012-08-03",
        "tapetrail run mine.yaml --instruments AAPL,IBM --json",
    )
)
@shows_errors(hint="tapetrail run --help", interrupted=GOES_ON)
def run(
    strategy: Annotated[Path, typer.Argument(metavar="STRATEGY", help="A strategy's YAML file.")],
    *,
    instruments: Annotated[
        str | None,
        typer.Option("--instruments", metavar="A,B", help="These symbols, not the strategy's own."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="DATE",
            help="Decide as of the close of the last session on or before this day;"
            " by default the latest completed one.",
        ),
    ] = None,
    concurrency: Concurrency = 2,
    as_json: Json = False,
) -> int:
    """Run a strategy once and record every decision.

    Exit code 0 means that every decision completed, 1 that one failed; why is in the record.
    What is wrong with the words or the file is refused before anything is written.
    """
    from tapetrail.sources.registry import config_of  # noqa: PLC0415 # --help never needs it
    from tapetrail.strategy_files import read_strategy  # noqa: PLC0415 # --help never needs it
    from tapetrail.usecases.planning import RunQuery  # noqa: PLC0415 # --help never needs it

    spec = read_strategy(strategy)
    query = RunQuery(
        spec=spec,
        symbols=_symbols(instruments),
        as_of_on=_date(as_of),
        config=config_of(spec, folder=strategy.resolve().parent),
    )
    with opened_or_new(settings()) as record:
        (progress,) = _carried_out(record, [query], concurrency=concurrency)
        _show_run(record.records, progress, as_json=as_json)
    return 0 if progress.status == "completed" else 1


@group.command(epilog=examples("tapetrail worker --concurrency 4"))
@shows_errors(hint="tapetrail status")
def worker(*, concurrency: Concurrency = 2) -> int:
    """Work off queued decisions until interrupted.

    Also takes over what dead workers left.
    """
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stopped.set())
    with opened_or_new(settings()) as record, record.runs.working(concurrency=concurrency):
        gc.freeze()  # what was imported stays; looking through it again and again costs seconds
        note(f"worker ready: {concurrency} decisions at once; Ctrl-C to stop")
        stopped.wait()
    note("worker stopped")
    return 0


def _show_run(records: "Records", progress: "Progress", *, as_json: bool) -> None:
    detail = records.detail(EXECUTIONS, progress.execution_id)
    wanted = DECISIONS.select(execution_id=progress.execution_id)
    page = records.page(wanted, limit=LIMIT_MAX)
    if as_json:
        print_json(detail_document(detail))
        note_bars(DECISIONS, page.data)
        return
    print_rows(DECISIONS, page.data)
    note(f"execution {progress.execution_id}: {progress.status.replace('_', ' ')}")
    for row in page.data:
        if row.error_message:
            note(f"  {sanitise(f'{row.symbol}: {row.failed_stage}: {row.error_message}')}")
    note(f"Try: tapetrail decisions show {page.data[0].id}")


def _show_demo(records: "Records", progress: Sequence["Progress"], *, seconds: float) -> None:
    page = records.page(DECISIONS.select(), limit=LATEST)
    print_rows(DECISIONS, page.data)
    decisions, failed = sum(p.decisions for p in progress), sum(p.failed for p in progress)
    note(f"{decisions} decisions in {len(progress)} executions, {failed} failed, {seconds:.1f} s")
    _note_failures(records)
    note("Try: tapetrail decisions list --status failed")
    note(f"     tapetrail decisions show {page.data[0].id}")
    note("     tapetrail charts list --timeframe 1w    then: tapetrail charts open ID")
    note('     psql "$(tapetrail db start)"')


def _note_failures(records: "Records") -> None:
    """Note for each symbol and kind how many decisions failed, and why the last one did."""
    page = records.page(DECISIONS.select(status="failed"), limit=LIMIT_MAX)
    reasons: dict[tuple[str, str | None], list[str]] = {}
    for row in page.data:
        reasons.setdefault((row.symbol, row.error_kind), []).append(row.error_message or "")
    for (symbol, kind), messages in reasons.items():
        note(sanitise(f"  {symbol}: {kind}, {len(messages)} times; the latest: {messages[0]}"))


def _carried_out(
    record: "Record", queries: "Sequence[RunQuery]", *, concurrency: int
) -> "Sequence[Progress]":
    """Return how the runs ended, showing on the way how far they are."""
    from tapetrail.usecases.runs import Manner  # noqa: PLC0415 # --help never needs it

    with _progress_bar() as advance:
        return record.runs.carry_out(queries, Manner(concurrency=concurrency, watch=advance))


@contextmanager
def _progress_bar() -> "Generator[Callable[[Sequence[Progress]], None]]":
    """Give what moves the progress: a bar on a terminal, else a line per tenth."""
    if not sys.stderr.isatty():
        yield _Lines().advance
        return
    from rich.console import Console  # noqa: PLC0415 # only a terminal needs it
    from rich.progress import Progress as Bar  # noqa: PLC0415 # only a terminal needs it

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("decisions", total=None)

        def advance(found: "Sequence[Progress]") -> None:
            done, total = _done(found)
            bar.update(task, completed=done, total=total)

        yield advance


class _Lines:
    """Progress as plain lines, one for each tenth."""

    def __init__(self) -> None:
        self._tenths = 0

    def advance(self, found: "Sequence[Progress]") -> None:
        """Note it when another tenth is done."""
        done, total = _done(found)
        tenths = done * 10 // total if total else 0
        if tenths > self._tenths:
            self._tenths = tenths
            note(f"{done} of {total} decisions")


def _done(found: "Sequence[Progress]") -> tuple[int, int]:
    """Return how many decisions have ended, and how many there are."""
    return sum(each.ended for each in found), sum(each.decisions for each in found)


def _symbols(words: str | None) -> list[str]:
    """Return the symbols in `words`, none where none was typed."""
    if words is None:
        return []
    symbols = [symbol for word in words.split(",") if (symbol := word.strip())]
    if not symbols:
        raise InvalidInput(f"--instruments {words!r}: names no instrument, expected A,B")
    if len(set(symbols)) < len(symbols):
        raise InvalidInput(f"--instruments {words!r}: names one of them twice")
    return symbols


def _date(words: str | None) -> date | None:
    if words is None:
        return None
    try:
        return date.fromisoformat(words)
    except ValueError as error:
        raise InvalidInput(f"--as-of {words!r}: expected a date such as 2012-11-30") from error
