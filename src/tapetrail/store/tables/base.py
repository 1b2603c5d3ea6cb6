"""Tables derived from records, and the constraints that more than one of them carries."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    Numeric,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from tapetrail.core.canonical import Digest
from tapetrail.core.errors import ErrorKind
from tapetrail.core.records.base import Record, RecordField, Stored, record_fields
from tapetrail.core.records.states import Provenance

SCHEMA: Final = "tapetrail"
CACHE: Final = "cache"
DERIVED: Final = "derived"
DIGEST_FORM: Final = "'^sha256:[0-9a-f]{64}$'"
TIMEFRAME: Final = "[1-9][0-9]*(m|h|d|w|mo)"

# Who fed the record from outside may not know all that we know of our own runs.
FROM_OUTSIDE: Final = "provenance IN ('external', 'legacy')"

metadata: Final = MetaData(
    schema=SCHEMA,
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    },
)


def digest_type() -> Text:
    """Return the type of a digest: compared for equality only, so no language's rules apply."""
    return Text(collation="C")


def record_table(kinds: Sequence[type[Record]], *items: SchemaItem) -> Table:
    """Return the table of some kinds of record: their columns, their digest, and `items`.

    A column is nullable if one of the kinds may lack it. Closed lists of words and the form of
    digests become CHECKs.
    """
    fields = list(_merged(kinds))
    return Table(
        kinds[0].TABLE,
        metadata,
        identity(),
        *(
            Column(field.column, sql_type(field.kind), nullable=field.is_nullable)
            for field in fields
        ),
        Column("record_digest", digest_type(), nullable=False),
        *(form for field in fields for form in _forms(field)),
        digest_form("record_digest"),
        *items,
    )


def identity() -> Column[int]:
    """Return the column of a row's own number."""
    return Column("id", BigInteger(), Identity(always=True), primary_key=True)


def cached(name: str, kind: TypeEngine[Any], *, server_default: str | None = None) -> Column[Any]:
    """Return a column that follows from event rows, and so is under no digest.

    Rows are born with the default; a trigger refuses any other beginning.
    """
    is_nullable = server_default is None
    return Column(
        name, kind, nullable=is_nullable, server_default=server_default, info={CACHE: True}
    )


def external_id(table: str, *, is_derived: bool = True) -> tuple[SchemaItem, ...]:
    """Return what holds the senders' own ids: unique for ever, and on every row of others alone.

    Where a table has no provenance (`is_derived` is false), a trigger says the latter.
    """
    form = "'^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'"
    items: list[SchemaItem] = [
        Index(
            f"uq_{table}_external_id",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        check("external_id_form", f"external_id ~ {form}"),
    ]
    if is_derived:
        items.append(check("external_id", f"(external_id IS NOT NULL) = ({FROM_OUTSIDE})"))
    return tuple(items)


def provenance() -> tuple[SchemaItem, ...]:
    """Return the provenance that a trigger copies from the execution, whose digest covers it.

    CHECKs and lists need it here.
    """
    column = Column("provenance", Text(), nullable=False, info={DERIVED: True})
    return (column, one_of("provenance", Provenance))


def sql_type(kind: object) -> TypeEngine[Any]:
    """Return the column type of a field's type."""
    match kind:
        case _ if kind is Digest:
            return digest_type()
        case type() if issubclass(kind, str):
            return Text()
        case type() if kind in _PLAIN:
            return _PLAIN[kind]
        case _:
            # A missing document is no document, not the JSON text `null`.
            return JSONB(none_as_null=True)


_PLAIN: Final[dict[type, TypeEngine[Any]]] = {
    bool: Boolean(),
    int: BigInteger(),
    Stored: BigInteger(),
    Decimal: Numeric(),
    datetime: TIMESTAMP(timezone=True),
    date: Date(),
}


def _merged(kinds: Sequence[type[Record]]) -> Iterator[RecordField]:
    """Yield the fields of all kinds by name, nullable where one of them may lack it."""
    fields = [{field.name: field for field in record_fields(kind)} for kind in kinds]
    names = dict.fromkeys(name for own in fields for name in own)
    for name in names:
        found = [own.get(name) for own in fields]
        stated = next(field for field in found if field is not None)
        may_lack = any(field is None or field.is_nullable for field in found)
        yield replace(stated, is_nullable=may_lack)


def _forms(field: RecordField) -> Iterator[SchemaItem]:
    """Yield the CHECK on how a column is written, if its type says how."""
    kind = field.kind
    if kind is Digest:
        yield digest_form(field.column)
    elif kind is ErrorKind:
        yield kind_form(field.column)
    elif isinstance(kind, type) and issubclass(kind, StrEnum):
        yield one_of(field.column, kind)


def kind_form(column: str) -> CheckConstraint:
    """Return the CHECK on a kind of error: the list is closed in the code, where it grows."""
    return check(f"{column}_form", f"{column} ~ '^[a-z][a-z0-9_]*$'")


def digest_form(column: str) -> CheckConstraint:
    """Return the CHECK that `column` is written as a digest."""
    return CheckConstraint(f"{column} ~ {DIGEST_FORM}", name=f"{column}_form")


def timeframe_form(column: str = "timeframe") -> CheckConstraint:
    """Return the CHECK that `column` is a timeframe such as `1d`."""
    return CheckConstraint(f"{column} ~ '^{TIMEFRAME}$'", name=f"{column}_form")


def one_of(column: str, values: type[StrEnum] | Sequence[str]) -> CheckConstraint:
    """Return the CHECK that `column` is one of a closed list."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def check(name: str, rule: str) -> CheckConstraint:
    """Return the CHECK `rule`; the table's name comes in front of `name`."""
    return CheckConstraint(rule, name=name)


def refers(target: str, columns: str, *, to: str = "id") -> ForeignKeyConstraint:
    """Return the reference of `columns` to the columns `to` of `target`; both comma-separated."""
    return ForeignKeyConstraint(
        columns.split(", "), [f"{SCHEMA}.{target}.{column}" for column in to.split(", ")]
    )


def of_decision() -> ForeignKeyConstraint:
    """Return the reference that keeps a row from belonging to two runs."""
    return refers("decisions", "decision_id, execution_id", to="id, execution_id")


def names_blobs(*columns: str) -> tuple[SchemaItem, ...]:
    """Return the references of digest columns to stored bytes, and their indexes.

    Only equality is ever asked of a digest, and a hash index keeps 4 of its 71 bytes.
    """
    references = (refers("blobs", column, to="digest") for column in columns)
    return (*references, *(Index(None, column, postgresql_using="hash") for column in columns))
