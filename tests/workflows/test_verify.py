"""Whoever controls the server may change anything: `verify` names what was changed, and where."""
# ruff: noqa: S311, S608 # chance is the same each time; the tests name tables and columns

import random
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg.rows import dict_row, tuple_row
from tests.big_record import enlarge
from tests.homes import copy_home, server_of
from tests.workflows import tampering
from tests.workflows.conftest import FOUR, Home
from tests.workflows.tampering import Database, Tamper, Tamperer

from tapetrail.blobs.directory import DirectoryBlobs
from tapetrail.core.verification.faults import Fault
from tapetrail.core.verification.rows import recomputed
from tapetrail.core.verification.verdict import Verification
from tapetrail.store.found import FoundRecord
from tapetrail.usecases.verify import unseen
from tapetrail.usecases.verifying import Verifier

pytestmark = pytest.mark.service

PASSES: Final = 10
# By table and column: the first or the last row is led to a parent that there is not.
LED_ASTRAY: Final = (
    ("decision_events", "decision_id", "max"),
    ("charts", "decision_id", "max"),
    ("execution_seals", "execution_id", "min"),
)
TAMPERS_A_PASS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A home whose record is changed, verified, and put back."""

    home: Path
    url: str

    @property
    def blobs(self) -> Path:
        return self.home / "blobs"

    @contextmanager
    def changed(self) -> Generator[Database]:
        """Give a superuser's connection without triggers; what it does is undone at the end."""
        with psycopg.Connection[dict[str, Any]].connect(
            self.url, row_factory=dict_row, options="-c timezone=UTC"
        ) as database:
            database.execute("SET session_replication_role = replica")
            yield database
            database.rollback()

    def verified(
        self, database: Database, *, deep: bool = False, only: Sequence[int] = ()
    ) -> Verification:
        """Return what verify says of the record as this connection sees it."""
        database.row_factory = tuple_row  # pyright: ignore[reportAttributeAccessIssue] # as ours are
        verifier = Verifier(
            record=FoundRecord(database),  # pyright: ignore[reportArgumentType] # as above
            blobs=DirectoryBlobs(root=self.blobs),
            watch=unseen,
            is_deep=deep,
        )
        found = verifier.decisions(only) if only else verifier.whole()
        database.row_factory = dict_row
        return found


