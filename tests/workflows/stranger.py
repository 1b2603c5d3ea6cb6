"""Recompute every digest of a TapeTrail record from its database and its blob folder.

Written after docs/record-format.md alone: it imports the standard library, psycopg to read rows,
and nothing of the project.

    python stranger.py "host=... dbname=tapetrail" path/to/blobs

Each line of output names a place where something is not what it was; silence is agreement.
"""

import gzip
import hashlib
import json
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

Row = dict[str, Any]
Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | Decimal | None"

LONG_TEXTS = {"prompt_text", "response_text", "reasoning", "error_message", "text"}
NOT_IN_DIGEST: Mapping[str, set[str]] = {
    "workflow_executions": {"status", "started_at", "completed_at", "error"},
    "decisions": {"status", "failed_stage", "error_kind", "error_message", "provenance"},
    "charts": {"status", "provenance"},
    "llm_analyses": {"provenance"},
    "trading_signals": {"provenance"},
}
REFERENCES: Mapping[str, str] = {
    "analysis_id": "llm_analyses",
    "attempt_id": "llm_attempts",
    "chart_id": "charts",
    "decision_id": "decisions",
    "derived_from": "market_snapshots",
    "execution_id": "workflow_executions",
    "instrument_id": "instruments",
    "llm_analysis_id": "llm_analyses",
    "portfolio_id": "decisions",
    "prompt_template_id": "prompt_templates",
    "read_analysis_id": "llm_analyses",
    "read_chart_id": "charts",
    "read_input_id": "decision_inputs",
    "replay_of": "decisions",
    "runtime_id": "runtimes",
    "signal_id": "trading_signals",
    "snapshot_id": "market_snapshots",
    "strategy_id": "strategies",
}
NOT_IN_BLOBS = {"record_digest", "seal_digest", "body_digest", "lock_digest"}
SEALED = (
    "market_snapshots",
    "second_opinions",
    "charts",
    "llm_analyses",
    "analysis_charts",
    "llm_attempts",
    "llm_replies",
    "decision_inputs",
    "analysis_inputs",
    "trading_signals",
    "signal_inputs",
)


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def canonical(value: Json) -> bytes:
    """Return RFC 8785 of a value without floats; keys sort by their UTF-16 code units."""
    return _text(value).encode()


