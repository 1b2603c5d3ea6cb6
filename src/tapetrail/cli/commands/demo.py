"""`tapetrail demo`: decisions on bars that come along, by the built-in rules or by a model."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tapetrail.cli.session import opened_or_new, settings, watched
from tapetrail.cli.terminal.consent import is_agreed
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.list_output import print_rows
from tapetrail.cli.terminal.output import cell, note
from tapetrail.cli.terminal.words import Concurrency
from tapetrail.core.canonical import decimal_text
from tapetrail.core.errors import InvalidInput
from tapetrail.listing import DECISIONS
from tapetrail.safe_text import sanitise

if TYPE_CHECKING:
    from tapetrail.store.reads import Progress
    from tapetrail.usecases.model_demo import ModelDemo
    from tapetrail.usecases.planning import RunQuery
    from tapetrail.usecases.record import Record
    from tapetrail.usecases.records import Records

LATEST: Final = 10
DECISIONS_DEFAULT: Final = 5
DECISIONS_MAX: Final = 130
group: Final = typer.Typer()


@group.command(
    epilog=examples(
        "tapetrail demo --no-serve",
        "tapetrail demo --analyst compatible:llava --base-url http://127.0.0.1:11434/v1",
        "tapetrail demo --analyst anthropic:claude-haiku-4-5 --decisions 1",
    )
)
@shows_errors(
    hint="tapetrail demo --help",
    interrupted="interrupted; what a process left is finished by the next run or worker",
)
def demo(
    *,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End when all is recorded.")] = False,
    analyst: Annotated[
        str | None,
        typer.Option(
            "--analyst", metavar="FAMILY:MODEL", help="Ask a model, after saying what it can cost."
        ),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", metavar="URL", help="Where compatible:MODEL is asked."),
    ] = None,
    decisions: Annotated[
        int | None,
        typer.Option(
            "--decisions", metavar="N", min=1, max=DECISIONS_MAX,
            help=f"How many a model is asked for; {DECISIONS_DEFAULT} if not.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before a model is.")] = False,
    concurrency: Concurrency = 2,
) -> int:  # fmt: skip
    """Record 130 decisions on real sample bars: no key, no network.

    A home that has them already keeps them; nothing is recorded twice. With --analyst a model
    decides, in executions of their own, anew each time.
    """
    # There is nothing to serve yet, so both ways end when all is recorded.
    del no_serve
    if analyst is None:
        stated = {"--base-url": base_url, "--decisions": decisions, "--yes": yes or None}
        for option, value in stated.items():
            if value is not None:
                raise InvalidInput(f"{option}: says how a model is asked; name it with --analyst")
        _built_in(concurrency=concurrency)
        return 0
    said = {"analyst": analyst} if base_url is None else {"analyst": analyst, "base_url": base_url}
    return _with_a_model(said, decisions or DECISIONS_DEFAULT, yes=yes, concurrency=concurrency)


def _built_in(*, concurrency: int) -> None:
    from tapetrail.core.records.states import RunType  # noqa: PLC0415 # --help never needs it
    from tapetrail.strategy_files import bundled_strategy  # noqa: PLC0415 # --help never needs it
    from tapetrail.usecases.planning import RunQuery  # noqa: PLC0415 # --help never needs it

    spec, started = bundled_strategy(), time.monotonic()
    with opened_or_new(settings()) as record:
        queries = [
            RunQuery(spec=spec, as_of_on=day, run_type=RunType.BACKFILL, workflow_id=f"demo:{day}")
            for day in record.runs.demo_dates(spec)
        ]
        ended = _carried_out(record, queries, concurrency=concurrency)
        _show_demo(record.records, ended, seconds=time.monotonic() - started)


def _with_a_model(analyst: dict[str, str], decisions: int, *, yes: bool, concurrency: int) -> int:
    from tapetrail.strategy_files import bundled_strategy  # noqa: PLC0415 # --help never needs it

    with opened_or_new(settings()) as record:
        demo = record.runs.model_demo(bundled_strategy(), analyst, decisions=decisions)
        for line in _estimate(demo):
            note(sanitise(line))
        question = f"ask {cell(analyst['analyst'])} {demo.bound.calls} times"
        if not yes and not is_agreed(f"{question}, for at most {demo.bound.usd} USD"):
            note("nothing was asked")
            return 0
        ended = _carried_out(record, demo.queries, concurrency=concurrency)
        _show_answers(record, ended)
    return 1 if any(each.failed for each in ended) else 0


def _estimate(demo: "ModelDemo") -> Sequence[str]:
    """Return the lines that say what a demo will ask, and what that can cost."""
    from tapetrail.usecases.model_demo import SHORT_TOKENS  # noqa: PLC0415 # --help never needs it

    bound, symbols = demo.bound, dict.fromkeys(s for q in demo.queries for s in q.symbols)
    days = [str(query.as_of_on) for query in demo.queries]
    when = days[0] if len(days) == 1 else f"{days[-1]} to {days[0]}"
    short = f"{bound.usd_if_short} USD if no answer takes more than {SHORT_TOKENS:,} tokens"
    read, written = f"{bound.tokens_read:,}", f"{bound.tokens_written:,}"
    return [
        f"{demo.decisions} decisions on {', '.join(symbols)} as of {when}",
        f"{bound.calls} calls: up to about {read} tokens to read, at most {written} to write",
        "on this machine: local, 0 USD by rule"
        if demo.is_local
        else f"at most {bound.usd} USD, which is the budget; {short}",
    ]


def _show_answers(record: "Record", ended: "Sequence[Progress]") -> None:
    """Show what a model decided, what it cost, and where to look."""
    numbers = [each.execution_id for each in ended]
    rows = [row for n in numbers for row in record.records.rows(DECISIONS.select(execution_id=n))]
    print_rows(DECISIONS, rows)
    for row in rows:
        if row.error_message:
            note(f"  {sanitise(f'{row.symbol}: {row.failed_stage}: {row.error_message}')}")
    for number in numbers:
        for each in record.stats.models(execution_id=number):
            cost = "-" if each.cost_usd is None else decimal_text(each.cost_usd)
            unpriced = f", {each.unpriced} of unknown cost" if each.unpriced else ""
            note(
                f"execution {number}: {each.answers} of {each.asked} questions answered by"
                f" {cell(each.key)} in {each.calls} calls, {cost} USD{unpriced}"
            )
    note(f"Try: tapetrail decisions show {rows[0].id}")
    note(f"     tapetrail analyses list --execution {numbers[0]}")
    note("     tapetrail analyses show ID --prompt --response --wire")
    note("     tapetrail stats models")


def _show_demo(records: "Records", progress: "Sequence[Progress]", *, seconds: float) -> None:
    page = records.page(DECISIONS.select(), limit=LATEST)
    print_rows(DECISIONS, page.data)
    decisions, failed = sum(p.decisions for p in progress), sum(p.failed for p in progress)
    note(f"{decisions} decisions in {len(progress)} executions, {failed} failed, {seconds:.1f} s")
    _note_failures(records)
    note("Try: tapetrail decisions list --status failed")
    note(f"     tapetrail decisions show {page.data[0].id}")
    note("     tapetrail charts list --timeframe 1w    then: tapetrail charts open ID")
    start = "start" if settings().database_url is None else "url"
    note(f'     psql "$(tapetrail db {start})"')


def _note_failures(records: "Records") -> None:
    """Note for each symbol and kind how many decisions failed, and why the last one did."""
    reasons: dict[tuple[str, str | None], list[str]] = {}
    for row in records.rows(DECISIONS.select(status="failed")):
        reasons.setdefault((row.symbol or "", row.error_kind), []).append(row.error_message or "")
    for (symbol, kind), messages in reasons.items():
        note(sanitise(f"  {symbol}: {kind}, {len(messages)} times; the latest: {messages[0]}"))


def _carried_out(
    record: "Record", queries: "Sequence[RunQuery]", *, concurrency: int
) -> "Sequence[Progress]":
    """Return how the runs ended, showing on the way how far they are."""
    with watched(concurrency) as manner:
        return record.runs.carry_out(queries, manner)
