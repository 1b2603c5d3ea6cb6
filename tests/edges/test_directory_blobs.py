import gzip
import resource
import signal
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.edges.waiting import wait_for

from tapetrail.blobs.directory import DirectoryBlobs
from tapetrail.blobs.protocol import Place
from tapetrail.core.canonical import digest_bytes
from tapetrail.core.errors import (
    EdgeFailure,
    ErrorKind,
    IntegrityFailure,
    InvalidInput,
    NotFound,
)

KEY = "charts/AAPL/20130301/1d-abc.jpg"
CONTENT = b"a chart"
PUT_FOREVER = """
import sys
from pathlib import Path
from tapetrail.blobs.directory import DirectoryBlobs
blobs = DirectoryBlobs(root=Path(sys.argv[1]))
for number in range(1_000_000):
    blobs.put(number.to_bytes(8, "big") * 100_000, key=f"objects/{number}")
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def blobs(root: Path) -> DirectoryBlobs:
    return DirectoryBlobs(root=root)


def files_in(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


@contextmanager
def a_disk_with_room_for(size: int) -> Generator[None]:
    """Let no file of this process grow beyond `size`: what a write meets on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_store_that_only_reads_creates_no_folder(blobs: DirectoryBlobs, root: Path) -> None:
    with pytest.raises(NotFound):
        blobs.read(KEY, digest=digest_bytes(CONTENT))
    assert not root.exists()


def test_putting_the_same_again_changes_nothing(blobs: DirectoryBlobs, root: Path) -> None:
    digest = blobs.put(CONTENT, key=KEY)
    before = (root / KEY).stat()
    assert blobs.put(CONTENT, key=KEY) == digest
    assert (root / KEY).stat().st_ino == before.st_ino
    assert (root / KEY).stat().st_mtime_ns == before.st_mtime_ns


def test_a_key_never_changes_its_content(blobs: DirectoryBlobs, root: Path) -> None:
    blobs.put(CONTENT, key=KEY)
    with pytest.raises(IntegrityFailure, match=KEY):
        blobs.put(b"another chart", key=KEY)
    assert (root / KEY).read_bytes() == CONTENT
    assert files_in(root) == [root / KEY]


def test_a_missing_blob_is_not_found_by_its_name(blobs: DirectoryBlobs) -> None:
    with pytest.raises(NotFound, match=KEY):
        blobs.read(KEY, digest=digest_bytes(CONTENT))
    blobs.put(CONTENT, key="charts/AAPL")
    with pytest.raises(NotFound, match=KEY):
        blobs.read(KEY, digest=digest_bytes(CONTENT))


def test_an_address_is_relative_to_the_blob_folder(blobs: DirectoryBlobs) -> None:
    assert blobs.place(KEY) == Place(url=f"file:{KEY}", bucket=None, object_key=KEY)


@pytest.mark.parametrize("key", ["../outside", "/outside", "a//b", "a\0b", "", "tmp/a", "tmp"])
def test_an_unsafe_key_is_refused_by_every_question(blobs: DirectoryBlobs, key: str) -> None:
    with pytest.raises(InvalidInput):
        blobs.put(CONTENT, key=key)
    with pytest.raises(InvalidInput):
        blobs.read(key, digest=digest_bytes(CONTENT))
    with pytest.raises(InvalidInput):
        blobs.place(key)


def test_a_full_disk_is_an_edge_failure_and_leaves_no_trace(
    blobs: DirectoryBlobs, root: Path
) -> None:
    with a_disk_with_room_for(4096), pytest.raises(EdgeFailure) as caught:
        blobs.put(bytes(100_000), key=KEY)
    assert caught.value.kind is ErrorKind.BLOB_STORE_UNAVAILABLE
    assert KEY in caught.value.message
    assert files_in(root) == []
    assert blobs.put(bytes(100_000), key=KEY) == digest_bytes(bytes(100_000))


