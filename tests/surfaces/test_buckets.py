"""A record whose bytes lie in a bucket, from the command line; beside it, the same in a home."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import obstore
import pytest
from tests.homes import copy_home
from tests.s3_server import S3Server, raw_keys, raw_store
from tests.surfaces.conftest import AS_OF, Answer, Recorded, Run, Terminal

from tapetrail.store.private.server import PrivateServer

DIGESTS = ("symbol", "timeframe", "jpeg_digest", "html_digest", "spec_digest")

pytestmark = pytest.mark.service


@dataclass(frozen=True, slots=True, kw_only=True)
class InBucket:
    """A home with its server, and a bucket that keeps versions."""

    terminal: Terminal
    s3: S3Server
    bucket: str

    @property
    def environment(self) -> Mapping[str, str]:
        return self.s3.environment(self.bucket)

    def run(self, *words: str, **more: str) -> Answer:
        return self.terminal.run(*words, **self.environment, **more)


@pytest.fixture(scope="module")
def in_bucket(
    prepared_home: Path, tmp_path_factory: pytest.TempPathFactory, s3: S3Server
) -> InBucket:
    """A record of the strategy that `recorded` ran, its bytes in a bucket."""
    folder = tmp_path_factory.mktemp("bucket")
    terminal = Terminal(home=folder / "home")
    copy_home(prepared_home, terminal.home)
    made = InBucket(terminal=terminal, s3=s3, bucket=s3.new_bucket(is_versioned=True))
    strategy = folder / "two.yaml"
    strategy.write_text("name: two\ninstruments: [AAPL, FB]\n", encoding="utf-8")
    assert made.run("run", str(strategy), "--as-of", AS_OF).code == 1
    return made


def checks(answer: Answer) -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in json.loads(answer.out)["data"]}


def shown_charts(run: Callable[..., Answer]) -> list[dict[str, str]]:
    """Return every column of every chart, by symbol and timeframe."""
    numbers = sorted(int(number) for number in run("charts", "-q").out.split())
    shown = [json.loads(run("charts", "show", str(number), "--json").out) for number in numbers]
    return sorted(shown, key=lambda chart: (chart["symbol"], chart["timeframe"]))


def test_the_same_bytes_are_kept_as_in_a_home(in_bucket: InBucket, recorded: Recorded) -> None:
    here, home = shown_charts(in_bucket.run), shown_charts(recorded.terminal.run)
    assert len(here) == 4
    for name in DIGESTS:
        assert [chart[name] for chart in here] == [chart[name] for chart in home]
    bars = ("snapshots", "--columns", "symbol,timeframe,bars_digest", "--csv")
    ours, theirs = in_bucket.run(*bars).out, recorded.terminal.run(*bars).out
    assert sorted(ours.splitlines()) == sorted(theirs.splitlines())
    assert not (in_bucket.terminal.home / "blobs").exists()


def test_a_chart_says_in_which_bucket_it_lay_and_any_client_finds_it(in_bucket: InBucket) -> None:
    keys = raw_keys(in_bucket.s3, in_bucket.bucket)
    for chart in shown_charts(in_bucket.run):
        assert chart["minio_bucket"] == in_bucket.bucket
        assert chart["chart_url_jpeg"] == f"s3://{in_bucket.bucket}/{chart['minio_object_key']}"
        assert chart["minio_object_key"] in keys
        assert chart["chart_url_html"].removeprefix(f"s3://{in_bucket.bucket}/") in keys
    assert all(key.startswith(("trail/objects/", "trail/charts/")) for key in keys)


def test_what_is_in_a_bucket_is_verified_saved_and_counted(
    in_bucket: InBucket, tmp_path: Path
) -> None:
    verified = in_bucket.run("verify", "--deep")
    assert verified.code == 0, verified.out + verified.err
    assert "their bytes read" in verified.out
    saved = in_bucket.run("charts", "save", "1", "-o", str(tmp_path / "chart.jpg"))
    assert saved.code == 0
    key = raw_keys(in_bucket.s3, in_bucket.bucket)
    store = raw_store(in_bucket.s3.settings(in_bucket.bucket))
    images = [bytes(obstore.get(store, each).bytes()) for each in key if each.endswith(".jpg")]
    assert (tmp_path / "chart.jpg").read_bytes() in images
    status = json.loads(in_bucket.run("status", "--json").out)
    assert status["blobs_in"] == f"s3://{in_bucket.bucket}/trail/"
    assert status["decision_bytes"] > 100_000
    assert (status["decisions_left"], status["days_left"]) == (None, None)


def test_what_was_put_over_an_object_is_named_and_read_nevertheless(in_bucket: InBucket) -> None:
    raw = raw_store(in_bucket.s3.settings(in_bucket.bucket))
    chart = shown_charts(in_bucket.run)[1]
    key = chart["minio_object_key"]
    whole = bytes(obstore.get(raw, key).bytes())
    try:
        obstore.put(raw, key, whole[:-1] + b"\x00")
        deep = in_bucket.run("verify", "--deep")
        assert deep.code == 1, deep.out
        assert "version " in deep.err + deep.out
        assert "has what was recorded; over it lies" in deep.err + deep.out
        saved = in_bucket.run("charts", "save", str(chart["id"]), "-o", "again.jpg")
        assert saved.code == 0, saved.err
    finally:
        obstore.put(raw, key, whole)
    assert in_bucket.run("verify", "--deep").code == 0


def test_the_doctor_looks_at_a_bucket(in_bucket: InBucket) -> None:
    answer = in_bucket.run("doctor", "--json")
    found = checks(answer)
    assert answer.code == 0, answer.out
    assert found["blobs"]["found"] == (
        f"s3://{in_bucket.bucket}/trail/: a probe was written and read, whole and in part;"
        " without TLS"
    )
    assert found["store clock"]["level"] == "ok"
    assert found["versions"]["found"] == "kept: what is overwritten is still read by its digest"
    assert not any("probe" in key for key in raw_keys(in_bucket.s3, in_bucket.bucket))
    report = in_bucket.run("doctor", "--report")
    for secret in (in_bucket.bucket, *in_bucket.environment.values()):
        assert secret not in report.out
    assert "blobs: a bucket" in report.out


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"TAPETRAIL_BLOBS": "s3://not-there"}, "tapetrail blobs create-bucket"),
        ({"TAPETRAIL_S3_SECRET_KEY": "wrong"}, "SignatureDoesNotMatch"),
        ({"TAPETRAIL_S3_ACCESS_KEY": "wrong"}, "InvalidAccessKeyId"),
        ({"TAPETRAIL_S3_ENDPOINT": "http://127.0.0.1:9"}, "http://127.0.0.1:9 does not answer"),
    ],
)
def test_the_doctor_says_what_is_wrong_with_a_bucket(
    in_bucket: InBucket, changed: dict[str, str], said: str
) -> None:
    answer = in_bucket.terminal.run("doctor", "--json", **{**in_bucket.environment, **changed})
    assert answer.code == 1
    assert checks(answer)["blobs"]["level"] == "fail"
    assert said in checks(answer)["blobs"]["found"]


def test_a_bucket_is_created_when_it_is_asked_for(in_bucket: InBucket, call: Run) -> None:
    environment = {**in_bucket.environment, "TAPETRAIL_BLOBS": "s3://asked-for/x"}
    assert call("blobs", "create-bucket", "--lock", **environment).err == "created: asked-for\n"
    assert call("blobs", "create-bucket", **environment).err == "there already: asked-for\n"
    assert call("blobs", "create-bucket").code == 2
    home = str(in_bucket.terminal.home)
    answer = call("doctor", "--json", TAPETRAIL_HOME=home, **environment)
    found = checks(answer)
    assert answer.code == 1  # the record's objects are in the other bucket
    assert found["verify"]["level"] == "fail"
    assert found["versions"]["level"] == "warn"
    assert found["versions"]["fix"] == "set a default retention on the bucket"


def test_a_backup_holds_rows_alone_unless_it_takes_bytes_in(
    in_bucket: InBucket, call: Run, tmp_path: Path
) -> None:
    rows, whole = tmp_path / "rows.tar", tmp_path / "whole.tar"
    made = in_bucket.run("db", "backup", str(rows))
    assert made.code == 0, made.err
    stay = f"no blobs: the bytes of 19 stay in s3://{in_bucket.bucket}/trail/"
    assert stay in made.out
    assert in_bucket.run("db", "backup", str(whole), "--blobs").code == 0
    assert rows.stat().st_size < whole.stat().st_size / 3
    again, alone, taken = (str(tmp_path / name) for name in ("again", "alone", "taken"))
    restored = call("db", "restore", str(rows), TAPETRAIL_HOME=again, **in_bucket.environment)
    assert restored.code == 0, restored.err
    deep = call("verify", "--deep", TAPETRAIL_HOME=again, **in_bucket.environment)
    assert deep.code == 0
    lost = call("db", "restore", str(rows), TAPETRAIL_HOME=alone)
    assert lost.code == 1
    assert "19 stored objects are not in the home" in lost.err
    assert f"their bytes stayed in s3://{in_bucket.bucket}/trail/" in lost.err
    assert call("verify", TAPETRAIL_HOME=alone).code == 1
    assert call("db", "restore", str(whole), TAPETRAIL_HOME=taken).code == 0
    assert call("verify", "--deep", TAPETRAIL_HOME=taken).code == 0
    for name in (again, alone, taken):
        PrivateServer(home=Path(name)).stop()


def test_a_run_whose_bucket_lets_nobody_in_is_refused_before_it_begins(
    in_bucket: InBucket,
) -> None:
    strategy = in_bucket.terminal.home.parent / "two.yaml"
    before = in_bucket.run("executions", "-q").out
    for wrong, said in (
        ({"TAPETRAIL_BLOBS": "s3://not-there"}, "there is no bucket not-there"),
        ({"TAPETRAIL_S3_SECRET_KEY": "wrong"}, "SignatureDoesNotMatch"),
    ):
        environment = {**in_bucket.environment, **wrong}
        words = ("run", str(strategy), "--as-of", "2012-08-10")
        for asked in (words, ("worker", "--until-empty")):
            answer = in_bucket.terminal.run(*asked, **environment)
            assert (answer.code, said in answer.err) == (5, True), answer.err
    assert in_bucket.run("executions", "-q").out == before


def test_a_store_that_has_none_of_the_objects_is_asked_about(in_bucket: InBucket) -> None:
    environment = {**in_bucket.environment, "TAPETRAIL_BLOBS": f"s3://{in_bucket.bucket}/other"}
    answer = in_bucket.terminal.run("verify", **environment)
    assert answer.code == 1
    said = f"not one of 19 objects is in s3://{in_bucket.bucket}/other/: is that where they are"
    assert said in answer.err
    PrivateServer(home=in_bucket.terminal.home).stop()
