"""A record on a PostgreSQL server of others: whose roles it uses, and what stands before it."""

import csv
import io
import json
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from tests.postgres_server import Cluster, running_cluster, running_pool
from tests.s3_server import S3Server
from tests.workflows.conftest import Home

from tapetrail.store import dumps, found
from tapetrail.store.connections import connect
from tapetrail.store.private.binaries import find_bin_dir
from tapetrail.store.session import open_engine

pytestmark = pytest.mark.service

SHOWN = "symbol,timeframe,bars_digest"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home without a server of its own."""
    path = tmp_path / "elsewhere" / "home"
    path.parent.mkdir()
    return Home(path=path)


def rows(url: str, statement: str) -> Sequence[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode()).fetchall()


def columns(home: Home, listed: str, names: str, **environment: str) -> list[tuple[str, ...]]:
    out = home.run(listed, "--all", "--columns", names, "--csv", **environment).stdout
    return sorted(tuple(row.values()) for row in csv.DictReader(io.StringIO(out)))


def test_a_record_on_a_server_and_in_a_bucket_is_the_same_as_at_home(
    *, home: Home, new_home: Home, cluster: Cluster, s3: S3Server
) -> None:
    url = cluster.new_customer("same", "CREATEROLE")
    there = {"TAPETRAIL_DATABASE_URL": url, **s3.environment(s3.new_bucket())}
    assert home.run("db", "upgrade", **there).stdout.startswith("schema ")
    strategy = home.strategy(symbols="AAPL, MSFT", more="timeframes: [1d, 1w]")
    ran = home.run("run", strategy, "--as-of", "2012-08-31", **there)
    assert ran.returncode == 0, ran.stderr
    assert new_home.run("run", strategy, "--as-of", "2012-08-31").returncode == 0
    assert columns(home, "snapshots", SHOWN, **there) == columns(new_home, "snapshots", SHOWN)
    digests = "SELECT jpeg_digest, html_digest, spec_digest FROM tapetrail.charts ORDER BY 1"
    ours = new_home.rows(digests)
    assert rows(cluster.url("same"), digests) == [tuple(row.values()) for row in ours]
    verified = home.run("verify", "--deep", **there)
    assert verified.returncode == 0, verified.stdout
    assert not home.path.joinpath("postgres").exists()
    assert not home.path.joinpath("blobs").exists()
    found = {
        row["name"]: row for row in json.loads(home.run("doctor", "--json", **there).stdout)["data"]
    }
    assert found["server"]["found"] == "connects as same, works as tapetrail_same_app"
    assert found["pool"]["level"] == found["tls"]["level"] == found["blobs"]["level"] == "ok"
    assert found["database"]["found"].startswith("PostgreSQL 15.")


def test_two_records_of_one_server_have_owners_of_their_own_and_work_side_by_side(
    tmp_path: Path, cluster: Cluster
) -> None:
    side_by_side(tmp_path, cluster)


@pytest.mark.torture
def test_so_they_do_on_the_newest_server(tmp_path: Path) -> None:
    with running_cluster(find_bin_dir(None)) as newest:
        side_by_side(tmp_path, newest)


def side_by_side(tmp_path: Path, cluster: Cluster) -> None:
    """Have two users without rights of an administrator make a record each, and work at once."""
    first, second = cluster.new_customer("first", "CREATEROLE"), cluster.new_customer("second")
    homes = [Home(path=tmp_path / name / "home") for name in ("first", "second")]
    environments = [{"TAPETRAIL_DATABASE_URL": url} for url in (first, second)]
    for made in homes:
        made.path.parent.mkdir(parents=True)
    upgrade = ("db", "upgrade", "--owner", "trail_keeper", "--no-create-roles")
    refused = homes[1].run(*upgrade, **environments[1])
    assert refused.returncode == 2
    statements = [line.strip() for line in refused.stderr.splitlines() if line.endswith(";")]
    assert statements[0] == 'CREATE ROLE "trail_keeper" LOGIN;'
    assert statements[-1].startswith('GRANT "trail_keeper", "tapetrail_second_app"')
    cluster.execute(*statements)
    # Who could create them does not, where that is asked for.
    held = homes[0].run("db", "upgrade", "--no-create-roles", **environments[0])
    assert (held.returncode, "there are no roles" in held.stderr) == (2, True)
    done = [homes[0].run("db", "upgrade", **environments[0])]
    done.append(homes[1].run(*upgrade, **environments[1]))
    assert [each.returncode for each in done] == [0, 0], [each.stderr for each in done]
    with ThreadPoolExecutor(2) as pool:
        runs = [
            pool.submit(made.run, *made.asked(), **environment)
            for made, environment in zip(homes, environments, strict=True)
        ]
    assert [run.result().returncode for run in runs] == [0, 0], [r.result().stderr for r in runs]
    for made, environment in zip(homes, environments, strict=True):
        assert made.run("verify", **environment).returncode == 0
        assert len(columns(made, "decisions", "id", **environment)) == 2
        # Again, with what is written down, and by nobody who could create a role.
        assert made.run("db", "upgrade", "--no-create-roles", **environment).returncode == 0
    owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'decisions'"
    assert rows(second, owner) == [("trail_keeper",)]
    assert rows(first, owner) == [("tapetrail_first_owner",)]
    other = homes[0].run("db", "upgrade", "--app", "somebody", **environments[0])
    assert (other.returncode, "and stay" in other.stderr) == (2, True)
    own = homes[1].run("db", "url", "--role", "owner", **environments[1])
    assert own.stdout.strip() == second
    app = homes[1].run("db", "url", "--role", "app", **environments[1]).stdout.strip()
    with psycopg.connect(app) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("tapetrail_second_app",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE tapetrail.decisions SET symbol = 'X'")


@pytest.fixture
def trail(cluster: Cluster) -> Generator[str]:
    """A database `trail` of a user of that name, gone after the test."""
    yield cluster.new_customer("trail", "CREATEROLE")
    cluster.execute(
        "DROP DATABASE trail WITH (FORCE)",
        "DROP ROLE tapetrail_trail_owner, tapetrail_trail_app, tapetrail_trail_reader, trail",
    )


def test_a_pool_by_transactions_is_refused_by_name_and_one_by_sessions_works(
    home: Home, cluster: Cluster, trail: str
) -> None:
    with running_pool(cluster, "transaction") as port:
        pooled = {"TAPETRAIL_DATABASE_URL": cluster.url("trail", "trail", port=port)}
        refused = home.run("db", "upgrade", **pooled)
        assert refused.returncode == 2
        assert "a pool by transactions" in refused.stderr
        assert home.run("db", "upgrade", TAPETRAIL_DATABASE_URL=trail).returncode == 0
        for words in (home.asked(), ("worker", "--until-empty")):
            ended = home.run(*words, **pooled)
            assert ended.returncode == 2, ended.stderr
            assert "a pool by transactions" in ended.stderr
        found = json.loads(home.run("doctor", "--json", **pooled).stdout)["data"]
        (pool,) = [row for row in found if row["name"] == "pool"]
        assert (pool["level"], "pool by transactions" in pool["found"]) == ("fail", True)
    with running_pool(cluster, "session") as port:
        pooled = {"TAPETRAIL_DATABASE_URL": cluster.url("trail", "trail", port=port)}
        ended = home.run(*home.asked(), **pooled)
        assert ended.returncode == 0, ended.stderr
        assert home.run("verify", "--deep", **pooled).returncode == 0


def test_a_limit_on_statements_holds_back_neither_upgrade_nor_verify(
    home: Home, cluster: Cluster, trail: str
) -> None:
    there = {"TAPETRAIL_DATABASE_URL": trail}
    cluster.execute("ALTER ROLE trail SET statement_timeout = '5ms'")
    assert home.run("db", "upgrade", **there).returncode == 0
    cluster.execute("ALTER ROLE trail SET statement_timeout = '2s'")
    assert home.run(*home.asked(), **there).returncode == 0
    assert home.run("verify", "--deep", **there).returncode == 0
    url = trail.replace("postgresql:", "postgresql+psycopg:")
    with connect(url) as connection, found.snapshot(connection):
        assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)
    engine = open_engine(url)
    with dumps.snapshot(engine) as seen:
        assert seen.rows()["decisions"] == 2
    engine.dispose()


def test_who_may_only_add_rows_runs_and_who_may_only_read_reads(
    home: Home, cluster: Cluster, trail: str
) -> None:
    assert home.run("db", "upgrade", TAPETRAIL_DATABASE_URL=trail).returncode == 0
    cluster.execute(
        "ALTER ROLE tapetrail_trail_app PASSWORD 'of-tests'",
        "ALTER ROLE tapetrail_trail_reader PASSWORD 'of-tests'",
    )
    app = {"TAPETRAIL_DATABASE_URL": cluster.url("trail", "tapetrail_trail_app")}
    assert home.run(*home.asked(), **app).returncode == 0
    assert len(columns(home, "decisions", "id", **app)) == 2
    reader = {"TAPETRAIL_DATABASE_URL": cluster.url("trail", "tapetrail_trail_reader")}
    assert len(columns(home, "decisions", "id", **reader)) == 2
    assert home.run("doctor", **reader).returncode == 1
    assert "a defect" not in home.run("doctor", **reader).stderr
    for name in ("app", "owner"):
        url = home.run("db", "url", "--role", name, **reader)
        assert (url.returncode, "may not act as tapetrail_trail_" in url.stderr) == (5, True)
    cluster.execute("CREATE ROLE nobody_here LOGIN PASSWORD 'of-tests'")
    nobody = {"TAPETRAIL_DATABASE_URL": cluster.url("trail", "nobody_here")}
    for words in (("status",), home.asked()):
        refused = home.run(*words, **nobody)
        assert refused.returncode == 5
        assert 'GRANT "tapetrail_trail_app" TO "nobody_here"' in refused.stderr
    cluster.execute("DROP ROLE nobody_here")
    backup = home.run("db", "backup", str(home.path.parent / "x.tar"), **reader)
    assert (backup.returncode, "a backup reads all there is" in backup.stderr) == (5, True)
    refused = home.run(*home.asked(), **reader)
    assert refused.returncode == 5
    assert 'GRANT "tapetrail_trail_app" TO "tapetrail_trail_reader"' in refused.stderr


def test_a_backup_goes_into_another_database_of_the_same_server_and_not_into_an_older_one(
    *, home: Home, warm: Home, cluster: Cluster, trail: str
) -> None:
    other = {"TAPETRAIL_DATABASE_URL": cluster.new_customer("other", "CREATEROLE")}
    assert home.run("db", "upgrade", TAPETRAIL_DATABASE_URL=trail).returncode == 0
    assert home.run(*home.asked(), TAPETRAIL_DATABASE_URL=trail).returncode == 0
    file, newer = home.path.parent / "15.tar", warm.path.parent / "18.tar"
    made = home.run("db", "backup", str(file), TAPETRAIL_DATABASE_URL=trail)
    assert made.returncode == 0, made.stderr
    assert warm.run("db", "backup", str(newer)).returncode == 0
    place = Home(path=home.path.parent / "restored")
    refused = place.run("db", "restore", str(newer), **other)
    assert refused.returncode == 5
    assert "what a newer PostgreSQL dumped does not go into an older one" in refused.stderr
    restored = place.run("db", "restore", str(file), **other)
    assert restored.returncode == 0, restored.stderr
    assert place.run("verify", "--deep", **other).returncode == 0
    assert place.run(*place.asked(), **other).returncode == 0
    owner = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'tapetrail'"
    assert rows(other["TAPETRAIL_DATABASE_URL"], owner) == [("tapetrail_other_owner",)]
