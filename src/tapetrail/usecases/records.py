"""What was recorded: lists, details, bytes and totals.

Read by the driver alone: whoever only reads waits neither for an ORM nor for an engine.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from tapetrail.blobs.protocol import SOUGHT
from tapetrail.core.canonical import parse_digest
from tapetrail.listing import EXECUTIONS, ListSpec, Selection
from tapetrail.listing.spec import Numbered
from tapetrail.store import calls, lists, lookups, nearby, waits
from tapetrail.store.connections import Connection, Reading
from tapetrail.wire import LIMIT_DEFAULT, LIMIT_MAX, OPEN, Detail, ModelAsked, Page, Status

if TYPE_CHECKING:
    from tapetrail.blobs.protocol import BlobStore

Row = TypeVar("Row", bound=Numbered)


class Records:
    """Everything the record can be asked."""

    def __init__(
        self,
        reading: Reading,
        *,
        open_blobs: "Callable[[], BlobStore]",
        budget_day_usd: Decimal | None = None,
    ) -> None:
        self._reading = reading
        self._open_blobs = open_blobs
        self._budget_day_usd = budget_day_usd

    def page(
        self, selection: Selection[Row], *, limit: int = LIMIT_DEFAULT, cursor: str | None = None
    ) -> Page[Row]:
        """Return one page of a list, newest first."""
        with self._reading() as connection:
            return lists.page(connection, selection, limit=limit, cursor=cursor)

    def count(self, selection: Selection[Numbered]) -> int:
        """Return how many rows a list has."""
        with self._reading() as connection:
            return lists.count(connection, selection)

    def near(self, selection: Selection[Numbered]) -> list[str]:
        """Return what is near a list that has no rows: another spelling, or a filter less."""
        with self._reading() as connection:
            return nearby.near(connection, selection)

    def rows(self, selection: Selection[Row]) -> Iterator[Row]:
        """Yield every row of a list, newest first, holding one page of them at a time."""
        cursor: str | None = None
        while True:
            page = self.page(selection, limit=LIMIT_MAX, cursor=cursor)
            yield from page.data
            cursor = page.next_cursor
            if cursor is None:
                return

    def detail(self, listed: ListSpec[Numbered], number: int) -> Detail:
        """Return one row whole, with what hangs on it. Raises `NotFound`.

        With a decision and an analysis come the `models` that were asked, each with what it may
        remember of that time (`training`), and what it said it was before. With an execution comes
        what its open decisions wait for: `calls_in_flight`, `providers` and `budgets`.
        """
        with self._reading() as connection:
            found = lists.detail(connection, listed, number)
            if listed is EXECUTIONS:
                related = {**found.related, **self._waits(connection, found)}
                return replace(found, related=related)
            if listed.table not in calls.ASKED_BY:
                return found
            asked = calls.models_asked(connection, listed.table, number)
        models = [_model(each) for each in asked]
        return replace(found, related={**found.related, "models": models})

    def columns(self, listed: ListSpec[Numbered], number: int) -> Mapping[str, object]:
        """Return one row without what hangs on it. Raises `NotFound`."""
        with self._reading() as connection:
            return lists.columns(connection, listed, number)

    def check(self) -> None:
        """Raise `EdgeFailure` where the database or the store of bytes does not answer."""
        with self._reading() as connection:
            connection.execute("SELECT 1")
        self._open_blobs().kept_size(SOUGHT)

    def _waits(self, connection: Connection, found: Detail) -> dict[str, list[dict[str, object]]]:
        """Return what open decisions of an execution wait for, nothing where it has none."""
        if not any(each["status"] in OPEN for each in found.related["decisions"]):
            return {"calls_in_flight": [], "providers": [], "budgets": []}
        number, day_usd = int(str(found.columns["id"])), self._budget_day_usd
        said = {
            "calls_in_flight": waits.calls_in_flight(connection, number),
            "providers": waits.providers(connection, number),
            "budgets": waits.budgets(connection, number, record_day_usd=day_usd),
        }
        return {name: [*map(asdict, rows)] for name, rows in said.items()}

    def status(self) -> Status:
        """Return how much the record holds."""
        with self._reading() as connection:
            return lookups.status(connection)

    def blob(self, digest: str) -> bytes:
        """Return the stored bytes with a digest. Raises `NotFound` for bytes that no row names."""
        wanted = parse_digest(digest)
        with self._reading() as connection:
            key = lookups.blob_key(connection, wanted)
        return self._open_blobs().read(key, digest=wanted)


def _model(asked: ModelAsked) -> dict[str, object]:
    """Return who answered, and what it may remember, by the model that it says it is."""
    from tapetrail.core.analysis.cutoffs import contamination, contamination_text  # noqa: PLC0415 # lists do without

    name = asked.model_reported or asked.model_name
    return {
        **asdict(asked),
        "training": str(contamination(name, asked.as_of)),
        "training_text": contamination_text(name, asked.as_of),
    }