def _text(value: Json) -> str:
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{_text(key)}:{_text(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def decimal(number: Decimal) -> str:
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def member(name: str, value: Any) -> Json:
    """Return how a column's value stands in its row's object."""
    match value:
        case str() if name in LONG_TEXTS:
            return digest(value.encode())
        case Decimal():
            return decimal(value)
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        case date():
            return value.isoformat()
        case _:
            # Numbers inside JSON become text; a column that is a number stays one.
            return value if isinstance(value, int) else within_json(value)


def within_json(value: Json) -> Json:
    match value:
        case dict():
            return {key: within_json(item) for key, item in value.items()}
        case list():
            return [within_json(item) for item in value]
        case bool():
            return value
        case int() | Decimal():
            return decimal(Decimal(value))
        case _:
            return value


class Record:
    """All rows of a record, and what they refer to."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        set_json_loads(lambda data: json.loads(data, parse_float=Decimal), connection)
        self._connection = connection
        names = self._read(
            "SELECT table_name AS name FROM information_schema.tables"
            " WHERE table_schema = 'tapetrail' AND table_name NOT IN"
            " ('alembic_version', 'budget_counts', 'budget_reservations', 'provider_flow',"
            " 'recording_leases')"
            " ORDER BY 1"
        )
        self.tables = {row["name"]: self._read(f'TABLE tapetrail."{row["name"]}"') for row in names}
        self._digests = {
            (name, row["id"]): row["record_digest"]
            for name, rows in self.tables.items()
            if name != "blobs"
            for row in rows
        }

    def _read(self, statement: str) -> list[Row]:
        return self._connection.execute(statement.encode()).fetchall()

    def record_digest(self, table: str, row: Row) -> str:
        document: Row = {"format": 1, "table": table}
        left_out = {"id", "record_digest"} | NOT_IN_DIGEST.get(table, set())
        for column, value in row.items():
            if value is None or column in left_out:
                continue
            if column in REFERENCES:
                target = self._digests.get((REFERENCES[column], value))
                document[column.removesuffix("_id")] = target
            else:
                document[column] = member(column, value)
        return digest(canonical(document))

    def digest_of(self, table: str, number: int) -> str | None:
        return self._digests.get((table, number))

    def of(self, table: str, column: str, number: int) -> list[Row]:
        """Return the rows of a table that belong to a row, by id."""
        found = [row for row in self.tables[table] if row[column] == number]
        return sorted(found, key=lambda row: row["id"])

    def digests(self, table: str, column: str, number: int) -> list[Json]:
        return [row["record_digest"] for row in self.of(table, column, number)]

    def execution_document(self, execution: Row) -> Json:
        number = execution["id"]
        decisions: list[Json] = [
            {
                "decision": decision["record_digest"],
                "events": self.digests("decision_events", "decision_id", decision["id"]),
                "seal": self.digests("decision_seals", "decision_id", decision["id"])[0],
            }
            for decision in self.of("decisions", "execution_id", number)
        ]
        return {
            "format": 1,
            "table": "execution_seals",
            "execution": execution["record_digest"],
            "events": self.digests("execution_events", "execution_id", number),
            "decisions": decisions,
        }

    def seal_document(self, decision: Row) -> list[Json]:
        parts: list[Json] = [decision["record_digest"]]
        for table in SEALED:
            parts += self.digests(table, "decision_id", decision["id"])
        end: Row = {"format": 1, "table": "decisions", "status": decision["status"]}
        for column in ("failed_stage", "error_kind", "error_message"):
            if decision[column] is not None:
                end[column] = member(column, decision[column])
        return [*parts, end]


def differing_rows(record: Record) -> Iterator[str]:
    for table, rows in record.tables.items():
        for row in rows if table != "blobs" else ():
            if record.record_digest(table, row) != row["record_digest"]:
                yield f"{table} {row['id']}: record_digest"
    for row in record.tables["strategies"]:
        if digest(canonical(row["spec"])) != row["spec_digest"]:
            yield f"strategies {row['id']}: spec_digest"


def differing_seals(record: Record) -> Iterator[str]:
    seals = Counter(row["decision_id"] for row in record.tables["decision_seals"])
    sealed = {row["decision_id"]: row for row in record.tables["decision_seals"]}
    for decision in record.tables["decisions"]:
        number, has_ended = decision["id"], decision["status"] not in {"pending", "running"}
        if seals[number] != has_ended:
            yield f"decisions {number}: {seals[number]} seals"
        elif has_ended:
            document, seal = record.seal_document(decision), sealed[number]
            # Older releases kept the digest alone.
            if digest(canonical(document)) != seal["seal_digest"] or (
                seal["seal_document"] not in (None, document)
            ):
                yield f"decisions {number}: seal_digest"


def differing_execution_seals(record: Record) -> Iterator[str]:
    seals = {row["execution_id"]: row for row in record.tables["execution_seals"]}
    for execution in record.tables["workflow_executions"]:
        number, asked = execution["id"], execution["config"].get("instruments")
        has_ended = execution["completed_at"] is not None
        if number not in seals:
            # Older releases recorded neither what was asked for nor a seal.
            if has_ended and asked is not None:
                yield f"workflow_executions {number}: no seal"
            continue
        document = record.execution_document(execution)
        if (document, digest(canonical(document))) != (
            seals[number]["seal_document"],
            seals[number]["seal_digest"],
        ):
            yield f"workflow_executions {number}: seal_digest"


def differing_requests(record: Record) -> Iterator[str]:
    for execution in record.tables["workflow_executions"]:
        asked = execution["config"].get("instruments")
        there = [
            {"instrument": record.digest_of("instruments", row["instrument_id"]),
             "as_of": member("as_of", row["as_of"])}
            for row in record.of("decisions", "execution_id", execution["id"])
        ]  # fmt: skip
        if asked is not None and asked != there:
            yield f"workflow_executions {execution['id']}: other decisions than it asked for"


def unpacked(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix != ".html":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error):
        return b"damaged"


def differing_blobs(record: Record, folder: Path) -> Iterator[str]:
    known = {row["digest"] for row in record.tables["blobs"]}
    for row in record.tables["blobs"]:
        path = folder / row["key"]
        content = unpacked(path) if path.is_file() else None
        if content is None:
            yield f"blob {row['key']}: missing"
        elif (digest(content), len(content)) != (row["digest"], row["size"]):
            yield f"blob {row['key']}: digest"
    for table, rows in record.tables.items():
        for row in rows if table != "strategies" else ():
            for column in row:
                named = column.endswith("_digest") and column not in NOT_IN_BLOBS
                if named and row[column] is not None and row[column] not in known:
                    yield f"{table} {row['id']}: {column} names no blob"


def differences(address: str, folder: Path) -> list[str]:
    with psycopg.Connection[Row].connect(address, row_factory=dict_row) as connection:
        connection.execute("SET timezone TO 'UTC'")
        record = Record(connection)
    return [
        *differing_rows(record),
        *differing_seals(record),
        *differing_execution_seals(record),
        *differing_requests(record),
        *differing_blobs(record, folder),
    ]


def main(words: Sequence[str], say: Callable[[str], object] = print) -> int:
    address, folder = words
    found = differences(address, Path(folder))
    for line in found:
        say(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
