"""A second source's word on a decision's daily closes: read, held against ours, and judged.

Nobody is asked here. What keeps an opinion from being heard is its own finding, never agreement.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Self

from tapetrail.core.canonical import Digest, storable_text
from tapetrail.core.errors import (
    ErrorKind,
    IntegrityFailure,
    InvalidInput,
    NotFound,
    Stage,
    TapeTrailError,
)
from tapetrail.core.failures import Failure
from tapetrail.core.market.bars import DAILY, Bars, Calendar, Instrument
from tapetrail.core.market.histories import known_at
from tapetrail.core.market.opinions import ClosesCompared, Verdict, compare_closes
from tapetrail.core.market.sessions import day_of
from tapetrail.core.records.evidence import ClosesHeldAgainst, SecondOpinionRecord, SecondPayload
from tapetrail.core.records.runs import RunRefs
from tapetrail.core.strategy.data_quality import OnBreach
from tapetrail.core.strategy.second_opinion import SecondOpinion
from tapetrail.sources.protocol import Fetched, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondSource:
    """Where a second source's bars are read from, and why they were not fetched, if they were not.

    One that `is_awaited` is fetched in a step of its own, if its bars are not kept.
    """

    open: Callable[[], Source]
    failure: Failure | None = None
    is_awaited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Why there is no opinion: the whole `reason`, and what of it may be `shown` to models."""

    reason: str
    shown: str

    @classmethod
    def of(cls, failure: Failure) -> Self:
        """Return the absence that a failure means, shown by its kind alone."""
        return cls(reason=failure.error_message, shown=failure.error_kind.replace("_", " "))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What a second source says of a decision's closes: how they compare, or why nothing does.

    `fetched` is what it sent, None where nothing came; `fetched_at` is when. One that `begins_late`
    has no bar of our first session.
    """

    asked: SecondOpinion
    symbol: str
    heard: ClosesCompared | Absence
    fetched_at: datetime
    fetched: Fetched | None = None
    begins_late: bool = False

    @property
    def verdict(self) -> Verdict:
        """Return whether it agrees; one that could not be compared is absent."""
        return Verdict.ABSENT if isinstance(self.heard, Absence) else self.heard.verdict

    @property
    def problem(self) -> str | None:
        """Return what is wrong, in words; None where it agrees."""
        source, heard = self.asked.source, self.heard
        if isinstance(heard, Absence):
            return storable_text(f"no second opinion of {source}: {heard.reason}")
        if not heard.differing:
            return None
        return f"closes of {source}: {heard.difference(self.asked.max_difference_pct)}"

    def check(self) -> None:
        """Raise where the strategy wants a decision to fail for what came of it.

        `InvalidInput` (`second_opinion_differs`), and `NotFound` (`no_second_opinion`).
        """
        asked, problem = self.asked, self.problem
        if self.verdict is Verdict.DIFFERS and asked.on_difference is OnBreach.FAIL:
            raise InvalidInput(
                f"{problem}; look at both (tapetrail decisions show), or let it be told alone:"
                " `second_opinion.on_difference: warn`",
                kind=ErrorKind.SECOND_OPINION_DIFFERS,
            )
        if self.verdict is Verdict.ABSENT and asked.on_absent is OnBreach.FAIL:
            raise NotFound(
                f"{problem}; `second_opinion.on_absent` is {asked.on_absent}",
                kind=ErrorKind.NO_SECOND_OPINION,
            )

    def remarks(self) -> tuple[str, ...]:
        """Return what charts say of it: that it differs or is absent, and sessions of one side.

        Models read it, so a reason is in words of ours: what a vendor said stands in the record.
        """
        source, heard = self.asked.source, self.heard
        if isinstance(heard, Absence):
            return (f"no second opinion of {source}: {heard.shown}",)
        said = (self.problem,) if self.problem else ()
        late = f"{source} has no bar before {heard.first_on}: closes are compared from then on"
        return (*said, *heard.gaps(source), *((late,) if self.begins_late else ()))

    def record(self, refs: RunRefs, raw_digest: Digest | None) -> SecondOpinionRecord:
        """Return the row of it; `raw_digest` is that of what was sent."""
        return SecondOpinionRecord(
            refs=refs,
            source=self.asked.source,
            symbol=self.symbol,
            payload=self._payload(raw_digest),
            closes=None if isinstance(self.heard, Absence) else _closes(self.heard),
            limit_pct=self.asked.max_difference_pct,
            verdict=self.verdict,
            problem=self.problem,
        )

    def _payload(self, raw_digest: Digest | None) -> SecondPayload | None:
        fetched = self.fetched
        if fetched is None or raw_digest is None:
            return None
        return SecondPayload(
            raw_digest=raw_digest,
            adjustment=fetched.bars.adjustment,
            quoted_in=fetched.quoted_in or fetched.bars.currency,
            fetched_at=self.fetched_at,
            from_cache=fetched.from_cache,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Closes:
    """The daily bars whose closes are judged: of what, as of when, by which sessions."""

    traded: Instrument
    bars: Bars
    as_of: datetime
    calendar: Calendar

    def fetch(self, asked: SecondOpinion, source: Source) -> Fetched:
        """Return a second source's bars of the same days. Raises as the source does."""
        return source.fetch(
            asked.named(self.traded),
            timeframe=DAILY,
            first=day_of(self.bars.first_on[0]),
            as_of=self.as_of,
            calendar=self.calendar,
        )


def hear(asked: SecondOpinion, second: SecondSource, ours: Closes, *, now: datetime) -> Opinion:
    """Return what a second source says of our daily closes.

    Raises `NotFound` (`not_cached`) for bars that are still to be fetched, what is wrong with the
    record itself, and an error that names no kind, which is a defect.
    """
    opinion = partial(Opinion, asked=asked, symbol=asked.symbol_of(ours.traded.symbol))
    if second.failure is not None:
        return opinion(heard=Absence.of(second.failure), fetched_at=now)
    try:
        fetched = ours.fetch(asked, second.open())
    except TapeTrailError as error:
        is_to_come = second.is_awaited and error.kind is ErrorKind.NOT_CACHED
        if is_to_come or is_of_the_record(error):
            raise
        return opinion(heard=Absence.of(Failure.of(Stage.BARS, error)), fetched_at=now)
    came = partial(opinion, fetched=fetched, fetched_at=fetched.fetched_at or now)
    theirs = known_at(fetched.bars, ours.as_of)
    try:
        compared = compare_closes(ours.bars, theirs, limit_pct=asked.max_difference_pct)
    except InvalidInput as error:
        return came(heard=Absence(reason=error.message, shown=error.message))
    is_late = bool(theirs.first_on[0] > ours.bars.first_on[0])
    return came(heard=compared, begins_late=is_late)


def is_of_the_record(error: TapeTrailError) -> bool:
    """Return whether it is our own bytes that are wrong or away, and not what a vendor has."""
    return isinstance(error, IntegrityFailure) or error.kind is ErrorKind.BLOB_STORE_UNAVAILABLE


def _closes(found: ClosesCompared) -> ClosesHeldAgainst:
    return ClosesHeldAgainst(
        first_on=found.first_on,
        last_on=found.last_on,
        compared=found.compared,
        differing=found.differing,
        max_difference_pct=found.max_difference_pct,
        max_difference_on=found.max_difference_on,
        missing_here=[day.isoformat() for day in found.missing_here],
        missing_there=[day.isoformat() for day in found.missing_there],
    )
