"""Whose calls are that are seen: of the analysis or the decision of here, or of nobody's."""

import threading
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from tapetrail.core.errors import InvalidInput
from tapetrail.core.recording.readings import Came
from tapetrail.sdk.analyses import Analysis
from tapetrail.sdk.calls import Call, Conversation
from tapetrail.sdk.calls_seen import Received, Sent
from tapetrail.sdk.graph_place import langgraph_place
from tapetrail.sdk.places import here

IGNORE: Final = "ignore"
RAISE: Final = "raise"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A call that is under way; `alone` is its own answer, where it belongs to no other."""

    conversation: Conversation
    call: Call
    alone: Analysis | None


class Attribution:
    """Tells calls that are seen of the decision in which they are made."""

    def __init__(self, unattributed: str) -> None:
        self._unattributed = unattributed
        self._lock = threading.Lock()
        self._nobodys: Counter[str] = Counter()

    @property
    def nobodys(self) -> Sequence[str]:
        """The calls that belonged to no decision, in sentences, by host and path."""
        with self._lock:
            return [f"{count} calls to {place}" for place, count in self._nobodys.items()]

    def begin(self, sent: Sent) -> "_Seen | None":
        """Take note of a call that begins, in the context of who makes it."""
        where = here()
        if where is None:
            self._note(sent)
            return None
        analysis = where.analysis or where.decision.seen_alone()
        alone = analysis if where.analysis is None else None
        conversation = analysis.conversation
        call = conversation.begin(
            url=sent.url, request=sent.body, at=sent.sent_at, retries=sent.retry_count
        )
        return _Seen(conversation=conversation, call=call, alone=alone)

    def end(self, token: object, received: Received) -> None:
        """Take note of what came."""
        if not isinstance(token, _Seen):
            return
        error = received.error
        nothing = received.http_status is None or received.holds_key
        came = Came(
            http_status=received.http_status,
            headers=received.headers,
            content_encoding=received.content_encoding,
            body=None if nothing else received.body,
            is_partial=received.is_partial or received.is_cut,
            is_cut=received.is_cut,
            holds_key=received.holds_key,
            error=None if error is None else (error.name, error.message),
        )
        token.conversation.end(
            token.call, came, received_at=received.received_at,
            first_byte_at=received.first_byte_at,
        )  # fmt: skip
        if token.alone is not None:
            token.alone.end()

    def settle(self) -> None:
        """Raise `InvalidInput` for calls that were nobody's, where that is what is wanted."""
        if self._unattributed == RAISE and self.nobodys:
            raise InvalidInput(
                f"{'; '.join(self.nobodys)}: seen outside of every decision; in a thread of your"
                " own, carry the decision over with recorder.bind(function)"
            )

    def _note(self, sent: Sent) -> None:
        parts = urlsplit(sent.url)
        place = f"{parts.netloc}{parts.path}"
        with self._lock:
            self._nobodys[place] += 1
            is_first = self._nobodys[place] == 1
        if is_first and self._unattributed not in {IGNORE, RAISE}:
            graph = langgraph_place()
            at = "" if graph is None else f", in node {graph[0]}"
            warnings.warn(
                f"a call to {place}{at} belongs to no decision, and is not recorded; in a thread of"
                " your own, carry the decision over with recorder.bind(function)",
                stacklevel=2,
            )
