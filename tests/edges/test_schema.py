"""The schema as PostgreSQL's own catalog tells it."""

from collections.abc import Mapping
from dataclasses import replace
from threading import Thread
from typing import Final, LiteralString

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, NullPool, Table, create_engine, text
from sqlalchemy.exc import ProgrammingError
from tests.edges.conftest import Connect
from tests.edges.rows import WORK
from tests.homes import of_any_role

from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.core.records.base import Stored, record_fields
from tapetrail.core.records.kinds import RECORDS
from tapetrail.store import migrate
from tapetrail.store.private.server import ServerAddress
from tapetrail.store.tables.schema import (
    DERIVED_COLUMNS,
    RECORDED_COLUMNS,
    REFERENCES,
    STATUS_CACHES,
    metadata,
)

pytestmark = pytest.mark.service

TABLES: Final = sorted(table.name for table in metadata.tables.values())
SENT: Final = (
    "workflow_executions",
    "decisions",
    "market_snapshots",
    "charts",
    "llm_analyses",
    "llm_attempts",
    "decision_inputs",
    "trading_signals",
    "order_events",
    "notes",
)
"""The tables whose rows others may have sent, each under an id of its own."""
NO_RECORDS: Final = ("alembic_version", *WORK)

COLUMNS: Final = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           a.attidentity::text, pg_get_expr(d.adbin, d.adrelid), l.collname
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
    WHERE c.relnamespace = 'tapetrail'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
      AND c.relname <> ALL (:no_records)
    ORDER BY c.relname, a.attnum
"""
CONSTRAINTS: Final = """
    SELECT conrelid::regclass::text, conname, contype::text, convalidated,
           pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE connamespace = 'tapetrail'::regnamespace AND contype <> 'n'
      AND (SELECT relname FROM pg_class WHERE pg_class.oid = conrelid) <> ALL (:no_records)
    ORDER BY 1, 2
"""
INDEXES: Final = """
    SELECT tablename, indexname, indexdef FROM pg_indexes
    WHERE schemaname = 'tapetrail' AND tablename <> ALL (:no_records) ORDER BY 1, 2
