"""`tapetrail prompts ...`: what models are asked in: list, show, record, render, compare."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer

from tapetrail.cli.session import opened, opened_or_new, settings
from tapetrail.cli.terminal.exact import print_exact
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import echo, note, print_json, screen
from tapetrail.cli.terminal.tables import table_lines
from tapetrail.cli.terminal.words import Json, help_without_command
from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.listing.values import read_number
from tapetrail.wire import view_document

HELP: Final = "What models are asked in: list, record, render."
COLUMNS: Final = ("prompt", "is_shipped", "id", "analyses", "body_digest")
group: Final = typer.Typer(help=HELP)
Named = Annotated[
    str, typer.Argument(metavar="NAME", help="As strategies name it: chart-v1, mine-v2.")
]


@group.callback(invoke_without_command=True)
def prompts_root(context: typer.Context) -> int | None:
    """Show the help where no command is named."""
    return help_without_command(context)


@group.command("list", epilog=examples("tapetrail prompts list", "tapetrail prompts list --json"))
@shows_errors(hint="tapetrail prompts list --help")
def list_(*, as_json: Json = False) -> int:
    """List every version of every prompt.

    Those that come along, then those on record.
    `id` is its row, which is there once it was recorded; `analyses` counts the answers asked by it.
    """
    with opened() as record:
        found = record.prompts.all()
    if as_json:
        print_json({"data": [view_document(each) for each in found]})
        return 0
    rows = [[getattr(each, name) for name in COLUMNS] for each in found]
    for line in table_lines(COLUMNS, rows, screen=screen()):
        echo(line)
    return 0


@group.command(
    "show",
    epilog=examples(
        "tapetrail prompts show chart-v1", "tapetrail prompts show chart-v1 > mine.jinja"
    ),
)
@shows_errors(hint="tapetrail prompts list")
def show(name: Named, *, as_json: Json = False) -> int:
    """Print the body of a prompt, exactly where it goes to a file."""
    with opened() as record:
        found = record.prompts.show(name)
    if as_json:
        print_json(
            {
                "prompt": name,
                "name": found.name,
                "version": found.version,
                "body_digest": found.body_digest,
                "body": found.body,
            }
        )
    else:
        print_exact(found.body.encode())
    return 0


@group.command("apply", epilog=examples("tapetrail prompts apply mine.jinja --name mine"))
@shows_errors(hint="tapetrail prompts apply --help")
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A body with its two blocks.")],
    *,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="By default the file's own.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Record a body as the next version of a prompt.

    Prints NAME-vN, as strategies name it. What is no template, reaches for what is not there or
    says nothing is refused, and nothing is written. Twice is the same as once.
    """
    body = _read(file)
    with opened_or_new(settings()) as record:
        applied = record.prompts.apply(file.stem if name is None else name, body)
    if as_json:
        print_json(view_document(applied))
        return 0
    echo(applied.prompt.prompt)
    note("recorded" if applied.is_new else "already there; nothing was changed")
    return 0


@group.command(
    "render",
    epilog=examples(
        "tapetrail prompts render chart-v1 --chart 3",
        "tapetrail prompts render consolidated-v1 --decision 2 --no-image",
    ),
)
@shows_errors(hint="tapetrail prompts render --help")
def render(  # noqa: PLR0913 # its options
    name: Named,
    *,
    chart: Annotated[
        int | None, typer.Option("--chart", metavar="ID", min=1, help="Asked about this chart.")
    ] = None,
    decision: Annotated[
        int | None,
        typer.Option("--decision", metavar="ID", min=1, help="Asked about all charts of it."),
    ] = None,
    image: Annotated[
        bool, typer.Option("--image/--no-image", help="Whether the model is shown the picture.")
    ] = True,
    numbers: Annotated[
        bool, typer.Option("--numbers/--no-numbers", help="Whether it is told the numbers.")
    ] = True,
    schema_in_text: Annotated[
        bool,
        typer.Option("--schema-in-text", help="As for an endpoint that takes no schema."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Print what a model would be sent.

    Its instructions, the question, the answer's JSON schema. Nothing is sent and nothing is
    recorded. The earlier answers that a question about all charts holds are those of the decision's
    own analyst.
    """
    from tapetrail.core.analysis.prompt_context import Shown  # noqa: PLC0415 # --help never needs it

    shown = Shown(image=image, numbers=numbers)
    if (chart is None) == (decision is None):
        raise InvalidInput("--chart or --decision; expected one of them, and its ID")
    with opened() as record:
        if chart is not None:
            found = record.prompts.render_chart(
                name, read_number(chart, "--chart"), show=shown, schema_in_text=schema_in_text
            )
        else:
            found = record.prompts.render_decision(
                name, read_number(decision or 0, "--decision"), show=shown,
                schema_in_text=schema_in_text,
            )  # fmt: skip
    if as_json:
        print_json(view_document(found))
        return 0
    parts = {"system": found.system, "question": found.question}
    if not schema_in_text:
        parts["schema"] = json.dumps(found.schema, ensure_ascii=False)
    for part, text in parts.items():
        echo(f"# {part}")
        print_exact(f"{text}\n".encode())
    return 0


@group.command("diff", epilog=examples("tapetrail prompts diff chart-v1 mine-v2"))
@shows_errors(hint="tapetrail prompts list")
def diff(
    one: Named,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="What it is compared with.")],
) -> int:
    """Print how one prompt became another, line by line.

    Nothing is printed where both say the same.
    """
    with opened() as record:
        lines = record.prompts.diff(one, other)
    if lines:
        print_exact("".join(f"{line}\n" for line in lines).encode())
    else:
        note("the same words")
    return 0


def _read(file: Path) -> str:
    """Return a file's text. Raises `EdgeFailure` for a file that cannot be read."""
    try:
        return file.read_bytes().decode("utf-8")
    except OSError as error:
        raise EdgeFailure(f"could not read {str(file)!r}; {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{str(file)!r}: byte {error.start} is no UTF-8, expected a template as UTF-8 text"
        ) from error
