"""Analyses: what was asked and answered, as text and as the bytes that went over the wire."""

from typing import TYPE_CHECKING

from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.listing import ANALYSES
from tapetrail.store import calls
from tapetrail.store.access import Access
from tapetrail.usecases.records import Records

if TYPE_CHECKING:
    from tapetrail.wire import AttemptView


class Analyses:
    """The analyses of a record. An analyst that is code was sent nothing and reads no prompt."""

    def __init__(self, access: Access, *, records: Records) -> None:
        self._access = access
        self._records = records

    def prompt(self, number: int) -> str:
        """Return the text that was asked. Raises `NotFound` where there was none."""
        return self._text(number, "prompt_text", "no prompt was read")

    def response(self, number: int) -> str:
        """Return the text of the reply, as it came. Raises `NotFound` where there was none."""
        return self._text(number, "response_text", "no reply came")

    def attempts(self, number: int) -> "list[AttemptView]":
        """Return every call that was made for an answer, in their order. Raises `NotFound`."""
        self._records.columns(ANALYSES, number)
        with self._access.reading() as connection:
            return calls.attempts(connection, number)

    def request(self, number: int, *, attempt_no: int | None = None) -> bytes:
        """Return the exact bytes that were sent, checked against their digest.

        Without a number it is the one call that there was. Raises `NotFound` for a call that was
        not made, and `InvalidInput` where there were several.
        """
        found = self._attempt(number, attempt_no)
        if found.request_digest is None:
            raise NotFound(
                f"analysis {number}: the request of attempt {found.attempt_no} is not kept; its"
                " program told none, or it held the key of its call"
            )
        return self._records.blob(found.request_digest)

    def reply(self, number: int, *, attempt_no: int | None = None) -> bytes:
        """Return the exact bytes that came back; otherwise as `request`.

        Raises `NotFound` for a call that brought none, too.
        """
        found = self._attempt(number, attempt_no)
        if found.response_digest is None:
            why = found.error_message or found.error_kind or "the call was lost"
            raise NotFound(f"analysis {number}: attempt {found.attempt_no} brought no bytes; {why}")
        return self._records.blob(found.response_digest)

    def made(self, number: int, *, attempt_no: int | None = None) -> "list[AttemptView]":
        """Return every call, or the one of this number. Raises `NotFound` for one not made."""
        return self.attempts(number) if attempt_no is None else [self._attempt(number, attempt_no)]

    def _attempt(self, number: int, attempt_no: int | None) -> "AttemptView":
        made = {each.attempt_no: each for each in self.attempts(number)}
        if not made:
            raise NotFound(f"analysis {number}: nothing went over a wire for it")
        known = ", ".join(map(str, made))
        if attempt_no is None and len(made) > 1:
            raise InvalidInput(f"analysis {number}: several attempts; say which of {known}")
        found = made.get(next(iter(made)) if attempt_no is None else attempt_no)
        if found is None:
            raise NotFound(f"analysis {number}: no attempt {attempt_no}; there are {known}")
        return found

    def _text(self, number: int, column: str, missing: str) -> str:
        text = self._records.columns(ANALYSES, number)[column]
        if text is None:
            raise NotFound(f"analysis {number}: {missing}")
        return str(text)
