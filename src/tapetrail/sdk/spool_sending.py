"""What lies in a spool, into the record: each bundle once, however often it is sent."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from tapetrail.core.errors import EdgeFailure, ErrorKind, Stage, TapeTrailError
from tapetrail.core.recording.again import derived_id
from tapetrail.core.recording.entries import DecisionEnd, DecisionOpened, Entry, ExecutionOpened
from tapetrail.core.recording.taken import DecisionAbandoned, DecisionEnded
from tapetrail.core.records.states import DecisionStatus
from tapetrail.sdk.sinks import Sink
from tapetrail.sdk.spool import Bundle, Spool

DIED: Final = "its program died while it told of it into the spool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What became of the bundles of a spool, by their names.

    `busy` are written to at this moment; `refused` could not be taken, each with the reason, and
    stay where they are.
    """

    sent: list[str] = field(default_factory=list[str])
    busy: list[str] = field(default_factory=list[str])
    refused: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def left(self) -> int:
        """How many bundles still lie in the spool."""
        return len(self.busy) + len(self.refused)


def send_all(spool: Spool, sink: Sink, *, but: Collection[str] = ()) -> Sending:
    """Send every bundle that nobody writes to, the oldest first, `but` those of these names.

    One that is damaged is refused. Raises `EdgeFailure` where the record does not answer; what was
    sent by then is gone from the spool, and nothing is there twice.
    """
    found = Sending()
    for name in spool.names():
        if name in but:
            continue
        try:
            with spool.taking(name) as bundle:
                if bundle is None:
                    found.busy.append(name)
                    continue
                _send(bundle, sink)
                spool.remove(name)
        except EdgeFailure:
            raise
        except TapeTrailError as error:
            # One that cannot even be read holds up none of the others.
            found.refused[name] = error.message
        except OSError as error:
            found.refused[name] = f"{error.filename}: {error.strerror}"
        else:
            found.sent.append(name)
    return found


def _send(bundle: Bundle, sink: Sink) -> None:
    entries = [
        replace(each, is_late=True) if isinstance(each, ExecutionOpened | DecisionOpened) else each
        for each in (*bundle.entries, *_ends_missing(bundle.entries))
    ]
    try:
        _take(entries, bundle, sink)
    except DecisionEnded:
        # Another program has ended the run of its key. It was acknowledged all the same, and lies
        # in one beside it without a key; under its own ids it is known when it is sent again.
        free = [
            replace(each, key=None) if isinstance(each, ExecutionOpened) else each
            for each in entries
        ]
        try:
            _take(free, bundle, sink)
        except DecisionEnded:
            # Another program has gone on with the decision itself, and ended it.
            sink.take_again(free, bundle.contents)


def _take(entries: Sequence[Entry], bundle: Bundle, sink: Sink) -> None:
    try:
        sink.take(entries, bundle.contents)
    except DecisionAbandoned:
        sink.take_again(entries, bundle.contents)


def _ends_missing(entries: Sequence[Entry]) -> list[DecisionEnd]:
    """Return how decisions end of which no end was told: nobody will tell it any more."""
    ended = {each.decision for each in entries if isinstance(each, DecisionEnd)}
    opened = [each for each in entries if isinstance(each, DecisionOpened)]
    return [
        DecisionEnd(
            external_id=derived_id(each.external_id),
            decision=each.external_id,
            at=entries[-1].at,
            status=DecisionStatus.FAILED,
            failed_stage=Stage.ENGINE,
            error_kind=ErrorKind.ABANDONED,
            error_message=DIED,
        )
        # A portfolio ends after its books.
        for each in reversed(opened)
        if each.external_id not in ended
    ]