@pytest.fixture(scope="module")
def subject(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """Give a home with three executions of ten decisions, of which one failed."""
    home = Home(path=tmp_path_factory.mktemp("verified") / "home")
    copy_home(prepared_home, home.path)
    for day in ("2012-08-31", "2012-09-28"):
        assert home.run("run", home.strategy(symbols=FOUR), "--as-of", day).returncode == 0
    failing = home.run("run", home.strategy(symbols="IBM, FB"), "--as-of", "2012-08-03")
    assert failing.returncode == 1, failing.stderr
    with server_of(home.path).hold() as address:
        yield Subject(home=home.path, url=address.libpq_url("postgres"))
    server_of(home.path).stop()


def places(found: Verification) -> set[str]:
    return {fault.place for fault in found.faults}


def one(database: Database, statement: str, *values: object) -> dict[str, Any]:
    (row,) = database.execute(statement.encode(), values).fetchall()
    return row


def test_an_untouched_record_has_no_fault(subject: Subject) -> None:
    with subject.changed() as database:
        found = subject.verified(database, deep=True)
    assert found.faults == ()
    assert (found.executions, found.decisions) == (3, 10)
    assert found.reach == "consistent with itself; compared with no head outside"


def test_a_buy_made_a_sell_with_its_levels_mirrored_is_named_by_its_fields(
    subject: Subject,
) -> None:
    with subject.changed() as database:
        row = one(database, "SELECT * FROM tapetrail.trading_signals"
                  " WHERE signal_type = 'BUY' ORDER BY id LIMIT 1")  # fmt: skip
        database.execute(
            "UPDATE tapetrail.trading_signals SET signal_type = 'SELL', trend = 'bearish',"
            " stop_loss = 2 * entry_price - stop_loss,"
            " target_price = 2 * entry_price - target_price WHERE id = %s", [row["id"]],
        )  # fmt: skip
        found = subject.verified(database)
    assert places(found) == {
        f"trading_signals {row['id']} {name}"
        for name in ("signal_type", "trend", "stop_loss", "target_price")
    }
    stop = next(fault for fault in found.faults if fault.field == "stop_loss")
    assert stop.recorded == f"{row['stop_loss']:f}"


@pytest.mark.parametrize(
    ("table", "column", "change"),
    [
        ("trading_signals", "entry_price", "entry_price + 0.01"),
        ("trading_signals", "confidence", "0.99"),
        ("market_snapshots", "bar_count", "bar_count + 1"),
        ("market_snapshots", "dropped_rows", "dropped_rows + 1"),
        ("charts", "price_current", "price_current + 1"),
        ("charts", "symbol", "'OTHER'"),
        ("llm_analyses", "confidence_score", "0.01"),
        ("decision_events", "actor", "'somebody'"),
        ("execution_events", "actor", "'somebody'"),
        ("decision_events", "at", "at - interval '1 day'"),
        ("decision_seals", "seal_digest", "'sha256:" + "0" * 64 + "'"),
        ("execution_seals", "seal_digest", "'sha256:" + "0" * 64 + "'"),
        ("workflow_executions", "actor", "'somebody'"),
        ("decisions", "run_no", "7"),
        ("instruments", "currency", "'EUR'"),
    ],
)
def test_a_changed_column_is_named_where_it_is(
    subject: Subject, *, table: str, column: str, change: str
) -> None:
    with subject.changed() as database:
        where = "signal_type = 'BUY'" if table == "trading_signals" else "true"
        number = one(database, f"SELECT max(id) AS id FROM tapetrail.{table} WHERE {where}")["id"]
        database.execute(
            f"UPDATE tapetrail.{table} SET {column} = {change} WHERE id = %s".encode(), [number]
        )
        found = subject.verified(database)
    named = {fault.field for fault in found.faults}
    assert {(fault.table, fault.id) for fault in found.faults} == {(table, number)}
    assert named == {column}


def test_a_deleted_analysis_is_named_by_table_and_number(subject: Subject) -> None:
    with subject.changed() as database:
        row = one(database, "DELETE FROM tapetrail.llm_analyses WHERE id = (SELECT min(id)"
                  " FROM tapetrail.llm_analyses) RETURNING id, record_digest")  # fmt: skip
        found = subject.verified(database)
    assert [(f.table, f.id, f.field, f.recorded, f.found) for f in found.faults] == [
        ("llm_analyses", row["id"], "row", row["record_digest"], None)
    ]


@pytest.mark.parametrize("table", ["decisions", "decision_events"])
def test_a_rewritten_failure_reason_is_named(subject: Subject, table: str) -> None:
    failed = {"decisions": "status", "decision_events": "to_status"}[table]
    with subject.changed() as database:
        row = one(database, f"SELECT * FROM tapetrail.{table} WHERE {failed} = 'failed'")
        database.execute(
            f"UPDATE tapetrail.{table} SET error_message = 'market closed' WHERE id = %s".encode(),
            [row["id"]],
        )
        found = subject.verified(database)
    assert f"{table} {row['id']}" in {f"{f.table} {f.id}" for f in found.faults}
    assert {f.table for f in found.faults} == {table}
    if table == "decisions":
        (fault,) = found.faults
        assert (fault.field, fault.recorded) == ("error_message", row["error_message"])


def test_failed_made_completed_is_named(subject: Subject) -> None:
    with subject.changed() as database:
        row = one(database, "UPDATE tapetrail.decisions SET status = 'completed', failed_stage ="
                  " NULL, error_kind = NULL, error_message = NULL WHERE status = 'failed'"
                  " RETURNING id")  # fmt: skip
        found = subject.verified(database)
    assert places(found) == {
        f"decisions {row['id']} {name}"
        for name in ("status", "failed_stage", "error_kind", "error_message")
    }


def test_two_charts_whose_files_changed_places_are_both_named(subject: Subject) -> None:
    with subject.changed() as database:
        rows = database.execute(
            "SELECT b.id, b.key FROM tapetrail.charts c JOIN tapetrail.blobs b"
            " ON b.digest = c.jpeg_digest ORDER BY c.id LIMIT 2"
        ).fetchall()
        paths = [subject.blobs / row["key"] for row in rows]
        contents = [path.read_bytes() for path in paths]
        try:
            for path, content in zip(paths, reversed(contents), strict=True):
                path.write_bytes(content)
            quick, deep = subject.verified(database), subject.verified(database, deep=True)
        finally:
            for path, content in zip(paths, contents, strict=True):
                path.write_bytes(content)
    assert {(f.table, f.id) for f in deep.faults} == {("blobs", row["id"]) for row in rows}
    # Files of other sizes are told apart without a look at their bytes.
    assert len({len(content) for content in contents}) == 2
    assert places(quick) == {f"blobs {row['id']} size" for row in rows}


@pytest.mark.parametrize(
    ("table", "within"), [("decision_seals", "decision"), ("execution_seals", "execution")]
)
def test_a_dropped_seal_is_named(subject: Subject, table: str, within: str) -> None:
    with subject.changed() as database:
        row = one(database, f"DELETE FROM tapetrail.{table} WHERE id ="
                  f" (SELECT max(id) FROM tapetrail.{table}) RETURNING *")  # fmt: skip
        found = subject.verified(database)
    assert [(f.table, f.field, f.within) for f in found.faults] == [
        (table, "row", f"{within} {row[f'{within}_id']}")
    ]


@pytest.mark.parametrize("column", ["jpeg_digest", "bars_digest"])
def test_a_changed_byte_of_a_stored_object_is_named(subject: Subject, column: str) -> None:
    table = {"jpeg_digest": "charts", "bars_digest": "market_snapshots"}[column]
    with subject.changed() as database:
        row = one(database, f"SELECT b.id, b.key, b.digest FROM tapetrail.{table} t"
                  f" JOIN tapetrail.blobs b ON b.digest = t.{column} ORDER BY t.id"
                  " LIMIT 1")  # fmt: skip
        path = subject.blobs / row["key"]
        content = path.read_bytes()
        try:
            path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
            quick, deep = subject.verified(database), subject.verified(database, deep=True)
        finally:
            path.write_bytes(content)
    (fault,) = deep.faults
    assert (fault.place, fault.recorded) == (f"blobs {row['id']} digest", row["digest"])
    assert fault.found is not None
    assert quick.is_sound


def test_a_lost_stored_object_is_named(subject: Subject) -> None:
    with subject.changed() as database:
        row = one(database, "SELECT id, key FROM tapetrail.blobs ORDER BY id LIMIT 1")
        path = subject.blobs / row["key"]
        content = path.read_bytes()
        try:
            path.unlink()
            found = subject.verified(database)
        finally:
            path.write_bytes(content)
    assert [(f.place, f.recorded, f.found) for f in found.faults] == [
        (f"blobs {row['id']} key", row["key"], None)
    ]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("size = size + 1", "size"),
        ("media_type = 'text/html'", "media_type"),
        ("key = 'objects/00/' || repeat('0', 62)", "key"),
        ("digest = 'sha256:' || repeat('0', 64)", "digest"),
    ],
)
def test_a_changed_row_of_a_stored_object_is_named(
    subject: Subject, change: str, name: str
) -> None:
    with subject.changed() as database:
        row = one(database, "SELECT min(b.id) AS id FROM tapetrail.blobs b"
                  " JOIN tapetrail.charts c ON c.jpeg_digest = b.digest")  # fmt: skip
        database.execute(f"UPDATE tapetrail.blobs SET {change} WHERE id = %s".encode(), [row["id"]])
        found = subject.verified(database)
    assert places(found) == {f"blobs {row['id']} {name}"}


