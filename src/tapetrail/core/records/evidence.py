"""What a decision saw: the exact bars, the charts that were drawn of them, and their archival."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar

from tapetrail.core.canonical import Digest
from tapetrail.core.charts.figures import ChartFigures
from tapetrail.core.market.opinions import Verdict
from tapetrail.core.records.base import JsonArray, JsonObject, Record, Stored
from tapetrail.core.records.runs import RunRefs, TradedRefs


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotRecord(Record):
    """The exact bars one chart was made from, warm-up included.

    `gaps` are the scheduled sessions without a bar, and `missing_sessions` how many of them no halt
    explains; `age_sessions` were completed after the last bar. `calendar_digest` names the text of
    the calendar that sessions were taken from, with what the strategy changed. Prices quoted in
    `quoted_in` were multiplied by `price_factor`. Older rows have none of these.
    """

    TABLE: ClassVar[str] = "market_snapshots"
    refs: RunRefs
    instrument: Stored
    source: str
    timeframe: str
    adjustment: str
    session: str
    session_first: date
    session_last: date
    bar_count: int
    bars_digest: Digest
    raw_digest: Digest
    derived_from: Stored | None
    calendar: str
    currency: str
    volume_unit: str
    price_factor: Decimal
    dropped_rows: int
    gaps: JsonArray
    last_bar_complete: bool
    adjusted_with_hindsight: bool
    from_cache: bool
    fetched_at: datetime
    available_at: datetime
    missing_sessions: int | None = None
    age_sessions: int | None = None
    calendar_digest: Digest | None = None
    quoted_in: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VintageBars:
    """The bars that were read from a vintage, how they are adjusted and in what quoted."""

    session_first: date
    session_last: date
    bar_count: int
    adjustment: str
    quoted_in: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VintageRecord(Record):
    """What a vendor sent of an instrument for the days `first_on` to `last_on`, kept to be used.

    `parameters` are what else it was asked with. `problem` says why its bars could not be read, and
    only then there are none. `differs_from` is the vintage before it, where in the days that both
    have `moved_bars` have another price, are gone or are new; `moved_pct_max` is the largest move
    of a price.
    """

    TABLE: ClassVar[str] = "market_vintages"
    instrument: Stored
    source: str
    timeframe: str
    parameters: JsonObject
    first_on: date
    last_on: date
    raw_digest: Digest
    bars: VintageBars | None
    problem: str | None
    differs_from: Stored | None
    moved_bars: int | None
    moved_pct_max: Decimal | None
    actor: str
    fetched_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondPayload:
    """What a second source sent, how its prices are adjusted and in what they are quoted."""

    raw_digest: Digest
    adjustment: str
    quoted_in: str
    fetched_at: datetime
    from_cache: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosesHeldAgainst:
    """What came of holding closes against those of a second source, as `ClosesCompared` has it.

    `missing_here` and `missing_there` are the sessions of one side alone.
    """

    first_on: date
    last_on: date
    compared: int
    differing: int
    max_difference_pct: Decimal | None
    max_difference_on: date
    missing_here: JsonArray
    missing_there: JsonArray


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondOpinionRecord(Record):
    """What a second source said of a decision's daily closes, under its own `symbol`.

    Without `closes` the opinion is absent, and `problem` says why; where something came, and could
    not be compared, `payload` is it. Closes that differ by more than `limit_pct` are a `problem`.
    """

    TABLE: ClassVar[str] = "second_opinions"
    refs: RunRefs
    source: str
    symbol: str
    payload: SecondPayload | None
    closes: ClosesHeldAgainst | None
    limit_pct: Decimal
    verdict: Verdict
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartFiles:
    """Where the bytes of a drawn chart are, and their digests."""

    chart_url_jpeg: str
    chart_url_html: str
    image_media_type: str
    minio_bucket: str | None
    minio_object_key: str
    jpeg_digest: Digest
    html_digest: Digest
    spec_digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartContent:
    """What a drawn chart shows; times of drawing and versions of the renderer are part of it.

    `escaped_letters` are those that the image writes by their numbers, as `[U+8D35]`, because its
    fonts lack them; None where there are none, and in older rows, which had `?` for them.
    """

    timeframe: str
    chart_type: str
    chart_style: str
    indicators_applied: JsonObject
    figures: ChartFigures
    renderer: str
    generated_at: datetime
    escaped_letters: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRecord(Record):
    """One drawn chart."""

    TABLE: ClassVar[str] = "charts"
    refs: TradedRefs
    snapshot: Stored
    origin: str = "drawn"
    files: ChartFiles
    content: ChartContent


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartArchivalRecord(Record):
    """A chart set aside; its bytes stay where they are."""

    TABLE: ClassVar[str] = "chart_archivals"
    chart: Stored
    at: datetime
    from_status: str
    to_status: str
    actor: str
    reason: str
