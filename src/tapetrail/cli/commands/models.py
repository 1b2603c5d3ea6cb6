"""`tapetrail models check`: whether models can be asked, and what is known of them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tapetrail.cli.session import opened
from tapetrail.cli.terminal.consent import is_agreed
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import echo, print_json
from tapetrail.cli.terminal.tables import column_lines
from tapetrail.cli.terminal.words import Json, help_without_command
from tapetrail.safe_text import sanitise
from tapetrail.wire import Shown, view_document

if TYPE_CHECKING:
    from tapetrail.analysts.models.facts import ModelFacts
    from tapetrail.usecases.questions import CheckedModel

HELP: Final = "Models over a wire: whether they can be asked."
CLOCK_OFF_MAX_S: Final = 5.0
group: Final = typer.Typer(help=HELP)


@group.callback(invoke_without_command=True)
def models_root(context: typer.Context) -> int | None:
    """Show the help where no command is named."""
    return help_without_command(context)


@group.command(
    epilog=examples(
        "tapetrail models check anthropic:claude-sonnet-5 openai:gpt-5.2",
        "tapetrail models check compatible:llava --base-url http://127.0.0.1:11434/v1 --yes",
    )
)
@shows_errors(hint="tapetrail models check --help")
def check(
    analysts: Annotated[
        list[str], typer.Argument(metavar="FAMILY:MODEL...", help="As strategies name them.")
    ],
    *,
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", metavar="URL", help="Where compatible:MODEL answers."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask the models without asking you.")] = False,
    as_json: Json = False,
) -> int:
    """Say what is known of models, and after a yes ask each.

    One question, about the newest chart. It is recorded, and costs what its answer costs. Exit code
    1 means that one of them cannot be asked, or that its price is not known.
    """
    named: list[object] = [
        name if base_url is None else {"analyst": name, "base_url": base_url} for name in analysts
    ]
    with opened() as record:
        facts = [record.questions.facts(each) for each in named]
        if not as_json:
            for known in facts:
                _print(_known(known))
        ready = [each for each, known in zip(named, facts, strict=True) if not known.problem]
        asked: list[CheckedModel] = []
        if ready and (yes or is_agreed(f"ask {len(ready)} of them one question each")):
            for each in ready:
                asked.append(record.questions.check(each))
                if not as_json:
                    _print(_came(asked[-1]))
    if as_json:
        print_json({"known": [*map(view_document, facts)], "asked": [*map(_document, asked)]})
    failed = [known for known in facts if known.problem or not known.is_priced]
    return 1 if failed or any(each.analysis["status"] != "completed" for each in asked) else 0


def _known(known: "ModelFacts") -> dict[str, object]:
    return {
        "analyst": known.analyst,
        "cannot be asked": known.problem,
        "key": known.key,
        "address": known.base_url,
        "picture": known.picture,
        "price": known.price,
        "trained until": known.trained_until,
    }


def _came(checked: "CheckedModel") -> dict[str, object]:
    row, off = checked.analysis, checked.clock_off_s
    return {
        "analyst": row["analyst"],
        "answer": "yes" if row["status"] == "completed" else f"no: {row['error_message']}",
        "picture and form": "taken" if checked.was_taken else "not taken, or never looked at",
        "reported": row["model_reported"],
        "tokens": row["tokens_used"],
        "cost_usd": row["cost_usd"],
        "latency_ms": row["latency_ms"],
        "clock": _clock(off),
        "recorded": f"tapetrail analyses show {row['id']} --wire",
    }


def _clock(off: float | None) -> str:
    """Return how the clock of this host is, by the date that the endpoint's reply bears."""
    if off is None:
        return "not known: the endpoint said no time"
    is_off = abs(off) > CLOCK_OFF_MAX_S
    return f"this host is {off:+.0f} s from the endpoint's" if is_off else "right"


def _document(checked: "CheckedModel") -> dict[str, Shown]:
    return {
        "analysis": view_document({**checked.analysis}),
        "was_taken": checked.was_taken,
        "clock_off_s": checked.clock_off_s,
    }


def _print(columns: dict[str, object]) -> None:
    for line in _lines(columns):
        echo(line)
    echo("")


def _lines(columns: dict[str, object]) -> Iterator[str]:
    for line in column_lines(columns):
        yield sanitise(line)
