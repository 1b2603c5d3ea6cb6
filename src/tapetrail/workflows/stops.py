"""Analysts that are asked no more in an execution: as this process was told, or others were."""

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tapetrail.analysts.models.retry import STOPS_ANALYST
from tapetrail.core.canonical import storable_text
from tapetrail.core.errors import ErrorKind, Stage
from tapetrail.core.failures import Failure
from tapetrail.store.stopped import NOT_ASKED, StopFound, stop_on_record

StoppedAs: TypeAlias = tuple[int, int, str]
"""The execution, as often as it was resumed, and the analyst: a resumption asks anew."""
# A key that another process lacks may be here.
_LEARNT: Final = STOPS_ANALYST - {ErrorKind.KEY_MISSING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stops:
    """Why analysts are asked no more; None for one that the record says nothing of."""

    known: dict[StoppedAs, Failure | None] = field(default_factory=dict[StoppedAs, Failure | None])

    def why(self, key: StoppedAs, engine: Engine) -> Failure | None:
        """Return why an analyst is not asked; the record is looked through before its first call.

        Answers of decisions that have ended are there.
        """
        if key not in self.known:
            execution_id, _, name = key
            with Session(engine) as session:
                found = stop_on_record(
                    session, execution_id=execution_id, analyst=name, kinds=_LEARNT
                )
            self.known.setdefault(key, found and _failure(name, found))
        return self.known[key]

    def learn(self, key: StoppedAs, *, decision_id: int, kind: ErrorKind, message: str) -> None:
        """Remember what would be so for every question of the execution."""
        if self.known.get(key) is None:
            found = StopFound(decision_id=decision_id, kind=kind, message=message)
            self.known[key] = _failure(key[2], found)


def _failure(name: str, found: StopFound) -> Failure:
    return Failure(
        failed_stage=Stage.ANALYSIS,
        error_kind=found.kind,
        error_message=storable_text(
            f"{NOT_ASKED}{name} is asked no more in this execution since decision"
            f" {found.decision_id}: {found.message}"
        ),
    )
