"""Whether the record is what was recorded: all of it, some decisions, or those as of some days."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from tapetrail.core.canonical import instant_text
from tapetrail.core.errors import IntegrityFailure, NotFound
from tapetrail.core.verification.verdict import Verification
from tapetrail.listing.values import DAYS
from tapetrail.store import found
from tapetrail.store.access import Access
from tapetrail.usecases.parts import Process
from tapetrail.usecases.verifying import Verifier, Watch

FILE: Final = "verified.json"
"""What a home remembers of its last whole verification. It is no part of the record."""
NEWEST: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """When the whole of a record was last verified, and what came of it."""

    at: datetime
    is_deep: bool
    decisions: int
    faults: int


def unseen(what: str, done: int, total: int) -> None:
    """Show nobody how far a verification is."""
    del what, done, total


class Verify:
    """The verification of a record."""

    def __init__(self, access: Access, *, process: Process) -> None:
        self._access = access
        self._process = process

    def whole(self, *, is_deep: bool = False, watch: Watch = unseen) -> Verification:
        """Return what came of verifying everything, and let the home remember when that was."""
        with self._access.reading() as reading, found.snapshot(reading) as record:
            at = self._process.clock()
            verifier = Verifier(
                record=record,
                blobs=self._process.open_blobs(),
                watch=watch,
                is_deep=is_deep,
            )
            result = verifier.whole()
        self._remember(result, at=at)
        return result

    def decisions(
        self,
        numbers: Sequence[int] = (),
        *,
        days: str | None = None,
        is_deep: bool = False,
        watch: Watch = unseen,
    ) -> Verification:
        """Return what came of verifying decisions: by number, or those as of the `days`.

        `days` are what `read_days` returns. With both, those of the numbers that are as of one of
        them. Raises `NotFound` without any, and for a number that there is not.
        """
        with self._access.reading() as reading, found.snapshot(reading) as record:
            verifier = Verifier(
                record=record,
                blobs=self._process.open_blobs(),
                watch=watch,
                is_deep=is_deep,
            )
            return verifier.decisions(_chosen(record, numbers, days))

    def check(self, number: int) -> None:
        """Raise `IntegrityFailure` for a decision that is not what was sealed, bytes included."""
        result = self.decisions([number], is_deep=True)
        if not result.is_sound:
            faults = "\n".join(map(str, result.faults))
            raise IntegrityFailure(f"decision {number} is damaged; {faults}")

    def newest(self) -> Verification | None:
        """Return what came of verifying the newest decisions; None where there are none."""
        with self._access.reading() as connection:
            numbers = found.FoundRecord(connection).newest_decisions(NEWEST)
        return self.decisions(numbers) if numbers else None

    def remembered(self) -> Sequence[Remembered]:
        """Return what the home remembers of the last whole verifications, the newest first.

        There is at most one that read bytes and one that did not: what the first found, the other
        cannot have seen.
        """
        try:
            stored = json.loads(self._file.read_text(encoding="utf-8"))
            known = [
                Remembered(
                    at=datetime.fromisoformat(each["at"]),
                    is_deep=bool(each["is_deep"]),
                    decisions=int(each["decisions"]),
                    faults=int(each["faults"]),
                )
                for each in stored["whole"]
            ]
        except (OSError, ValueError, KeyError, TypeError):
            return ()
        return sorted(known, key=lambda each: each.at, reverse=True)

    @property
    def _file(self) -> Path:
        return self._process.home / FILE

    def _remember(self, result: Verification, *, at: datetime) -> None:
        """Write down when all was verified. A home that cannot be written to remembers nothing."""
        new = Remembered(
            at=at,
            is_deep=result.is_deep,
            decisions=result.decisions,
            faults=len(result.faults),
        )
        # What reads bytes sees all that the other sees.
        kept = [old for old in self.remembered() if old.is_deep and not new.is_deep]
        whole = [{**asdict(each), "at": instant_text(each.at)} for each in (new, *kept)]
        with suppress(OSError), NamedTemporaryFile(dir=self._file.parent, delete=False) as file:
            unfinished = Path(file.name)
            try:
                file.write(json.dumps({"whole": whole}).encode() + b"\n")
                file.flush()
                unfinished.replace(self._file)
            finally:
                unfinished.unlink(missing_ok=True)


def read_days(as_of: str | date | None) -> str | None:
    """Return `FROM..TO`, both included, of a date or of text as lists take it; None for None.

    Raises `InvalidInput` for anything else, and for days in the wrong order.
    """
    if as_of is None:
        return None
    day = as_of.date() if isinstance(as_of, datetime) else as_of
    return str(DAYS.read(str(day), "as_of"))


def _chosen(record: found.FoundRecord, numbers: Sequence[int], days: str | None) -> Sequence[int]:
    if days is None and not numbers:
        raise NotFound("verify: names no decision and no day; run: tapetrail decisions list")
    if days is None:
        return numbers
    there = record.decisions_as_of(days)
    known = {*there}
    chosen = [number for number in numbers if number in known] if numbers else there
    if not chosen:
        first, _, last = days.partition("..")
        span = first if first == last else days
        raise NotFound(f"no decision as of {span}; run: tapetrail decisions list")
    return chosen
