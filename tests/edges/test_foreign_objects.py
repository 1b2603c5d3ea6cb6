"""Bytes that another system left are read by names that nobody trusts."""

from pathlib import Path

import obstore
import pytest
from tests.s3_server import S3Server, raw_store

from tapetrail.blobs import foreign
from tapetrail.blobs.foreign import BucketObjects, FolderObjects, NoObjects
from tapetrail.core.errors import EdgeFailure, InvalidInput


@pytest.fixture
def folder(tmp_path: Path) -> FolderObjects:
    for place in ("left/charts/a.jpg", "left/bucket/charts/b.jpg", "secret.txt"):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(place, encoding="utf-8")
    (tmp_path / "left" / "link").symlink_to(tmp_path / "secret.txt")
    return FolderObjects(tmp_path / "left")


def test_a_file_is_found_by_its_key_beside_or_below_its_bucket(folder: FolderObjects) -> None:
    assert folder.read("bucket", "charts/b.jpg") == b"left/bucket/charts/b.jpg"
    assert folder.read("bucket", "charts/a.jpg") == b"left/charts/a.jpg"
    assert folder.read(None, "/charts/a.jpg") == b"left/charts/a.jpg"
    assert folder.read(None, "charts/b.jpg") is None


@pytest.mark.parametrize(
    ("bucket", "key"),
    [(None, "../secret.txt"), ("..", "secret.txt"), (None, "link"), (None, "charts"),
     (None, "x\0y"), (None, "x" * 5000), ("a", "../../secret.txt")],
)  # fmt: skip
def test_no_name_leads_out_of_the_folder(
    folder: FolderObjects, bucket: str | None, key: str
) -> None:
    assert folder.read(bucket, key) is None


def test_a_file_of_no_sensible_size_is_not_there(tmp_path: Path) -> None:
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(foreign.BYTES_MAX + 1)
    assert FolderObjects(tmp_path).read(None, "huge.jpg") is None


def test_a_folder_that_is_none_is_refused_and_none_at_all_has_nothing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no folder of that name"):
        FolderObjects(tmp_path / "none")
    assert NoObjects().read("bucket", "key") is None


@pytest.mark.service
def test_an_object_is_read_from_the_bucket_that_is_named_and_no_other(s3: S3Server) -> None:
    bucket = s3.new_bucket()
    objects = BucketObjects(s3.settings(bucket))
    store = raw_store(s3.settings(bucket))
    obstore.put(store, "charts/a.jpg", b"a drawing")
    obstore.put(store, "charts/a.html", b"<html>")
    assert objects.read(bucket, "charts/a.jpg") == b"a drawing"
    assert objects.read(None, "charts/a.html") == b"<html>"
    assert objects.read("another", "charts/a.jpg") is None
    assert objects.read(None, "charts/none.jpg") is None
    assert objects.read(None, "charts/with a blank.jpg") is None


@pytest.mark.service
def test_a_bucket_that_does_not_answer_is_no_bucket_without_objects(s3: S3Server) -> None:
    with pytest.raises(EdgeFailure):
        BucketObjects(s3.settings("there-is-none")).read(None, "charts/a.jpg")
