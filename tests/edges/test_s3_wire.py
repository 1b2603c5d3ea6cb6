"""What a store may answer at the wire, and what we make of it."""

import gzip
from collections.abc import Generator

import pytest
from tests.s3_wire import Asked, Reply, WireStore, refusal, wire_store

from tapetrail.blobs.s3 import S3Blobs
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import EdgeFailure, ErrorKind, IntegrityFailure, NotFound

KEY = "charts/AAPL/20130301/1d-abc.jpg"
PAGE = "charts/AAPL/20130301/1d-abc.html"
CONTENT = b"a chart" * 1000
DIGEST = digest_bytes(CONTENT)
AWAY_S = 0.5


@pytest.fixture
def store() -> Generator[WireStore]:
    with wire_store() as made:
        yield made


@pytest.fixture
def blobs(store: WireStore) -> S3Blobs:
    return S3Blobs(store.settings(), away_s=AWAY_S)


def busy(_: Asked) -> Reply:
    return refusal(503, "SlowDown")


def conflict(_: Asked) -> Reply:
    """Say that there is one, as AWS does while another writer is at it; nothing is stored."""
    return refusal(409, "ConditionalRequestConflict")


def exists(_: Asked) -> Reply:
    return refusal(412, "PreconditionFailed")


def methods(store: WireStore) -> list[str]:
    return [asked.method for asked in store.asked]


def test_a_put_says_what_it_is_and_forbids_to_overwrite(store: WireStore, blobs: S3Blobs) -> None:
    blobs.put(CONTENT, key=KEY)
    (asked,) = store.asked
    assert asked.headers["if-none-match"] == "*"
    assert asked.headers["content-type"] == "image/jpeg"
    assert asked.headers["x-amz-checksum-sha256"]
    assert "content-encoding" not in asked.headers
    blobs.put(CONTENT, key="objects/ab/cd", media_type="text/plain; charset=utf-8")
    assert store.asked[-1].headers["content-type"] == "text/plain; charset=utf-8"
    blobs.put(CONTENT, key="objects/ab/ce")
    assert store.asked[-1].headers["content-type"] == "application/octet-stream"


def test_a_page_is_kept_so_that_a_browser_opens_it(store: WireStore, blobs: S3Blobs) -> None:
    blobs.put(CONTENT, key=PAGE)
    headers = store.asked[0].headers
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-encoding"] == "gzip"
    assert headers["cache-control"] == "no-transform"
    assert gzip.decompress(store.objects[store.path(PAGE)]) == CONTENT


def test_a_store_that_knows_no_checksums_gets_none(store: WireStore) -> None:
    S3Blobs(store.settings(has_checksums=False)).put(CONTENT, key=KEY)
    assert "x-amz-checksum-sha256" not in store.asked[0].headers


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "OperationAborted"])
def test_a_conflict_that_stored_nothing_is_tried_again(
    store: WireStore, blobs: S3Blobs, code: str
) -> None:
    def conflict(_: Asked) -> Reply:
        return refusal(409, code)

    store.plan = [conflict, None, conflict]
    assert blobs.put(CONTENT, key=KEY) == DIGEST
    assert methods(store) == ["PUT", "GET", "PUT", "GET", "PUT"]
    assert store.objects[store.path(KEY)] == CONTENT


def test_a_conflict_that_never_ends_is_a_failure(store: WireStore, blobs: S3Blobs) -> None:
    store.plan = [exists if number % 2 == 0 else None for number in range(100)]
    with pytest.raises(EdgeFailure, match="it says that there is one, and there is none"):
        blobs.put(CONTENT, key=KEY)
    assert store.objects == {}


def test_a_conflict_with_the_same_bytes_is_no_failure(store: WireStore, blobs: S3Blobs) -> None:
    store.objects[store.path(KEY)] = CONTENT
    store.plan = [conflict]
    assert blobs.put(CONTENT, key=KEY) == DIGEST


@pytest.mark.parametrize("other", [b"b chart" * 1000, b"", CONTENT[:-1]])
def test_what_exists_and_is_other_is_damage(store: WireStore, blobs: S3Blobs, other: bytes) -> None:
    store.objects[store.path(KEY)] = other
    with pytest.raises(IntegrityFailure, match="a key never changes its content") as caught:
        blobs.put(CONTENT, key=KEY)
    assert caught.value.kind is ErrorKind.CORRUPT_BLOB
    assert store.objects[store.path(KEY)] == other


