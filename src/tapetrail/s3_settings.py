"""Which bucket of which S3 store keeps the blobs, and by which keys it is reached.

What `TAPETRAIL_S3_*` or a file of settings does not say is taken from the variables that other
programs read: those of AWS, else those of MinIO. Both keys always come from one and the same place.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tapetrail.core.blob_keys import checked_key
from tapetrail.core.errors import InvalidInput
from tapetrail.settings_words import Chosen, flag

BLOBS: Final = "blobs"
SCHEME: Final = "s3://"
ENDPOINT: Final = "s3.endpoint"
REGION: Final = "s3.region"
ACCESS_KEY: Final = "s3.access_key"
SECRET_KEY: Final = "s3.secret_key"  # noqa: S105 # the name of a setting
SESSION_TOKEN: Final = "s3.session_token"  # noqa: S105 # as above
CHECKSUMS: Final = "s3.checksums"
CONDITIONAL_PUTS: Final = "s3.conditional_puts"
KEYS: Final = (
    ENDPOINT,
    REGION,
    ACCESS_KEY,
    SECRET_KEY,
    SESSION_TOKEN,
    CHECKSUMS,
    CONDITIONAL_PUTS,
)
REGION_DEFAULT: Final = "us-east-1"
_BUCKET: Final = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_AWS_KEYS: Final = {
    ACCESS_KEY: "AWS_ACCESS_KEY_ID",
    SECRET_KEY: "AWS_SECRET_ACCESS_KEY",
    SESSION_TOKEN: "AWS_SESSION_TOKEN",
}
_MINIO_KEYS: Final = {ACCESS_KEY: "MINIO_ACCESS_KEY", SECRET_KEY: "MINIO_SECRET_KEY"}
_AWS_REGION: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
_AWS_ENDPOINT: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_MINIO_ENDPOINT: Final = "MINIO_ENDPOINT"
_MINIO_SECURE: Final = "MINIO_SECURE"
_MINIO_BUCKET: Final = "MINIO_BUCKET"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """A bucket, and how it is reached.

    `prefix` is what the keys of ours begin with, empty or ending in a slash. `endpoint` is None for
    AWS's own. Without keys they are those of the machine, as AWS gives them to its own.
    `has_checksums` is whether puts carry a SHA-256 for the store to check, `has_conditional_puts`
    whether the store can refuse to overwrite.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str = REGION_DEFAULT
    access_key: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    has_checksums: bool = True
    has_conditional_puts: bool = True

    @property
    def url(self) -> str:
        """Return `s3://bucket/prefix/`, below which every key of ours lies."""
        return f"{SCHEME}{self.bucket}/{self.prefix}"

    @property
    def address(self) -> str:
        """Return where the store listens: `https://HOST`, AWS's own where none is named."""
        return self.endpoint or f"https://s3.{self.region}.amazonaws.com"


def with_foreign(
    chosen: Mapping[str, Chosen], environment: Mapping[str, str]
) -> Mapping[str, Chosen]:
    """Return the settings with what variables of AWS or MinIO say where ours say nothing.

    They count only where the setting `blobs` names a bucket. Both keys of others come from one of
    them, and the address rather from there: a key of one store is none of another's.
    """
    if BLOBS not in chosen:
        return chosen
    blobs = chosen[BLOBS]
    found = {} if {ACCESS_KEY, SECRET_KEY} & {*chosen} else _foreign_keys(environment)
    addresses = (*_AWS_ENDPOINT, _MINIO_ENDPOINT)
    if found.get(ACCESS_KEY) == "MINIO_ACCESS_KEY":
        addresses = (_MINIO_ENDPOINT, *_AWS_ENDPOINT)
    for key, names in ((ENDPOINT, addresses), (REGION, _AWS_REGION)):
        if name := next((name for name in names if environment.get(name)), None):
            found[key] = name
    foreign = {
        key: Chosen(text=_foreign_text(name, environment), origin=name, folder=blobs.folder)
        for key, name in found.items()
    }
    if blobs.text == SCHEME and (bucket := environment.get(_MINIO_BUCKET)):
        foreign[BLOBS] = replace(
            blobs, text=f"{SCHEME}{bucket}", origin=f"{blobs.origin} and {_MINIO_BUCKET}"
        )
        return {**foreign, **chosen, BLOBS: foreign[BLOBS]}
    return {**foreign, **chosen}


