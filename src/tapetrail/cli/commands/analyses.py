"""`tapetrail analyses show`: one answer whole, and what went over the wire for it, to the byte."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tapetrail.cli.session import opened
from tapetrail.cli.showing import exit_code, show_row, verified
from tapetrail.cli.terminal.exact import print_exact
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import echo, note, print_json, size_text
from tapetrail.cli.terminal.saving import checked_target, write_file
from tapetrail.cli.terminal.tables import column_lines
from tapetrail.cli.terminal.words import Json, Number
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.listing import ANALYSES
from tapetrail.listing.values import read_number
from tapetrail.safe_text import sanitise
from tapetrail.wire import view_document

if TYPE_CHECKING:
    from tapetrail.usecases.analyses import Analyses
    from tapetrail.wire import AttemptView, Shown

group: Final = typer.Typer()
PARTS: Final = ("prompt", "response", "request", "reply")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What of an answer is printed: parts of `PARTS`, and all that went over the wire."""

    number: int
    parts: tuple[str, ...]
    attempt_no: int | None
    wire: bool

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for an attempt of nothing."""
        if self.attempt_no is not None and not (self.wire or {"request", "reply"} & {*self.parts}):
            raise InvalidInput(
                f"--attempt {self.attempt_no}: of which part? expected --wire, --request or --reply"
            )

    @property
    def is_whole(self) -> bool:
        """Whether the row is shown, and no part of it."""
        return not (self.parts or self.wire)


@group.command(
    "show",
    epilog=examples(
        "tapetrail analyses show 1",
        "tapetrail analyses show 1 --prompt --response --wire",
        "tapetrail analyses show 1 --request -o request.json",
        "tapetrail analyses show 1 --reply --attempt 2 | jq .usage",
    ),
)
@shows_errors(hint="tapetrail analyses list")
def show(  # noqa: PLR0913 # its options
    number: Number,
    *,
    prompt: Annotated[bool, typer.Option("--prompt", help="The text that was asked.")] = False,
    response: Annotated[bool, typer.Option("--response", help="The reply's text.")] = False,
    wire: Annotated[
        bool, typer.Option("--wire", help="Every call for it: when, where to, and the bytes.")
    ] = False,
    request: Annotated[bool, typer.Option("--request", help="The bytes that were sent.")] = False,
    reply: Annotated[bool, typer.Option("--reply", help="The bytes that came back.")] = False,
    attempt_no: Annotated[
        int | None, typer.Option("--attempt", metavar="N", min=1, help="Of this call, if several.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="One part to a file. Replaced."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Show one analysis whole, or what was asked and answered for it.

    A part by itself is printed as its bytes, which a terminal is shown without what it would obey.
    Every byte is checked against its digest, and the decision is verified.
    """
    flags = (prompt, response, request, reply)
    parts = tuple(part for part, is_asked in zip(PARTS, flags, strict=True) if is_asked)
    asked = Asked(number=read_number(number, "ID"), parts=parts, attempt_no=attempt_no, wire=wire)
    target = _target(output, asked)
    if asked.is_whole:
        return show_row(ANALYSES, number, as_json=as_json)
    with opened() as record:
        decision = int(str(record.records.detail(ANALYSES, number).columns["decision_id"]))
        found = verified(record, decision)
        if target is not None and output is not None:
            _save(_content(record.analyses, asked, parts[0]), target, named=output)
        elif as_json:
            print_json(_document(record.analyses, asked))
        else:
            _print(record.analyses, asked)
    return exit_code(found, decision)


def _target(output: Path | None, asked: Asked) -> Path | None:
    """Return where a part is written to. Raises `InvalidInput` unless there is one part."""
    if output is None:
        return None
    if len(asked.parts) != 1 or asked.wire:
        named = ", ".join(f"--{part}" for part in PARTS)
        raise InvalidInput(f"--output {str(output)!r}: expected one part for it, of {named}")
    return checked_target(output)


def _save(content: bytes, target: Path, *, named: Path) -> None:
    write_file(content, target)
    note(f"saved {sanitise(str(named))} ({size_text(len(content))})")
    note(f"as recorded: {digest_bytes(content)}")


def _content(analyses: "Analyses", asked: Asked, part: str) -> bytes:
    match part:
        case "prompt":
            return analyses.prompt(asked.number).encode()
        case "response":
            return analyses.response(asked.number).encode()
        case "request":
            return analyses.request(asked.number, attempt_no=asked.attempt_no)
        case _:
            return analyses.reply(asked.number, attempt_no=asked.attempt_no)


def _found(analyses: "Analyses", asked: Asked, part: str) -> bytes | None:
    """Return one part of several, None where there is none: the others are there all the same."""
    try:
        return _content(analyses, asked, part)
    except NotFound:
        return None


def _attempts(analyses: "Analyses", asked: Asked) -> "list[AttemptView]":
    """Return the calls that were asked for. Raises `NotFound` for one that was not made."""
    return analyses.made(asked.number, attempt_no=asked.attempt_no)


def _print(analyses: "Analyses", asked: Asked) -> None:
    if len(asked.parts) == 1 and not asked.wire:
        print_exact(_content(analyses, asked, asked.parts[0]))
        return
    for part in asked.parts:
        found = _found(analyses, asked, part)
        if found is None:
            echo(f"# {part}: none")
        else:
            _print_headed(f"# {part}", found)
    made = _attempts(analyses, asked) if asked.wire else []
    if asked.wire and not made:
        echo("# nothing went over a wire")
    for each in made:
        echo(f"# attempt {each.attempt_no}")
        for line in column_lines(asdict(each)):
            echo(line)
        for name, content in _bytes_of(analyses, asked.number, each):
            _print_headed(f"# {name} of attempt {each.attempt_no}", content)


def _print_headed(heading: str, content: bytes) -> None:
    echo(heading)
    print_exact(content if content.endswith(b"\n") else content + b"\n")


def _bytes_of(
    analyses: "Analyses", number: int, attempt: "AttemptView"
) -> Iterator[tuple[str, bytes]]:
    if attempt.request_digest is not None:
        yield "request", analyses.request(number, attempt_no=attempt.attempt_no)
    if attempt.response_digest is not None:
        yield "reply", analyses.reply(number, attempt_no=attempt.attempt_no)


def _document(analyses: "Analyses", asked: Asked) -> "Shown":
    """Return the parts as text, and the calls with the digests by which their bytes are found."""
    found = {part: _found(analyses, asked, part) for part in asked.parts}
    document = {
        part: None if content is None else content.decode("utf-8", errors="backslashreplace")
        for part, content in found.items()
    }
    wire = [view_document(each) for each in _attempts(analyses, asked)] if asked.wire else []
    return {**document, **({"wire": wire} if asked.wire else {})}
