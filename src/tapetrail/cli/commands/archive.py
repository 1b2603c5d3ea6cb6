"""`tapetrail archive`: take old charts out of the way; nothing is deleted."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tapetrail.cli.session import opened, settings
from tapetrail.cli.terminal.consent import is_agreed
from tapetrail.cli.terminal.failures import DONE, FAILED, shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import cell, echo, note, print_json
from tapetrail.cli.terminal.words import Json, age_days
from tapetrail.safe_text import sanitise
from tapetrail.wire import view_document

if TYPE_CHECKING:
    from tapetrail.usecases.charts import Charts
    from tapetrail.wire import OldCharts

group: Final = typer.Typer()
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]


@group.command(
    epilog=examples(
        "tapetrail archive --older-than 90d --dry-run",
        "tapetrail archive --older-than 12w --yes",
        "tapetrail charts list --status archived",
    )
)
@shows_errors(
    hint="tapetrail archive --help", interrupted="interrupted; what was archived stays archived"
)
def archive(
    *,
    older_than: Annotated[
        str,
        typer.Option("--older-than", metavar="AGE", help="Days or weeks, such as 90d or 12w."),
    ] = "90d",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print how many charts there are.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Archive charts that were generated long ago.

    Nothing is deleted: an archived chart can be listed, shown and saved as before. Each change is
    an event with who did it and why, made in batches of 1000, each batch whole or not at all.
    """
    days = age_days(older_than, "--older-than")
    with opened() as record:
        old = record.charts.old(older_than_days=days)
        is_wanted = old.charts > 0 and not dry_run
        may = is_wanted and (yes or is_agreed(f"archive {_described(old)}"))
        archived = _archived(record.charts, days=days, expected=old.charts) if may else 0
    if is_wanted and not may:
        note("nothing was archived")
        return FAILED
    if as_json:
        print_json(
            {
                "older_than_days": days,
                "actor": settings().actor,
                "dry_run": dry_run,
                **{name: view_document(value) for name, value in asdict(old).items()},
                "archived": archived,
            }
        )
    elif old.charts == 0:
        echo(f"no active chart is older than {older_than}")
    elif dry_run:
        echo(f"would archive {_described(old)}")
    else:
        echo(f"archived {archived} charts as {sanitise(settings().actor)}; they stay readable")
    return DONE


def _archived(charts: "Charts", *, days: int, expected: int) -> int:
    done = 0
    for count in charts.archive(older_than_days=days):
        done += count
        if done < expected:
            note(f"{done} of {expected} charts")
    return done


def _described(old: "OldCharts") -> str:
    charts = "1 chart" if old.charts == 1 else f"{old.charts} charts"
    return f"{charts} generated {cell(old.first_at)} to {cell(old.last_at)}"