def test_a_file_where_a_folder_belongs_is_an_edge_failure(
    blobs: DirectoryBlobs, root: Path
) -> None:
    blobs.put(CONTENT, key="charts/AAPL")
    with pytest.raises(EdgeFailure) as caught:
        blobs.put(CONTENT, key=KEY)
    assert caught.value.kind is ErrorKind.BLOB_STORE_UNAVAILABLE
    assert files_in(root) == [root / "charts/AAPL"]


def test_many_writers_of_one_blob_agree(root: Path) -> None:
    stores = [DirectoryBlobs(root=root) for _ in range(8)]
    with ThreadPoolExecutor(8) as writers:
        puts = [writers.submit(store.put, bytes(500_000), key=KEY) for store in stores]
    assert {put.result() for put in puts} == {digest_bytes(bytes(500_000))}
    assert files_in(root) == [root / KEY]


def test_a_killed_writer_leaves_whole_blobs_and_no_lasting_rubbish(root: Path) -> None:
    """Wait for a moment at which a file is unfinished, then kill its writer."""
    with subprocess.Popen([sys.executable, "-c", PUT_FOREVER, str(root)]) as writer:
        wait_for(lambda: len(files_in(root / "objects")) > 3 and files_in(root / "tmp"))
        writer.send_signal(signal.SIGKILL)
    blobs = DirectoryBlobs(root=root)
    assert files_in(root / "tmp") == []
    for path in files_in(root / "objects"):
        content = int(path.name).to_bytes(8, "big") * 100_000
        assert blobs.read(f"objects/{path.name}", digest=digest_bytes(content)) == content


def test_what_a_dead_writer_left_is_gone_when_the_store_is_opened(root: Path) -> None:
    (root / "tmp").mkdir(parents=True)
    (root / "tmp" / "left").write_bytes(b"half a cha")
    DirectoryBlobs(root=root)
    assert files_in(root) == []


def test_the_files_of_a_living_writer_are_left_alone(root: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PUT_FOREVER, str(root)]) as writer:
        wait_for(lambda: len(files_in(root / "objects")) > 3)
        for _ in range(200):
            DirectoryBlobs(root=root)
        seen = len(files_in(root / "objects"))
        wait_for(lambda: len(files_in(root / "objects")) > seen)
        assert writer.poll() is None
        writer.kill()


def test_a_root_nobody_may_enter_is_an_edge_failure(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_bytes(b"")
    with pytest.raises(EdgeFailure) as caught:
        DirectoryBlobs(root=occupied / "blobs").put(CONTENT, key=KEY)
    assert caught.value.kind is ErrorKind.BLOB_STORE_UNAVAILABLE


def test_a_page_is_kept_packed_and_read_as_it_was(blobs: DirectoryBlobs, root: Path) -> None:
    page = b"<p>a page</p>" * 100
    digest = blobs.put(page, key="charts/a.html")
    assert digest == digest_bytes(page)
    assert blobs.put(page, key="charts/a.html") == digest
    kept = (root / "charts/a.html").read_bytes()
    assert gzip.decompress(kept) == page
    assert len(kept) < len(page)
    assert blobs.read("charts/a.html", digest=digest) == page
    with pytest.raises(IntegrityFailure, match="a key never changes its content"):
        blobs.put(b"another", key="charts/a.html")


@pytest.mark.parametrize(
    "damage", [b"", b"\x1f\x8b", b"<p>not packed", gzip.compress(b"x", mtime=0)[:-1]]
)
def test_a_page_that_cannot_be_unpacked_is_damaged(
    blobs: DirectoryBlobs, root: Path, damage: bytes
) -> None:
    digest = blobs.put(b"a page", key="charts/a.html")
    (root / "charts/a.html").write_bytes(damage)
    with pytest.raises(IntegrityFailure, match=r"charts/a\.html") as failure:
        blobs.read("charts/a.html", digest=digest)
    assert failure.value.kind is ErrorKind.CORRUPT_BLOB
