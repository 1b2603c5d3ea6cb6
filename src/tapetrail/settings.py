"""What the environment decides, read once at the start of a process."""

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tapetrail.core.errors import InvalidInput

HOME: Final = "TAPETRAIL_HOME"
DATABASE_URL: Final = "TAPETRAIL_DATABASE_URL"
POSTGRES_BIN_DIR: Final = "TAPETRAIL_POSTGRES_BIN_DIR"
ACTOR: Final = "TAPETRAIL_ACTOR"
KNOWN: Final = frozenset({HOME, DATABASE_URL, POSTGRES_BIN_DIR, ACTOR, "TAPETRAIL_DEBUG"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the record lives and on whose behalf this process acts.

    `database_url` is None for the private server in `home`.
    """

    home: Path
    database_url: str | None
    postgres_bin_dir: Path | None
    actor: str


def read_settings(environment: Mapping[str, str], *, working_folder: Path) -> Settings:
    """Return the settings in `environment`. Raises `InvalidInput` for a name nobody reads."""
    unknown = sorted(
        name for name in environment if name.startswith("TAPETRAIL_") and name not in KNOWN
    )
    if unknown:
        raise InvalidInput(
            f"environment variable {unknown[0]}: not known; the known ones are"
            f" {', '.join(sorted(KNOWN))}"
        )
    bin_dir = environment.get(POSTGRES_BIN_DIR)
    return Settings(
        home=(working_folder / environment.get(HOME, ".tapetrail")).resolve(),
        database_url=_database_url(environment.get(DATABASE_URL)),
        postgres_bin_dir=Path(bin_dir) if bin_dir else None,
        actor=environment.get(ACTOR) or _user_name(),
    )


def _database_url(url: str | None) -> str | None:
    if not url:
        return None
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise InvalidInput(f"{DATABASE_URL}: expected postgresql://..., found {scheme[:40]!r}")
    return f"postgresql+psycopg://{rest}"


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
