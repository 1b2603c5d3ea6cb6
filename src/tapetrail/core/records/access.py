"""Keys that let programs in over a network: made, and ended, by rows that stay."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from tapetrail.core.canonical import Digest
from tapetrail.core.records.base import JsonArray, Record, Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRecord(Record):
    """A key: what it is looked up by, what of its secret is kept, and what it allows.

    `key_name` is the part of the key that is no secret, `label` what a person calls it.
    `rotated_from` is the key in whose place it is.
    """

    TABLE: ClassVar[str] = "api_keys"
    key_name: str
    label: str
    secret_digest: Digest
    scopes: JsonArray
    expires_at: datetime | None
    rotated_from: Stored | None
    created_at: datetime
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyEndRecord(Record):
    """The end of a key: from then on it lets nobody in."""

    TABLE: ClassVar[str] = "api_key_ends"
    api_key: Stored
    reason: str | None
    at: datetime
    actor: str
