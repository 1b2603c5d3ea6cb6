"""What vendors sent, kept: the rows that say of whom, for which days and when."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from tapetrail.core.canonical import Digest, FieldValue, canonical_json
from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.core.market.instruments import Instrument
from tapetrail.core.records.base import Stored

_COLUMNS: Final = """
    v.id, v.record_digest, v.first_on, v.last_on, v.fetched_at, v.raw_digest, b.media_type,
    v.differs_from, v.moved_bars, v.moved_pct_max, EXISTS (
        SELECT 1 FROM tapetrail.market_vintages AS p
        WHERE p.instrument_id = v.instrument_id AND p.source = v.source
            AND p.timeframe = v.timeframe AND p.parameters = v.parameters
            AND p.id > v.id AND p.problem IS NOT NULL
    ) AS has_later_problem
    FROM tapetrail.market_vintages AS v JOIN tapetrail.blobs AS b ON b.digest = v.raw_digest
"""
_OF_KEY: Final = """
    v.instrument_id = :instrument AND v.source = :source AND v.timeframe = :timeframe
    AND v.parameters = CAST(:parameters AS jsonb) AND v.problem IS NULL
"""
_NEWEST: Final = text(f"""
    SELECT {_COLUMNS}
    WHERE {_OF_KEY} AND v.first_on <= :first
        AND (v.last_on >= :last OR CAST(:only AS bigint[]) IS NOT NULL)
        AND (CAST(:only AS bigint[]) IS NULL OR v.id = ANY(CAST(:only AS bigint[])))
    ORDER BY v.id DESC LIMIT 1
""")  # texts of this module
_HELD: Final = text(f"""
    SELECT {_COLUMNS} WHERE {_OF_KEY} ORDER BY v.id DESC LIMIT :limit
""")  # as above


_EARLIEST: Final = text(f"""
    SELECT min(v.first_on) FROM tapetrail.market_vintages AS v WHERE {_OF_KEY}
""")  # noqa: S608 # as above
_TRADED: Final = tuple(field.name for field in fields(Instrument))
_ONE: Final = text("""
    SELECT v.id, v.record_digest, v.first_on, v.last_on, v.fetched_at, v.raw_digest, b.media_type,
        v.differs_from, v.moved_bars, v.moved_pct_max, FALSE AS has_later_problem,
        v.source, v.quoted_in, v.problem,
        v.parameters->>'symbol' AS symbol_there,
        i.symbol, i.exchange, i.currency,
        coalesce(i.conid, f.value::bigint) AS conid,
        i.asset_class, i.tick_size, i.multiplier, i.calendar
    FROM tapetrail.market_vintages AS v
    JOIN tapetrail.blobs AS b ON b.digest = v.raw_digest
    JOIN tapetrail.instruments AS i ON i.id = v.instrument_id
    LEFT JOIN tapetrail.instrument_facts AS f ON f.instrument_id = i.id AND f.field = 'conid'
    WHERE v.id = :number
""")
_BEFORE: Final = text("""
    SELECT max(b.id) FROM tapetrail.market_vintages AS b JOIN tapetrail.market_vintages AS v
        ON b.instrument_id = v.instrument_id AND b.source = v.source
        AND b.timeframe = v.timeframe AND b.parameters = v.parameters AND b.id < v.id
    WHERE v.id = :number AND b.problem IS NULL
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class VintageKey:
    """What a vintage is of; the `parameters` are what else a vendor was asked with."""

    instrument: Stored
    source: str
    timeframe: str
    parameters: Mapping[str, FieldValue]

    @property
    def values(self) -> dict[str, object]:
        """Return the values of the statements."""
        return {
            "instrument": self.instrument.id,
            "source": self.source,
            "timeframe": self.timeframe,
            "parameters": canonical_json(self.parameters).decode(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Differs:
    """How a vintage differs from the one before: in so many bars, prices by at most so much."""

    before: int
    bars: int
    pct_max: Decimal | None

    def __str__(self) -> str:
        """Return it in words."""
        bars = "1 bar" if self.bars == 1 else f"{self.bars} bars"
        by = "" if self.pct_max is None else f", by at most {self.pct_max:.3g} %"
        return f"{bars} moved, went or came since vintage {self.before}{by}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptVintage:
    """A vintage on record whose bars can be read; those of one after it, perhaps, cannot."""

    row: Stored
    first_on: date
    last_on: date
    fetched_at: datetime
    raw_digest: Digest
    media_type: str
    differs: Differs | None = None
    has_later_problem: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VintageOf:
    """A vintage with bars, of what it is, of whom, and in what its prices are quoted.

    `symbol_there` is what its source calls the instrument, None for the same.
    """

    kept: KeptVintage
    instrument: Instrument
    source: str
    quoted_in: str
    symbol_there: str | None

    @property
    def traded(self) -> Instrument:
        """Return the instrument under the symbol that the vendor was asked for."""
        return replace(self.instrument, symbol=self.symbol_there or self.instrument.symbol)


def newest_covering(
    session: Session,
    key: VintageKey,
    *,
    first: date,
    last: date,
    only: Collection[int] | None = None,
) -> KeptVintage | None:
    """Return the newest vintage that answers for these days.

    Of those numbers, if any are given; they may end early, which is for whoever reads them to say.
    """
    given = {"first": first, "last": last, "only": None if only is None else sorted(only)}
    found = session.execute(_NEWEST, {**key.values, **given}).one_or_none()
    return None if found is None else _kept(found)


def earliest_first(session: Session, key: VintageKey) -> date | None:
    """Return the first day that any vintage answers for, None where there is none."""
    return session.execute(_EARLIEST, key.values).scalar()


def newest(session: Session, key: VintageKey, *, limit: int) -> Sequence[KeptVintage]:
    """Return the newest vintages, whatever days they are of, newest first."""
    found = session.execute(_HELD, {**key.values, "limit": limit})
    return [_kept(row) for row in found]


def vintage(session: Session, number: int) -> VintageOf:
    """Return a vintage. Raises `NotFound`, and `InvalidInput` for one without bars."""
    found = session.execute(_ONE, {"number": number}).one_or_none()
    if found is None:
        raise NotFound(f"no vintage {number}; run: tapetrail data list")
    if found.problem is not None:
        raise InvalidInput(f"vintage {number} has no bars: {found.problem}")
    return VintageOf(
        kept=_kept(found),
        source=found.source,
        quoted_in=found.quoted_in,
        symbol_there=found.symbol_there,
        instrument=Instrument(**{name: getattr(found, name) for name in _TRADED}),
    )


def before(session: Session, after: VintageOf) -> VintageOf:
    """Return the newest one with bars before a vintage, of the same kind. Raises `NotFound`."""
    found = session.execute(_BEFORE, {"number": after.kept.row.id}).scalar_one_or_none()
    if found is None:
        raise NotFound(
            f"vintage {after.kept.row.id} is the first of {after.instrument} of {after.source}"
        )
    return vintage(session, found)


def _kept(row: Row[Any]) -> KeptVintage:
    return KeptVintage(
        row=Stored(row.id, Digest(row.record_digest)),
        first_on=row.first_on,
        last_on=row.last_on,
        fetched_at=row.fetched_at,
        raw_digest=Digest(row.raw_digest),
        media_type=row.media_type,
        differs=None
        if row.differs_from is None
        else Differs(before=row.differs_from, bars=row.moved_bars, pct_max=row.moved_pct_max),
        has_later_problem=row.has_later_problem,
    )
