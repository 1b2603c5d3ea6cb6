"""A big record in little time: copies of one that was made by runs, each digested anew.

Every copy has its own rows, digests, seals and stored objects, as if it had been recorded; its
objects have a few bytes each, as nobody looks at them. Rows come by COPY, with triggers off.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row
from psycopg.types.json import Jsonb

from tapetrail.blobs.encoding import packed
from tapetrail.core.blob_keys import object_key
from tapetrail.core.canonical import Digest, digest_bytes
from tapetrail.core.records.columns import BESIDE, BYTES, COVERED, REFERENCES
from tapetrail.core.records.seals import SEAL_ORDER, seal_digest
from tapetrail.core.verification.rows import FoundRow, recomputed
from tapetrail.store.found import FoundRecord

COPIED: Final = (
    "workflow_executions", "decisions", *SEAL_ORDER, "execution_events", "decision_events",
    "decision_seals", "execution_seals",
)  # fmt: skip


@dataclass(slots=True)
class _Copies:
    """What the rows and objects of an original became in one copy."""

    ids: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    digests: dict[str, str] = field(default_factory=dict[str, str])
    keys: dict[str, str] = field(default_factory=dict[str, str])


def enlarge(url: str, blobs: Path, *, decisions: int) -> int:
    """Copy all executions of a record until it has so many decisions; return how many it has."""
    with psycopg.connect(url, row_factory=tuple_row, options="-c timezone=UTC") as connection:
        connection.execute("SET session_replication_role = replica")
        record = FoundRecord(connection)
        originals = {table: [row for rows in record.all_rows(table) for row in rows]
                     for table in COPIED}  # fmt: skip
        known = {blob.digest: blob for of_some in record.all_blobs() for blob in of_some}
        next_ids = {table: max((row.id for row in rows), default=0) + 1
                    for table, rows in originals.items()}  # fmt: skip
        next_ids["blobs"] = max(blob.id for blob in known.values()) + 1
        count, number = len(originals["decisions"]), 0
        while count < decisions:
            number += 1
            _copy(connection, originals, next_ids, blobs=blobs, known=known, number=number)
            count += len(originals["decisions"])
        for table, following in next_ids.items():
            connection.execute(
                f"ALTER TABLE tapetrail.{table} ALTER id RESTART {following}".encode()
            )
        connection.commit()
        connection.autocommit = True
        connection.execute("ANALYZE")
    return count


def _copy(  # what is copied, and where to
    connection: Any,
    originals: Mapping[str, Sequence[FoundRow]],
    next_ids: dict[str, int],
    *,
    blobs: Path,
    known: Mapping[str, Any],
    number: int,
) -> None:
    copies = _Copies()
    _copy_blobs(connection, originals, copies, blobs=blobs, known=known, number=number,
                first_id=next_ids["blobs"])  # fmt: skip
    next_ids["blobs"] += len(copies.keys)
    for table in COPIED:
        columns = ("id", "record_digest", *COVERED[table], *BESIDE.get(table, ()))
        statement = f"COPY tapetrail.{table} ({', '.join(columns)}) FROM STDIN".encode()
        with connection.cursor().copy(statement) as copy:
            for row in originals[table]:
                made = _copied(row, copies, number=number, to=next_ids[table])
                next_ids[table] += 1
                values = [Jsonb(v) if isinstance(v, dict | list) else v
                          for v in (made.columns[name] for name in columns[2:])]  # fmt: skip
                copy.write_row([made.id, made.digest, *values])


def _copied(row: FoundRow, copies: _Copies, *, number: int, to: int) -> FoundRow:
    columns, targets = dict(row.columns), dict(row.targets)
    for column, target in REFERENCES.get(row.table, {}).items():
        value: Any = columns[column]
        columns[column] = copies.ids.get((target, value), value)
        targets[column] = copies.digests.get(targets[column] or "", targets[column])
    for column in BYTES.get(row.table, ()):
        columns[column] = copies.digests.get(str(columns[column]), columns[column])
    for column in ("chart_url_jpeg", "chart_url_html", "minio_object_key"):
        if column in columns:
            key = str(columns[column]).removeprefix("file:")
            columns[column] = str(columns[column]).replace(key, copies.keys[key])
    if row.table == "workflow_executions":
        columns["workflow_id"] = f"copy {number} of {columns['workflow_id']}"
    if row.table == "decisions":
        run_no: Any = columns["run_no"]
        columns["run_no"] = run_no + number
    if "seal_document" in columns:
        document = json.loads(_replaced(json.dumps(columns["seal_document"]), copies))
        columns |= {"seal_document": document, "seal_digest": seal_digest(document)}
    made = FoundRow(table=row.table, id=to, digest="", columns=columns, targets=targets)
    digest = recomputed(made)
    assert digest is not None
    copies.ids[row.table, row.id], copies.digests[row.digest] = to, digest
    return FoundRow(table=row.table, id=to, digest=digest, columns=columns, targets=targets)


def _replaced(text: str, copies: _Copies) -> str:
    parts = text.split('"')
    return '"'.join(copies.digests.get(part, part) for part in parts)


def _copy_blobs(  # noqa: PLR0913 # as above
    connection: Any,
    originals: Mapping[str, Sequence[FoundRow]],
    copies: _Copies,
    *,
    blobs: Path,
    known: Mapping[str, Any],
    number: int,
    first_id: int,
) -> None:
    statement = (
        b"COPY tapetrail.blobs (id, digest, key, size, media_type, first_seen_at) FROM STDIN"
    )
    rows: list[tuple[object, ...]] = []
    for at, digest in enumerate(sorted({*_named(originals)})):
        blob = known[digest]
        content = f"copy {number} of {digest}".encode()
        made = digest_bytes(content)
        key = _key(blob.key, made)
        path = blobs / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_packed(content) if key.endswith(".html") else content)
        copies.digests[digest], copies.keys[blob.key] = made, key
        rows.append((first_id + at, made, key, len(content), blob.media_type, "2026-01-01Z"))
    with connection.cursor().copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _named(originals: Mapping[str, Sequence[FoundRow]]) -> Iterator[str]:
    for table, columns in BYTES.items():
        for row in originals.get(table, ()):
            yield from (str(row.columns[c]) for c in columns if row.columns[c] is not None)


def _key(key: str, digest: Digest) -> str:
    if not key.startswith("charts/"):
        return object_key(digest)
    head, _, rest = key.rpartition("-")
    return f"{head}-{digest.removeprefix('sha256:')[:12]}.{rest.rpartition('.')[2]}"


def _packed(content: bytes) -> bytes:
    return packed(content, key=".html")
