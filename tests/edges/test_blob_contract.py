"""What every store of bytes does, whether it is a folder or a bucket of a real S3 server."""

import gzip
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import obstore
import pytest
from tests.s3_server import S3Server, raw_keys, raw_store

from tapetrail.blobs.directory import DirectoryBlobs
from tapetrail.blobs.protocol import BlobStore
from tapetrail.blobs.s3 import S3Blobs
from tapetrail.core.blob_keys import object_key
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import ErrorKind, IntegrityFailure, InvalidInput, NotFound

KEY = "charts/AAPL/20130301/1d-abc.jpg"
PAGE = "charts/BF%2FB/20130301/1w-a=~+b.html"
CONTENT = b"a chart"

pytestmark = pytest.mark.service


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A store, and what others than our own code can do to it."""

    blobs: BlobStore
    open_again: Callable[[], BlobStore]
    write: Callable[[str, bytes], object]
    remove: Callable[[str], object]
    content: Callable[[str], bytes]
    keys: Callable[[], list[str]]


@pytest.fixture(params=["folder", "bucket"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    if request.param == "folder":
        return kept_in(tmp_path / "blobs")
    s3: S3Server = request.getfixturevalue("s3")
    settings = s3.settings(s3.new_bucket(), prefix="some/trail/")
    store = raw_store(settings)
    return Kept(
        blobs=S3Blobs(settings),
        open_again=lambda: S3Blobs(settings),
        write=lambda key, content: obstore.put(store, settings.prefix + key, content),
        remove=lambda key: obstore.delete(store, settings.prefix + key),
        content=lambda key: bytes(obstore.get(store, settings.prefix + key).bytes()),
        keys=lambda: [key.removeprefix(settings.prefix) for key in raw_keys(s3, settings.bucket)],
    )


def kept_in(root: Path) -> Kept:
    return Kept(
        blobs=DirectoryBlobs(root=root),
        open_again=lambda: DirectoryBlobs(root=root),
        write=lambda key, content: (root / key).write_bytes(content),
        remove=lambda key: (root / key).unlink(),
        content=lambda key: (root / key).read_bytes(),
        keys=lambda: sorted(
            str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()
        ),
    )


def test_what_was_put_is_read_back_under_its_key(kept: Kept) -> None:
    digest = kept.blobs.put(CONTENT, key=KEY, media_type="image/jpeg")
    assert digest == digest_bytes(CONTENT)
    assert kept.blobs.read(KEY, digest=digest) == CONTENT
    assert kept.open_again().read(KEY, digest=digest) == CONTENT
    assert kept.blobs.read_newest(KEY) == CONTENT
    assert kept.keys() == [KEY]


def test_an_empty_blob_is_a_blob(kept: Kept) -> None:
    assert kept.blobs.read(KEY, digest=kept.blobs.put(b"", key=KEY)) == b""
    assert (kept.blobs.size(KEY), kept.blobs.kept_size(KEY)) == (0, 0)


def test_putting_the_same_again_changes_nothing(kept: Kept) -> None:
    digest = kept.blobs.put(CONTENT, key=KEY)
    assert kept.open_again().put(CONTENT, key=KEY) == digest
    assert kept.content(KEY) == CONTENT


@pytest.mark.parametrize("key", [KEY, PAGE])
def test_a_key_never_changes_its_content(kept: Kept, key: str) -> None:
    kept.blobs.put(CONTENT, key=key)
    before = kept.content(key)
    with pytest.raises(IntegrityFailure, match="a key never changes its content") as caught:
        kept.blobs.put(b"another chart", key=key)
    assert caught.value.kind is ErrorKind.CORRUPT_BLOB
    assert kept.content(key) == before


def test_one_changed_byte_is_found_when_it_is_read(kept: Kept) -> None:
    digest = kept.blobs.put(CONTENT, key=KEY)
    kept.write(KEY, b"b chart")
    with pytest.raises(IntegrityFailure) as caught:
        kept.blobs.read(KEY, digest=digest)
    assert caught.value.kind is ErrorKind.CORRUPT_BLOB
    assert all(text in caught.value.message for text in (KEY, digest, digest_bytes(b"b chart")))
    assert kept.blobs.read_newest(KEY) == b"b chart"


def test_a_missing_blob_is_not_found_by_its_name(kept: Kept) -> None:
    digest = digest_bytes(CONTENT)
    for _ in range(2):
        with pytest.raises(NotFound, match=KEY):
            kept.blobs.read(KEY, digest=digest)
        with pytest.raises(NotFound, match=KEY):
            kept.blobs.read_newest(KEY)
        assert (kept.blobs.size(KEY), kept.blobs.kept_size(KEY)) == (None, None)
        assert kept.blobs.older_version(KEY, digest=digest) is None
        kept.blobs.put(CONTENT, key=KEY)
        kept.remove(KEY)


def test_a_page_is_kept_packed_and_read_as_it_was(kept: Kept) -> None:
    page = b"<p>a page</p>" * 100
    digest = kept.blobs.put(page, key=PAGE)
    assert digest == digest_bytes(page)
    assert kept.open_again().put(page, key=PAGE) == digest
    packed = kept.content(PAGE)
    assert gzip.decompress(packed) == page
    assert kept.blobs.read(PAGE, digest=digest) == page
    assert (kept.blobs.size(PAGE), kept.blobs.kept_size(PAGE)) == (len(page), len(packed))


@pytest.mark.parametrize("damage", [b"\x1f\x8b", b"<p>other", gzip.compress(b"x", mtime=0)[:-1]])
def test_a_page_that_is_damaged_is_found_when_it_is_read(kept: Kept, damage: bytes) -> None:
    digest = kept.blobs.put(b"a page", key=PAGE)
    kept.write(PAGE, damage)
    with pytest.raises(IntegrityFailure, match=PAGE.replace("+", r"\+")) as failure:
        kept.blobs.read(PAGE, digest=digest)
    assert failure.value.kind is ErrorKind.CORRUPT_BLOB


@pytest.mark.parametrize("key", ["../outside", "/outside", "a//b", "a\0b", "", "a/./b"])
def test_an_unsafe_key_is_refused_by_every_question(kept: Kept, key: str) -> None:
    digest = digest_bytes(CONTENT)
    for ask in (
        lambda: kept.blobs.put(CONTENT, key=key),
        lambda: kept.blobs.read(key, digest=digest),
        lambda: kept.blobs.read_newest(key),
        lambda: kept.blobs.size(key),
        lambda: kept.blobs.kept_size(key),
        lambda: kept.blobs.place(key),
    ):
        with pytest.raises(InvalidInput):
            ask()


def test_many_writers_of_one_blob_agree(kept: Kept) -> None:
    content = bytes(500_000)
    stores = [kept.open_again() for _ in range(4)]
    with ThreadPoolExecutor(4) as writers:
        puts = [writers.submit(store.put, content, key=KEY) for store in stores]
    assert {put.result() for put in puts} == {digest_bytes(content)}
    assert kept.keys() == [KEY]


def test_of_two_contents_for_one_key_one_is_kept_and_the_other_refused(kept: Kept) -> None:
    contents = [bytes([number]) * 300_000 for number in range(4)]
    with ThreadPoolExecutor(4) as writers:
        puts = [writers.submit(kept.open_again().put, each, key=KEY) for each in contents]
    lost = [put for put in puts if put.exception() is not None]
    assert len(lost) == len(contents) - 1
    assert all(isinstance(put.exception(), IntegrityFailure) for put in lost)
    (won,) = (put.result() for put in puts if put.exception() is None)
    assert digest_bytes(kept.content(KEY)) == won


def test_an_object_is_found_by_its_digest_alone(kept: Kept) -> None:
    digest = kept.blobs.put(CONTENT, key=object_key(digest_bytes(CONTENT)))
    assert kept.blobs.read(object_key(digest), digest=digest) == CONTENT
