"""A record behind a server, read by programs as one at hand is: lists, rows, bytes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Self, TypeVar, cast
from urllib.parse import urlencode

from tapetrail.core.canonical import digest_bytes, instant_text, parse_digest
from tapetrail.core.errors import EdgeFailure, IntegrityFailure
from tapetrail.http.asking import Server
from tapetrail.listing import ANALYSES, CHARTS, ListSpec, list_named
from tapetrail.listing.spec import Numbered, Selection, Wanted
from tapetrail.wire import LIMIT_DEFAULT, LIMIT_MAX, Page

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Row = TypeVar("Row", bound=Numbered)


class RemoteRecord:
    """A record behind a server, until `close` or the end of its `with` block.

    Values are Python's: Decimal, datetime.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def __enter__(self) -> Self:
        """Give the record, which is let go at the end."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Let the record go."""
        self.close()

    def close(self) -> None:
        """Let the server go; nothing can be asked after."""
        self._server.close()

    def page(
        self,
        listed: ListSpec[Row],
        *,
        limit: int = LIMIT_DEFAULT,
        cursor: str | None = None,
        **filters: Wanted,
    ) -> Page[Row]:
        """Return one page of a list, newest first, and where it goes on.

        Raises `InvalidInput` for an unknown filter, and for a cursor of another list.
        """
        words = [*_words(listed.select(**filters)), ("limit", str(limit))]
        if cursor is not None:
            words.append(("cursor", cursor))
        found = self._document(f"{listed.path}?{urlencode(words)}")
        rows = _rows_of(listed.row).validate_python(found["data"])
        return Page(
            data=cast("list[Row]", rows), next_cursor=cast("str | None", found["next_cursor"])
        )

    def rows(self, listed: ListSpec[Row], **filters: Wanted) -> Iterator[Row]:
        """Yield every row of a list, newest first, page by page."""
        cursor: str | None = None
        while True:
            page = self.page(listed, limit=LIMIT_MAX, cursor=cursor, **filters)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def detail(self, listed: str | ListSpec[Numbered], number: int) -> Mapping[str, object]:
        """Return one row whole, with what hangs on it, as JSON has it. Raises `NotFound`."""
        named = list_named(listed) if isinstance(listed, str) else listed
        return self._document(f"{named.path}/{number}")

    def spend(self, by: str = "day", **filters: Wanted) -> Sequence[Mapping[str, object]]:
        """Return what models were asked and cost, by a word, as JSON has it."""
        words = [("group_by", by), *_words(ANALYSES.select(**filters))]
        found = self._document(f"{ANALYSES.path}/stats/summary?{urlencode(words)}")
        return cast("Sequence[Mapping[str, object]]", found["data"])

    def archive_charts(self, *, older_than_days: int) -> int:
        """Set charts aside that were generated so long ago; return how many. None is deleted."""
        body = json.dumps({"older_than_days": older_than_days}).encode()
        came = self._server.ask(f"{CHARTS.path}/archive", body)
        return int(json.loads(came.body)["archived"])

    def chart_image(self, number: int) -> bytes:
        """Return the image of a chart, checked against the digest of its row."""
        return self._bytes(f"/api/charts/{number}/image", f"/api/charts/{number}", "jpeg_digest")

    def chart_page(self, number: int) -> bytes:
        """Return the interactive page of a chart, checked against the digest of its row."""
        return self._bytes(f"/api/charts/{number}/html", f"/api/charts/{number}", "html_digest")

    def _document(self, path: str) -> Mapping[str, object]:
        came = self._server.ask(path)
        try:
            return cast("Mapping[str, object]", json.loads(came.body))
        except ValueError as error:
            raise EdgeFailure(f"{self._server.url}{path}: not JSON") from error

    def _bytes(self, path: str, row: str, column: str) -> bytes:
        wanted = parse_digest(str(self._document(row)[column]))
        data = self._server.ask(path).body
        if digest_bytes(data) != wanted:
            raise IntegrityFailure(f"{self._server.url}{path}: other bytes than {column} names")
        return data


def _words(selection: Selection[Numbered]) -> Sequence[tuple[str, str]]:
    return [
        (name, instant_text(value) if isinstance(value, datetime) else str(value))
        for name, values in selection.filters.items()
        for value in values
    ]


@cache
def _rows_of(row: type) -> "TypeAdapter[list[object]]":
    from pydantic import TypeAdapter  # noqa: PLC0415 # for remote records alone

    return TypeAdapter(list[row])  # pyright: ignore[reportInvalidTypeForm] # the type of a list's rows
