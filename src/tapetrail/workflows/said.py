"""What a decision's questions came to beside the record: the output of a step, as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from tapetrail.core.analysis.replies import AnswerKey
from tapetrail.core.canonical import JsonValue
from tapetrail.core.failures import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Why the decision has to end, and which calls were not made, with the reason of each.

    `seen` are the attempts whose replies were there when all was asked, None where nobody says. A
    reply that comes later is kept, and changes nothing any more.
    """

    failure: Failure | None = None
    seen: frozenset[int] | None = None
    unsent: Mapping[AnswerKey, Failure] = field(default_factory=dict[AnswerKey, Failure])

    def as_json(self) -> JsonValue:
        """Return it as a step returns it."""
        return {
            "failure": self.failure and self.failure.as_json(),
            "unsent": [
                [key.question, key.analyst, key.sample_no, *failure.columns.values()]
                for key, failure in self.unsent.items()
            ],
            "seen": None if self.seen is None else sorted(self.seen),
        }

    @classmethod
    def of(cls, output: JsonValue) -> "Said":
        """Return what a step returned; one of an older release, a failure alone or nothing."""
        if not isinstance(output, Mapping):
            return cls(failure=Failure.of_json(output) if output else None)
        failure = output["failure"]
        unsent = cast("Sequence[Sequence[str | int]]", output["unsent"])
        seen = cast("Sequence[int] | None", output.get("seen"))
        return cls(
            failure=Failure.of_json(failure) if failure else None,
            seen=None if seen is None else frozenset(seen),
            unsent={
                AnswerKey(
                    question=str(question), analyst=str(analyst), sample_no=int(number)
                ): Failure.of_json(said)
                for question, analyst, number, *said in unsent
            },
        )
