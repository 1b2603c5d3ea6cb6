"""`tapetrail charts save` and `charts open`: a chart as a file, checked against its digest."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from tapetrail.cli.session import opened, settings
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import echo, note, size_text
from tapetrail.cli.terminal.saving import checked_target, naming, write_file
from tapetrail.cli.terminal.words import Number
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import InvalidInput
from tapetrail.listing import CHARTS
from tapetrail.listing.values import read_number
from tapetrail.safe_text import sanitise

group: Final = typer.Typer()
OPENED: Final = "opened"
"""The folder of the home where pages lie that were opened; it may be deleted at any time."""


class Form(StrEnum):
    """What a chart is saved as: the image, the interactive page, the print."""

    JPG = "jpg"
    HTML = "html"
    PDF = "pdf"


_SUFFIXES: Final = {
    ".jpg": Form.JPG,
    ".jpeg": Form.JPG,
    ".png": Form.JPG,
    ".gif": Form.JPG,
    ".webp": Form.JPG,
    ".svg": Form.JPG,
    ".html": Form.HTML,
    ".htm": Form.HTML,
    ".pdf": Form.PDF,
}


_IMAGES: Final = {
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
    "image/svg+xml": (".svg",),
}
"""What the name of an image's file ends in: others post what they drew, of whatever kind."""
_KEPT: Final = {Form.JPG: "jpeg_digest", Form.HTML: "html_digest", Form.PDF: "spec_digest"}


@group.command(
    "save",
    epilog=examples(
        "tapetrail charts save 3",
        "tapetrail charts save 3 -o weekly.html",
        "tapetrail charts save 3 --format pdf",
        "tapetrail charts save 3 --format html --recorded",
    ),
)
@shows_errors(hint="tapetrail charts save --help")
def save_chart(
    number: Number,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Where to; by default chart-ID.jpg. Replaced."
        ),
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="By default what the file's name ends in, or jpg."),
    ] = None,
    recorded: Annotated[
        bool,
        typer.Option("--recorded", help="The recorded bytes alone, without a foot."),
    ] = False,
) -> int:
    """Save a chart, checked against its digest, to a file.

    The image is what the analyst saw, the HTML page is the same chart to explore, and the PDF is
    for printing, with the levels of the signal that followed. Page and PDF say in a foot, and in
    their information, where they come from; the page's foot follows on the recorded bytes. Both
    digests are said. A file that is there already is replaced, whole or not at all.
    """
    read_number(number, "ID")
    target = None if output is None else checked_target(output)
    chosen = form or (Form.JPG if output is None else _form_of(output))
    path = output or Path(f"chart-{number}{_suffix_of(number, chosen)}")
    target = target or checked_target(path)
    if output is not None and chosen is Form.JPG:
        _check_suffix(number, output)
    if recorded and chosen is Form.PDF:
        raise InvalidInput(
            "--recorded: no print is on record, it is drawn when it is asked for;"
            " leave --recorded out, or take --format jpg or html"
        )
    kept, content = _kept_and_saved(number, chosen, recorded=recorded)
    write_file(content, target)
    note(f"saved {sanitise(str(path))} ({size_text(len(content))})")
    saved = digest_bytes(content)
    if saved == kept:
        note(f"as recorded: {kept}")
    else:
        note(f"{'drawn values' if chosen is Form.PDF else 'recorded'}: {kept}")
        note(f"this file: {saved}")
    return 0


@group.command(
    "open", epilog=examples("tapetrail charts open 3", "tapetrail charts open 3 --format pdf")
)
@shows_errors(hint="tapetrail charts list")
def open_chart(
    number: Number,
    *,
    form: Annotated[
        Form | None,
        typer.Option("--format", help="The interactive page, the print or the image."),
    ] = None,
) -> int:
    """Show a chart in the browser, and print where its file lies.

    The file is a copy in the home folder: it needs no server and no network.
    """
    read_number(number, "ID")
    chosen = form or (Form.HTML if _has_page(number) else Form.JPG)
    _, content = _kept_and_saved(number, chosen)
    path = settings().home / OPENED / f"chart-{number}{_suffix_of(number, chosen)}"
    with naming(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(content, path)
    echo(sanitise(str(path)))
    if not _show(path):
        note("no browser could be started here; open that file in one")
    return 0


def _form_of(path: Path) -> Form:
    """Return the form that a file's name asks for. Raises `InvalidInput` for another suffix."""
    form = _SUFFIXES.get(path.suffix.lower())
    if form is None:
        raise InvalidInput(
            f"--output {str(path)!r}: expected a name that ends in {', '.join(_SUFFIXES)};"
            " or add --format"
        )
    return form


def _suffix_of(number: int, form: Form) -> str:
    """Return what the name of a chart's file ends in; of an image, by what it is."""
    if form is not Form.JPG:
        return f".{form}"
    media_type = _column(number, "image_media_type")
    return _IMAGES.get(media_type or "", (".bin",))[0]


def _check_suffix(number: int, path: Path) -> None:
    """Raise `InvalidInput` for a name that ends as another kind of image than the chart is."""
    media_type = _column(number, "image_media_type")
    known = _IMAGES.get(media_type or "")
    if known is not None and path.suffix.lower() not in known:
        raise InvalidInput(
            f"--output {str(path)!r}: chart {number} is {media_type}; expected a name that ends in"
            f" {known[0]}"
        )


def _has_page(number: int) -> bool:
    return _column(number, "html_digest") is not None


def _column(number: int, name: str) -> str | None:
    with opened() as record:
        found = record.records.detail(CHARTS, number).columns[name]
        return None if found is None else str(found)


def _kept_and_saved(number: int, form: Form, *, recorded: bool = False) -> tuple[str, bytes]:
    """Return the digest on record of what a file is made from, and the file."""
    with opened() as record:
        columns = record.records.detail(CHARTS, number).columns
        kept = str(columns[_KEPT[form]])
        match form:
            case Form.JPG:
                return kept, record.charts.image(number)
            case Form.HTML:
                whole = record.charts.page if recorded else record.charts.saved_page
                return kept, whole(number)
            case Form.PDF:
                return kept, record.charts.print(number)


def _show(path: Path) -> bool:
    import webbrowser  # noqa: PLC0415 # --help never needs it

    try:
        return webbrowser.open(path.as_uri())
    except webbrowser.Error:
        return False
