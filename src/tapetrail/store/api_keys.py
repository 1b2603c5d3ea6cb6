"""Keys that let programs in: made, looked up, ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg.rows import class_row
from sqlalchemy import text
from sqlalchemy.orm import Session

from tapetrail.core.canonical import Digest
from tapetrail.core.records.base import Stored
from tapetrail.store.connections import Connection

_COLUMNS: Final = """
    SELECT k.id, k.key_name, k.label, k.secret_digest, k.scopes, k.expires_at, k.record_digest,
           EXISTS (SELECT FROM tapetrail.api_key_ends e WHERE e.api_key_id = k.id) AS has_ended
    FROM tapetrail.api_keys k
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """A key on record."""

    id: int
    key_name: str
    label: str
    secret_digest: Digest
    scopes: Sequence[str]
    expires_at: datetime | None
    record_digest: Digest
    has_ended: bool

    @property
    def stored(self) -> Stored:
        """The row, as others name it."""
        return Stored(self.id, self.record_digest)

    def is_good(self, at: datetime) -> bool:
        """Whether it lets anybody in at an instant."""
        return not self.has_ended and (self.expires_at is None or at < self.expires_at)


def by_name(connection: Connection, key_name: str) -> KnownKey | None:
    """Return the key with a name, None where there is none."""
    with connection.cursor(row_factory=class_row(KnownKey)) as cursor:
        return cursor.execute(f"{_COLUMNS} WHERE k.key_name = %s".encode(), [key_name]).fetchone()


def by_id(connection: Connection, number: int) -> KnownKey | None:
    """Return the key with a number, None where there is none."""
    with connection.cursor(row_factory=class_row(KnownKey)) as cursor:
        return cursor.execute(f"{_COLUMNS} WHERE k.id = %s".encode(), [number]).fetchone()


def note_use(session: Session, number: int, *, at: datetime) -> None:
    """Say that a key was used."""
    session.execute(
        text(
            "INSERT INTO tapetrail.api_key_uses (api_key_id, last_used_at) VALUES (:key, :at)"
            " ON CONFLICT (api_key_id) DO UPDATE"
            " SET last_used_at = greatest(api_key_uses.last_used_at, excluded.last_used_at)"
        ),
        {"key": number, "at": at},
    )
