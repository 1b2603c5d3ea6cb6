"""Which bucket keeps the blobs, and whose keys reach it."""

from pathlib import Path

import pytest

from tapetrail.core.errors import InvalidInput
from tapetrail.s3_settings import S3Settings
from tapetrail.settings import SettingsFile, choose, read_settings
from tapetrail.settings_files import write_setting

FOLDER = Path("/somewhere")
OURS = {"TAPETRAIL_S3_ACCESS_KEY": "our key", "TAPETRAIL_S3_SECRET_KEY": "our secret"}
AWS = {"AWS_ACCESS_KEY_ID": "aws key", "AWS_SECRET_ACCESS_KEY": "aws secret"}
TOKEN = {"AWS_SESSION_TOKEN": "token"}
MINIO = {
    "MINIO_ENDPOINT": "minio.example:9000",
    "MINIO_ACCESS_KEY": "minio key",
    "MINIO_SECRET_KEY": "minio secret",
}


def s3(blobs: str = "s3://trails/a/b/", **environment: str) -> S3Settings:
    read = read_settings({"TAPETRAIL_BLOBS": blobs, **environment}, working_folder=FOLDER)
    assert read.s3 is not None
    return read.s3


def keys(found: S3Settings) -> tuple[str | None, str | None, str | None]:
    return found.access_key, found.secret_key, found.endpoint


def test_without_a_bucket_nobody_else_names_one() -> None:
    read = read_settings({**AWS, **MINIO, "MINIO_BUCKET": "trails"}, working_folder=FOLDER)
    assert read.s3 is None
    assert choose({**AWS, **MINIO}, working_folder=FOLDER) == {}


def test_an_address_names_bucket_and_prefix() -> None:
    assert (s3().bucket, s3().prefix, s3().url) == ("trails", "a/b/", "s3://trails/a/b/")
    assert (s3("s3://trails").prefix, s3("s3://trails/").prefix) == ("", "")
    assert s3().address == "https://s3.us-east-1.amazonaws.com"


def test_ours_go_before_those_of_others() -> None:
    assert keys(s3(**OURS, **AWS, **MINIO)) == (
        "our key",
        "our secret",
        "https://minio.example:9000",
    )
    assert keys(s3(**AWS, **MINIO, **TOKEN))[:2] == ("aws key", "aws secret")
    assert s3(**AWS, **TOKEN).session_token == TOKEN["AWS_SESSION_TOKEN"]
    assert keys(s3(**MINIO, AWS_ENDPOINT_URL="https://elsewhere")) == (
        "minio key",
        "minio secret",
        "https://minio.example:9000",
    )
    found = s3(**OURS, **TOKEN, TAPETRAIL_S3_ENDPOINT="http://127.0.0.1:8333/")
    assert (found.session_token, found.endpoint) == (None, "http://127.0.0.1:8333")
    assert s3(**OURS, **AWS, **TOKEN).session_token is None


@pytest.mark.parametrize(
    ("variables", "endpoint"),
    [
        ({"AWS_ENDPOINT_URL_S3": "https://a", "AWS_ENDPOINT_URL": "https://b"}, "https://a"),
        ({"AWS_ENDPOINT_URL": "https://b"}, "https://b"),
        ({"MINIO_ENDPOINT": "localhost:9000"}, "http://localhost:9000"),
        ({"MINIO_ENDPOINT": "localhost:9000", "MINIO_SECURE": "true"}, "https://localhost:9000"),
        ({"MINIO_ENDPOINT": "minio:9000", "MINIO_SECURE": "0"}, "http://minio:9000"),
        ({"MINIO_ENDPOINT": "minio:9000", "MINIO_SECURE": "false"}, "http://minio:9000"),
        ({"MINIO_ENDPOINT": "https://minio:9000"}, "https://minio:9000"),
    ],
)
def test_an_address_is_read_as_its_owners_write_it(
    variables: dict[str, str], endpoint: str
) -> None:
    assert s3(**variables).endpoint == endpoint


def test_a_region_is_taken_from_aws() -> None:
    assert s3(AWS_DEFAULT_REGION="eu-west-1").region == "eu-west-1"
    assert s3(AWS_DEFAULT_REGION="eu-west-1", AWS_REGION="eu-west-2").region == "eu-west-2"
    assert s3(AWS_REGION="eu-west-2", TAPETRAIL_S3_REGION="auto").region == "auto"
    assert s3(AWS_REGION="eu-west-1").address == "https://s3.eu-west-1.amazonaws.com"


