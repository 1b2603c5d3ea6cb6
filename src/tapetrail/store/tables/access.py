"""Who is let in over a network."""

from sqlalchemy import Index, UniqueConstraint, text

from tapetrail.core.records.access import ApiKeyEndRecord, ApiKeyRecord
from tapetrail.store.tables.base import check, record_table, refers

record_table(
    [ApiKeyRecord],
    refers("api_keys", "rotated_from"),
    UniqueConstraint("key_name"),
    Index(None, "rotated_from", postgresql_where=text("rotated_from IS NOT NULL")),
    check("key_name_form", "key_name ~ '^[0-9a-f]{12}$'"),
    check("label", "label <> ''"),
    check("scopes", "jsonb_typeof(scopes) = 'array' AND scopes <> '[]'"),
)


record_table(
    [ApiKeyEndRecord],
    refers("api_keys", "api_key_id"),
    UniqueConstraint("api_key_id"),
)
