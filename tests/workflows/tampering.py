"""A record is changed by whoever controls the server: at random, one place at a time.

It knows the schema and the docs, and nothing of the verifier: triggers are off, CHECKs stay on.
"""
# ruff: noqa: S608 # tables and columns are named by this module and the record itself

import json
import random
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.types.json import Jsonb

from tapetrail.core.verification.faults import Fault

Row = dict[str, Any]
Database = psycopg.Connection[Row]

# What no other row and no digest says: docs/guarantees.md lists it.
UNPINNED: Final = {("blobs", "first_seen_at")}
OF_DECISION: Final = (
    "market_snapshots", "charts", "llm_analyses", "analysis_charts", "llm_attempts",
    "llm_replies", "trading_signals", "decision_events", "decision_seals",
)  # fmt: skip
OF_EXECUTION: Final = ("execution_events", "execution_seals")
SHARED: Final = ("instruments", "strategies", "runtimes")
CHANGED: Final = (*OF_DECISION, *OF_EXECUTION, *SHARED, "decisions", "workflow_executions", "blobs")
OTHER_DIGEST: Final = "sha256:" + "5" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Tamper:
    """One change: what was done where, and which decisions and executions it touches.

    `id` is None where a whole decision went.
    """

    what: str
    table: str
    id: int | None
    column: str | None = None
    decisions: frozenset[int] = frozenset()
    executions: frozenset[int] = frozenset()
    naming: frozenset[tuple[str, int]] = frozenset()


def names(tamper: Tamper, fault: Fault) -> bool:
    """Return whether a fault says where the tamper is: its row, or where a row is gone, of what."""
    if fault.table != tamper.table:
        return False
    if fault.id is not None or tamper.column is not None:
        return fault.id == tamper.id
    return _belongs(tamper, fault)


def follows(
    tamper: Tamper, fault: Fault, decisions: Mapping[tuple[str, int], AbstractSet[int]]
) -> bool:
    """Return whether a fault is about a decision or an execution that the tamper touches.

    `decisions` says, by table and number, which ones each row was about before.
    """
    if fault.id is None:
        return _belongs(tamper, fault)
    about = decisions.get((fault.table, fault.id), {fault.id} if fault.table == "decisions" else ())
    return names(tamper, fault) or bool(tamper.decisions.intersection(about))


def _belongs(tamper: Tamper, fault: Fault) -> bool:
    what, _, rest = (fault.within or "").partition(" ")
    number = int(rest.split()[0])
    match what:
        case "decision":
            return number in tamper.decisions
        case "execution":
            return number in tamper.executions
        case _:
            return (what, number) in tamper.naming


class Refused(Exception):
    """The database would not have it: a CHECK, or a key that is taken."""


