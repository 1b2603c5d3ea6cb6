"""Who is let in over a network, and who did what: lists for those who look after the record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tapetrail.listing.parts import by_time_made
from tapetrail.listing.spec import Filter, ListSpec, Related
from tapetrail.listing.values import TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key, as a list shows it; of its secret nothing is known but whether a key has it."""

    id: int
    label: str
    key_name: str
    scopes: Sequence[str]
    created_at: datetime
    actor: str
    expires_at: datetime | None
    last_used_at: datetime | None
    ended_at: datetime | None


KEYS: Final = ListSpec(
    name="keys",
    singular="key",
    row=KeyRow,
    table="api_keys",
    brief=("id", "label", "key_name", "scopes", "created_at", "expires_at", "last_used_at",
           "ended_at"),
    title="key {id}: {label}",
    columns={
        "last_used_at": "(SELECT u.last_used_at FROM tapetrail.api_key_uses u"
        " WHERE u.api_key_id = t.id)",
        "ended_at": "(SELECT e.at FROM tapetrail.api_key_ends e WHERE e.api_key_id = t.id)",
    },
    filters=(*by_time_made("created_at"),),
    related=(
        Related(
            name="ends",
            table="api_key_ends",
            condition="r.api_key_id = %s",
            brief=("at", "actor", "reason"),
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """Who did what to the record, as a list shows it."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str


AUDIT: Final = ListSpec(
    name="audit",
    singular="audit event",
    row=AuditRow,
    table="audit_events",
    brief=("id", "at", "actor", "action", "target"),
    title="audit event {id}: {action} {target}",
    filters=(
        Filter(name="actor", kind=TEXT, help="Only what this one did.", condition="t.actor = %s"),
        Filter(
            name="action", kind=TEXT, help="Only this, such as read or export.",
            condition="t.action = %s",
        ),
        Filter(
            name="target", kind=TEXT, help="Only of this: chart 1, key 2, ...",
            condition="t.target = %s",
        ),
        *by_time_made("at"),
    ),
)  # fmt: skip
