"""`tapetrail run`, `worker` and `demo`: start work, watch it, say what came of it."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from tapetrail.cli.lists import print_page
from tapetrail.cli.output import note, print_json, sanitise
from tapetrail.cli.session import settings
from tapetrail.core.errors import InvalidInput
from tapetrail.wire import LIMIT_MAX, Filters, Resource, detail_document

if TYPE_CHECKING:
    from tapetrail.recorder import Recorder
    from tapetrail.store.reads import Progress

POLL_S: Final = 0.2
POLL_MAX_S: Final = 0.6
POLL_PER_DECISION_S: Final = 0.005
LATEST: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWords:
    """What `tapetrail run` was asked."""

    strategy: Path
    instruments: str | None
    as_of: str | None
    as_json: bool


def run(words: RunWords, *, concurrency: int) -> int:
    """Run a strategy once; exit code 0 if every decision completed, 1 if one failed."""
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it
    from tapetrail.core.records.states import RunType  # noqa: PLC0415 # --help never needs it
    from tapetrail.planner import Request  # noqa: PLC0415 # --help never needs it
    from tapetrail.sources.registry import config_of  # noqa: PLC0415 # --help never needs it
    from tapetrail.strategy_files import read_strategy  # noqa: PLC0415 # --help never needs it

    spec = read_strategy(words.strategy)
    request = Request(
        spec=spec,
        symbols=_symbols(words.instruments),
        as_of_on=_date(words.as_of),
        config=config_of(spec, folder=words.strategy.resolve().parent),
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
        _show_run(recorder, progress, as_json=words.as_json)
    return 0 if progress.status == "completed" else 1


def worker(*, concurrency: int) -> int:
    """Work until SIGINT or SIGTERM."""
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stopped.set())
    with bootstrap.open_runner(settings(), concurrency=concurrency):
        note(f"worker ready: {concurrency} decisions at once; Ctrl-C to stop")
        stopped.wait()
    note("worker stopped")
    return 0


def demo(*, concurrency: int) -> int:
    """Record the demo's decisions, once per home; show the latest and what to try next."""
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it
    from tapetrail.core.records.states import RunType  # noqa: PLC0415 # --help never needs it
    from tapetrail.planner import Request  # noqa: PLC0415 # --help never needs it
    from tapetrail.strategy_files import bundled_strategy  # noqa: PLC0415 # --help never needs it

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


def _show_run(recorder: "Recorder", progress: "Progress", *, as_json: bool) -> None:
    detail = recorder.detail(Resource.EXECUTIONS, progress.execution_id)
    if as_json:
        print_json(detail_document(detail))
        return
    filters = Filters(execution_id=progress.execution_id)
    page = recorder.page(Resource.DECISIONS, filters=filters, limit=LIMIT_MAX)
    print_page(Resource.DECISIONS, page)
    note(f"execution {progress.execution_id}: {progress.status.replace('_', ' ')}")
    for row in page.data:
        if row.error_message:
            note(f"  {sanitise(f'{row.symbol}: {row.failed_stage}: {row.error_message}')}")
    note(f"Try: tapetrail decisions show {page.data[0].id}")


def _show_demo(recorder: "Recorder", progress: Sequence["Progress"], *, seconds: float) -> None:
    page = recorder.page(Resource.DECISIONS, filters=Filters(), limit=LATEST)
    print_page(Resource.DECISIONS, page)
    decisions, failed = sum(p.decisions for p in progress), sum(p.failed for p in progress)
    note(f"{decisions} decisions in {len(progress)} executions, {failed} failed, {seconds:.1f} s")
    _note_failures(recorder)
    note("Try: tapetrail decisions list --status failed")
    note(f"     tapetrail decisions show {page.data[0].id}")
    note("     tapetrail charts list --timeframe 1w    then: tapetrail charts open ID")
    note('     psql "$(tapetrail db start)"')


def _note_failures(recorder: "Recorder") -> None:
    """Say of each symbol and kind how many decisions failed, and why the last one did."""
    page = recorder.page(Resource.DECISIONS, filters=Filters(status="failed"), limit=LIMIT_MAX)
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
        """Say so when another tenth is done."""
        tenths = done * 10 // self._total
        if tenths > self._tenths:
            self._tenths = tenths
            note(f"{done} of {self._total} decisions")


def _symbols(words: str | None) -> list[str]:
    """Return the symbols in `words`, none where nothing was said."""
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
