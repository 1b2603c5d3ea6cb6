"""What a decision is made on, as its program tells it: bars, charts, and what else is read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import InvalidInput
from tapetrail.core.recording import values
from tapetrail.core.recording.entries import (
    BarsLogged,
    ChartLogged,
    DecisionOpened,
    InputLogged,
    SignalLogged,
)
from tapetrail.core.recording.taken import Content, DecisionEnded
from tapetrail.core.records.states import DecisionScope, InputKind
from tapetrail.sdk import contents
from tapetrail.sdk.receipts import Logged, Receipt
from tapetrail.sdk.told import Told, names_of

BARS: Final = "bars"
CHART: Final = "chart"
INPUT: Final = "input"
ADJUSTMENTS: Final = ("unknown", "raw", "split", "split+dividend")


class Evidence:
    """The part of a decision that tells what it is made on."""

    def __init__(self, told: Told, opened: DecisionOpened) -> None:
        self._told = told
        self._opened = opened
        self._id = opened.external_id
        self._is_begun = False
        self._has_ended = False
        self._analyses: list[Logged] = []

    @property
    def external_id(self) -> str:
        """Its own name, for ever."""
        return self._id

    @property
    def id(self) -> int | None:
        """Its number in the record, None while it lies in the spool."""
        found = self._told.found(self._opened.external_id)
        return None if found is None else found.id

    @property
    def analyses(self) -> tuple[Logged, ...]:
        """Every analysis that was told of it so far, as `reads=` takes them."""
        return tuple(self._analyses)

    def log_bars(
        self,
        frame: object,
        *,
        timeframe: str,
        source: str | None = None,
        adjustment: Literal["unknown", "raw", "split", "split+dividend"] = "unknown",
        available_at: datetime | None = None,
    ) -> Logged:
        """Tell the bars that are decided on: a pandas, polars or pyarrow frame, or rows.

        `timeframe` is the span of one bar; `available_at` is when the last one could be known.
        Raises `InvalidInput` naming the row for bars that contradict themselves, `timeframe` or the
        clock.
        """
        if self._opened.scope is DecisionScope.PORTFOLIO:
            raise InvalidInput("bars: a portfolio has none; log those of book['SYMBOL']")
        if adjustment not in ADJUSTMENTS:
            raise InvalidInput(
                f"adjustment {adjustment!r}: expected one of {', '.join(ADJUSTMENTS)}"
            )
        span = values.timeframe(timeframe)
        now = self._told.clock()
        bars = self._told.desk.readers.bars(frame, timeframe=span, adjustment=adjustment, now=now)
        entry = BarsLogged(
            external_id=self._new_id(),
            decision=self._id,
            at=now,
            timeframe=span,
            source=values.label_or_none(source, "source"),
            adjustment=adjustment,
            session_first=bars.first_on,
            session_last=bars.last_on,
            bar_count=bars.bar_count,
            content=digest_bytes(bars.text),
            available_at=values.instant_or_none(available_at, "available_at"),
        )
        return self._tell(entry, BARS, Content(data=bars.text, media_type=contents.TEXT))

    def log_chart(
        self,
        image: object,
        *,
        timeframe: str | None = None,
        bars: Logged | None = None,
        html: object | None = None,
        indicators: Mapping[str, object] | None = None,
        name: str | None = None,
    ) -> Logged:
        """Tell a chart as it was drawn: the bytes of its image, or its file; never drawn anew.

        `bars` are what `log_bars` returned. A call that is seen to send this image is known to have
        read it.
        """
        picture = contents.image_of(image, "image")
        page = None if html is None else contents.html_of(html, "html")
        digest = digest_bytes(picture.data)
        entry = ChartLogged(
            external_id=self._new_id(),
            decision=self._id,
            at=self._told.clock(),
            image=digest,
            media_type=picture.media_type,
            html=None if page is None else digest_bytes(page.data),
            timeframe=None if timeframe is None else values.timeframe(timeframe),
            bars=None if bars is None else names_of([bars], kind=BARS, name="bars")[0],
            indicators=None if indicators is None else values.members(indicators, "indicators"),
            name=values.label_or_none(name, "name"),
        )
        found = self._tell(entry, CHART, picture, *([page] if page is not None else []))
        self._told.images[digest] = entry.external_id
        return found

    def log_input(
        self,
        content: object,
        *,
        kind: Literal[
            "news",
            "fundamentals",
            "report",
            "account",
            "positions",
            "orders",
            "memory",
            "tool",
            "other",
        ] = "other",
        name: str | None = None,
        source: str | None = None,
        available_at: datetime | None = None,
    ) -> Logged:
        """Tell what else is read: text, bytes, or what JSON can say; kept to the byte.

        `available_at` is when it could first be known, as a news item's time.
        """
        kept = contents.input_of(content, "content")
        entry = InputLogged(
            external_id=self._new_id(),
            decision=self._id,
            at=self._told.clock(),
            kind=values.word(kind, InputKind, "kind"),
            name=values.label_or_none(name, "name"),
            media_type=kept.media_type,
            content=digest_bytes(kept.data),
            source=values.label_or_none(source, "source"),
            available_at=values.instant_or_none(available_at, "available_at"),
        )
        return self._tell(entry, INPUT, kept)

    def _tell(
        self,
        entry: BarsLogged | ChartLogged | InputLogged | SignalLogged,
        kind: str,
        *kept: Content,
    ) -> Logged:
        self._check_open()
        self._told.tell(entry, *kept)
        return Logged(external_id=entry.external_id, decision=self._id, kind=kind)

    def _receipt(self, external_id: str, *, order_ref: str | None = None) -> Receipt:
        found = self._told.found(external_id)
        return Receipt(
            external_id=external_id,
            decision=self._id,
            id=None if found is None else found.id,
            record_digest=None if found is None else found.record_digest,
            order_ref=order_ref,
        )

    def _new_id(self) -> str:
        self._check_open()
        return self._told.new_id()

    def _check_open(self) -> None:
        if not self._is_begun and not self._has_ended:
            raise InvalidInput(
                f"{self._opened.symbol or 'portfolio'}: this decision was not entered; write: with"
                f" run.decision({self._opened.symbol!r}) as decision"
            )
        if self._has_ended:
            raise DecisionEnded(
                "this decision has ended; orders and notes may follow, as recorder.log_order(...)"
            )
