"""The settings of this process, and the record opened with them."""

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tapetrail.cli.terminal.output import note
from tapetrail.core.canonical import decimal_text
from tapetrail.core.errors import NotFound
from tapetrail.s3_settings import BLOBS
from tapetrail.s3_settings import KEYS as S3_KEYS
from tapetrail.safe_text import sanitise
from tapetrail.settings import KEYS, LIMITS, Settings, choose, masked, read_settings
from tapetrail.settings_files import places, read_files

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from tapetrail.s3_settings import S3Settings
    from tapetrail.settings import SettingsFile
    from tapetrail.usecases.record import Record
    from tapetrail.usecases.runs import Manner


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSetting:
    """A setting as it may be shown: its passwords hidden, and where it stands."""

    key: str
    value: str | None
    origin: str


def settings() -> Settings:
    """Return what the environment of this process and the files of settings decide."""
    return settings_at(Path.cwd(), os.environ)


def settings_at(folder: Path, environment: "Mapping[str, str]") -> Settings:
    """Return what an environment, and the files of settings of a folder, decide."""
    return read_settings(environment, working_folder=folder, files=settings_files(folder))


def settings_files(working_folder: Path) -> "Sequence[SettingsFile]":
    """Return the files of settings that count here, the one that goes first at the beginning."""
    return read_files(places(working_folder))


def shown_settings() -> list[ShownSetting]:
    """Return every setting as it counts here. Raises `InvalidInput` where one breaks a rule."""
    folder = Path.cwd()
    files = settings_files(folder)
    read = read_settings(os.environ, working_folder=folder, files=files)
    chosen = choose(os.environ, working_folder=folder, files=files)
    budget = read.budget_day_usd
    values = {
        "home": str(read.home),
        "database_url": masked(read.database_url) if read.database_url else None,
        "postgres_bin_dir": str(read.postgres_bin_dir) if read.postgres_bin_dir else None,
        "actor": read.actor,
        "keys_file": str(read.keys_file) if read.keys_file else None,
        "budget_day_usd": None if budget is None else decimal_text(budget),
        "debug_mode": str(int(read.debug_mode)),
        "server_key": "***" if read.server_key else None,
        "server": read.server,
        "allowed_origins": ",".join(read.allowed_origins) or None,
        **_s3_values(read.s3),
        **{
            key: None if (limit := getattr(read.limits(provider), name)) is None else str(limit)
            for key, (provider, name) in LIMITS.items()
        },
    }
    return [
        ShownSetting(
            key=key, value=values[key], origin=chosen[key].origin if key in chosen else "default"
        )
        for key in KEYS
    ]


def _s3_values(s3: "S3Settings | None") -> "dict[str, str | None]":
    """Return what the settings of a bucket say, by their keys; its secrets hidden."""
    if s3 is None:
        return {BLOBS: None, **dict.fromkeys(S3_KEYS)}
    return {
        BLOBS: s3.url.rstrip("/"),
        "s3.endpoint": s3.endpoint,
        "s3.region": s3.region,
        "s3.access_key": s3.access_key,
        "s3.secret_key": "***" if s3.secret_key else None,
        "s3.session_token": "***" if s3.session_token else None,
        "s3.checksums": str(int(s3.has_checksums)),
        "s3.conditional_puts": str(int(s3.has_conditional_puts)),
    }


def has_record(read: Settings) -> bool:
    """Return whether there may be a record: a folder, or a server's address."""
    return read.database_url is not None or read.home.exists()


def no_record(read: Settings) -> NotFound:
    """Return the error that there is no record where these settings look."""
    return NotFound(
        f"no record in {read.home}; the current folder, or TAPETRAIL_HOME, says where to look;"
        " run: tapetrail demo"
    )


@contextmanager
def opened() -> "Generator[Record]":
    """Give a record that there is.

    Raises `NotFound` where there is none: who reads in the wrong folder must not be told that
    nothing was recorded, and reading creates nothing.
    """
    read = settings()
    if not has_record(read):
        raise no_record(read)
    with opened_or_new(read) as record:
        yield record


@contextmanager
def watched(concurrency: int) -> "Generator[Manner]":
    """Give how runs are carried out where somebody sees how far they are."""
    from tapetrail.progress import shown_progress  # noqa: PLC0415 # for runs only
    from tapetrail.usecases.runs import Manner  # noqa: PLC0415 # as above

    with shown_progress(note) as watch:
        yield Manner(concurrency=concurrency, watch=watch, left=_note_left, noted=_note_reading)


def _note_left(count: int) -> None:
    """Note how many decisions this process finishes for one that died."""
    note(f"finishing {count} decisions that an earlier process left")


def _note_reading(said: str) -> None:
    """Note how bars are read, where no row of them alone tells."""
    note(f"note: {sanitise(said)}")


@contextmanager
def opened_or_new(read: Settings) -> "Generator[Record]":
    """Give the record of these settings; one that is not there yet is created when it is needed."""
    from tapetrail.bootstrap import open_record  # noqa: PLC0415 # --help never needs it

    with open_record(read) as record:
        yield record