def test_a_decision_that_is_gone_whole_is_named_by_its_execution(subject: Subject) -> None:
    with subject.changed() as database:
        tamperer = Tamperer(database=database, blobs=subject.blobs, chance=random.Random(4))
        gone = tamperer.remove_decision()
        found = subject.verified(database)
    (fault,) = found.faults
    (execution,) = gone.executions
    assert (fault.table, fault.field, fault.within) == (
        "decisions",
        "row",
        f"execution {execution}",
    )
    assert fault.recorded is not None
    assert " as of 2012-" in fault.recorded


def test_a_decision_that_is_gone_whole_is_named_beside_a_change_of_its_execution(
    subject: Subject,
) -> None:
    with subject.changed() as database:
        tamperer = Tamperer(database=database, blobs=subject.blobs, chance=random.Random(4))
        (execution,) = tamperer.remove_decision().executions
        database.execute(
            "UPDATE tapetrail.workflow_executions SET created_at = created_at - interval '1 day'"
            " WHERE id = %s",
            [execution],
        )
        found = subject.verified(database)
    assert sorted((fault.table, fault.id, fault.field) for fault in found.faults if fault.id) == [
        ("workflow_executions", execution, "created_at")
    ]
    gone = [fault for fault in found.faults if fault.id is None]
    assert [(f.table, f.field, f.within) for f in gone] == [
        ("decisions", "row", f"execution {execution}")
    ]