@pytest.mark.parametrize(
    "reply",
    [
        refusal(503, "SlowDown"),
        refusal(503, "ServiceUnavailable"),
        refusal(500, "InternalError"),
        refusal(400, "RequestTimeout"),
        refusal(400, "BadDigest"),
        Reply(status=502, body=b"<html>bad gateway"),
        Reply(status=429),
    ],
    ids=lambda reply: f"{reply.status} {reply.body[:40].decode()}",
)
def test_a_busy_store_is_asked_again(store: WireStore, blobs: S3Blobs, reply: Reply) -> None:
    store.plan = [lambda _: reply]
    assert blobs.put(CONTENT, key=KEY) == DIGEST
    store.plan = [lambda _: reply]
    assert blobs.read(KEY, digest=DIGEST) == CONTENT
    assert methods(store) == ["PUT", "PUT", "GET", "GET"]


def test_a_store_that_stays_busy_is_a_failure_that_says_so(
    store: WireStore, blobs: S3Blobs
) -> None:
    store.plan = [busy] * 100
    with pytest.raises(EdgeFailure, match=r"SlowDown \(As told\); it stayed busy") as caught:
        blobs.put(CONTENT, key=KEY)
    assert caught.value.kind is ErrorKind.BLOB_STORE_UNAVAILABLE
    assert KEY in caught.value.message
    assert "s3://wire/" in caught.value.message


def test_a_store_that_is_away_for_long_is_told_once_and_in_our_words(
    store: WireStore, caplog: pytest.LogCaptureFixture
) -> None:
    hostile = "<Error><Code>SlowDown</Code><Message>\x1b[31mred</Message></Error>"
    store.plan = [lambda _: Reply(status=503, body=hostile.encode())] * 7
    assert S3Blobs(store.settings(), away_s=10).put(CONTENT, key=KEY) == DIGEST
    assert caplog.messages == ["s3://wire/: busy; asking again for 10 s"]


def test_a_reply_that_breaks_off_is_asked_for_again(store: WireStore, blobs: S3Blobs) -> None:
    blobs.put(CONTENT, key=KEY)
    whole = store.rightly(Asked(method="GET", path=store.path(KEY), headers={}, body=b""))
    cut = Reply(status=200, body=whole.body, headers=whole.headers, cut=100)
    store.plan = [lambda _: cut, lambda _: cut]
    assert blobs.read(KEY, digest=DIGEST) == CONTENT


def test_an_upload_whose_reply_was_lost_is_stored_once(store: WireStore, blobs: S3Blobs) -> None:
    def stored_and_silent(asked: Asked) -> Reply:
        store.rightly(asked)
        return Reply(status=200, body=b"x" * 10, cut=10)

    store.plan = [stored_and_silent]
    assert blobs.put(CONTENT, key=KEY) == DIGEST
    assert store.objects == {store.path(KEY): CONTENT}


@pytest.mark.parametrize(
    "case",
    [
        (refusal(404, "NoSuchBucket"), "there is no bucket wire; run: tapetrail blobs create-buc"),
        (refusal(403, "InvalidAccessKeyId"), "tapetrail config list --show-origin"),
        (refusal(403, "SignatureDoesNotMatch"), "tapetrail config list --show-origin"),
        (refusal(403, "AccessDenied"), "the key needs s3:GetObject and s3:PutObject"),
        (Reply(status=403), "status 403; the key needs"),
        (
            refusal(403, "RequestTimeTooSkewed", "<ServerTime>2026-11-27T10:00:00Z</ServerTime>"),
            "it is 2026-11-27T10:00:00Z there; set the clock of this host by NTP",
        ),
        (refusal(400, "AuthorizationHeaderMalformed"), "the region is us-east-1"),
        (refusal(403, "QuotaExceeded"), "make room there"),
        (refusal(400, "InvalidRequest"), "status code: 400"),
    ],
    ids=lambda case: case[1][:20],
)
def test_each_refusal_says_what_it_is_and_is_not_tried_again(
    store: WireStore, blobs: S3Blobs, case: tuple[Reply, str]
) -> None:
    reply, said = case
    for ask in (
        lambda: blobs.put(CONTENT, key=KEY),
        lambda: blobs.read(KEY, digest=DIGEST),
        lambda: blobs.size(KEY),
        lambda: blobs.size(PAGE),
    ):
        store.plan, store.asked = [lambda _: reply] * 2, []
        with pytest.raises(EdgeFailure) as caught:
            ask()
        assert said in caught.value.message
        assert "secret" not in caught.value.message.replace("secret_key", "")
        assert caught.value.kind is ErrorKind.BLOB_STORE_UNAVAILABLE
        assert len(store.asked) <= 2


