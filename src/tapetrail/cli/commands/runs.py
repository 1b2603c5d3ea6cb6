"""`tapetrail run`, `worker` and `demo`: start work, watch it, print what came of it."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from uuid import uuid4

import typer

from tapetrail.cli.session import settings
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.list_output import print_rows
from tapetrail.cli.terminal.output import note, print_json, sanitise
from tapetrail.cli.terminal.words import Concurrency, Json
from tapetrail.core.errors import InvalidInput
from tapetrail.listing import DECISIONS, EXECUTIONS
from tapetrail.wire import LIMIT_MAX, detail_document

if TYPE_CHECKING:
    from tapetrail.recorder import Recorder
    from tapetrail.store.reads import Progress

POLL_S: Final = 0.2
POLL_MAX_S: Final = 0.6
POLL_PER_DECISION_S: Final = 0.005
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
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it
    from tapetrail.core.records.states import RunType  # noqa: PLC0415 # --help never needs it
    from tapetrail.planner import Request  # noqa: PLC0415 # --help never needs it
    from tapetrail.strategy_files import bundled_strategy  # noqa: PLC0415 # --help never needs it

    # There is nothing to serve yet, so both ways end when all is recorded.
    del no_serve
    spec, read = bundled_strategy(), settings()
    planner = bootstrap.planner(read)
    began = time.monotonic()
    with bootstrap.open_runner(read, concurrency=concurrency) as (recorder, runner):
        runtime = bootstrap.runtime_record()
        ids: list[str] = []
        for as_of_on in planner.demo_dates(spec):
            plan = planner.plan(Request(spec=spec, as_of_on=as_of_on))
            order = recorder.order(spec, plan, run_type=RunType.BACKFILL, runtime=runtime)
            ids.append(f"demo:{as_of_on}")
            runner.open(order, workflow_id=ids[-1])
        progress = _watched(recorder, ids, decisions=len(ids) * len(spec.instruments))
        _show_demo(recorder, progress, seconds=time.monotonic() - began)
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
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it
    from tapetrail.core.records.states import RunType  # noqa: PLC0415 # --help never needs it
    from tapetrail.planner import Request  # noqa: PLC0415 # --help never needs it
    from tapetrail.sources.registry import config_of  # noqa: PLC0415 # --help never needs it
    from tapetrail.strategy_files import read_strategy  # noqa: PLC0415 # --help never needs it

    spec = read_strategy(strategy)
    request = Request(
        spec=spec,
        symbols=_symbols(instruments),
        as_of_on=_date(as_of),
        config=config_of(spec, folder=strategy.resolve().parent),
    )
    read = settings()
    plan = bootstrap.planner(read).plan(request)
    with bootstrap.open_runner(read, concurrency=concurrency) as (recorder, runner):
        order = recorder.order(
            request.spec,
            plan,
            run_type=RunType.MANUAL,
            runtime=bootstrap.runtime_record(),
            config=request.config,
        )
        workflow_id = str(uuid4())
        runner.open(order, workflow_id=workflow_id)
        (progress,) = _watched(recorder, [workflow_id], decisions=len(plan.decisions))
        _show_run(recorder, progress, as_json=as_json)
    return 0 if progress.status == "completed" else 1


@group.command(epilog=examples("tapetrail worker --concurrency 4"))
@shows_errors(hint="tapetrail status")
def worker(*, concurrency: Concurrency = 2) -> int:
    """Work off queued decisions until interrupted.

    Also takes over what dead workers left.
    """
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stopped.set())
    with bootstrap.open_runner(settings(), concurrency=concurrency):
        note(f"worker ready: {concurrency} decisions at once; Ctrl-C to stop")
        stopped.wait()
    note("worker stopped")
    return 0


def _show_run(recorder: "Recorder", progress: "Progress", *, as_json: bool) -> None:
    detail = recorder.detail(EXECUTIONS, progress.execution_id)
    if as_json:
        print_json(detail_document(detail))
        return
    wanted = DECISIONS.select(execution_id=progress.execution_id)
    page = recorder.page(wanted, limit=LIMIT_MAX)
    print_rows(DECISIONS, page.data)
    note(f"execution {progress.execution_id}: {progress.status.replace('_', ' ')}")
    for row in page.data:
        if row.error_message:
            note(f"  {sanitise(f'{row.symbol}: {row.failed_stage}: {row.error_message}')}")
    note(f"Try: tapetrail decisions show {page.data[0].id}")


def _show_demo(recorder: "Recorder", progress: Sequence["Progress"], *, seconds: float) -> None:
    page = recorder.page(DECISIONS.select(), limit=LATEST)
    print_rows(DECISIONS, page.data)
    decisions, failed = sum(p.decisions for p in progress), sum(p.failed for p in progress)
    note(f"{decisions} decisions in {len(progress)} executions, {failed} failed, {seconds:.1f} s")
    _note_failures(recorder)
    note("Try: tapetrail decisions list --status failed")
    note(f"     tapetrail decisions show {page.data[0].id}")
    note("     tapetrail charts list --timeframe 1w    then: tapetrail charts open ID")
    note('     psql "$(tapetrail db start)"')


def _note_failures(recorder: "Recorder") -> None:
    """Note for each symbol and kind how many decisions failed, and why the last one did."""
    page = recorder.page(DECISIONS.select(status="failed"), limit=LIMIT_MAX)
    reasons: dict[tuple[str, str | None], list[str]] = {}
    for row in page.data:
        reasons.setdefault((row.symbol, row.error_kind), []).append(row.error_message or "")
    for (symbol, kind), messages in reasons.items():
        note(sanitise(f"  {symbol}: {kind}, {len(messages)} times; the latest: {messages[0]}"))


def _watched(
    recorder: "Recorder", workflow_ids: Sequence[str], *, decisions: int
) -> Sequence["Progress"]:
    """Return how the executions ended, showing on the way how far they are."""
    with _progress_bar(decisions) as advance:
        while True:
            found = recorder.progress(workflow_ids)
            ended = sum(progress.ended for progress in found)
            advance(ended)
            if len(found) == len(workflow_ids) and all(p.status.has_ended for p in found):
                return found
            # Far from the end there is less to see, and every look costs the work some time.
            left_s = (decisions - ended) * POLL_PER_DECISION_S
            time.sleep(min(POLL_S + left_s, POLL_MAX_S))


@contextmanager
def _progress_bar(total: int) -> Generator[Callable[[int], None]]:
    """Give what moves the progress: a bar on a terminal, else a line per tenth."""
    if not sys.stderr.isatty():
        yield _Lines(total).advance
        return
    from rich.console import Console  # noqa: PLC0415 # only a terminal needs it
    from rich.progress import Progress as Bar  # noqa: PLC0415 # only a terminal needs it

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("decisions", total=total)
        yield lambda done: bar.update(task, completed=done)


class _Lines:
    """Progress as plain lines, one for each tenth."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._tenths = 0

    def advance(self, done: int) -> None:
        """Note it when another tenth is done."""
        tenths = done * 10 // self._total
        if tenths > self._tenths:
            self._tenths = tenths
            note(f"{done} of {self._total} decisions")


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