def test_a_row_led_to_a_decision_that_there_is_not_is_named_itself(subject: Subject) -> None:
    with subject.changed() as database:
        rows = [
            one(database, f"UPDATE tapetrail.{table} SET {column} = 999 WHERE id ="
                f" (SELECT {which}(id) FROM tapetrail.{table}) RETURNING id")["id"]
            for table, column, which in LED_ASTRAY
        ]  # fmt: skip
        found = subject.verified(database)
    named = zip(LED_ASTRAY, rows, strict=True)
    assert places(found) == {f"{table} {row} {column}" for (table, column, _), row in named}


@pytest.mark.parametrize("column", ["record_digest", "execution_id", "instrument_id", "as_of"])
def test_a_decision_with_another_digest_or_link_is_named_and_none_of_its_rows(
    subject: Subject, column: str
) -> None:
    other = {"as_of": "as_of + interval '1 day'", "record_digest": "'sha256:' || repeat('5', 64)"}
    with subject.changed() as database:
        row = one(database, "SELECT max(id) AS id FROM tapetrail.decisions")
        value = other.get(column, f"(SELECT min({column}) FROM tapetrail.decisions)")
        database.execute(
            f"UPDATE tapetrail.decisions SET {column} = {value} WHERE id = %s".encode(), [row["id"]]
        )
        found = subject.verified(database)
    assert f"decisions {row['id']} {column}" in places(found)
    assert {fault.table for fault in found.faults} == {"decisions"}


def test_an_archived_chart_without_its_event_is_named(subject: Subject) -> None:
    with subject.changed() as database:
        database.execute("UPDATE tapetrail.charts SET status = 'archived' WHERE id = 1")
        found = subject.verified(database)
    (fault,) = found.faults
    assert (fault.place, fault.recorded, fault.found) == ("charts 1 status", "active", "archived")


