"""`tapetrail executions|decisions|charts|...`: one group a list, made from its declaration."""

from typing import TYPE_CHECKING, Annotated

import typer
from typer._click import Context
from typer.core import TyperGroup

from tapetrail.cli.session import opened
from tapetrail.cli.showing import show_row
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.filters import selected, take_filters
from tapetrail.cli.terminal.help_texts import examples, list_examples, list_help
from tapetrail.cli.terminal.list_output import (
    ListWords,
    columns_of,
    limit_of,
    print_list,
    shape_of,
)
from tapetrail.cli.terminal.words import Json, Number
from tapetrail.listing import ListSpec
from tapetrail.listing.spec import Numbered
from tapetrail.wire import LIMIT_DEFAULT, LIMIT_MAX

if TYPE_CHECKING:
    from tapetrail.wire import Page

Limit = Annotated[
    int | None,
    typer.Option(
        "--limit", metavar="N", min=1, max=LIMIT_MAX, help=f"Rows at most; {LIMIT_DEFAULT} if not."
    ),
]
All = Annotated[bool, typer.Option("--all", help="Every row, however many.")]
Cursor = Annotated[
    str | None,
    typer.Option(
        "--cursor", metavar="TEXT", help="Continue where a list with the same filters ended."
    ),
]
Columns = Annotated[
    str | None,
    typer.Option("--columns", metavar="A,B", help="These columns, in this order."),
]
JsonLines = Annotated[bool, typer.Option("--jsonl", help="Print one JSON object a line.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV, safe to open in a spreadsheet.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print ids only, one a line.")]
Utc = Annotated[
    bool,
    typer.Option(
        "--utc/--local", help="A table's times in UTC or in your zone; JSON and CSV are in UTC."
    ),
]


class _ListGroup(TyperGroup):
    """A group whose bare name lists, with the same options as its `list`."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Return what is left of the words after the group's own; `list` is put where none is."""
        names_a_command = bool(args) and not args[0].startswith("-")
        # What completes a word needs the commands where nothing stands yet.
        is_about_the_group = bool({*args[:1]} & {*ctx.help_option_names}) or (
            not args and ctx.resilient_parsing
        )
        if not names_a_command and not is_about_the_group:
            args = ["list", *args]
        return super().parse_args(ctx, args)


def list_group(listed: ListSpec[Numbered], *, help_: str | None = None) -> typer.Typer:
    """Return the group of a list with its command `list`; the group's bare name lists, too."""
    name = listed.name
    group = typer.Typer(cls=_ListGroup, help=help_ or f"List and show {name}; by itself it lists.")

    @group.callback()
    def of_all() -> None:  # pyright: ignore[reportUnusedFunction] # typer keeps it
        pass

    @group.command("list", help=list_help(listed), epilog=list_examples(listed))
    @shows_errors(hint=f"tapetrail {name} list --help")
    def list_(  # noqa: PLR0913 # its options
        *,
        limit: Limit = None,
        wants_all: All = False,
        cursor: Cursor = None,
        columns: Columns = None,
        as_json: Json = False,
        as_jsonl: JsonLines = False,
        as_csv: Csv = False,
        quiet: Quiet = False,
        utc: Utc = True,
        **filters: list[str] | None,
    ) -> int:
        words = ListWords(
            selection=selected(listed, filters),
            shape=shape_of(as_json=as_json, as_jsonl=as_jsonl, as_csv=as_csv, quiet=quiet),
            columns=columns_of(columns, listed=listed),
            limit=limit_of(limit, wants_all=wants_all),
            cursor=cursor,
            is_utc=utc,
        )
        _show_list(words)
        return 0

    take_filters(list_, listed)
    return group


def add_show(group: typer.Typer, listed: ListSpec[Numbered]) -> None:
    """Give the group of a list the command that shows one row by its number."""

    @group.command(
        "show",
        help=f"Show one {listed.singular} whole, with what hangs on it.",
        epilog=examples(
            f"tapetrail {listed.name} show 1", f"tapetrail {listed.name} show 1 --json"
        ),
    )
    @shows_errors(hint=f"tapetrail {listed.name} list")
    def show(number: Number, *, as_json: Json = False) -> int:  # pyright: ignore[reportUnusedFunction] # typer keeps it
        return show_row(listed, number, as_json=as_json)


def _show_list(words: ListWords) -> None:
    with opened() as record:

        def fetch(cursor: str | None) -> "Page[Numbered]":
            return record.records.page(
                words.selection, limit=words.limit or LIMIT_MAX, cursor=cursor
            )

        print_list(words, fetch=fetch, near=lambda: record.records.near(words.selection))
