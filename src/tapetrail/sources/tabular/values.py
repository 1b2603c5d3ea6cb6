"""Plain Python values as documents and lists, and the words of what is none of the known shapes.

The members of a document are looked up whatever the case of their names: `volumeFactor`,
`VolumeFactor` and `volume_factor` are one.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias, cast
from zoneinfo import ZoneInfo

from tapetrail.core.errors import ErrorKind, InvalidInput

Document: TypeAlias = Mapping[str, object]
List: TypeAlias = Sequence[object]

_SHOWN_MAX: Final = 10


def as_document(value: object) -> Document | None:
    """Return a mapping with its keys as text, None for anything else."""
    if not isinstance(value, Mapping):
        return None
    members = cast("Mapping[object, object]", value)
    return {str(key): member for key, member in members.items()}


def as_list(value: object) -> List | None:
    """Return a sequence that is no text, None for anything else."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        return cast("List", value)
    return None


def folded_names(document: Document) -> frozenset[str]:
    """Return the names of the members without case and underscores."""
    return frozenset(map(_folded, document))


def member(document: Document, name: str) -> object:
    """Return the member called `name`, or else the first that is called so but for its case."""
    if name in document:
        return document[name]
    return next((found for key, found in document.items() if _folded(key) == _folded(name)), None)


def text_member(document: Document, name: str) -> str | None:
    """Return a member that is text, None for any other."""
    value = member(document, name)
    return value if isinstance(value, str) else None


def document_member(document: Document, name: str) -> Document:
    """Return a member that is a mapping, an empty one for any other."""
    return as_document(member(document, name)) or {}


def number_member(document: Document, name: str, *, place: str) -> Decimal | None:
    """Return a member that is a number, None where there is none. Raises `InvalidInput`."""
    value = member(document, name)
    if value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise refused(f"{place}: {name} {value!r} is not a number") from error
    if not number.is_finite():
        raise refused(f"{place}: {name} {value!r} is not a number")
    return number


def rows_of(document: Document, name: str, *, place: str) -> List:
    """Return a member that is a list. Raises `InvalidInput` for any other."""
    rows = as_list(member(document, name))
    if rows is None:
        raise refused(f"{place}: {name!r} is no list")
    return rows


def day_at(epoch: int, zone: ZoneInfo) -> date:
    """Return the date of an epoch in seconds on the clock of a zone."""
    return datetime.fromtimestamp(epoch, UTC).astimezone(zone).date()


def listed(words: Sequence[str] | Document) -> str:
    """Return the first words of several, and how many more there are."""
    shown = list(words)
    more = len(shown) - _SHOWN_MAX
    return ", ".join(shown[:_SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")


def no_rows(place: str) -> InvalidInput:
    """Return the error of a shape without a row."""
    return InvalidInput(f"{place}: holds no rows", kind=ErrorKind.NO_BARS)


def unknown(place: str, found: str) -> InvalidInput:
    """Return the error of a shape that is none of the known ones."""
    return refused(
        f"{place}: {found} holds no bars; expected a frame, a list of rows or of bars, or a"
        " document of Alpaca, Polygon, Alpha Vantage, Yahoo or IBKR"
    )


def refused(message: str) -> InvalidInput:
    """Return the error of rows that cannot be read."""
    return InvalidInput(message, kind=ErrorKind.BAD_BARS)


def _folded(name: str) -> str:
    return name.casefold().replace("_", "")