def test_minio_names_the_bucket_where_the_setting_leaves_it_open() -> None:
    assert s3("s3://", **MINIO, MINIO_BUCKET="trails").bucket == "trails"
    assert s3("s3://own", **MINIO, MINIO_BUCKET="trails").bucket == "own"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"TAPETRAIL_BLOBS": "trails"}, "TAPETRAIL_BLOBS: expected s3://BUCKET"),
        ({"TAPETRAIL_BLOBS": "s3://"}, "TAPETRAIL_BLOBS: '' names no bucket"),
        ({"TAPETRAIL_BLOBS": "s3://ab"}, "'ab' names no bucket"),
        ({"TAPETRAIL_BLOBS": "s3://a..b"}, "'a..b' names no bucket"),
        ({"TAPETRAIL_BLOBS": "s3://My_Bucket"}, "'My_Bucket' names no bucket"),
        ({"TAPETRAIL_S3_ENDPOINT": "https://h/path"}, "an address without a path, found '/path'"),
        ({"TAPETRAIL_BLOBS": "s3://key:secret@host/x"}, "names no bucket"),
        ({"TAPETRAIL_BLOBS": "s3://trails/../x"}, "'..' is not a plain name"),
        ({"TAPETRAIL_S3_ACCESS_KEY": "x"}, "TAPETRAIL_S3_ACCESS_KEY: one of two keys"),
        ({"TAPETRAIL_S3_SECRET_KEY": "x"}, "TAPETRAIL_S3_SECRET_KEY: one of two keys"),
        ({"AWS_SECRET_ACCESS_KEY": "x", **MINIO}, "AWS_SECRET_ACCESS_KEY: one of two keys"),
        ({"TAPETRAIL_S3_ENDPOINT": "127.0.0.1:8333"}, "TAPETRAIL_S3_ENDPOINT: expected http"),
        ({"TAPETRAIL_S3_ENDPOINT": "http://[x"}, "TAPETRAIL_S3_ENDPOINT: expected http"),
        ({"TAPETRAIL_S3_ENDPOINT": "http://x:port"}, "TAPETRAIL_S3_ENDPOINT: expected http"),
        ({"TAPETRAIL_S3_ENDPOINT": "ftp://x"}, "TAPETRAIL_S3_ENDPOINT: expected http"),
        ({"TAPETRAIL_S3_ENDPOINT": "http://a:secret@x"}, "without name, password and query"),
        ({"AWS_ENDPOINT_URL": "http://x?y=z"}, "AWS_ENDPOINT_URL: expected an address without"),
        ({"TAPETRAIL_S3_ENDPOINT": "trails.example"}, "found 'trails.example'"),
        ({"TAPETRAIL_BLOBS": "s3://trails/a b"}, "TAPETRAIL_BLOBS: blob key 'a b'"),
        ({**MINIO, "MINIO_SECURE": "maybe"}, "MINIO_SECURE: 'maybe', expected one of"),
        (
            {**MINIO, "MINIO_ENDPOINT": "http://x:9000", "MINIO_SECURE": "true"},
            "MINIO_SECURE: 'true', and MINIO_ENDPOINT begins with http://",
        ),
        ({"TAPETRAIL_S3_CHECKSUMS": "perhaps"}, "TAPETRAIL_S3_CHECKSUMS: 'perhaps', expected one"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_place(variables: dict[str, str], said: str) -> None:
    environment = {"TAPETRAIL_BLOBS": "s3://trails", **variables}
    with pytest.raises(InvalidInput) as caught:
        read_settings(environment, working_folder=FOLDER)
    assert said in caught.value.message
    assert "secret@" not in caught.value.message or "s3://" in variables.get("TAPETRAIL_BLOBS", "")


def test_what_a_store_cannot_do_is_said_in_a_file() -> None:
    values = {"blobs": "s3://trails", "s3.checksums": "0", "s3.conditional_puts": "no"}
    file = SettingsFile(path=FOLDER / "tapetrail.toml", values=values, is_private=False)
    found = read_settings({}, working_folder=FOLDER, files=[file]).s3
    assert found is not None
    assert (found.has_checksums, found.has_conditional_puts) == (False, False)
    assert (s3().has_checksums, s3().has_conditional_puts) == (True, True)


@pytest.mark.parametrize("key", ["s3.secret_key", "s3.session_token"])
def test_no_secret_is_written_to_a_file_or_read_from_an_open_one(tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidInput, match=f"{key}: a password is never written"):
        write_setting(tmp_path / "tapetrail.toml", key, "hidden")
    file = SettingsFile(path=tmp_path / "x.toml", values={key: "hidden"}, is_private=False)
    with pytest.raises(InvalidInput, match=f"{key} holds a password") as caught:
        read_settings({}, working_folder=tmp_path, files=[file])
    assert "hidden" not in caught.value.message


def test_what_breaks_a_rule_is_written_to_no_file(tmp_path: Path) -> None:
    path = tmp_path / "tapetrail.toml"
    for key, value in (("s3.endpoint", "127.0.0.1:8333"), ("s3.checksums", "perhaps")):
        with pytest.raises(InvalidInput, match="expected"):
            write_setting(path, key, value)
    assert not path.exists()


def test_a_bucket_is_written_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "tapetrail.toml"
    write_setting(path, "blobs", "s3://trails/a")
    write_setting(path, "s3.region", "auto")
    write_setting(path, "s3.checksums", "0")
    assert path.read_text(encoding="utf-8") == (
        'blobs = "s3://trails/a"\n\n[s3]\nregion = "auto"\nchecksums = "0"\n'
    )
