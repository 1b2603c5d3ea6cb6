"""`tapetrail executions|decisions|charts|analyses|signals show`."""

from tapetrail.cli.details import detail_lines
from tapetrail.cli.list_words import check_number
from tapetrail.cli.output import echo, print_json, screen
from tapetrail.cli.session import opened
from tapetrail.wire import Resource, detail_document


def show_one(resource: Resource, number: int, *, as_json: bool) -> int:
    """Print one row whole, with what hangs on it."""
    check_number(number)
    with opened() as recorder:
        detail = recorder.detail(resource, number)
    if as_json:
        print_json(detail_document(detail))
    else:
        for line in detail_lines(resource, detail, screen=screen()):
            echo(line)
    return 0
