"""`tapetrail run`, `backfill` and `worker`: start work, watch it, print what came of it."""

import gc
import signal
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tapetrail.cli.session import opened_or_new, settings, shown_settings, watched
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.list_output import note_bars, print_rows
from tapetrail.cli.terminal.output import echo, note, print_json
from tapetrail.cli.terminal.tables import column_lines
from tapetrail.cli.terminal.words import Concurrency, Json, read_date
from tapetrail.core.errors import InvalidInput
from tapetrail.listing import DECISIONS, EXECUTIONS
from tapetrail.safe_text import sanitise
from tapetrail.wire import detail_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapetrail.settings import Settings
    from tapetrail.store.reads import Progress
    from tapetrail.usecases.backfills import Backfilled
    from tapetrail.usecases.planning import RunQuery
    from tapetrail.usecases.record import Record
    from tapetrail.usecases.records import Records
    from tapetrail.wire import Shown

ROOM_EVERY_S: Final = 5.0
"""Between two looks at the disk: a worker that needs more room than there is ends, and says so."""
Instruments = Annotated[
    str | None,
    typer.Option("--instruments", metavar="A,B", help="These symbols, not the strategy's own."),
]
DebugMode = Annotated[
    bool | None,
    typer.Option(
        "--debug-mode/--no-debug-mode",
        help="Bars from the cache alone, nobody is asked; TAPETRAIL_DEBUG_MODE if not said.",
        show_default=False,
    ),
]
group: Final = typer.Typer()
GOES_ON: Final = "interrupted; what a process left is finished by the next run or worker"


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
    instruments: Instruments = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="DATE",
            help="Decide as of the close of the last session on or before this day;"
            " by default the latest completed one.",
        ),
    ] = None,
    debug_mode: DebugMode = None,
    concurrency: Concurrency = 2,
    as_json: Json = False,
) -> int:
    """Run a strategy once and record every decision.

    Exit code 0 means that every decision completed, 1 that one failed; why is in the record.
    What is wrong with the words or the file is refused before anything is written.
    """
    query = replace(_query(strategy, instruments), as_of_on=read_date(as_of, "--as-of"))
    with opened_or_new(_in_mode(debug_mode)) as record:
        (progress,) = _carried_out(record, [query], concurrency=concurrency)
        show_run(record.records, progress, as_json=as_json)
    return 0 if progress.status == "completed" else 1


@group.command(
    epilog=examples(
        "tapetrail backfill mine.yaml --from 2012-01-01 --to 2012-12-31",
        "tapetrail backfill mine.yaml --from 2012-06-01 --every session --instruments AAPL",
    )
)
@shows_errors(hint="tapetrail backfill --help", interrupted=GOES_ON)
def backfill(  # noqa: PLR0913 # its options
    strategy: Annotated[Path, typer.Argument(metavar="STRATEGY", help="A strategy's YAML file.")],
    *,
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="The first day.")],
    last: Annotated[
        str | None,
        typer.Option("--to", metavar="DATE", help="The last day; if not, the latest completed."),
    ] = None,
    every: Annotated[
        str,
        typer.Option(
            "--every", metavar="1w|1mo|session", help="The last session of each, or each session."
        ),
    ] = "1w",
    again: Annotated[
        bool, typer.Option("--again", help="Also what completed before, as a further pass.")
    ] = False,
    instruments: Instruments = None,
    debug_mode: DebugMode = None,
    concurrency: Concurrency = 2,
    as_json: Json = False,
) -> int:
    """Run a strategy as of many days, each instrument and day once.

    What this version of the strategy completed before is skipped and counted, what failed is
    decided anew, and what was stopped goes on. Ctrl-C stops it; the same words go on where it was.
    """
    from tapetrail.core.plans import read_every  # noqa: PLC0415 # --help never needs it
    from tapetrail.usecases import backfills  # noqa: PLC0415 # --help never needs it
    from tapetrail.usecases.planning import Asked  # noqa: PLC0415 # --help never needs it

    first_on = read_date(first, "--from")
    asked = Asked(first_on=first_on, last_on=read_date(last, "--to"), every=read_every(every))
    query = _query(strategy, instruments)
    with opened_or_new(_in_mode(debug_mode)) as record, watched(concurrency) as manner:
        found = backfills.backfill(record.runs, query, asked, manner=manner, again=again)
    return _show_backfill(found, as_json=as_json)


