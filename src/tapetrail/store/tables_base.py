"""What all tables share: names, types, and the constraints that more than one of them carries."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    Numeric,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.schema import SchemaItem

SCHEMA: Final = "tapetrail"
CACHE: Final = "cache"
DERIVED: Final = "derived"
DIGEST_FORM: Final = "'^sha256:[0-9a-f]{64}$'"
TIMEFRAME: Final = "[1-9][0-9]*(m|h|d|w|mo)"

# Who fed the record from outside may not know all that we know of our own runs.
FROM_OUTSIDE: Final = "provenance IN ('external', 'legacy')"

Id = Annotated[
    int, mapped_column(BigInteger, Identity(always=True), primary_key=True, sort_order=-1)
]
# Digests are compared for equality only; "C" spares them the rules of a language.
DigestText = Annotated[str, mapped_column(Text(collation="C"))]
# A missing document is no document, not the JSON text `null`.
JsonObject = Annotated[Mapping[str, object], mapped_column(JSONB(none_as_null=True))]
JsonArray = Annotated[Sequence[object], mapped_column(JSONB(none_as_null=True))]
# A cache follows from event rows, so no digest covers it.
CachedText = Annotated[str, mapped_column(Text, info={CACHE: True})]
# Rows are born pending; a trigger refuses any other beginning.
PendingText = Annotated[str, mapped_column(Text, server_default="pending", info={CACHE: True})]
ActiveText = Annotated[str, mapped_column(Text, server_default="active", info={CACHE: True})]
CachedInstant = Annotated[datetime, mapped_column(TIMESTAMP(timezone=True), info={CACHE: True})]
# Copied by a trigger from the execution, where the digest covers it; CHECKs and lists need it here.
DerivedText = Annotated[str, mapped_column(Text, info={DERIVED: True})]


class Base(DeclarativeBase):
    """The root of all row classes."""

    metadata = MetaData(
        schema=SCHEMA,
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        },
    )
    type_annotation_map: ClassVar[Mapping[type, object]] = {
        str: Text(),
        int: BigInteger(),
        bool: Boolean(),
        Decimal: Numeric(),
        datetime: TIMESTAMP(timezone=True),
        date: Date(),
    }


class RecordRow(Base):
    """A row that is inserted once and carries the digest of its content."""

    __abstract__ = True

    id: Mapped[Id]
    record_digest: Mapped[DigestText]


def record_args(*items: SchemaItem, digests: Iterable[str] = ()) -> tuple[SchemaItem, ...]:
    """Return a record table's arguments: `items`, and a CHECK on the form of each digest."""
    return (*items, *(digest_form(column) for column in ("record_digest", *digests)))


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
