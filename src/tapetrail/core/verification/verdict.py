"""What came of a verification, and how far it reaches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tapetrail.core.verification.faults import Fault

REACH: Final = "compared with no head outside"
REMEDY: Final = "restore it from a backup, or see what else is damaged: tapetrail verify --deep"
"""What to do where something that was stored is not what it was."""


class Lacking(StrEnum):
    """What newer releases record and older rows lack."""

    REQUEST = "what executions were asked for"
    SEAL = "seals of executions"
    DOCUMENT = "what seals of decisions hashed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was verified, and every place where something is not what it was.

    `not_recorded` counts what newer releases keep and these rows lack. `is_whole` says that all of
    the record was looked at, `is_deep` that the bytes of stored objects were, too.
    """

    faults: Sequence[Fault]
    executions: int
    decisions: int
    rows: int
    blobs: int
    not_recorded: Mapping[str, int]
    is_whole: bool
    is_deep: bool

    @property
    def is_sound(self) -> bool:
        """Whether no fault was found."""
        return not self.faults

    @property
    def reach(self) -> str:
        """What was found, against what, and what was never recorded: one line."""
        count = len(self.faults)
        said = f"{count} fault{'s' * (count > 1)}" if count else "consistent with itself"
        lacks = ", ".join(f"{what} ({number})" for what, number in self.not_recorded.items())
        return f"{said}; {REACH}" + (f"; not recorded: {lacks}" if lacks else "")