"""


def read(connection: Connection, statement: LiteralString) -> list[tuple[object, ...]]:
    """Return what a statement finds; `:no_records` in it are the tables that hold no record."""
    about_all = ":no_records" in statement
    values = {"no_records": [*NO_RECORDS]} if about_all else {}
    return [tuple(row) for row in connection.execute(text(statement), values)]


def read_as_superuser(
    database: ServerAddress, statement: LiteralString
) -> list[tuple[object, ...]]:
    engine = create_engine(database.url("postgres"), poolclass=NullPool)
    with engine.connect() as connection:
        return read(connection, statement)


def is_ours(name: str | None, kind: str, _parents: Mapping[str, str | None]) -> bool:
    return name == "tapetrail" if kind == "schema" else name not in NO_RECORDS


@pytest.mark.parametrize(
    "question", [COLUMNS, CONSTRAINTS, INDEXES], ids=["columns", "constraints", "indexes"]
)
def test_models_and_migrations_make_the_same_schema(
    empty_database: ServerAddress, shared_database: ServerAddress, question: LiteralString
):
    engine = create_engine(empty_database.url("postgres"), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA tapetrail"))
        metadata.create_all(connection)
    modelled = read_as_superuser(empty_database, question)
    assert len(modelled) > 50
    # A column that came later stands last where it was added.
    assert set(modelled) == set(read_as_superuser(shared_database, question))


def test_alembic_finds_nothing_to_migrate(connect: Connect):
    with connect("postgres") as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table_schema": "tapetrail",
                "include_schemas": True,
                "compare_server_default": True,
                "include_name": is_ours,
            },
        )
        assert compare_metadata(context, metadata) == []


def test_every_record_table_has_the_guards(connect: Connect):
    with connect("postgres") as connection:
        found = read(
            connection,
            """
            SELECT c.relname, t.tgname,
                   (t.tgtype & 1) > 0 AS each_row, (t.tgtype & 2) > 0 AS before,
                   (t.tgtype & 8) > 0 AS deletes, (t.tgtype & 16) > 0 AS updates,
                   (t.tgtype & 32) > 0 AS truncates
            FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
            WHERE c.relnamespace = 'tapetrail'::regnamespace AND NOT t.tgisinternal
              AND t.tgenabled = 'O' AND t.tgname IN ('insert_only', 'status_only', 'no_truncate')
            """,
        )
    for table in TABLES:
        guards = [row[2:] for row in found if row[0] == table]
        assert (False, True, False, False, True) in guards
        deletes = [guard for guard in guards if guard[:3] == (True, True, True)]
        updates = [guard for guard in guards if guard[:2] == (True, True) and guard[3]]
        assert deletes
        assert updates


def test_statuses_change_in_one_way_each(connect: Connect):
    with connect("postgres") as connection:
        found = read(
            connection,
            """
            SELECT c.relname, p.proname, p.prosecdef, p.proconfig
            FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
            JOIN pg_proc p ON p.oid = t.tgfoid
            WHERE t.tgname = 'apply' AND t.tgenabled = 'O' ORDER BY 1
            """,
        )
    fixed = ['search_path=""']
    assert found == [
        ("chart_archivals", "apply_chart_archival", True, fixed),
        ("decision_events", "apply_decision_event", True, fixed),
        ("execution_events", "apply_execution_event", True, fixed),
    ]


def test_each_role_has_exactly_its_privileges(connect: Connect):
    with connect("postgres") as connection:
        found = read(
            connection,
            """
            SELECT c.relname, a.grantee::regrole::text, a.privilege_type
            FROM pg_class c, aclexplode(c.relacl) a
            WHERE c.relnamespace = 'tapetrail'::regnamespace AND c.relkind IN ('r', 'S', 'v')
              AND a.grantee::regrole::text <> 'tapetrail_owner'
            """,
        )
    expected = {
        *((table, "tapetrail_app", "SELECT") for table in [*TABLES, *NO_RECORDS]),
        *((table, "tapetrail_app", "INSERT") for table in [*TABLES, *WORK]),
        *((table, "tapetrail_app", "UPDATE") for table in WORK),
        ("recording_leases", "tapetrail_app", "DELETE"),
        *((table, "tapetrail_reader", "SELECT") for table in [*TABLES, *NO_RECORDS]),
    }
    assert set(found) == expected


def test_the_public_has_no_way_in(connect: Connect):
    with connect("postgres") as connection:
        found = read(
            connection,
            """
            SELECT 'schema', nspname FROM pg_namespace, aclexplode(nspacl) a
            WHERE nspname = 'tapetrail' AND a.grantee = 0
            UNION ALL
            SELECT 'function', proname FROM pg_proc p,
                aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
            WHERE p.pronamespace = 'tapetrail'::regnamespace AND a.grantee = 0
            """,
        )
    assert found == []


def test_tables_belong_to_the_owner_and_the_schema_does_not(connect: Connect):
    with connect("postgres") as connection:
        owners = read(
            connection,
            """
            SELECT DISTINCT relowner::regrole::text FROM pg_class
            WHERE relnamespace = 'tapetrail'::regnamespace
            UNION SELECT DISTINCT proowner::regrole::text FROM pg_proc
            WHERE pronamespace = 'tapetrail'::regnamespace
            """,
        )
        schema = read(
            connection,
            "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'tapetrail'",
        )
    assert owners == [("tapetrail_owner",)]
    assert schema == [("postgres",)]


def test_every_foreign_key_column_is_indexed(connect: Connect):
    with connect("postgres") as connection:
        missing = read(
            connection,
            """
            SELECT f.conrelid::regclass::text, a.attname
            FROM pg_constraint f, unnest(f.conkey) AS key
            JOIN pg_attribute a ON a.attnum = key
            WHERE f.contype = 'f' AND f.connamespace = 'tapetrail'::regnamespace
              AND a.attrelid = f.conrelid
              AND a.attname <> 'symbol'  -- led by its instrument, and listed with ids
              AND NOT EXISTS (
                SELECT FROM pg_index i
                WHERE i.indrelid = f.conrelid AND i.indkey[0] = key AND i.indisvalid
                  AND (i.indpred IS NULL
                       OR pg_get_expr(i.indpred, i.indrelid) = '(' || a.attname || ' IS NOT NULL)')
              )
            """,
        )
    assert missing == []


def test_every_reference_is_checked_and_every_digest_of_bytes_names_a_blob(connect: Connect):
    with connect("postgres") as connection:
        found = read(
            connection,
            """
            SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE c.relnamespace = 'tapetrail'::regnamespace AND c.relkind = 'r'
              AND (a.attname LIKE '%\\_id' OR a.attname LIKE '%\\_digest')
              AND NOT EXISTS (
                SELECT FROM pg_constraint f
                WHERE f.contype = 'f' AND f.conrelid = c.oid AND a.attnum = ANY (f.conkey)
                  AND f.convalidated
              )
            """,
        )
    # Names that others gave, and digests of what the row itself or the release holds.
    assert {row for row in found if row[1] != "record_digest"} == {
        ("workflow_executions", "workflow_id"),
        ("llm_replies", "provider_request_id"),
        ("order_events", "client_order_id"),
        ("order_events", "broker_order_id"),
        ("api_keys", "secret_digest"),
        *((table, "external_id") for table in SENT),
        ("strategies", "spec_digest"),
        ("prompt_templates", "body_digest"),
        ("runtimes", "lock_digest"),
        ("decision_seals", "seal_digest"),
        ("execution_seals", "seal_digest"),
    }


def test_every_constraint_is_named_for_what_it_is(connect: Connect):
    with connect("postgres") as connection:
        found = read(connection, CONSTRAINTS)
    kinds = {"p": "pk", "u": "uq", "f": "fk", "c": "ck"}
    for table, name, kind, validated, _ in found:
        assert str(name).startswith(f"{kinds[str(kind)]}_{str(table).removeprefix('tapetrail.')}")
        assert len(str(name)) < 63
        assert validated


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=str)
def test_every_table_is_of_plain_types_and_counts_its_own_ids(table: Table, connect: Connect):
    with connect("postgres") as connection:
        columns = [row[1:] for row in read(connection, COLUMNS) if row[0] == table.name]
    allowed = {
        "bigint",
        "boolean",
        "date",
        "jsonb",
        "numeric",
        "text",
        "timestamp with time zone",
    }
    assert {column[1] for column in columns} <= allowed
    assert columns[0][:4] == ("id", "bigint", True, "a")
    assert ("record_digest" in {column[0] for column in columns}) == (table.name != "blobs")


def test_caches_and_copies_are_outside_the_digest():
    assert {name: set(found) for name, found in STATUS_CACHES.items() if found} == {
        "workflow_executions": {"status", "started_at", "completed_at", "error"},
        "decisions": {"status", "failed_stage", "error_kind", "error_message"},
        "charts": {"status"},
    }
    assert {name: set(found) for name, found in DERIVED_COLUMNS.items() if found} == {
        "decisions": {"provenance"},
        "charts": {"provenance"},
        "llm_analyses": {"provenance"},
        "trading_signals": {"provenance"},
    }
    assert "provenance" in RECORDED_COLUMNS["workflow_executions"]
    assert "blobs" not in RECORDED_COLUMNS


def test_references_name_the_table_whose_row_is_meant():
    assert REFERENCES["trading_signals"] == {
        "execution_id": "workflow_executions",
        "decision_id": "decisions",
        "chart_id": "charts",
        "llm_analysis_id": "llm_analyses",
        "strategy_id": "strategies",
    }
    assert REFERENCES["market_snapshots"]["derived_from"] == "market_snapshots"
    assert REFERENCES["decisions"]["replay_of"] == "decisions"


@pytest.mark.parametrize("table", sorted(RECORDED_COLUMNS))
def test_every_column_is_a_field_of_its_record_and_so_under_its_digest(table: str):
    kinds = [kind for kind in RECORDS if table == kind.TABLE]
    fields = {field.column for kind in kinds for field in record_fields(kind)}
    assert fields == set(RECORDED_COLUMNS[table])


@pytest.mark.parametrize("table", sorted(RECORDED_COLUMNS))
def test_a_column_may_be_null_only_where_one_kind_of_record_may_lack_it(table: str):
    kinds = [kind for kind in RECORDS if table == kind.TABLE]
    stated = [
        {field.column for field in record_fields(kind) if not field.is_nullable} for kind in kinds
    ]
    needed = stated[0].intersection(*stated)
    columns = metadata.tables[f"tapetrail.{table}"].c
    assert {name for name in RECORDED_COLUMNS[table] if not columns[name].nullable} == needed


def test_references_are_the_stored_fields_of_the_records():
    found = {
        kind.TABLE: {f.column for f in record_fields(kind) if f.kind is Stored} for kind in RECORDS
    }
    assert found == {name: set(REFERENCES[name]) & set(RECORDED_COLUMNS[name]) for name in found}


def test_an_upgrade_brings_any_database_to_the_head(empty_database: ServerAddress):
    url = empty_database.url("postgres")
    assert migrate.current(url) is None
    migrate.upgrade(url)
    assert migrate.current(url) == migrate.head()
    migrate.upgrade(url)
    assert migrate.current(empty_database.url("tapetrail_app")) == migrate.head()


def test_two_processes_may_upgrade_at_once(empty_database: ServerAddress):
    url = empty_database.url("postgres")
    threads = [Thread(target=migrate.upgrade, args=(url,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert migrate.current(url) == migrate.head()


@of_any_role()
def test_whoever_may_create_roles_and_schemas_may_upgrade(empty_database: ServerAddress):
    engine = create_engine(empty_database.url("postgres"), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE ROLE creator LOGIN CREATEROLE"))
        for role in ("tapetrail_owner", "tapetrail_app", "tapetrail_reader"):
            connection.execute(text(f"GRANT {role} TO creator WITH ADMIN OPTION"))
        connection.execute(text(f"GRANT CREATE ON DATABASE {empty_database.database} TO creator"))
    migrate.upgrade(empty_database.url("creator"))
    assert migrate.current(empty_database.url("creator")) == migrate.head()


@pytest.mark.parametrize("version", ["9999", "0007"])
def test_a_database_of_another_time_is_left_alone(database: ServerAddress, version: str):
    engine = create_engine(database.url("postgres"), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE tapetrail.alembic_version SET version_num = :version"),
            {"version": version},
        )
    with pytest.raises(InvalidInput, match=f"at version {version}; this release knows 0008 to"):
        migrate.upgrade(database.url("postgres"))


def test_an_upgrade_that_fails_leaves_nothing_behind(empty_database: ServerAddress):
    engine = create_engine(empty_database.url("postgres"), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA tapetrail"))
        connection.execute(text("CREATE TABLE tapetrail.charts (id bigint)"))
    with pytest.raises(ProgrammingError, match="already exists"):
        migrate.upgrade(empty_database.url("postgres"))
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'tapetrail'"
    assert read_as_superuser(empty_database, tables) == [("charts",)]
    assert migrate.current(empty_database.url("postgres")) is None


def test_a_server_that_is_not_there_is_named(server: ServerAddress):
    gone = replace(server, database="never_made")
    with pytest.raises(EdgeFailure, match="never_made"):
        migrate.current(gone.url("postgres"))


def test_an_upgrade_gives_up_on_a_lock_that_others_hold(database: ServerAddress):
    engine = create_engine(database.url("postgres"), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE tapetrail.alembic_version"))
        with pytest.raises(EdgeFailure, match="lock timeout"):
            migrate.upgrade(database.url("postgres"), lock_timeout_s=0.01)


def test_the_application_cannot_upgrade(empty_database: ServerAddress):
    with pytest.raises(InvalidInput, match="permission denied"):
        migrate.upgrade(empty_database.url("tapetrail_app"))
