"""`tapetrail ask`: one question about a recorded chart, recorded and printed."""

from typing import Annotated, Final

import typer

from tapetrail.cli.session import opened
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import echo, is_mapping, note, print_json, screen
from tapetrail.cli.terminal.tables import column_lines, paragraph_lines
from tapetrail.cli.terminal.words import Json
from tapetrail.listing import ANALYSES
from tapetrail.listing.values import read_number
from tapetrail.wire import detail_document

group: Final = typer.Typer()
SHOWN: Final = (
    "status", "error_kind", "error_message", "trend_direction", "confidence_score",
    "support_levels", "resistance_levels", "key_patterns", "model_reported", "tokens_used",
    "cost_usd", "latency_ms",
)  # fmt: skip


@group.command(
    epilog=examples(
        "tapetrail ask 12 --analyst anthropic:claude-sonnet-5",
        "tapetrail ask 12 --analyst compatible:llava --base-url http://127.0.0.1:11434/v1",
        "tapetrail ask 12 --analyst openai:gpt-5.2 --prompt 'Look at the volume first.'",
    )
)
@shows_errors(hint="tapetrail ask --help")
def ask(
    chart: Annotated[str, typer.Argument(metavar="CHART_ID", help="A chart's number.")],
    *,
    analyst: Annotated[str, typer.Option("--analyst", metavar="FAMILY:NAME", help="Who is asked.")],
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", metavar="URL", help="Where a compatible:MODEL answers."),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt", metavar="NAME|TEXT", help="A prompt, as mine-v2, or words before the usual."
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Ask one analyst about one recorded chart.

    The answer is recorded and printed. It decides nothing: it is in no list of decisions and no
    statistic. Exit code 1 means that there is no answer; why is in the record.
    """
    from tapetrail.usecases.questions import Question  # noqa: PLC0415 # --help never needs it

    named: object = analyst if base_url is None else {"analyst": analyst, "base_url": base_url}
    question = Question(chart_id=read_number(chart, "chart"), analyst=named, prompt=prompt)
    with opened() as record:
        found = record.questions.ask(question)
        shown = record.records.detail(ANALYSES, found.id)
    if as_json:
        print_json(detail_document(shown))
    else:
        columns = {name: shown.columns[name] for name in SHOWN if shown.columns[name] is not None}
        for line in column_lines(columns):
            echo(line)
        said = shown.columns["response_json"]
        text = said["reasoning"] if is_mapping(said) else shown.columns["response_text"]
        for line in paragraph_lines(str(text or "no text came"), screen=screen()):
            echo(line)
        note(f"recorded: tapetrail analyses show {found.id} --prompt --response --wire")
    return 0 if found.status == "completed" else 1
