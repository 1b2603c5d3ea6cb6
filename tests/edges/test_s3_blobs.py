"""A bucket of a real S3 server: who else reads it, what others put there, and when it is away."""

import threading
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import obstore
import pytest
from minio.commonconfig import COMPLIANCE
from minio.objectlockconfig import DAYS, ObjectLockConfig
from tests.edges.waiting import wait_for
from tests.s3_server import S3Server, raw_store, running_s3

from tapetrail.blobs.s3 import S3Blobs
from tapetrail.blobs.s3_admin import create_bucket, load_keeping
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import EdgeFailure, IntegrityFailure, NotFound

KEY = "charts/AAPL/20130301/1d-abc.jpg"
PAGE = "charts/BF%2FB/20130301/1d-abc.html"
CONTENT = b"a chart"
DIGEST = digest_bytes(CONTENT)

pytestmark = pytest.mark.service


@pytest.fixture
def mortal(tmp_path: Path) -> Generator[S3Server]:
    """A server of this test alone, which it may kill."""
    with running_s3(tmp_path / "mortal") as server:
        yield server


def test_another_client_lists_and_opens_what_was_put(s3: S3Server) -> None:
    bucket, admin = s3.new_bucket(), s3.admin()
    blobs = S3Blobs(s3.settings(bucket, prefix="a/trail/"))
    for key in (KEY, PAGE):
        blobs.put(CONTENT, key=key)
    keys = [each.object_name for each in admin.list_objects(bucket, recursive=True)]
    assert keys == [f"a/trail/{KEY}", f"a/trail/{PAGE}"]
    image = admin.stat_object(bucket, f"a/trail/{KEY}")
    assert (image.content_type, image.size) == ("image/jpeg", len(CONTENT))
    page = admin.stat_object(bucket, f"a/trail/{PAGE}")
    assert page.content_type == "text/html; charset=utf-8"
    assert page.metadata is not None
    assert page.metadata["content-encoding"] == "gzip"
    assert page.metadata["cache-control"] == "no-transform"
    opened = admin.get_object(bucket, f"a/trail/{PAGE}")
    assert opened.read(decode_content=True) == CONTENT
    opened.close()


def test_a_place_is_where_any_client_finds_the_object(s3: S3Server) -> None:
    blobs = S3Blobs(s3.settings("trails", prefix="a/"))
    place = blobs.place(PAGE)
    assert place.url == f"s3://trails/a/{PAGE}"
    assert (place.bucket, place.object_key) == ("trails", f"a/{PAGE}")


def test_two_prefixes_of_a_bucket_know_nothing_of_each_other(s3: S3Server) -> None:
    bucket = s3.new_bucket()
    ours, theirs = (S3Blobs(s3.settings(bucket, prefix=prefix)) for prefix in ("a/", "ab/"))
    ours.put(CONTENT, key=KEY)
    assert theirs.size(KEY) is None
    theirs.put(b"other", key=KEY)
    assert ours.read(KEY, digest=DIGEST) == CONTENT


def test_a_bucket_that_is_not_there_is_named_by_every_question(s3: S3Server) -> None:
    blobs = S3Blobs(s3.settings("not-there"))
    for ask in (
        lambda: blobs.put(CONTENT, key=KEY),
        lambda: blobs.read(KEY, digest=DIGEST),
        lambda: blobs.size(KEY),
        lambda: blobs.size(PAGE),
    ):
        with pytest.raises(EdgeFailure, match="there is no bucket not-there; run: tapetrail blobs"):
            ask()


def test_a_bucket_is_created_once(s3: S3Server) -> None:
    settings = s3.settings("made-by-us")
    assert create_bucket(settings, has_lock=False)
    assert not create_bucket(settings, has_lock=False)
    S3Blobs(settings).put(CONTENT, key=KEY)
    keeping = load_keeping(settings)
    assert (keeping.has_versions, keeping.has_lock, keeping.retention) == (False, False, None)