@group.command(
    epilog=examples("tapetrail worker --concurrency 4", "tapetrail worker --until-empty")
)
@shows_errors(hint="tapetrail status", interrupted=GOES_ON)
def worker(
    *,
    concurrency: Concurrency = 2,
    until_empty: Annotated[
        bool, typer.Option("--until-empty", help="End when nothing is left to do, as for cron.")
    ] = False,
) -> int:
    """Work off queued decisions until interrupted.

    Also takes over what dead workers left.
    """
    if until_empty:
        with opened_or_new(settings()) as record, watched(concurrency) as manner:
            done = record.runs.work_until_empty(manner)
        note(f"{done} decisions were left; nothing is left to do")
        return 0
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stopped.set())
    with opened_or_new(settings()) as record, record.runs.working(concurrency=concurrency):
        gc.freeze()  # what was imported stays; looking through it again and again costs seconds
        note(f"worker ready: {concurrency} decisions at once; Ctrl-C to stop")
        while not stopped.wait(ROOM_EVERY_S):
            record.runs.check_room()
    note("worker stopped")
    return 0


def show_run(records: "Records", progress: "Progress", *, as_json: bool) -> None:
    """Show a run that came to rest: every decision, and why those failed that did."""
    rows = [*records.rows(DECISIONS.select(execution_id=progress.execution_id))]
    if as_json:
        print_json(detail_document(records.detail(EXECUTIONS, progress.execution_id)))
        note_bars(DECISIONS, rows)
        return
    print_rows(DECISIONS, rows)
    note(f"execution {progress.execution_id}: {progress.status.replace('_', ' ')}")
    for row in rows:
        if row.error_message:
            note(f"  {sanitise(f'{row.symbol}: {row.failed_stage}: {row.error_message}')}")
    note(f"Try: tapetrail decisions show {rows[0].id}")


def _show_backfill(found: "Backfilled", *, as_json: bool) -> int:
    """Show what a backfill came to; return its exit code."""
    counts = Counter[str]()
    for each in found.executions:
        counts["ended"] += each.ended
        counts["failed"] += each.failed
        counts["open"] += each.decisions - each.ended
    summary: dict[str, Shown] = {
        "executions": len(found.executions),
        "decisions": counts["ended"],
        "failed": counts["failed"],
        "open": counts["open"],
        "skipped": found.skipped,
        "without_bars": found.without_bars,
        "resumed": found.resumed,
    }
    if as_json:
        print_json({**summary, "execution_ids": [each.execution_id for each in found.executions]})
    else:
        for line in column_lines(summary):
            echo(line)
        has_failed = " --status failed" if counts["failed"] else ""
        note(f"Try: tapetrail decisions list{has_failed}")
    return 1 if counts["failed"] or counts["open"] else 0


def _carried_out(
    record: "Record", queries: "Sequence[RunQuery]", *, concurrency: int
) -> "Sequence[Progress]":
    """Return how the runs ended, showing on the way how far they are."""
    with watched(concurrency) as manner:
        return record.runs.carry_out(queries, manner)


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


def _in_mode(debug_mode: bool | None) -> "Settings":  # noqa: FBT001 # an option's value
    """Return the settings, in debug mode if that is said or they say so, which is told."""
    read = settings()
    if debug_mode is not None:
        return replace(read, debug_mode=debug_mode)
    if read.debug_mode:
        (said,) = [each.origin for each in shown_settings() if each.key == "debug_mode"]
        note(f"debug mode, by {said}: bars come from the cache alone, and nobody is asked")
    return read


def _query(strategy: Path, instruments: str | None) -> "RunQuery":
    from tapetrail.sources.registry import config_of  # noqa: PLC0415 # --help never needs it
    from tapetrail.strategy_files import read_strategy  # noqa: PLC0415 # --help never needs it
    from tapetrail.usecases.planning import RunQuery  # noqa: PLC0415 # --help never needs it

    spec = read_strategy(strategy)
    return RunQuery(
        spec=spec,
        symbols=_symbols(instruments),
        config=config_of(spec, folder=strategy.resolve().parent),
    )