def check_s3(chosen: Mapping[str, Chosen]) -> None:
    """Raise `InvalidInput` for a setting that breaks a rule by itself, also without a bucket."""
    if said := chosen.get(ENDPOINT):
        _endpoint(said)
    for key in (CHECKSUMS, CONDITIONAL_PUTS):
        if said := chosen.get(key):
            flag(said)


def read_s3(chosen: Mapping[str, Chosen]) -> S3Settings:
    """Return where blobs are kept, as the setting `blobs` and those beside it say.

    Raises `InvalidInput` for an address that is none, one key without the other, and a word that
    is neither yes nor no. No message repeats a key.
    """
    bucket, prefix = _bucket(chosen[BLOBS])
    said = {key: found.text for key, found in chosen.items() if key in KEYS}
    if (ACCESS_KEY in said) != (SECRET_KEY in said):
        stated = chosen.get(ACCESS_KEY) or chosen[SECRET_KEY]
        raise InvalidInput(f"{stated.origin}: one of two keys, and the other one is not set")
    return S3Settings(
        bucket=bucket,
        prefix=prefix,
        endpoint=_endpoint(chosen[ENDPOINT]) if ENDPOINT in chosen else None,
        region=said.get(REGION, REGION_DEFAULT),
        access_key=said.get(ACCESS_KEY),
        secret_key=said.get(SECRET_KEY),
        session_token=said.get(SESSION_TOKEN),
        has_checksums=flag(chosen[CHECKSUMS]) if CHECKSUMS in chosen else True,
        has_conditional_puts=(
            flag(chosen[CONDITIONAL_PUTS]) if CONDITIONAL_PUTS in chosen else True
        ),
    )


def _foreign_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables, by setting, of the first store that has a key in the environment."""
    for names in (_AWS_KEYS, _MINIO_KEYS):
        found = {key: name for key, name in names.items() if environment.get(name)}
        if found.keys() & {ACCESS_KEY, SECRET_KEY}:
            return found
    return {}


def _foreign_text(name: str, environment: Mapping[str, str]) -> str:
    """Return what a variable says. MinIO's address has no scheme; MINIO_SECURE says which."""
    text = environment[name]
    if name != _MINIO_ENDPOINT:
        return text
    scheme, has_scheme, place = text.rpartition("://")
    is_local = urlsplit(f"//{place}").hostname in _LOOPBACK
    is_secure = scheme != "http" if has_scheme else not is_local
    if said := environment.get(_MINIO_SECURE):
        wanted = flag(Chosen(text=said, origin=_MINIO_SECURE, folder=Path()))
        if has_scheme and wanted != is_secure:
            raise InvalidInput(
                f"{_MINIO_SECURE}: {said[:40]!r}, and {name} begins with {scheme}://"
            )
        is_secure = wanted
    return text if has_scheme else f"{'https' if is_secure else 'http'}://{place}"


def _bucket(said: Chosen) -> tuple[str, str]:
    """Return a bucket, and what keys in it begin with."""
    if not said.text.startswith(SCHEME):
        raise InvalidInput(
            f"{said.origin}: expected s3://BUCKET or s3://BUCKET/PREFIX, found {said.text[:80]!r}"
        )
    bucket, _, prefix = said.text.removeprefix(SCHEME).partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise InvalidInput(
            f"{said.origin}: {bucket[:80]!r} names no bucket; expected s3://BUCKET, of 3 to 63"
            f" small letters, digits, dots and hyphens, or {SCHEME} where {_MINIO_BUCKET} says it"
        )
    prefix = prefix.strip("/")
    try:
        return bucket, f"{checked_key(prefix)}/" if prefix else ""
    except InvalidInput as error:
        raise InvalidInput(f"{said.origin}: {error.message}") from error


def _endpoint(said: Chosen) -> str:
    """Return an address. It holds no key: one in it would be shown."""
    shown = "not that" if "@" in said.text else f"found {said.text[:80]!r}"
    wrong = InvalidInput(f"{said.origin}: expected http://HOST:PORT or https://HOST, {shown}")
    try:
        parts = urlsplit(said.text)
        is_address = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        raise wrong from None
    if not is_address:
        raise wrong
    if parts.username is not None or parts.query or parts.fragment:
        raise InvalidInput(f"{said.origin}: expected an address without name, password and query")
    if parts.path.strip("/"):
        raise InvalidInput(
            f"{said.origin}: expected an address without a path, found {parts.path[:80]!r}; what"
            f" comes before keys belongs to {BLOBS}"
        )
    return said.text.rstrip("/")