def test_a_row_that_was_digested_anew_is_named_with_the_digest_that_was_sealed(
    subject: Subject,
) -> None:
    """Whoever knows the format makes a row that holds by itself: the seal tells."""
    with subject.changed() as database:
        number = one(database, "SELECT max(id) AS id FROM tapetrail.charts")["id"]
        database.execute("UPDATE tapetrail.charts SET renderer = 'x' WHERE id = %s", [number])
        database.row_factory = tuple_row  # pyright: ignore[reportAttributeAccessIssue] # as ours
        reading = FoundRecord(database)  # pyright: ignore[reportArgumentType] # as above
        (row,) = reading.rows("charts", by="id", wanted=[number])
        database.row_factory = dict_row
        digest = recomputed(row)
        database.execute("UPDATE tapetrail.charts SET record_digest = %s WHERE id = %s",
                         [digest, number])  # fmt: skip
        found = subject.verified(database)
    assert {(f.table, f.id) for f in found.faults} == {("charts", number)}


def test_some_decisions_are_verified_by_number_and_others_are_not_looked_at(
    subject: Subject,
) -> None:
    with subject.changed() as database:
        database.execute("UPDATE tapetrail.charts SET renderer = 'x' WHERE decision_id = 2")
        assert subject.verified(database, only=[1, 3]).is_sound
        found = subject.verified(database, only=[2, 3])
    assert (found.decisions, found.is_whole) == (2, False)
    assert {f.table for f in found.faults} == {"charts"}


def about(database: Database) -> Mapping[tuple[str, int], set[int]]:
    """Return by table and number the decisions that a row is about."""
    tamperer = Tamperer(database=database, blobs=Path(), chance=random.Random(0))
    return {
        (table, row["id"]): set(tamperer.touches(table, row)[0])
        for table in tampering.CHANGED
        for row in database.execute(f"SELECT * FROM tapetrail.{table}".encode()).fetchall()
    }


def assert_each_is_named(
    tampers: Sequence[Tamper], faults: Sequence[Fault], rows: Mapping[tuple[str, int], set[int]]
) -> None:
    said = "\n".join(map(str, (*tampers, *faults)))
    for tamper in tampers:
        assert any(tampering.names(tamper, fault) for fault in faults), f"{tamper}\n{said}"
    for fault in faults:
        assert any(tampering.follows(tamper, fault, rows) for tamper in tampers), f"{fault}\n{said}"


@pytest.mark.parametrize("seed", range(PASSES))
def test_random_tampers_of_different_decisions_are_each_named_and_nothing_else(
    subject: Subject, seed: int
) -> None:
    chance = random.Random(seed)
    with subject.changed() as database:
        rows = about(database)
        tamperer = Tamperer(database=database, blobs=subject.blobs, chance=chance)
        try:
            done = [tamperer.any() for _ in range(TAMPERS_A_PASS)]
            found = subject.verified(database, deep=True)
        finally:
            tamperer.restore_files()
        assert_each_is_named([each for each in done if each is not None], found.faults, rows)


@pytest.mark.torture
def test_five_hundred_random_tampers_of_a_big_record_are_each_named_and_nothing_else(
    subject: Subject, tmp_path: Path
) -> None:
    home = Home(path=tmp_path / "big")
    server_of(subject.home).stop()
    copy_home(subject.home, home.path)
    with server_of(home.path).hold() as address:
        big = Subject(home=home.path, url=address.libpq_url("postgres"))
        assert enlarge(big.url, big.blobs, decisions=1_000) >= 1_000
        with big.changed() as database:
            assert big.verified(database, deep=True).is_sound
            rows = about(database)
        count, seed = 0, 1_000
        while count < 500:
            seed += 1
            with big.changed() as database:
                tamperer = Tamperer(database=database, blobs=big.blobs, chance=random.Random(seed))
                try:
                    tried = [tamperer.any() for _ in range(25)]
                    found = big.verified(database, deep=True)
                finally:
                    tamperer.restore_files()
                done = [each for each in tried if each is not None]
                assert_each_is_named(done, found.faults, rows)
                count += len(done)
    server_of(home.path).stop()
