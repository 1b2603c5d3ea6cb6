"""Cursors: text that continues a list, and leads nowhere else."""

import base64
import json
from typing import Final

from tapetrail.core.canonical import digest_text
from tapetrail.core.errors import InvalidInput
from tapetrail.listing.spec import Numbered, Selection
from tapetrail.listing.values import ID_MAX

_SHOWN_MAX: Final = 80


class ForeignCursor(InvalidInput):
    """A cursor that does not continue the list it was given to."""


def encode_cursor(last_id: int, selection: Selection[Numbered]) -> str:
    """Return the opaque cursor that continues after `last_id` under the same filters."""
    return _cursor(last_id, _mark(selection))


def decode_cursor(cursor: str, selection: Selection[Numbered]) -> int:
    """Return the id a list continues below.

    Raises `InvalidInput` when `cursor` is none of ours or belongs to another list.
    """
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        number, mark = text.split(".")
        last_id = int(number)
    except ValueError as error:
        raise _foreign_cursor(cursor) from error
    # What reads back as other text was not written by a list, however it came to be readable.
    if not 1 <= last_id <= ID_MAX or _cursor(last_id, mark) != cursor:
        raise _foreign_cursor(cursor)
    if mark != _mark(selection):
        rule = "belongs to another list, or to other filters"
        raise ForeignCursor(f"cursor {cursor[:_SHOWN_MAX]!r}: {rule}", rule=rule)
    return last_id


def _cursor(last_id: int, mark: str) -> str:
    return base64.urlsafe_b64encode(f"{last_id}.{mark}".encode()).decode().rstrip("=")


def _foreign_cursor(cursor: str) -> ForeignCursor:
    rule = "not one that a list gave"
    return ForeignCursor(f"cursor {cursor[:_SHOWN_MAX]!r}: {rule}", rule=rule)


def _mark(selection: Selection[Numbered]) -> str:
    # One value stands by itself, as when there could be no others.
    named = {
        name: values[0] if len(values) == 1 else values
        for name, values in selection.named().items()
    }
    text = json.dumps([selection.listed.name, named], sort_keys=True)
    return digest_text(text)[-12:]