@dataclass(slots=True, kw_only=True)
class Tamperer:
    """Changes a record, each time another decision, within the caller's transaction."""

    database: Database
    blobs: Path
    chance: random.Random
    _touched: set[int] = field(default_factory=set[int])
    _kept: list[tuple[Path, bytes]] = field(default_factory=list[tuple[Path, bytes]])

    def any(self) -> Tamper | None:
        """Do one thing that the database allows, to a decision that nothing was done to yet.

        Returns None where none is left, or chance finds none.
        """
        doing: Sequence[Callable[[], Tamper]] = [
            *[self.change] * 12, *[self.remove] * 4, self.remove_decision,
            *[self.harm_file] * 3, self.swap_files, self.lose_file,
        ]  # fmt: skip
        for _ in range(100):
            try:
                with self.database.transaction():
                    done = self.chance.choice(doing)()
            except (psycopg.IntegrityError, psycopg.DataError, Refused):
                continue
            self._touched |= done.decisions
            return done
        return None

    def restore_files(self) -> None:
        """Put every file back; rows are the caller's to roll back."""
        for path, content in reversed(self._kept):
            path.write_bytes(content)
        self._kept.clear()

    def change(self) -> Tamper:
        """Change one column of one row."""
        table = self.chance.choice(CHANGED)
        row = self._row(table)
        columns = [name for name in row if name != "id" and (table, name) not in UNPINNED]
        column = self.chance.choice(columns)
        value = self._other(table, column, row[column])
        before = self.touches(table, row)
        self._execute(
            f'UPDATE tapetrail.{table} SET "{column}" = %s WHERE id = %s', [value, row["id"]]
        )
        after = self.touches(table, self._only(f"SELECT * FROM tapetrail.{table} WHERE id = %s",
                                                [row["id"]]))  # fmt: skip
        return Tamper(
            what=f"{table} {row['id']} {column}: {row[column]!r:.60} to {value!r:.60}",
            table=table,
            id=row["id"],
            column=column,
            decisions=before[0] | after[0],
            executions=before[1] | after[1],
        )

    def remove(self) -> Tamper:
        """Remove one row."""
        table = self.chance.choice((*OF_DECISION, *OF_EXECUTION, "blobs"))
        row = self._row(table)
        decisions, executions = self.touches(table, row)
        self._execute(f"DELETE FROM tapetrail.{table} WHERE id = %s", [row["id"]])
        naming = self._naming(row["digest"]) if table == "blobs" else frozenset[tuple[str, int]]()
        return Tamper(what=f"{table} {row['id']} removed", table=table, id=row["id"],
                      decisions=decisions, executions=executions, naming=naming)  # fmt: skip

    def remove_decision(self) -> Tamper:
        """Remove a decision with all that hangs on it."""
        row = self._row("decisions")
        for table in reversed(OF_DECISION):
            self._execute(f"DELETE FROM tapetrail.{table} WHERE decision_id = %s", [row["id"]])
        self._execute("DELETE FROM tapetrail.decisions WHERE id = %s", [row["id"]])
        return Tamper(
            what=f"decision {row['id']} gone whole", table="decisions", id=None,
            decisions=frozenset({row["id"]}), executions=frozenset({row["execution_id"]}),
        )  # fmt: skip

    def harm_file(self) -> Tamper:
        """Change one byte of a stored object."""
        row = self._row("blobs")
        path = self.blobs / row["key"]
        content = bytearray(self._keep(path))
        at = self.chance.randrange(len(content))
        content[at] ^= 1 << self.chance.randrange(8)
        if path.suffix == ".html" and at < 10:
            raise Refused("the head of a packed file says when and where, not what")
        path.write_bytes(content)
        return self._of_blob(row, f"byte {at} of {row['key']}")

    def lose_file(self) -> Tamper:
        """Remove the file of a stored object."""
        row = self._row("blobs")
        self._keep(self.blobs / row["key"])
        (self.blobs / row["key"]).unlink()
        return self._of_blob(row, f"file {row['key']} lost")

    def swap_files(self) -> Tamper:
        """Have the files of two images change places; one of them is looked for."""
        one, other = (self._row("blobs") for _ in range(2))
        suffixes = {Path(row["key"]).suffix for row in (one, other)}
        if suffixes != {".jpg"} or one["id"] == other["id"]:
            raise Refused("no two images")
        paths = [self.blobs / row["key"] for row in (one, other)]
        contents = [self._keep(path) for path in paths]
        for path, content in zip(paths, reversed(contents), strict=True):
            path.write_bytes(content)
        touched = self._of_blob(other, "")
        done = self._of_blob(one, f"{one['key']} and {other['key']} swapped")
        return Tamper(what=done.what, table="blobs", id=one["id"],
                      decisions=done.decisions | touched.decisions)  # fmt: skip

    def _keep(self, path: Path) -> bytes:
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise Refused(str(error)) from error
        self._kept.append((path, content))
        return content

    def _of_blob(self, row: Row, what: str) -> Tamper:
        decisions, executions = self.touches("blobs", row)
        return Tamper(what=what, table="blobs", id=row["id"], decisions=decisions,
                      executions=executions, naming=self._naming(row["digest"]))  # fmt: skip

    def _naming(self, digest: str) -> frozenset[tuple[str, int]]:
        """Return the rows that name stored bytes."""
        return frozenset(
            (table, row["id"])
            for table, columns in NAMES_BYTES.items()
            for row in self._rows(
                f"SELECT id FROM tapetrail.{table} WHERE %s IN ({columns})", [digest]
            )
        )

    def _row(self, table: str) -> Row:
        """Return a row of chance that belongs to no decision that was touched."""
        rows = self._rows(f"SELECT * FROM tapetrail.{table} ORDER BY id")
        if not rows:
            raise Refused(f"{table} is empty")
        row = self.chance.choice(rows)
        decisions, _ = self.touches(table, row)
        if not decisions or decisions & self._touched:
            raise Refused("touched before, or named by nothing")
        return row

    def touches(self, table: str, row: Row) -> tuple[frozenset[int], frozenset[int]]:
        """Return the decisions and executions that a row says something about."""
        match table:
            case "decisions":
                decisions = {row["id"]}
            case "workflow_executions":
                decisions = self._decisions("execution_id", row["id"])
            case "execution_events" | "execution_seals":
                decisions = self._decisions("execution_id", row["execution_id"])
            case "instruments":
                decisions = self._decisions("instrument_id", row["id"])
            case "strategies" | "runtimes":
                column = {"strategies": "strategy_id", "runtimes": "runtime_id"}[table]
                decisions = self._ids(
                    "SELECT d.id FROM tapetrail.decisions d JOIN tapetrail.workflow_executions e"
                    f" ON e.id = d.execution_id WHERE e.{column} = %(v)s", row["id"])  # fmt: skip
            case "blobs":
                decisions = self._ids(BLOB_OF, row["digest"])
            case _:
                decisions = {row["decision_id"]}
        executions = {
            found["execution_id"]
            for found in self._rows(
                "SELECT execution_id FROM tapetrail.decisions WHERE id = ANY(%s)", [[*decisions]]
            )
        }
        return frozenset(decisions), frozenset(executions)

    def _other(self, table: str, column: str, value: Any) -> object:
        """Return another value of the same type, often one that stands in another row."""
        if self.chance.random() < 0.4:
            asked = Jsonb(value) if isinstance(value, dict | list) else value
            others = self._rows(
                f'SELECT DISTINCT "{column}" AS v FROM tapetrail.{table}'
                f' WHERE "{column}" IS DISTINCT FROM %s',
                [asked],
            )
            if others:
                found = self.chance.choice(others)["v"]
                return Jsonb(found) if isinstance(found, dict | list) else found
        return self._altered(column, value)

    def _altered(self, column: str, value: Any) -> object:
        match value:
            case None:
                raise Refused("nothing to alter")
            case bool() | str():
                return not value if isinstance(value, bool) else self._altered_text(column, value)
            case int() | Decimal():
                return value + self.chance.choice([1, -1, 1000])
            case date():
                return value + timedelta(days=self.chance.choice([-1, 1, 7]))
            case _:
                return Jsonb(self._altered_document(value))

    def _altered_text(self, column: str, value: str) -> str:
        if column.endswith("digest"):
            return OTHER_DIGEST
        at = self.chance.randrange(len(value) + 1)
        return value[:at] + self.chance.choice("abcxyz0189 ") + value[at:]

    def _altered_document(self, value: object) -> object:
        text = json.dumps(value)
        digits = [at for at, sign in enumerate(text) if sign.isdigit()]
        if not digits:
            return {"added": 1} if isinstance(value, dict) else ["added"]
        at = self.chance.choice(digits)
        changed = text[:at] + str((int(text[at]) + 1) % 10 or 1) + text[at + 1 :]
        return json.loads(changed)

    def _decisions(self, column: str, number: int) -> set[int]:
        asked = f"SELECT id FROM tapetrail.decisions WHERE {column} = %(v)s"
        return self._ids(asked, number)

    def _ids(self, statement: str, value: object) -> set[int]:
        return {row["id"] for row in self._rows(statement, {"v": value})}

    def _only(self, statement: str, values: Sequence[object]) -> Row:
        (row,) = self._rows(statement, values)
        return row

    def _rows(
        self, statement: str, values: Sequence[object] | Mapping[str, object] = ()
    ) -> list[Row]:
        return self.database.execute(statement.encode(), values).fetchall()

    def _execute(self, statement: str, values: Sequence[object]) -> None:
        self.database.execute(statement.encode(), values)


NAMES_BYTES: Final = {
    "market_snapshots": "bars_digest, raw_digest, calendar_digest",
    "charts": "jpeg_digest, html_digest, spec_digest",
    "analysis_charts": "image_digest",
}
BLOB_OF: Final = """
    SELECT decision_id AS id FROM tapetrail.market_snapshots
    WHERE %(v)s IN (bars_digest, raw_digest, calendar_digest)
    UNION SELECT decision_id FROM tapetrail.charts
    WHERE %(v)s IN (jpeg_digest, html_digest, spec_digest)
"""
