"""One run of a program: its decisions, one by one or as a portfolio, and its end."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Self

from tapetrail.core.errors import InvalidInput
from tapetrail.core.recording import values
from tapetrail.core.recording.entries import DecisionOpened, ExecutionEnd, ExecutionOpened
from tapetrail.core.recording.taken import Taken
from tapetrail.core.records.states import DecisionScope
from tapetrail.sdk.decisions import Decision, Run
from tapetrail.sdk.told import Desk, Told


class Execution:
    """One run, from its beginning to its end. Made by `Recorder.execution`.

    In a `with` block it ends with the block; otherwise by `end`, or when its recorder is closed.
    """

    def __init__(self, opened: ExecutionOpened, *, desk: Desk) -> None:
        self._opened = opened
        self._desk = desk
        self._id = opened.external_id
        self._is_begun = False
        self._ending: Told | None = None
        self._is_over = False

    @property
    def external_id(self) -> str:
        """Its own name, for ever."""
        return self._id

    @property
    def opening(self) -> ExecutionOpened:
        """How it is told."""
        return self._opened

    def know(self, found: Taken | None) -> None:
        """Go on as the run in the record that has the same key, if there is one."""
        self._is_begun = True
        if found is not None:
            self._id = found.external_id

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is decided in it."""
        return self._ending is not None

    @property
    def is_begun(self) -> bool:
        """Whether anything of it is recorded, or will be at its end."""
        return self._is_begun

    def decision(
        self,
        symbol: str,
        *,
        exchange: str | None = None,
        currency: str | None = None,
        asset_class: str | None = None,
        as_of: datetime | None = None,
        key: str | None = None,
    ) -> Decision:
        """Return a decision about a symbol, which its `with` block opens and ends.

        `exchange` is a MIC or another name of an exchange, `asset_class` a word such as equity,
        crypto or crypto_perp. `as_of` is the instant after which nothing was known, by default that
        of its run, else that of opening. With a `key`, a decision of the same run and key that its
        program did not live to end goes on.
        """
        opened = self._new_decision(
            values.label(symbol, "symbol"),
            exchange=exchange,
            currency=currency,
            asset_class=asset_class,
            key=key,
            as_of=as_of,
        )
        return Decision(self._desk.told(opened.external_id), opened, run=self)

    def portfolio(
        self,
        symbols: Sequence[str],
        *,
        exchange: str | None = None,
        currency: str | None = None,
        asset_class: str | None = None,
        key: str | None = None,
    ) -> "Portfolio":
        """Return one decision about several symbols; `book["X"]` is the one about X.

        What is asked about all of them is told of the portfolio, each signal of its book.
        """
        if isinstance(symbols, str) or not symbols:
            raise InvalidInput(f"symbols {symbols!r}: expected several, as ['BTC', 'ETH']")
        named = [values.label(symbol, "symbol") for symbol in symbols]
        if len(set(named)) < len(named):
            twice = next(symbol for symbol in named if named.count(symbol) > 1)
            raise InvalidInput(f"symbols: {twice!r} stands there twice")
        whole = self._new_decision(None, key=key)
        books = {
            symbol: replace(
                self._new_decision(
                    symbol, exchange=exchange, currency=currency, asset_class=asset_class, key=key
                ),
                portfolio=whole.external_id,
            )
            for symbol in named
        }
        return Portfolio(self._desk.told(whole.external_id), whole, books=books, run=self)

    def end(self, error: BaseException | None = None) -> None:
        """End the run: on return that is durable, and nothing more is decided in it.

        Raises `EdgeFailure` where it is not; called again, it is waited for again.
        """
        if self._is_over:
            return
        self._ending = self._ending or self._tell_end(error)
        try:
            self._ending.settle()
        finally:
            self._ending.close()
        self._is_over = True

    def _tell_end(self, error: BaseException | None) -> Told:
        told = self._desk.told(self._desk.new_id())
        is_stopped = error is not None and not isinstance(error, Exception)
        end = ExecutionEnd(
            external_id=told.new_id(),
            execution=self._opened.external_id,
            at=told.clock(),
            is_cancelled=is_stopped,
            error=None if error is None or is_stopped else values.words_of(error),
        )
        told.tell(self._opened)
        told.tell(end)
        return told

    def __enter__(self) -> Self:
        """Begin; the run is recorded with its first decision."""
        self._is_begun = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the run. What the block raised is raised again."""
        try:
            self.end(error)
        except Exception as trouble:
            if error is None:
                raise
            error.add_note(f"the end of the run is not recorded: {trouble}")
        del kind, trace

    async def __aenter__(self) -> Self:
        """Begin, as in a plain block."""
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the run, without holding the event loop."""
        await asyncio.shield(asyncio.to_thread(self.__exit__, kind, error, trace))

    def _new_decision(
        self,
        symbol: str | None,
        *,
        exchange: str | None = None,
        currency: str | None = None,
        asset_class: str | None = None,
        key: str | None = None,
        as_of: datetime | None = None,
    ) -> DecisionOpened:
        if self.has_ended:
            raise InvalidInput("this run has ended; begin another one: recorder.execution(...)")
        now = self._desk.clock()
        return DecisionOpened(
            external_id=self._desk.new_id(),
            execution=self._opened.external_id,
            at=now,
            scope=DecisionScope.PORTFOLIO if symbol is None else DecisionScope.INSTRUMENT,
            symbol=symbol,
            exchange=values.label_or_none(exchange, "exchange"),
            currency=values.label_or_none(currency, "currency"),
            asset_class=values.label_or_none(asset_class, "asset_class"),
            key=values.label_or_none(key, "key"),
            as_of=values.known_until(as_of, "as_of", now) or self._opened.as_of,
        )


