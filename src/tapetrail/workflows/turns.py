"""Where an answer stands, by the calls that were made for it: pure, and the same for whoever looks.

Calls for one answer come in turns. Within a turn the same request goes out, again where a call
brought nothing or a reply that may be another one next time; the first reply in the order of their
coming that settles the turn counts, and that never changes. A turn whose answer cannot be used is
followed by another, which says what was wrong.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tapetrail.analysts.models.retry import GiveUp, Trouble, Wait, after
from tapetrail.analysts.protocol import ReadResponse
from tapetrail.core.analysis.parsed_answers import ParsedAnswer
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.records.states import AttemptReason
from tapetrail.store.ledger import Call

ASKED_AGAIN: Final = frozenset(
    {
        ErrorKind.EMPTY_REPLY,
        ErrorKind.NOT_JSON,
        ErrorKind.AGAINST_SCHEMA,
        ErrorKind.BAD_CONFIDENCE,
        ErrorKind.INVALID_LEVELS,
        ErrorKind.LEVELS_TOO_FAR,
        ErrorKind.REWARD_RISK_TOO_LOW,
        ErrorKind.UNPARSEABLE_REPLY,
    }
)
"""Ways of not answering that a model may mend when it is told of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardCall:
    """A call and what its bytes say: an answer, what is wrong with it, or why there is no text.

    `prompt_text` is what it asked, None where that cannot be told.
    """

    call: Call
    read: ReadResponse
    prompt_text: str | None = None
    answer: ParsedAnswer | None = None
    refusal: InvalidInput | None = None

    @property
    def kind(self) -> ErrorKind | None:
        """Return in which way there is no answer, None where there is one."""
        return (self.refusal and self.refusal.kind) or self.read.error_kind

    @property
    def trouble(self) -> Trouble | None:
        """Return what may be over by the next call, None where there is an answer."""
        if self.kind is None:
            return None
        return Trouble(
            kind=self.kind, headers=self.call.headers, retry_after_s=self.read.retry_after_s
        )


Hear = Callable[[Call, str | None], HeardCall]
"""Reads a call; the text is what was wrong with the answer before, where it was asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an answer stands: `counts` is the call that settles it, None where it is open.

    `turn` are the calls of the last turn in the order of their replies, `refused` what was wrong
    with the answer before it, `made` how many calls there were in all turns.
    """

    turn_no: int
    made: int
    turn: Sequence[HeardCall] = ()
    refused: str | None = None
    counts: HeardCall | None = None
    heard: Sequence[HeardCall] = field(default=())

    @property
    def reason(self) -> AttemptReason:
        """Return what the next call would be made for."""
        if self.made == 0:
            return AttemptReason.FIRST
        return AttemptReason.RETRY if self.turn else AttemptReason.RE_ASK

    @property
    def latest(self) -> HeardCall:
        """Return the last call of those made that something came of, or else the last."""
        return max(
            self.turn or self.heard,
            key=lambda heard: (heard.call.received_at is not None, heard.call.attempt_no),
        )

    def next(self, *, chance: float, now: datetime) -> Wait | GiveUp:
        """Return whether another call may help, and after how long; a lost call is made again."""
        latest = max(self.turn, key=lambda heard: heard.call.attempt_no, default=None)
        if latest is None or latest.call.received_at is None:
            return Wait(seconds=0, reason="nothing came")
        trouble = latest.trouble
        if trouble is None:
            return GiveUp(reason="there is an answer")
        brought = sum(heard.call.received_at is not None for heard in self.turn)
        return after(trouble, attempt_no=brought, chance=chance, now=now)


def stand(calls: Sequence[Call], hear: Hear, *, re_asks_max: int) -> Standing:
    """Return where an answer stands; `calls` come in the order of their replies, lost ones last."""
    turn_no, refused = 1, None
    all_heard: list[HeardCall] = []
    while True:
        own = [hear(call, refused) for call in calls if (call.turn_no or 1) == turn_no]
        all_heard += own
        counts = next((heard for heard in own if _settles(heard)), None)
        refusal = counts.refusal if counts else None
        if refusal is not None and turn_no <= re_asks_max and refusal.kind in ASKED_AGAIN:
            turn_no, refused = turn_no + 1, refusal.message
            continue
        return Standing(
            turn_no=turn_no,
            made=len(calls),
            turn=own,
            refused=refused,
            counts=counts,
            heard=all_heard,
        )


def _settles(heard: HeardCall) -> bool:
    """Return whether a reply is one that stays: an answer, a refusal, or what no retry changes."""
    if heard.call.response_digest is None:
        return False
    trouble = heard.trouble
    if trouble is None or heard.refusal is not None:
        return True
    return isinstance(after(trouble, attempt_no=1, chance=0, now=heard.call.sent_at), GiveUp)