@pytest.mark.parametrize("reply", [refusal(501, "NotImplemented"), Reply(status=501)])
def test_a_store_without_conditional_puts_is_looked_at_before_and_read_back_after(
    store: WireStore, blobs: S3Blobs, reply: Reply
) -> None:
    store.plan = [lambda _: reply]
    assert blobs.put(CONTENT, key=KEY) == DIGEST
    assert methods(store) == ["PUT", "GET", "PUT", "GET"]
    assert "if-none-match" not in store.asked[2].headers
    store.asked = []
    with pytest.raises(IntegrityFailure):
        blobs.put(b"another", key=KEY)
    assert methods(store) == ["GET", "GET"]
    assert store.objects[store.path(KEY)] == CONTENT


def test_a_store_said_to_have_no_conditional_puts_is_not_asked_for_one(store: WireStore) -> None:
    blobs = S3Blobs(store.settings(has_conditional_puts=False))
    assert blobs.put(CONTENT, key=KEY) == DIGEST
    assert methods(store) == ["GET", "PUT", "GET"]
    assert all("if-none-match" not in asked.headers for asked in store.asked)


def test_without_conditional_puts_a_store_that_swaps_bytes_is_noticed(store: WireStore) -> None:
    def swapped(asked: Asked) -> Reply:
        store.objects[asked.path] = b"other bytes"
        return Reply(status=200, headers={"ETag": '"e"'})

    store.plan = [None, swapped]
    with pytest.raises(IntegrityFailure, match="a key never changes its content"):
        S3Blobs(store.settings(has_conditional_puts=False)).put(CONTENT, key=KEY)


def test_a_store_that_unpacks_on_the_way_gives_the_same_bytes(
    store: WireStore, blobs: S3Blobs
) -> None:
    blobs.put(CONTENT, key=PAGE)
    store.objects[store.path(PAGE)] = CONTENT
    del store.types[store.path(PAGE)]["content-encoding"]
    assert blobs.read(PAGE, digest=DIGEST) == CONTENT
    store.plan = [lambda asked: ranged(store, asked, CONTENT)]
    assert blobs.size(PAGE) == len(CONTENT)


def test_a_store_that_gives_all_where_a_part_was_asked_for_is_understood(
    store: WireStore, blobs: S3Blobs
) -> None:
    """As Google's does with what it unpacks on the way: 200, and no part."""
    blobs.put(CONTENT, key=PAGE)
    assert blobs.size(PAGE) == len(CONTENT)
    store.objects[store.path(PAGE)] = CONTENT
    assert blobs.size(PAGE) == len(CONTENT)
    assert methods(store) == ["PUT", "GET", "GET", "GET", "GET"]


def test_a_page_whose_headers_were_lost_on_a_copy_has_the_same_size(
    store: WireStore, blobs: S3Blobs
) -> None:
    blobs.put(CONTENT, key=PAGE)
    del store.types[store.path(PAGE)]["content-encoding"]
    store.plan = [lambda asked: ranged(store, asked, store.objects[store.path(PAGE)])]
    assert blobs.size(PAGE) == len(CONTENT)
    assert blobs.read(PAGE, digest=DIGEST) == CONTENT


def test_a_page_that_became_empty_is_named_by_its_size(store: WireStore, blobs: S3Blobs) -> None:
    blobs.put(CONTENT, key=PAGE)
    store.objects[store.path(PAGE)] = b""
    store.plan = [lambda _: refusal(416, "InvalidRange")]
    assert blobs.size(PAGE) == 0


def test_a_reply_of_another_object_is_damage(store: WireStore, blobs: S3Blobs) -> None:
    store.objects[store.path(KEY)] = b"of somebody else"
    with pytest.raises(IntegrityFailure, match=f"expected {DIGEST}") as caught:
        blobs.read(KEY, digest=DIGEST)
    assert "its older versions are not shown: blob store s3://wire/: " in caught.value.message
    assert caught.value.kind is ErrorKind.CORRUPT_BLOB


def test_a_missing_object_without_a_word_is_missing(store: WireStore, blobs: S3Blobs) -> None:
    store.plan = [lambda _: Reply(status=404)] * 2
    assert blobs.size(KEY) is None
    with pytest.raises(NotFound):
        blobs.read_newest(KEY)


def ranged(store: WireStore, asked: Asked, content: bytes) -> Reply:
    """Return the end of an object that was asked for by a range."""
    size = int(asked.headers["range"].removeprefix("bytes=-"))
    whole = store.rightly(asked)
    total = len(content)
    span = f"bytes {total - size}-{total - 1}/{total}"
    return Reply(status=206, body=content[-size:], headers={**whole.headers, "Content-Range": span})
