"""A record of an older release is upgraded, holds row by row, and goes on."""

import lzma
from pathlib import Path
from typing import Final

import pytest
from tests.workflows import stranger
from tests.workflows.conftest import Home

from tapetrail.store.database import SCHEMA_VERSION
from tapetrail.store.private.server import PrivateServer

pytestmark = pytest.mark.service

# Written by the last release with schema 0008: two decisions on weeks, one of which failed.
OLDER: Final = Path(__file__).parents[1] / "vectors" / "record-of-schema-0008.tar.xz"
SEALS: Final = "SELECT decision_id, seal_digest FROM tapetrail.decision_seals ORDER BY id"
STATUSES: Final = "SELECT symbol, status, error_kind FROM tapetrail.decisions ORDER BY id"
GUARDS: Final = """
SELECT t.tgname, count(*) FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'tapetrail'::regnamespace AND NOT t.tgisinternal GROUP BY 1 ORDER BY 1
"""


def differences(home: Home) -> object:
    with PrivateServer(home=home.path).hold() as address:
        return stranger.differences(address.libpq_url("postgres"), home.path / "blobs")


def test_a_record_of_the_schema_before_is_upgraded_verifies_and_goes_on(
    new_home: Home, tmp_path: Path
) -> None:
    backup = tmp_path / "older.tar"
    backup.write_bytes(lzma.decompress(OLDER.read_bytes()))
    restored = new_home.run("db", "restore", str(backup))
    assert restored.returncode == 0, restored.stderr
    assert new_home.run("db", "upgrade").stdout == f"schema {SCHEMA_VERSION}\n"
    before = new_home.rows(SEALS)
    assert len(before) == 2
    assert differences(new_home) == []
    verified = new_home.run("verify", "--deep")
    assert verified.returncode == 0, verified.stdout
    assert verified.stdout.splitlines()[-1] == (
        "consistent with itself; compared with no head outside; not recorded: what executions were"
        " asked for (1), seals of executions (1), what seals of decisions hashed (2)"
    )
    weekly = "timeframes: [1w]\nbars: {1w: 40}"
    strategy = new_home.strategy("old", symbols="IBM, FB", more=weekly)
    ended = new_home.run("run", strategy, "--as-of", "2012-08-31")
    assert ended.returncode == 1, ended.stderr
    assert new_home.rows(SEALS)[:2] == before
    assert [
        (row["symbol"], row["status"], row["error_kind"]) for row in new_home.rows(STATUSES)
    ] == [
        ("IBM", "completed", None),
        ("FB", "failed", "too_few_bars"),
    ] * 2
    # The same file under the same version: what became younger keys changed no digest.
    assert new_home.rows("SELECT version FROM tapetrail.strategies") == [{"version": 1}]
    assert differences(new_home) == []
    assert new_home.run("verify").returncode == 0
    assert {row["tgname"] for row in new_home.rows(GUARDS)} == {
        "apply",
        "check_row",
        "insert_only",
        "no_truncate",
        "status_only",
    }
