"""An import as it is typed: its account, and how it ends."""

import json
from pathlib import Path

import pytest
from tests import predecessor
from tests.homes import copy_home
from tests.postgres_server import Cluster
from tests.s3_server import S3Server
from tests.surfaces.conftest import Run

from tapetrail.store.private.server import PrivateServer

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def whole(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Give a database of which every row can be taken over, and its objects."""
    told = predecessor.story(1)
    del told.rows["trading_signals"][-1], told.rows["market_data_cache"][-1]
    url = cluster.new_customer("old_typed")
    predecessor.fill(url, told)
    return url, predecessor.objects(tmp_path_factory.mktemp("typed"), told)


@pytest.fixture
def home(prepared_home: Path, tmp_path: Path) -> Path:
    copy_home(prepared_home, tmp_path / "home")
    return tmp_path / "home"


def test_an_import_of_which_every_row_is_there_is_done(
    call: Run, whole: tuple[str, Path], home: Path
) -> None:
    url, objects = whole
    words = ("import", "predecessor", "--from", url, "--objects", str(objects))
    with PrivateServer(home=home).hold():
        tried = call(*words, "--dry-run", TAPETRAIL_HOME=str(home))
        assert tried.code == 0, tried.err
        assert "a dry run: nothing was written" in tried.err
        done = call(*words, TAPETRAIL_HOME=str(home))
        assert (done.code, done.out) == (0, tried.out)
        assert "left alone: 1 rows of orders" in done.err
        again = call(*words, "--json", TAPETRAIL_HOME=str(home))
        found = json.loads(again.out)
    assert again.code == 0
    assert found["tables"]["charts"] == {"found": 2, "taken": 0, "there": 2, "not_taken": 0}
    assert (found["not_taken"], found["dry_run"]) == ([], False)
    assert found["left_alone"] == {"orders": 1, "workflows": 1}


def test_an_import_that_leaves_rows_names_each_and_ends_with_1(
    call: Run, whole: tuple[str, Path], tmp_path: Path
) -> None:
    words = ("import", "predecessor", "--from", whole[0], "--dry-run")
    left = call(*words, TAPETRAIL_HOME=str(tmp_path / "home"))
    assert left.code == 1
    assert left.out.count("\nnot taken: charts ") == 2
    assert "nobody said where (--objects)" in left.out
    found = json.loads(call(*words, "--json", TAPETRAIL_HOME=str(tmp_path / "home")).out)
    assert [(each["table"], each["id"], each["symbol"]) for each in found["not_taken"]] == [
        ("charts", "1", "NVDA"), ("charts", "2", "NVDA"),
    ]  # fmt: skip


def test_charts_are_looked_for_in_a_bucket_by_the_settings_of_the_shell(
    call: Run, whole: tuple[str, Path], tmp_path: Path, *, s3: S3Server
) -> None:
    bucket = s3.new_bucket()
    environment = {
        name: value for name, value in s3.environment(bucket).items() if name != "TAPETRAIL_BLOBS"
    }
    words = ("import", "predecessor", "--from", whole[0], "--dry-run", "--objects")
    home = str(tmp_path / "home")
    left = call(*words, f"s3://{bucket}", TAPETRAIL_HOME=home, **environment)
    assert left.code == 1
    assert f"looked for in: s3://{bucket}/" in left.out
    wrong = call(*words, "s3://No_Bucket", TAPETRAIL_HOME=home, **environment)
    assert wrong.code == 2
    assert "--objects" in wrong.err


def test_a_group_without_a_command_shows_its_help(call: Run) -> None:
    assert "predecessor" in call("import").out
