"""What the environment decides, read once at the start of a process."""

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tapetrail.core.canonical import storable_text
from tapetrail.core.errors import InvalidInput

HOME: Final = "TAPETRAIL_HOME"
DATABASE_URL: Final = "TAPETRAIL_DATABASE_URL"
POSTGRES_BIN_DIR: Final = "TAPETRAIL_POSTGRES_BIN_DIR"
ACTOR: Final = "TAPETRAIL_ACTOR"
DEBUG: Final = "TAPETRAIL_DEBUG"
KNOWN: Final = frozenset({HOME, DATABASE_URL, POSTGRES_BIN_DIR, ACTOR, DEBUG})
HOME_DEFAULT: Final = ".tapetrail"
_USER_NAMES: Final = ("LOGNAME", "USER", "USERNAME")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the record lives and on whose behalf this process acts.

    `database_url` is None for the private server in `home`. Paths are absolute.
    """

    home: Path
    database_url: str | None
    postgres_bin_dir: Path | None
    actor: str


def read_settings(environment: Mapping[str, str], *, working_folder: Path) -> Settings:
    """Return the settings in `environment`; a variable that is empty counts as absent.

    Relative paths begin at `working_folder`. Raises `InvalidInput` for a variable of ours that
    nobody reads, and for a value that breaks a rule. No message repeats a password.
    """
    unknown = sorted(
        name for name in environment if name.startswith("TAPETRAIL_") and name not in KNOWN
    )
    if unknown:
        raise InvalidInput(
            f"environment: {', '.join(unknown)} not known; the known ones are"
            f" {', '.join(sorted(KNOWN))}"
        )
    bin_dir = environment.get(POSTGRES_BIN_DIR)
    return Settings(
        home=_path(HOME, environment.get(HOME) or HOME_DEFAULT, working_folder),
        database_url=_database_url(environment.get(DATABASE_URL)),
        postgres_bin_dir=_path(POSTGRES_BIN_DIR, bin_dir, working_folder) if bin_dir else None,
        actor=_actor(environment),
    )


def _path(name: str, text: str, working_folder: Path) -> Path:
    """Return an absolute path. Only a shell knows `~`, so one that gets here was in quotes."""
    if text.startswith("~"):
        raise InvalidInput(f"{name}: {text!r} begins with '~'; write the path out")
    return (working_folder / text).resolve()


def _database_url(url: str | None) -> str | None:
    if not url:
        return None
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise InvalidInput(f"{DATABASE_URL}: expected postgresql://..., found no '://'")
    if scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise InvalidInput(f"{DATABASE_URL}: expected postgresql://..., found {scheme[:40]!r}")
    return f"postgresql+psycopg://{rest}"


def _actor(environment: Mapping[str, str]) -> str:
    """Return who acts: as stated, else the user of this process."""
    stated = [text for name in (ACTOR, *_USER_NAMES) if (text := environment.get(name, "").strip())]
    actor = stated[0] if stated else _account_name()
    if storable_text(actor) != actor:
        raise InvalidInput(f"{ACTOR}: {actor!r} is not UTF-8 text")
    return actor


def _account_name() -> str:
    """Return the name of the account that the process runs as; some containers have none."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return "unknown"
