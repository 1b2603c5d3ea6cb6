"""The recorder: what a program opens once, and tells its runs, orders and notes to."""

import asyncio
import atexit
import sys
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import Final, Literal, ParamSpec, Self, TypeAlias, TypeVar

from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import InvalidInput
from tapetrail.core.recording import values
from tapetrail.core.recording.entries import ExecutionOpened, NoteLogged, OrderLogged
from tapetrail.core.recording.readings import Readers
from tapetrail.core.recording.values import Number
from tapetrail.core.records.states import NoteKind, OrderMode, OrderSide, OrderStatus, RunMode
from tapetrail.sdk import contents
from tapetrail.sdk.books import Telling
from tapetrail.sdk.decisions import Decision
from tapetrail.sdk.executions import Execution
from tapetrail.sdk.ids import new_external_id
from tapetrail.sdk.journal import Journal
from tapetrail.sdk.places import bound
from tapetrail.sdk.receipts import Logged, Receipt
from tapetrail.sdk.services import (
    ChartPersistenceService,
    LLMAnalysisPersistenceService,
    Reading,
)
from tapetrail.sdk.sinks import Sink
from tapetrail.sdk.spool import Spool
from tapetrail.sdk.told import Desk
from tapetrail.sdk.watch import Watch

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Ref: TypeAlias = Receipt | Logged | Decision | Execution | str
"""What an order or a note is about; a text is the `order_ref` of a signal."""
ORDER_REF_CHARS: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How a recorder reaches its record, and who it is."""

    sink: Sink
    spool: Spool
    clock: Callable[[], datetime]
    actor: str
    agent: str | None
    agent_version: str | None
    spools_books: bool
    max_wait: float
    unattributed: str
    readers: Readers
    reading: Reading
    model_hosts: Sequence[str] = ()


class Recorder:
    """Records what a program decides. Made by `tapetrail.recorder`; any thread may use it.

    In a `with` block it is closed at its end, else by `close`, or when the program ends.
    """

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._journal = Journal(
            ways.sink, ways.spool, max_wait=ways.max_wait, spools_books=ways.spools_books
        )
        self._desk = Desk(
            journal=self._journal,
            clock=ways.clock,
            actor=ways.actor,
            agent=ways.agent,
            readers=ways.readers,
        )
        self._executions: list[Execution] = []
        self._lock = threading.Lock()
        _OPEN.add(self)

    def execution(
        self,
        strategy: str | None = None,
        *,
        as_of: datetime | None = None,
        key: str | None = None,
        mode: Literal["live", "paper", "backtest"] = "live",
        config: Mapping[str, object] | None = None,
    ) -> Execution:
        """Return a run, in which decisions are made.

        `strategy` names what decides; with another version of the agent it is another version.
        `as_of` is the instant after which nothing was known, for runs over the past, and of every
        decision in it that says no other. With a `key`,
        a run of the same agent and key that has not ended goes on.
        """
        now = self._ways.clock()
        opened = ExecutionOpened(
            external_id=new_external_id(now),
            at=now,
            actor=self._ways.actor,
            agent=self._ways.agent,
            agent_version=self._ways.agent_version,
            strategy=values.label_or_none(strategy, "strategy"),
            key=values.label_or_none(key, "key"),
            mode=values.word(mode, RunMode, "mode"),
            as_of=values.known_until(as_of, "as_of", now),
            config={} if config is None else values.members(config, "config"),
        )
        found = Execution(opened, desk=self._desk)
        with self._lock:
            self._executions = [each for each in self._executions if not each.has_ended] + [found]
        return found

    @cached_property
    def charts(self) -> ChartPersistenceService:
        """Charts by the names that users of a persistence service know."""
        return ChartPersistenceService(self._ways.reading)

    @cached_property
    def analyses(self) -> LLMAnalysisPersistenceService:
        """Analyses by the names that users of a persistence service know."""
        return LLMAnalysisPersistenceService(self._ways.reading)

    def watch(self, *clients: object, hosts: Sequence[str] = ()) -> Watch:
        """Return what records calls to models while its `with` block is open.

        Without `clients` these are the calls of this process to hosts that are known to answer for
        models, to those that the environment names for its SDKs (`OPENAI_BASE_URL`), and to
        `hosts`; with them, all calls of these clients. Each belongs to the analysis or the decision
        in which it is made. Nothing on the wire changes.
        """
        return Watch(
            clock=self._ways.clock,
            clients=clients,
            hosts=[*hosts, *self._ways.model_hosts],
            unattributed=self._ways.unattributed,
        )

    def bind(self, function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        """Return a function that belongs to the decision of here, whichever thread it runs in."""
        return bound(function)

    def log_order(
        self,
        ref: Ref,
        *,
        broker: str,
        mode: Literal["live", "paper"],
        client_order_id: str,
        status: str,
        side: Literal["buy", "sell"] | None = None,
        quantity: Number | None = None,
        price: Number | None = None,
        filled: Number | None = None,
        broker_order_id: str | None = None,
        at: datetime | None = None,
        raw: object | None = None,
    ) -> Receipt:
        """Tell where an order stands at a broker; on return it is durable.

        `ref` is the receipt of its signal, or the signal's `order_ref`; `status` a word of FIX, as
        new, partially_filled, filled, canceled or rejected. `raw` is what the broker sent. Where
        the record does not answer it goes to the spool: the order is live, whoever records it.
        """
        sent = None if raw is None else contents.wire_of(raw, "raw")
        now = self._ways.clock()
        entry = OrderLogged(
            external_id=new_external_id(now),
            at=now,
            actor=self._ways.actor,
            decision=_decision_of(ref),
            order_ref=_order_ref_of(ref),
            broker=values.label(broker, "broker"),
            mode=values.word(mode, OrderMode, "mode"),
            client_order_id=values.label(client_order_id, "client_order_id"),
            broker_order_id=values.label_or_none(broker_order_id, "broker_order_id"),
            status=values.word(status, OrderStatus, "status"),
            side=values.word_or_none(side, OrderSide, "side"),
            quantity=values.at_least(quantity, "quantity", 0, above=True),
            price=values.number_or_none(price, "price"),
            filled=values.at_least(filled, "filled", 0),
            raw=None if sent is None else digest_bytes(sent.data),
            happened_at=values.instant(at, "at") if at is not None else now,
        )
        if entry.decision is None and entry.order_ref is None:
            raise InvalidInput(f"ref {ref!r}: an order follows a decision; give its receipt")
        return self._tell_alone(Telling(entry, () if sent is None else (sent,)))

    def log_note(
        self,
        ref: Ref,
        text: str,
        *,
        kind: Literal["comment", "approval", "override", "incident"] = "comment",
        actor: str | None = None,
    ) -> Receipt:
        """Tell what somebody says of a run, a decision or a signal; on return it is durable."""
        now = self._ways.clock()
        entry = NoteLogged(
            external_id=new_external_id(now),
            at=now,
            actor=values.label_or_none(actor, "actor") or self._ways.actor,
            execution=ref.external_id if isinstance(ref, Execution) else None,
            decision=_decision_of(ref),
            order_ref=_order_ref_of(ref),
            kind=values.word(kind, NoteKind, "kind"),
            text=values.text(text, "text"),
        )
        if entry.execution is None and entry.decision is None and entry.order_ref is None:
            raise InvalidInput(f"ref {ref!r}: a note is about a run, a decision or a signal")
        return self._tell_alone(Telling(entry))

    def flush(self, timeout: float | None = None) -> None:
        """Return once everything told is durable. Raises where it is not in `timeout` seconds."""
        self._journal.flush(timeout)

    def close(self) -> None:
        """End the runs that are open, bring what is left, and let the record go."""
        if self._journal.is_closed:
            return
        _OPEN.discard(self)
        troubles: list[Exception] = []
        for end in [*(each.end for each in self._executions if each.is_begun), self._journal.close]:
            try:
                end()
            except Exception as trouble:  # noqa: BLE001 # the others end all the same
                troubles.append(trouble)
        if left := self._ways.spool.names():
            warnings.warn(
                f"{len(left)} bundles lie in the spool {self._ways.spool.folder}, and not in the"
                " record yet; the next recorder sends them, or: tapetrail spool send",
                stacklevel=2,
            )
        if troubles:
            raise troubles[0]

    async def aflush(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 # the durable point's own limit
        """Do as `flush`, without holding the event loop."""
        await asyncio.to_thread(self.flush, timeout)

    async def aclose(self) -> None:
        """Do as `close`, without holding the event loop."""
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Self:
        """Give the recorder, which is closed at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the recorder. What the block raised is raised again."""
        try:
            self.close()
        except Exception as trouble:
            if error is None:
                raise
            error.add_note(f"not all is recorded: {trouble}")
        del kind, trace

    async def __aenter__(self) -> Self:
        """Give the recorder, which is closed at the end."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the recorder, without holding the event loop."""
        await asyncio.shield(asyncio.to_thread(self.__exit__, kind, error, trace))

    def _tell_alone(self, telling: Telling) -> Receipt:
        """Tell what is a bundle of its own; it goes to the spool where the record is away."""
        name = telling.entry.external_id
        told = self._desk.told(name, spools=True)
        told.tell(telling.entry, *telling.contents)
        try:
            told.settle()
        finally:
            told.close()
        found = told.found(name)
        return Receipt(
            external_id=name,
            decision=None,
            id=None if found is None else found.id,
            record_digest=None if found is None else found.record_digest,
        )


def _decision_of(ref: Ref) -> str | None:
    if isinstance(ref, Decision):
        return ref.external_id
    return ref.decision if isinstance(ref, Receipt | Logged) else None


def _order_ref_of(ref: Ref) -> str | None:
    if isinstance(ref, Receipt):
        return ref.order_ref
    if not isinstance(ref, str):
        return None
    if len(ref) != ORDER_REF_CHARS or not (ref.isascii() and ref.isalnum() and ref == ref.lower()):
        raise InvalidInput(
            f"ref {ref!r}: expected the order_ref of a signal, {ORDER_REF_CHARS} letters and digits"
        )
    return ref


_OPEN: Final[set[Recorder]] = set()


@atexit.register
def _close_all() -> None:
    """Bring what programs told and did not wait for."""
    for each in [*_OPEN]:
        try:
            each.close()
        except Exception as trouble:  # noqa: BLE001 # the others are closed all the same
            sys.stderr.write(f"tapetrail: not all is recorded: {trouble}\n")
