"""Rows in: every statement that adds to the record. Nothing here changes a row."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final, TypeVar

from sqlalchemy import ColumnElement, Table, insert, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from tapetrail.core.analysis.prompts import PromptTemplate
from tapetrail.core.canonical import Digest, FieldValue, digest_text, plain_json
from tapetrail.core.errors import InvalidInput
from tapetrail.core.market.exchanges import mic_of, names_of
from tapetrail.core.records.answers import PromptTemplateRecord
from tapetrail.core.records.base import (
    Record,
    Stored,
    digest_of,
    record_fields,
    record_values,
)
from tapetrail.core.records.external import ExternalInstrumentRecord
from tapetrail.core.records.runs import InstrumentFactRecord, InstrumentRecord, StrategyRecord
from tapetrail.core.records.states import FactField
from tapetrail.store import reads
from tapetrail.store.tables.schema import metadata

AnyRecord = TypeVar("AnyRecord", bound=Record)
Columns = dict[str, object]
_FACTS: Final = ("asset_class", "tick_size", "multiplier", "calendar")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobRow:
    """A stored object, as the record names it."""

    digest: Digest
    key: str
    size: int
    media_type: str


def append(session: Session, record: Record) -> Stored:
    """Insert one row and return its number and digest."""
    return append_all(session, [record])[0]


def append_all(session: Session, records: Sequence[AnyRecord]) -> list[Stored]:
    """Insert rows of one table in one statement; the results are in the order of `records`."""
    if not records:
        return []
    table = table_of(records[0])
    rows = [_columns(record) for record in records]
    digests = [Digest(str(row["record_digest"])) for row in rows]
    ids = session.execute(_insert(table), rows).scalars().all()
    return [Stored(number, digest) for number, digest in zip(ids, digests, strict=True)]


def append_or_same(session: Session, record: Record, *, unique: Sequence[str]) -> Stored:
    """Insert a row, or return the one that already has the same `unique` columns.

    Raises `InvalidInput` when that one holds something else. Whoever adds to the table this way
    takes turns: two that add the same rows in another order would wait for each other for ever.
    """
    table = table_of(record)
    lock_name(session, f"append to {table.name}")
    columns = _columns(record)
    digest = Digest(str(columns["record_digest"]))
    statement = postgresql.insert(table).on_conflict_do_nothing().returning(table.c.id)
    added = session.execute(statement, columns).scalar()
    if added is not None:
        return Stored(added, digest)
    where: list[ColumnElement[bool]] = [
        table.c[name].is_not_distinct_from(columns[name]) for name in unique
    ]
    found = session.execute(select(table.c.id, table.c.record_digest).where(*where)).one()
    if found.record_digest != digest:
        named = ", ".join(f"{name} {columns[name]}" for name in unique)
        raise InvalidInput(f"{table.name}: {named} is already recorded with other content")
    return Stored(found.id, digest)


def append_instrument(session: Session, record: InstrumentRecord) -> Stored:
    """Insert an instrument, or return the row with its symbol, exchange and currency.

    An exchange may be recorded by another name: the row under its MIC comes before that one. A row
    is never changed, and sources know more or less: a tick size that one of the two leaves open is
    no contradiction, and a conid is for `append_conid`. Raises `InvalidInput` naming the column in
    which the two differ.
    """
    table, named = table_of(record), record.instrument
    lock_name(session, f"append to {table.name}")
    found = session.execute(
        select(table.c.id, table.c.record_digest, *(table.c[name] for name in _FACTS))
        .where(
            table.c.symbol == named.symbol,
            table.c.exchange.in_(names_of(named.exchange)),
            table.c.currency == named.currency,
            # What others know less of is an instrument of its own.
            table.c.calendar.is_not(None),
            table.c.asset_class.is_not(None),
            table.c.multiplier.is_not(None),
        )
        .order_by(table.c.exchange != mic_of(named.exchange), table.c.id)
    ).first()
    if found is None:
        return append(session, record)
    for name in _FACTS:
        stated, recorded = getattr(named, name), getattr(found, name)
        if name == "calendar":
            stated, recorded = mic_of(stated), mic_of(recorded)
        is_open = name == "tick_size" and None in {stated, recorded}
        if stated != recorded and not is_open:
            raise InvalidInput(
                f"instrument {named.symbol} ({named.exchange}, {named.currency}): it is recorded"
                f" with {name} {recorded}, the source says {stated}"
            )
    return Stored(found.id, Digest(found.record_digest))


def append_external_instrument(session: Session, record: ExternalInstrumentRecord) -> Stored:
    """Insert what others trade, or return the row that means the same.

    One of ours is meant where they name its exchange and currency and say nothing else of it. An
    instrument of which they say less is one of its own.
    """
    table = table_of(record)
    lock_name(session, f"append to {table.name}")
    if record.exchange is not None and record.currency is not None:
        named = [table.c.exchange.in_(names_of(record.exchange)),
                 table.c.currency == record.currency,
                 table.c.calendar.is_not(None),
                 table.c.multiplier.is_not(None)]  # fmt: skip
        if record.asset_class is not None:
            named.append(table.c.asset_class == record.asset_class)
        found = session.execute(
            select(table.c.id, table.c.record_digest)
            .where(table.c.symbol == record.symbol, *named)
            .order_by(table.c.id)
        ).first()
        if found is not None:
            return Stored(found.id, Digest(found.record_digest))
    unique = ("symbol", "exchange", "currency", "asset_class", "calendar")
    return append_or_same(session, record, unique=unique)


def append_conid(
    session: Session, instrument: Stored, conid: int, *, source: str, at: datetime
) -> None:
    """Append that an instrument has a conid, unless its row or a fact says so already.

    `source` is who says it. Raises `InvalidInput` where another conid is recorded. Whoever calls
    this holds the name that `append_instrument` takes.
    """
    named = reads.instruments(session, [instrument.id])[instrument.id]
    if named.conid is None:
        record = InstrumentFactRecord(
            instrument=instrument, field=FactField.CONID, value=str(conid), source=source, at=at
        )
        append(session, record)
    elif named.conid != conid:
        raise InvalidInput(
            f"instrument {named.symbol}: it is recorded with conid {named.conid}, {source} says"
            f" {conid}"
        )


def append_blobs(session: Session, blobs: Iterable[BlobRow], *, at: datetime) -> None:
    """Insert what is not there yet, in digest order, so that two writers never wait crosswise."""
    rows = [
        {
            "digest": blob.digest,
            "key": blob.key,
            "size": blob.size,
            "media_type": blob.media_type,
            "first_seen_at": at,
        }
        for blob in sorted(blobs, key=lambda blob: blob.digest)
    ]
    if rows:
        session.execute(_insert_blobs(), rows)


def append_strategy(
    session: Session,
    *,
    name: str,
    version: int | None,
    spec: Mapping[str, FieldValue],
    digest: Digest,
    kind: str = "declared",
) -> Stored:
    """Insert a strategy version, or return the equal one.

    Without a version: the version that has this digest, else the next integer. Raises
    `InvalidInput` when the version is taken by another specification.
    """
    lock_name(session, f"strategy {name}")
    table = metadata.tables["tapetrail.strategies"]
    found = session.execute(
        select(table.c.version, table.c.spec_digest)
        .where(table.c.name == name)
        .order_by(table.c.version)
    ).all()
    same = [row.version for row in found if row.spec_digest == digest]
    chosen = version or (same[-1] if same else max((row.version for row in found), default=0) + 1)
    if any(row.version == chosen and row.spec_digest != digest for row in found):
        raise InvalidInput(
            f"strategy {name} version {chosen} is already recorded with another content;"
            f" leave the version out or take {found[-1].version + 1}"
        )
    record = StrategyRecord(name=name, version=chosen, kind=kind, spec=spec, spec_digest=digest)
    return append_or_same(session, record, unique=("name", "version"))


def append_template(session: Session, template: PromptTemplate) -> Stored:
    """Insert a version of a prompt, or return the row that has it.

    Raises `InvalidInput` when that version is recorded with another body. A row that is there is
    found without waiting for whoever adds one.
    """
    record, table = _template_record(template), metadata.tables["tapetrail.prompt_templates"]
    found = session.execute(
        select(table.c.id, table.c.record_digest).where(
            table.c.record_digest == digest_of(record), table.c.name == template.name
        )
    ).first()
    if found is not None:
        return Stored(found.id, Digest(found.record_digest))
    return append_or_same(session, record, unique=("name", "version"))


def append_next_template(
    session: Session, name: str, body: str
) -> tuple[Stored, PromptTemplate, bool]:
    """Insert a body as the next version of a prompt, or return the version that has it.

    The flag says whether it is new. Raises `InvalidInput` (`bad_prompt`) for a body that is none.
    """
    table = metadata.tables["tapetrail.prompt_templates"]
    lock_name(session, f"append to {table.name}")
    found = session.execute(
        select(table.c.version, table.c.body_digest)
        .where(table.c.name == name)
        .order_by(table.c.version)
    ).all()
    same = [row.version for row in found if row.body_digest == digest_text(body)]
    version = same[0] if same else max((row.version for row in found), default=0) + 1
    template = PromptTemplate(name=name, version=version, body=body)
    return append_template(session, template), template, not same


def _template_record(template: PromptTemplate) -> PromptTemplateRecord:
    return PromptTemplateRecord(
        name=template.name,
        version=template.version,
        body=template.body,
        body_digest=template.body_digest,
    )


def lock_name(session: Session, name: str) -> None:
    """Wait until no other transaction holds `name`, then hold it until this one ends."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name}
    )


def share_name(session: Session, name: str) -> None:
    """Wait until nobody holds `name` alone, then hold it with others until this one ends."""
    session.execute(
        text("SELECT pg_advisory_xact_lock_shared(hashtextextended(:name, 0))"), {"name": name}
    )


def table_of(record: Record) -> Table:
    """Return the table a record belongs to."""
    return metadata.tables[f"tapetrail.{record.TABLE}"]


@cache
def _insert(table: Table) -> ReturningInsert[int]:
    """Return what inserts rows of a table; made once, which takes longer than to carry it out."""
    return insert(table).returning(table.c.id, sort_by_parameter_order=True)


@cache
def _insert_blobs() -> Insert:
    return postgresql.insert(metadata.tables["tapetrail.blobs"]).on_conflict_do_nothing()


def _columns(record: Record) -> Columns:
    values = record_values(record)
    columns: Columns = {"record_digest": digest_of(record, values)}
    for field in record_fields(type(record)):
        value = values[field.name]
        match value:
            case Stored():
                columns[field.column] = value.id
            case Mapping() | list() | tuple():
                columns[field.column] = plain_json(value)  # pyright: ignore[reportUnknownArgumentType] # a JSON field
            case _:
                columns[field.column] = value
    return columns