@pytest.mark.parametrize("name", ["access_key", "secret_key"])
def test_a_wrong_key_is_said_to_be_one(s3: S3Server, name: str) -> None:
    wrong = replace(s3.settings(s3.new_bucket()), **{name: "wrong-and-secret"})
    for ask in (
        lambda: S3Blobs(wrong).put(CONTENT, key=KEY),
        lambda: S3Blobs(wrong).size(KEY),
        lambda: create_bucket(wrong, has_lock=False),
    ):
        with pytest.raises(
            EdgeFailure, match=r"InvalidAccessKeyId|SignatureDoesNotMatch"
        ) as caught:
            ask()
        assert "wrong-and-secret" not in caught.value.message
    assert "wrong-and-secret" not in repr(wrong)


def test_a_store_that_is_away_is_a_failure_after_a_while(s3: S3Server) -> None:
    away = replace(s3.settings("bucket"), endpoint="http://127.0.0.1:9")
    with pytest.raises(EdgeFailure, match=r"http://127\.0\.0\.1:9 does not answer"):
        S3Blobs(away, away_s=0.3).put(CONTENT, key=KEY)
    with pytest.raises(EdgeFailure, match=r"http://127\.0\.0\.1:9 does not answer"):
        load_keeping(away)


def test_a_store_that_comes_back_is_waited_for(mortal: S3Server) -> None:
    blobs = S3Blobs(mortal.settings(mortal.new_bucket()))
    blobs.put(CONTENT, key=KEY)
    mortal.kill()
    digests: list[str] = []
    put = threading.Thread(target=lambda: digests.append(blobs.put(b"later", key=PAGE)))
    put.start()
    mortal.start()
    put.join()
    assert digests == [digest_bytes(b"later")]
    assert blobs.read(KEY, digest=DIGEST) == CONTENT
    assert blobs.read(PAGE, digest=digest_bytes(b"later")) == b"later"


@pytest.mark.parametrize("is_locked", [False, True])
def test_what_was_put_over_a_blob_hides_nothing_where_versions_are_kept(
    s3: S3Server, *, is_locked: bool
) -> None:
    bucket = s3.new_bucket(is_locked=is_locked, is_versioned=not is_locked)
    settings = s3.settings(bucket, prefix="a/")
    assert load_keeping(settings).has_versions
    blobs, raw = S3Blobs(settings), raw_store(settings)
    blobs.put(CONTENT, key=KEY)
    assert blobs.older_version(KEY, digest=DIGEST) is None
    for other in (b"one", b"another"):
        obstore.put(raw, f"a/{KEY}", other)
    assert blobs.read_newest(KEY) == b"another"
    assert blobs.older_version(KEY, digest=DIGEST) is not None
    assert blobs.read(KEY, digest=DIGEST) == CONTENT
    obstore.delete(raw, f"a/{KEY}")
    wait_for(lambda: blobs.size(KEY) is None)
    assert blobs.read(KEY, digest=DIGEST) == CONTENT
    with pytest.raises(NotFound):
        blobs.read(KEY, digest=digest_bytes(b"never there"))
    blobs.put(b"other", key=KEY)
    with pytest.raises(IntegrityFailure):
        blobs.put(CONTENT, key=KEY)


def test_a_lock_is_seen_with_how_long_it_holds(s3: S3Server) -> None:
    bucket = s3.new_bucket(is_locked=True)
    keeping = load_keeping(s3.settings(bucket))
    assert (keeping.has_versions, keeping.has_lock, keeping.retention) == (True, True, None)
    s3.admin().set_object_lock_config(bucket, ObjectLockConfig(COMPLIANCE, 1, DAYS))
    assert load_keeping(s3.settings(bucket)).retention == "COMPLIANCE, 1 Days"
    assert S3Blobs(s3.settings(bucket)).put(CONTENT, key=KEY) == DIGEST
