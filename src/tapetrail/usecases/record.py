"""A record, opened: what it can be asked to do, by area.

An area is imported when it is first asked for: a list waits for none of the others.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar, overload

from tapetrail.listing import ListSpec, list_named
from tapetrail.listing.spec import Numbered, Wanted
from tapetrail.store import lookups
from tapetrail.store.access import Access
from tapetrail.usecases.parts import Process
from tapetrail.usecases.records import Records
from tapetrail.wire import LIMIT_DEFAULT, Detail, Page, Room, Status

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session

    from tapetrail.core.access_keys import AccessKey
    from tapetrail.core.verification.verdict import Verification
    from tapetrail.store.moving_marks import MovingMark
    from tapetrail.usecases.analyses import Analyses
    from tapetrail.usecases.audit import Audit
    from tapetrail.usecases.charts import Charts
    from tapetrail.usecases.data import Data
    from tapetrail.usecases.keyring import Keyring
    from tapetrail.usecases.prompts import Prompts
    from tapetrail.usecases.questions import Questions
    from tapetrail.usecases.recordings import Recordings
    from tapetrail.usecases.runs import Runs, RunWiring
    from tapetrail.usecases.stats import Stats
    from tapetrail.usecases.strategies import Strategies
    from tapetrail.usecases.symbols import Symbols
    from tapetrail.usecases.verify import Verify

Row = TypeVar("Row", bound=Numbered)


class Record:
    """What was recorded, and what can be done.

    By area: `records`, `charts`, `analyses`, `strategies`, `prompts`, `questions`, `stats`,
    `data`, `runs`, `symbols`, `keys`, `audit`, `verification`.

    It is good for as long as it is open. What programs need most is at hand without an area.
    """

    def __init__(self, access: Access, *, process: Process, wiring: "RunWiring") -> None:
        self._access = access
        self._process = process
        self._wiring = wiring
        self.records = Records(
            access.reading, open_blobs=process.open_blobs, budget_day_usd=process.budget_day_usd
        )

    @cached_property
    def charts(self) -> "Charts":
        """Their bytes, their print, and setting old ones aside."""
        from tapetrail.usecases.charts import Charts  # noqa: PLC0415 # see the module's docstring

        return Charts(
            self._access,
            records=self.records,
            process=self._process,
            check=self.verification.check,
        )

    @cached_property
    def analyses(self) -> "Analyses":
        """What was asked and answered, to the byte."""
        from tapetrail.usecases.analyses import Analyses  # noqa: PLC0415 # as above

        return Analyses(self._access, records=self.records)

    @cached_property
    def strategies(self) -> "Strategies":
        """Their versions, as recorded."""
        from tapetrail.usecases.strategies import Strategies  # noqa: PLC0415 # as above

        return Strategies(self._access, check=lambda spec: self.runs.planner(None).check(spec))

    @cached_property
    def prompts(self) -> "Prompts":
        """Those that come along and those on record, and what a model would be sent."""
        from tapetrail.usecases.prompts import Prompts  # noqa: PLC0415 # as above

        return Prompts(self._access, process=self._process)

    @cached_property
    def questions(self) -> "Questions":
        """One question about a recorded chart, and no decision."""
        from tapetrail.usecases.questions import Questions  # noqa: PLC0415 # as above

        return Questions(self._access, process=self._process, runs=self.runs, records=self.records)

    @cached_property
    def stats(self) -> "Stats":
        """What models cost and how they did, and what was decided of late."""
        from tapetrail.usecases.stats import Stats  # noqa: PLC0415 # as above

        return Stats(self._access.reading, clock=self._process.clock)

    @cached_property
    def data(self) -> "Data":
        """Vendors' bars, fetched ahead and held against each other."""
        from tapetrail.usecases.data import Data  # noqa: PLC0415 # as above

        return Data(
            self._access,
            process=self._process,
            planner=lambda: self.runs.planner(None),
            requests=self.runs.requests,
            limits=self._wiring.limits,
        )

    @cached_property
    def runs(self) -> "Runs":
        """Runs, begun and carried out."""
        from tapetrail.usecases.runs import Runs  # noqa: PLC0415 # as above

        return Runs(self._access, process=self._process, wiring=self._wiring)

    @cached_property
    def symbols(self) -> "Symbols":
        """What sources over a network have under the names that people know."""
        from tapetrail.usecases.symbols import Symbols  # noqa: PLC0415 # as above

        return Symbols(self._wiring.searching)

    @cached_property
    def audit(self) -> "Audit":
        """Who did what to the record."""
        from tapetrail.usecases.audit import Audit  # noqa: PLC0415 # as above

        return Audit(self._access, process=self._process)

    @cached_property
    def keys(self) -> "Keyring":
        """Keys that let programs in over a network."""
        from tapetrail.usecases.keyring import Keyring  # noqa: PLC0415 # as above

        return Keyring(self._access, process=self._process)

    def recordings(self, holder: str | None) -> "Recordings":
        """Return what takes in what other programs tell; `holder` is who works on what it opens."""
        from tapetrail.usecases.recordings import Recordings  # noqa: PLC0415 # as above

        return Recordings(self._access, process=self._process, holder=holder)

    def keys_with(self, token: "AccessKey") -> "Keyring":
        """Return the same with the token of a server, whose holder may do everything."""
        from tapetrail.usecases.keyring import Keyring  # noqa: PLC0415 # as above

        return Keyring(self._access, process=self._process, token=token)

    @cached_property
    def verification(self) -> "Verify":
        """Whether all of it is what was recorded."""
        from tapetrail.usecases.verify import Verify  # noqa: PLC0415 # as above

        return Verify(self._access, process=self._process)

    @overload
    def rows(self, listed: str, **filters: Wanted) -> list[dict[str, object]]: ...
    @overload
    def rows(self, listed: ListSpec[Row], **filters: Wanted) -> list[Row]: ...
    def rows(self, listed: str | ListSpec[Row], **filters: Wanted) -> Sequence[object]:
        """Return the rows of a list, newest first.

        By name, such as `"decisions"`, each is a dictionary, as `pandas.DataFrame` takes them. By
        the list itself, such as `tapetrail.listing.DECISIONS`, each is its row, whose fields a type
        checker knows. `filters` are the list's own, such as `symbol="AAPL"`; of several
        values, as in `symbol=["AAPL", "MSFT"]`, a row has one. Values are Python's:
        Decimal, datetime. Raises `InvalidInput` for an unknown list or filter.
        """
        if isinstance(listed, str):
            named = list_named(listed)
            found = self.records.rows(named.select(**filters))
            return [{name: getattr(row, name) for name in named.column_names} for row in found]
        return [*self.records.rows(listed.select(**filters))]

    def page(
        self,
        listed: ListSpec[Row],
        *,
        limit: int = LIMIT_DEFAULT,
        cursor: str | None = None,
        **filters: Wanted,
    ) -> Page[Row]:
        """Return one page of a list, newest first, of at most 200 rows, and where it goes on.

        Raises `InvalidInput` for an unknown filter, and for a cursor of another list.
        """
        return self.records.page(listed.select(**filters), limit=limit, cursor=cursor)

    def detail(self, listed: str | ListSpec[Numbered], number: int) -> Detail:
        """Return one row whole, and what hangs on it. Raises `NotFound`."""
        named = list_named(listed) if isinstance(listed, str) else listed
        return self.records.detail(named, number)

    def chart_image(self, number: int) -> bytes:
        """Return a chart's JPEG, checked against its digest."""
        return self.charts.image(number)

    def chart_page(self, number: int) -> bytes:
        """Return a chart's interactive HTML page, checked against its digest."""
        return self.charts.page(number)

    def chart_print(self, number: int) -> bytes:
        """Return a chart for printing, as PDF, with the levels of the signal that followed."""
        return self.charts.print(number)

    def blob(self, digest: str) -> bytes:
        """Return the stored bytes that a `*_digest` column names, checked against it.

        Raises `NotFound` for bytes that no row names.
        """
        return self.records.blob(digest)

    def verify(
        self,
        decisions: Sequence[int] = (),
        *,
        as_of: "str | date | None" = None,
        deep: bool = False,
    ) -> "Verification":
        """Return whether the record is what was recorded, and every place where it is not.

        `decisions` are numbers, `as_of` a day or `FROM..TO`; without either it is everything, and
        `deep` reads the bytes of stored objects, too. The answer has `faults`, each with table,
        number, field, what was recorded and what is there, and says in `reach` how far it goes.
        """
        from tapetrail.usecases.verify import read_days  # noqa: PLC0415 # as above

        days = read_days(as_of)
        if decisions or days:
            return self.verification.decisions(decisions, days=days, is_deep=deep)
        return self.verification.whole(is_deep=deep)

    def status(self) -> Status:
        """Return how much the record holds."""
        return self.records.status()

    def moving(self) -> "MovingMark | None":
        """Return what the database says of a move to another one, None where there is none."""
        return self._access.database().moving

    def room(self) -> Room:
        """Return what a decision takes on disk, and for how many more there is room."""
        # Each file of a bucket is asked for over a network; how much room it has nobody says.
        is_far, pace_days = self._process.has_bucket, 30
        newest_max = 5 if is_far else 50
        with self._access.reading() as connection:
            decisions, keys = lookups.newest_keys(connection, decisions=newest_max)
            since = self._process.clock() - timedelta(days=pace_days)
            lately = lookups.decisions_since(connection, since)
        blobs, free = self._process.open_blobs(), self._process.free_bytes()
        taken = sum(blobs.kept_size(key) or 0 for key in keys)
        each = -(-taken // decisions) if taken else None
        left = None if each is None or is_far else free // each
        return Room(
            free_bytes=free,
            decision_bytes=each,
            decisions_left=left,
            days_left=left * pace_days // lately if lately and left is not None else None,
        )

    @contextmanager
    def session(self) -> "Generator[Session]":
        """Give an SQLAlchemy session that can only read, for the classes of `tapetrail.models`."""
        with self._access.read_only_session() as session:
            yield session
