"""A record moves to a server and a bucket: whole, once, and the old place says where it went."""

import random
import shutil
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import obstore
import psycopg
import pytest
from tests.edges.waiting import wait_for
from tests.postgres_server import PASSWORD, Cluster
from tests.s3_server import S3Server, raw_keys, raw_store
from tests.workflows.conftest import AS_OF, Home

from tapetrail.store.tables.schema import metadata

pytestmark = pytest.mark.service


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """From a home to a database and a bucket, both empty."""

    home: Home
    url: str
    s3: S3Server
    bucket: str

    @property
    def environment(self) -> Mapping[str, str]:
        keys = self.s3.environment(self.bucket)
        return {"PGPASSWORD": PASSWORD, **{k: v for k, v in keys.items() if k[10:] != "BLOBS"}}

    @property
    def there(self) -> Mapping[str, str]:
        """What uses the record where it has gone."""
        return {"TAPETRAIL_DATABASE_URL": self.url, **self.s3.environment(self.bucket)}

    @property
    def words(self) -> Sequence[str]:
        """Words that move it; no password is among them."""
        to = self.url.replace(f":{PASSWORD}@", "@")
        return ("db", "move", "--to", to, "--blobs-to", f"s3://{self.bucket}/trail")

    def rows(self, statement: str) -> Sequence[tuple[object, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement.encode()).fetchall()


@pytest.fixture
def way(warm: Home, cluster: Cluster, s3: S3Server) -> Generator[Way]:
    url = cluster.new_customer("moved", "CREATEROLE")
    yield Way(home=warm, url=url, s3=s3, bucket=s3.new_bucket())
    cluster.execute(
        "DROP DATABASE moved WITH (FORCE)",
        "DROP ROLE IF EXISTS"
        " tapetrail_moved_owner, tapetrail_moved_app, tapetrail_moved_reader, moved",
    )


ALIVE = "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1"
DIGESTS = "SELECT id, record_digest FROM tapetrail.{} ORDER BY id"


def assert_moved(way: Way, before: Mapping[str, Sequence[object]]) -> None:
    """Every row is there under its number, every byte is, and the old home says where."""
    for name, rows in before.items():
        assert way.rows(DIGESTS.format(name)) == rows
    verified = way.home.run("verify", "--deep", **way.there)
    assert verified.returncode == 0, verified.stdout
    keys = {f"trail/{key}" for (key,) in way.rows("SELECT key FROM tapetrail.blobs")}
    assert keys == {*raw_keys(way.s3, way.bucket)}
    refused = way.home.run("run", way.home.strategy(), "--as-of", AS_OF)
    assert refused.returncode == 2
    assert "this record has moved to postgresql" in refused.stderr
    assert f"blobs in s3://{way.bucket}/trail/" in refused.stderr
    assert PASSWORD not in refused.stderr
    assert way.home.run("decisions", "-q").returncode == 0


def recorded(way: Way) -> Mapping[str, Sequence[object]]:
    """Return numbers and digests of every row that has one."""
    names = [t.name for t in metadata.sorted_tables if "record_digest" in t.columns]
    found = {name: way.home.rows(DIGESTS.format(name)) for name in names}
    return {name: [(*row.values(),) for row in rows] for name, rows in found.items()}


def test_a_home_moves_and_goes_on_where_it_is(way: Way) -> None:
    before = recorded(way)
    moved = way.home.run(*way.words, **way.environment)
    assert moved.returncode == 0, moved.stderr
    assert "4 decisions among them" in moved.stdout
    assert f"export TAPETRAIL_BLOBS=s3://{way.bucket}/trail" in moved.stderr
    assert_moved(way, before)
    ran = way.home.run("run", way.home.strategy(), "--as-of", "2012-09-28", **way.there)
    assert ran.returncode == 0, ran.stderr
    again = way.home.run(*way.words, **way.environment)
    assert (again.returncode, "has moved to" in again.stderr) == (2, True)
    undone = way.home.run("db", "move", "--cancel")
    assert (undone.returncode, "has moved to" in undone.stderr) == (2, True)
    off = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'O'"
    assert way.rows(off) == [(0,)]
    rows = way.rows("SELECT id FROM tapetrail.decisions ORDER BY id")
    assert [number for (number,) in rows] == [1, 2, 3, 4, 5, 6]


def occupy(way: Way) -> None:
    """Put other bytes where one of the record's goes, so that a move breaks off."""
    key = way.home.rows("SELECT key FROM tapetrail.blobs ORDER BY id DESC LIMIT 1")[0]["key"]
    store = raw_store(way.s3.settings(way.bucket))
    obstore.put(store, f"trail/{key}", b"of somebody else")


def test_a_move_that_cannot_begin_leaves_the_record_as_it_is(way: Way, cluster: Cluster) -> None:
    wrong = {**way.environment, "TAPETRAIL_S3_SECRET_KEY": "wrong"}
    assert way.home.run(*way.words, **wrong).returncode == 5
    assert way.home.run(*way.words, **{**way.environment, "PGPASSWORD": "no"}).returncode == 5
    nowhere = way.home.run(*way.words[:-1], "trails/x", **way.environment)
    assert (nowhere.returncode, "--blobs-to: expected s3://" in nowhere.stderr) == (2, True)
    other = cluster.new_customer("occupied", "CREATEROLE")
    assert way.home.run("db", "upgrade", TAPETRAIL_DATABASE_URL=other).returncode == 0
    assert way.home.run(*way.home.asked("more"), TAPETRAIL_DATABASE_URL=other).returncode == 0
    place = other.replace(f":{PASSWORD}@", "@")
    words = ("db", "move", "--to", place, *way.words[4:])
    occupied = way.home.run(*words, **way.environment)
    assert (occupied.returncode, "holds a record of" in occupied.stderr) == (2, True)
    assert way.home.run(*way.home.asked("more")).returncode == 0


def test_an_empty_record_does_not_move_to_where_it_is(way: Way) -> None:
    assert way.home.run("db", "upgrade", **way.there).returncode == 0
    to = way.words[3].replace("127.0.0.1", "localhost")
    words = ("db", "move", "--to", to, *way.words[4:])
    refused = way.home.run(*words, **{**way.there, "PGPASSWORD": PASSWORD})
    assert refused.returncode == 2, refused.stdout
    assert "the record is in that database" in refused.stderr
    ran = way.home.run(*way.home.asked("more"), **way.there)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.torture
def test_a_record_does_not_move_to_where_it_is_by_whatever_address(way: Way) -> None:
    assert way.home.run(*way.words, **way.environment).returncode == 0
    there = {**way.there, "PGPASSWORD": PASSWORD}
    for place in ("127.0.0.1", "localhost"):
        to = way.words[3].replace("127.0.0.1", place)
        words = ("db", "move", "--to", to, "--blobs-to", f"s3://{way.bucket}/other")
        refused = way.home.run(*words, **there)
        assert refused.returncode == 2, refused.stdout
    ran = way.home.run("run", way.home.strategy(), "--as-of", "2012-09-28", **way.there)
    assert ran.returncode == 0, ran.stderr


def test_a_place_for_blobs_that_is_forgotten_once_splits_no_record(way: Way) -> None:
    other = {**way.environment, "TAPETRAIL_BLOBS": f"s3://{way.bucket}/other"}
    refused = way.home.run("run", way.home.strategy(), "--as-of", "2012-10-26", **other)
    assert refused.returncode == 2, refused.stdout
    assert "stored objects is where blobs are kept" in refused.stderr


def test_a_password_on_the_command_line_is_refused(way: Way) -> None:
    refused = way.home.run("db", "move", "--to", way.url, "--blobs-to", "s3://trails")
    assert refused.returncode == 2
    assert "others on this machine can read a command line" in refused.stderr
    assert PASSWORD not in refused.stderr


def test_a_record_with_open_work_stays_and_is_added_to(way: Way) -> None:
    with way.home.connected() as admin:
        statement = "SELECT count(*) AS n FROM tapetrail.decisions WHERE status = 'pending'"
        with way.home.started(*way.home.asked("open", symbols="AAPL, GOOG, IBM, MSFT")) as run:
            wait_for(lambda: admin.execute(statement).fetchone() != {"n": 0})
            run.kill()
            run.wait()
    refused = way.home.run(*way.words, **way.environment)
    assert refused.returncode == 2, refused.stdout
    assert "decisions are open" in refused.stderr
    assert way.home.run("worker", "--until-empty").returncode == 0
    with way.home.started("worker"), way.home.connected() as admin:
        wait_for(lambda: admin.execute(ALIVE).fetchone() != {"n": 0})
        refused = way.home.run(*way.words, **way.environment)
        assert refused.returncode == 2, refused.stdout
        assert "0 decisions are open and 1 workers are alive" in refused.stderr
        assert "end the workers" in refused.stderr
    assert way.home.run(*way.home.asked("more")).returncode == 0


def test_a_move_that_is_given_up_leaves_the_record_where_it_was(way: Way) -> None:
    occupy(way)
    failed = way.home.run(*way.words, **way.environment)
    assert failed.returncode == 1, failed.stderr
    for words, said in ((("status",), "leaving_for"), (("doctor",), "nothing is added here")):
        assert said in way.home.run(*words).stdout
    refused = way.home.run(*way.home.asked("more"))
    assert (refused.returncode, "on its way to" in refused.stderr) == (2, True)
    arriving = way.home.run("decisions", "-q", **way.there)
    assert (arriving.returncode, "a move to it is under way" in arriving.stderr) == (5, True)
    other = way.home.run(*way.words[:-1], "s3://elsewhere/x", **way.environment)
    assert (other.returncode, "on its way to" in other.stderr) == (2, True)
    assert way.home.run("db", "move", "--cancel").returncode == 0
    assert way.home.run(*way.home.asked("more")).returncode == 0
    occupied = way.home.run(*way.words, **way.environment)
    assert occupied.returncode == 2
    assert "empty it: DROP SCHEMA tapetrail, dbos CASCADE" in occupied.stderr


def test_who_opened_the_record_before_adds_nothing_while_it_leaves(way: Way) -> None:
    address = way.home.run("db", "start").stdout.strip()
    app = address.replace("tapetrail_reader", "tapetrail_app")
    added = (
        "INSERT INTO tapetrail.strategies OVERRIDING SYSTEM VALUE"
        " SELECT * FROM tapetrail.strategies LIMIT 1"
    )
    with psycopg.connect(app, autocommit=True) as before:
        occupy(way)
        assert way.home.run(*way.words, **way.environment).returncode == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            before.execute(added)
        assert way.home.run("db", "move", "--cancel").returncode == 0
        with pytest.raises(psycopg.errors.UniqueViolation):
            before.execute(added)
    assert way.home.run("db", "stop").returncode == 0


def test_what_is_not_what_left_does_not_arrive(way: Way, cluster: Cluster) -> None:
    assert way.home.run(*way.words, **way.environment).returncode == 0
    with way.home.connected() as admin:
        said = "SELECT obj_description('tapetrail'::regnamespace, 'pg_namespace') AS said"
        mark = str((admin.execute(said.encode()).fetchone() or {})["said"])
        leaving = mark.replace('"left"', '"leaving"')
        admin.execute(f"COMMENT ON SCHEMA tapetrail IS '{leaving}'".encode())
    arriving = mark.replace('"left"', '"arriving"')
    cluster.execute(
        f"COMMENT ON SCHEMA tapetrail IS '{arriving}'",
        "ALTER TABLE tapetrail.trading_signals DISABLE TRIGGER USER",
        "UPDATE tapetrail.trading_signals SET confidence = confidence / 2 WHERE id = 2",
        "ALTER TABLE tapetrail.trading_signals ENABLE TRIGGER USER",
        database="moved",
    )
    refused = way.home.run(*way.words, **way.environment)
    assert refused.returncode == 1, refused.stdout
    assert "what arrived is not what left" in refused.stderr
    assert "trading_signals 2 confidence" in refused.stderr
    assert way.home.run("db", "move", "--cancel").returncode == 0


def test_a_damaged_object_is_named_and_keeps_the_others_from_nothing(way: Way) -> None:
    lost = next(path for path in (way.home.path / "blobs" / "charts").rglob("*.jpg"))
    lost.write_bytes(b"other")
    copied = way.home.run("blobs", "copy", "--to", f"s3://{way.bucket}/copy", **way.environment)
    assert copied.returncode == 1
    assert "1 objects are damaged and not copied" in copied.stderr
    moved = way.home.run(*way.words, **way.environment)
    assert moved.returncode == 1, moved.stderr
    assert "faults that the record had before are there, too" in moved.stderr
    assert lost.name in moved.stderr
    assert way.home.run("verify", "--deep", **way.there).returncode == 1


def test_a_place_without_the_bytes_is_no_damage_that_moves_along(way: Way) -> None:
    folder = way.home.path / "blobs"
    hidden = folder.rename(folder.with_name("unmounted"))
    refused = way.home.run(*way.words, **way.environment)
    assert refused.returncode == 1, refused.stdout
    assert "cannot be read where the record is" in refused.stderr
    shutil.rmtree(folder, ignore_errors=True)
    hidden.rename(folder)
    assert way.home.run(*way.words, **way.environment).returncode == 0


def test_a_move_and_its_cancelling_take_turns(way: Way) -> None:
    with way.home.connected() as admin:
        admin.execute("SELECT pg_advisory_lock(7016823, 114205)")
        for words in (way.words, ("db", "move", "--cancel")):
            refused = way.home.run(*words, **way.environment)
            assert (refused.returncode, "another process is moving" in refused.stderr) == (2, True)
    assert way.home.run(*way.home.asked("more")).returncode == 0


def test_bytes_are_copied_once_and_compared_the_next_time(way: Way) -> None:
    words = ("blobs", "copy", "--to", f"s3://{way.bucket}/trail")
    first = way.home.run(*words, **way.environment)
    assert first.returncode == 0, first.stderr
    again = way.home.run(*words, **way.environment)
    assert "of them were there before" in again.stdout
    bucket = way.s3.environment(way.bucket)
    assert way.home.run("verify", "--deep", **bucket).returncode == 0
    assert way.home.run(*words, **bucket).returncode == 2


@pytest.mark.parametrize(
    ("kills", "decisions"), [(2, 4), pytest.param(5, 1000, marks=pytest.mark.torture)]
)
def test_a_move_that_is_killed_goes_on(way: Way, kills: int, decisions: int) -> None:
    if decisions > 4:
        way = grown(way, decisions)
    before = recorded(way)
    chance = random.Random(kills)  # noqa: S311 # any moments will do
    states: list[object] = []
    for _ in range(kills):
        with way.home.started(*way.words, **way.environment) as move:
            seen = len(raw_keys(way.s3, way.bucket))
            aim = seen + chance.randrange(1, 12 * decisions // kills + 2)
            wait_for(
                lambda aim=aim, move=move: (
                    len(raw_keys(way.s3, way.bucket)) >= aim or move.poll() is not None
                ),
                timeout_s=300,
            )
            states.append(move.poll())
            move.kill()
            move.wait()
    assert None in states
    done = way.home.run(*way.words, **way.environment)
    assert done.returncode == 0 or "has moved to" in done.stderr, done.stderr
    assert_moved(way, before)


def grown(way: Way, decisions: int) -> Way:
    """Have a home with so many decisions more: four symbols as of each session of a year."""
    strategy = way.home.strategy("grown", symbols="AAPL, GOOG, IBM, MSFT")
    words = ("backfill", strategy, "--from", "2011-09-01", "--to", "2012-08-31")
    with way.home.started(*words, "--every", "session") as backfill:
        backfill.communicate(timeout=900)
    count = "SELECT count(*) AS n FROM tapetrail.decisions WHERE status = 'completed'"
    assert way.home.rows(count)[0]["n"] >= decisions
    return way
