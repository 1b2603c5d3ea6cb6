"""Why a decision ended without a signal, as the record keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self, cast

from tapetrail.core.canonical import JsonValue, storable_text
from tapetrail.core.errors import ErrorKind, Stage, TapeTrailError


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a decision ends without a signal."""

    failed_stage: Stage
    error_kind: ErrorKind
    error_message: str

    @classmethod
    def of(cls, stage: Stage, error: TapeTrailError) -> Self:
        """Return the failure that an error means. Raises the error again if it names no kind."""
        if error.kind is None:
            raise error
        return cls(
            failed_stage=stage, error_kind=error.kind, error_message=storable_text(error.message)
        )

    def as_json(self) -> JsonValue:
        """Return it as a step of the engine returns it."""
        return [self.failed_stage, self.error_kind, self.error_message]

    @classmethod
    def of_json(cls, output: JsonValue) -> Self:
        """Return what `as_json` gave."""
        stage, kind, message = cast("Sequence[str]", output)
        return cls(failed_stage=Stage(stage), error_kind=ErrorKind(kind), error_message=message)

    @property
    def columns(self) -> Mapping[str, str]:
        """Return stage, kind and message by the names that records give them."""
        return {
            "failed_stage": self.failed_stage,
            "error_kind": self.error_kind,
            "error_message": self.error_message,
        }
