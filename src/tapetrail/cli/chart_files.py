"""`tapetrail charts save` and `charts open`: a chart as a file, checked against its digest."""

import os
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Final

from tapetrail.cli.list_words import check_number
from tapetrail.cli.output import echo, note, sanitise, size_text
from tapetrail.cli.session import opened, settings
from tapetrail.core.errors import EdgeFailure, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Generator

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
    ".html": Form.HTML,
    ".htm": Form.HTML,
    ".pdf": Form.PDF,
}


def save_chart(number: int, *, form: Form | None, output: Path | None) -> int:
    """Write a chart to a file, whole or not at all; what was there is replaced."""
    check_number(number)
    path = output or Path(f"chart-{number}.{form or Form.JPG}")
    with _naming(path):
        target = path.resolve()
        if target.exists() and not target.is_file():
            raise InvalidInput(f"--output {str(path)!r}: a folder or device, expected a file")
        if not target.parent.is_dir():
            raise InvalidInput(f"--output {str(path)!r}: there is no folder {str(target.parent)!r}")
    content = _content(number, form or _form_of(path))
    with _naming(path):
        _write(content, target)
    note(f"saved {sanitise(str(path))} ({size_text(len(content))})")
    return 0


def open_chart(number: int, *, form: Form) -> int:
    """Show a chart in the browser; print where its file lies."""
    check_number(number)
    content = _content(number, form)
    path = settings().home / OPENED / f"chart-{number}.{form}"
    with _naming(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(content, path)
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
            " or say --format"
        )
    return form


def _content(number: int, form: Form) -> bytes:
    with opened() as recorder:
        match form:
            case Form.JPG:
                return recorder.chart_image(number)
            case Form.HTML:
                return recorder.chart_page(number)
            case Form.PDF:
                return recorder.chart_print(number)


def _show(path: Path) -> bool:
    import webbrowser  # noqa: PLC0415 # --help never needs it

    try:
        return webbrowser.open(path.as_uri())
    except webbrowser.Error:
        return False


@contextmanager
def _naming(path: Path) -> "Generator[None]":
    """Turn the system's refusals into an `EdgeFailure` that names the file."""
    try:
        yield
    except OSError as error:
        raise EdgeFailure(f"could not write {str(path)!r}; {error.strerror}") from error


def _write(content: bytes, path: Path) -> None:
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), path.stat().st_mode if path.exists() else _new_file_mode())
            Path(file.name).replace(path)
        finally:
            with suppress(FileNotFoundError):
                Path(file.name).unlink()


def _new_file_mode() -> int:
    """Return the rights that this process gives to new files."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