class Portfolio(Decision, Mapping[str, Decision]):
    """A decision about several symbols; by symbol, the decision about each.

    All of them are opened with its block and end with it. A symbol without a signal has failed,
    with the reason; the portfolio completes if one of them has one.
    """

    def __init__(
        self,
        told: Told,
        opened: DecisionOpened,
        *,
        books: Mapping[str, DecisionOpened],
        run: Run,
    ) -> None:
        super().__init__(told, opened, run=run)
        self._books = {symbol: Decision(told, book, run=run) for symbol, book in books.items()}

    def __getitem__(self, symbol: str) -> Decision:
        """Return the decision about a symbol."""
        if symbol not in self._books:
            raise InvalidInput(f"symbol {symbol!r}: this portfolio has {', '.join(self._books)}")
        return self._books[symbol]

    def __iter__(self) -> Iterator[str]:
        """Yield the symbols, in the order in which they were named."""
        return iter(self._books)

    def __len__(self) -> int:
        """Return how many symbols there are."""
        return len(self._books)

    def __hash__(self) -> int:
        """Return what tells it apart."""
        return hash(self.external_id)

    def __eq__(self, other: object) -> bool:
        """Return whether it is the same one."""
        return self is other

    def tell_opening(self) -> None:
        """Tell that the portfolio and all its books are opened, to be brought soon."""
        super().tell_opening()
        for book in self._books.values():
            book.tell_opening()

    def be_refused(self) -> None:
        """Take nothing, in no book either."""
        super().be_refused()
        for book in self._books.values():
            book.be_refused()

    def know_itself(self) -> None:
        """Go on as what is in the record under the same key, each book too."""
        super().know_itself()
        for book in self._books.values():
            book.know_itself()

    def tell_end(self, error: BaseException | None) -> None:
        """Tell how every book ends, and then the portfolio."""
        for book in self._books.values():
            if not book.has_ended:
                book.tell_end(error)
        super().tell_end(error)

    @property
    def is_decided(self) -> bool:
        """Whether it completes: with a signal of one of its books."""
        return any(book.is_decided for book in self._books.values())
