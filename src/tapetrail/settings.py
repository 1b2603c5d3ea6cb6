"""What the environment and files decide, read once at the start of a process."""

import getpass
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final

from tapetrail.core.access_keys import parse_key
from tapetrail.core.canonical import storable_text
from tapetrail.core.errors import InvalidInput
from tapetrail.s3_settings import KEYS as S3_KEYS
from tapetrail.s3_settings import S3Settings, check_s3, read_s3, with_foreign
from tapetrail.settings_words import FLAGS, Chosen, flag

HOME: Final = "TAPETRAIL_HOME"
DATABASE_URL: Final = "TAPETRAIL_DATABASE_URL"
POSTGRES_BIN_DIR: Final = "TAPETRAIL_POSTGRES_BIN_DIR"
ACTOR: Final = "TAPETRAIL_ACTOR"
DEBUG: Final = "TAPETRAIL_DEBUG"
KEYS_FILE: Final = "TAPETRAIL_KEYS_FILE"
BUDGET_DAY_USD: Final = "TAPETRAIL_BUDGET_DAY_USD"
BLOBS: Final = "TAPETRAIL_BLOBS"
SERVER_KEY: Final = "TAPETRAIL_SERVER_KEY"
SERVER: Final = "TAPETRAIL_SERVER"
ALLOWED_ORIGINS: Final = "TAPETRAIL_ALLOWED_ORIGINS"
DEBUG_MODE: Final = "TAPETRAIL_DEBUG_MODE"
DEBUG_MODE_OLD: Final = "DEBUG_MODE"
"""A name that other systems read, too; it holds where ours is not set."""
S3_SECRETS: Final = ("s3.secret_key", "s3.session_token")
ALWAYS_SECRET: Final = (*S3_SECRETS, "server_key")
SECRETS: Final = ("database_url", *ALWAYS_SECRET)
"""Settings that may hold what others must not read."""
VARIABLES: Final = {
    "home": HOME,
    "database_url": DATABASE_URL,
    "postgres_bin_dir": POSTGRES_BIN_DIR,
    "actor": ACTOR,
    "keys_file": KEYS_FILE,
    "budget_day_usd": BUDGET_DAY_USD,
    "debug_mode": DEBUG_MODE,
    "blobs": BLOBS,
    "server_key": SERVER_KEY,
    "server": SERVER,
    "allowed_origins": ALLOWED_ORIGINS,
    **{key: f"TAPETRAIL_{key.replace('.', '_').upper()}" for key in S3_KEYS},
}
"""The keys of settings files that have a variable, which goes before them."""
KNOWN: Final = frozenset({*VARIABLES.values(), DEBUG})
PROVIDERS: Final = ("openai", "anthropic", "google", "compatible")
LIMIT_MAX: Final = 1_000_000_000
USD_MAX: Final = Decimal(1_000_000)
HOME_DEFAULT: Final = ".tapetrail"
_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]{1,253}(?::[0-9]{1,5})?", re.ASCII)
_USER_NAMES: Final = ("LOGNAME", "USER", "USERNAME")
_PASSWORD_WORDS: Final = re.compile(r"([?&](?:ssl)?password=)[^&]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderLimits:
    """How much may be asked of a provider by all processes together; None is no limit of ours."""

    max_in_flight: int = 50
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


OF_VENDORS: Final = {
    "binance": ProviderLimits(max_in_flight=5),
    "ibkr": ProviderLimits(max_in_flight=5, requests_per_minute=600),
    "yahoo": ProviderLimits(max_in_flight=2, requests_per_minute=120),
}
"""The limits of vendors of bars where nothing is said: those that IBKR states, and modest ones."""
LIMITS: Final = {
    f"providers.{provider}.{limit.name}": (provider, limit.name)
    for provider in (*PROVIDERS, *OF_VENDORS)
    for limit in fields(ProviderLimits)
    if provider in PROVIDERS or limit.name != "tokens_per_minute"
}
KEYS: Final = (*VARIABLES, *LIMITS)
"""Every key of a settings file; a dot leads into a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the record lives, on whose behalf this process acts, and what models may take.

    `database_url` is None for the private server in `home`, `s3` for the folder of blobs in it.
    Paths are absolute. `keys_file` is where keys of models are read from, `budget_day_usd` what all
    models together may cost in a day in UTC; None where nothing is said. In `debug_mode` runs ask
    nobody over a network. `server` is the address of one where
    recorders tell to, and `server_key` lets this process in there. `allowed_origins` are sites
    whose pages may ask a server of this process.
    """

    home: Path
    database_url: str | None
    postgres_bin_dir: Path | None
    actor: str
    keys_file: Path | None = None
    budget_day_usd: Decimal | None = None
    providers: Mapping[str, ProviderLimits] = field(default_factory=dict[str, ProviderLimits])
    debug_mode: bool = False
    s3: S3Settings | None = None
    server_key: str | None = field(default=None, repr=False)
    server: str | None = None
    allowed_origins: tuple[str, ...] = ()

    def limits(self, provider: str) -> ProviderLimits:
        """Return the limits of a provider, the defaults where nothing is said."""
        return self.providers.get(provider) or limits_of(provider)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFile:
    """What a file of settings holds. `is_private` says that nobody else may read it."""

    path: Path
    values: Mapping[str, str]
    is_private: bool


def read_settings(
    environment: Mapping[str, str], *, working_folder: Path, files: Sequence[SettingsFile] = ()
) -> Settings:
    """Return the settings in `environment`, or else in the first of the `files` that has them.

    What is empty counts as absent. Relative paths begin at `working_folder`, those of a file at the
    file's own. Raises `InvalidInput` for a variable of ours that nobody reads, for a value that
    breaks a rule, and for a password in a file that others may read. No message repeats one.
    """
    chosen = choose(environment, working_folder=working_folder, files=files)
    check_s3(chosen)
    home = Chosen(text=HOME_DEFAULT, origin="default", folder=working_folder)
    url, bin_dir = chosen.get("database_url"), chosen.get("postgres_bin_dir")
    keys = chosen.get("keys_file")
    return Settings(
        home=_path(chosen.get("home", home)),
        database_url=_database_url(url) if url else None,
        postgres_bin_dir=_path(bin_dir) if bin_dir else None,
        actor=_actor(environment, chosen.get("actor")),
        keys_file=_path(keys) if keys else None,
        budget_day_usd=_usd(budget) if (budget := chosen.get("budget_day_usd")) else None,
        providers=_providers(chosen),
        debug_mode=flag(debug) if (debug := chosen.get("debug_mode")) else False,
        s3=read_s3(chosen) if "blobs" in chosen else None,
        server_key=_key(said) if (said := chosen.get("server_key")) else None,
        server=server.text if (server := chosen.get("server")) else None,
        allowed_origins=_origins(origins) if (origins := chosen.get("allowed_origins")) else (),
    )


def choose(
    environment: Mapping[str, str], *, working_folder: Path, files: Sequence[SettingsFile] = ()
) -> Mapping[str, Chosen]:
    """Return what decides each setting that is given anywhere, by its key.

    Raises `InvalidInput` for a variable of ours that nobody reads, and for a password in a file
    that others may read.
    """
    _check_known(environment)
    chosen: dict[str, Chosen] = {}
    for file in reversed(files):
        _check_private(file)
        for key, text in file.values.items():
            if text:
                origin = f"{file.path}: {key}"
                chosen[key] = Chosen(text=text, origin=origin, folder=file.path.parent)
    text = environment.get(DEBUG_MODE_OLD, "")
    if text.strip().casefold() in FLAGS:  # others may mean something else by it
        chosen["debug_mode"] = Chosen(text=text, origin=DEBUG_MODE_OLD, folder=working_folder)
    for key, name in VARIABLES.items():
        if text := environment.get(name):
            chosen[key] = Chosen(text=text, origin=name, folder=working_folder)
    return with_foreign(chosen, environment)


def is_secret(key: str, value: str) -> bool:
    """Return whether a setting says what others may not read, as an address with a password."""
    return bool(value) and key in SECRETS and (key in ALWAYS_SECRET or masked(value) != value)


def masked(url: str) -> str:
    """Return an address with its passwords hidden.

    Whatever stands between the first colon after the scheme and the last @ counts as one: rather
    too much is hidden than a password with an unusual sign in it shown.
    """
    scheme, separator, rest = url.partition("://")
    user, at, place = rest.rpartition("@")
    name, colon, password = user.partition(":")
    hidden = f"{name}{colon}{'***' if password else ''}{at}{place}"
    return _PASSWORD_WORDS.sub(r"\1***", f"{scheme}{separator}{hidden}")


def shown_url(url: str) -> str:
    """Return a database's address as other programs write it, its passwords hidden."""
    return masked(url).replace("postgresql+psycopg://", "postgresql://", 1)


def _check_known(environment: Mapping[str, str]) -> None:
    unknown = sorted(
        name for name in environment if name.startswith("TAPETRAIL_") and name not in KNOWN
    )
    if unknown:
        raise InvalidInput(
            f"environment: {', '.join(unknown)} not known; the known ones are"
            f" {', '.join(sorted(KNOWN))}"
        )


def _check_private(file: SettingsFile) -> None:
    if file.is_private:
        return
    for key in SECRETS:
        if is_secret(key, file.values.get(key, "")):
            raise InvalidInput(
                f"{file.path}: {key} holds a password that others may read; chmod 600 the file, or"
                f" say it in {VARIABLES[key]}"
            )


def _path(chosen: Chosen) -> Path:
    """Return an absolute path. Only a shell knows `~`, so one that gets here was in quotes."""
    if chosen.text.startswith("~"):
        raise InvalidInput(f"{chosen.origin}: {chosen.text!r} begins with '~'; write the path out")
    return (chosen.folder / chosen.text).resolve()


def _database_url(chosen: Chosen) -> str:
    scheme, separator, rest = chosen.text.partition("://")
    if not separator:
        raise InvalidInput(f"{chosen.origin}: expected postgresql://..., found no '://'")
    if rest.partition("/")[0].count("@") > 1:
        # What reads addresses would take a piece of the password for the host, and show it.
        raise InvalidInput(
            f"{chosen.origin}: more than one @ before the database; in a password write %40 for it,"
            " and other special signs as %XX"
        )
    if scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise InvalidInput(f"{chosen.origin}: expected postgresql://..., found {scheme[:40]!r}")
    return f"postgresql+psycopg://{rest}"


def _usd(chosen: Chosen) -> Decimal:
    try:
        amount = Decimal(chosen.text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not (amount.is_finite() and 0 <= amount <= USD_MAX):
        raise InvalidInput(
            f"{chosen.origin}: expected US dollars, 0 to {USD_MAX:,}, found {chosen.text[:40]!r}"
        )
    return amount


def _key(chosen: Chosen) -> str:
    if parse_key(chosen.text) is None:
        raise InvalidInput(f"{chosen.origin}: not a key that tapetrail keys create made")
    return chosen.text


def _origins(chosen: Chosen) -> tuple[str, ...]:
    """Return the sites whose pages may ask the server, as browsers name them."""
    found = tuple(text.strip() for text in chosen.text.split(","))
    for each in found:
        if not _ORIGIN.fullmatch(each):
            raise InvalidInput(
                f"{chosen.origin}: {each[:80]!r}, expected an origin such as"
                " https://desk.example.org, several with commas between them"
            )
    return found


def _providers(chosen: Mapping[str, Chosen]) -> dict[str, ProviderLimits]:
    stated: dict[str, dict[str, int]] = {}
    for key, (provider, limit) in LIMITS.items():
        if key in chosen:
            stated.setdefault(provider, {})[limit] = _limit(chosen[key])
    return {provider: replace(limits_of(provider), **limits) for provider, limits in stated.items()}


def limits_of(provider: str) -> ProviderLimits:
    """Return the limits of a provider where nothing is said."""
    return OF_VENDORS.get(provider, ProviderLimits())


def _limit(chosen: Chosen) -> int:
    is_whole = re.fullmatch("[0-9]{1,10}", chosen.text) is not None
    if not is_whole or not 1 <= int(chosen.text) <= LIMIT_MAX:
        raise InvalidInput(
            f"{chosen.origin}: expected a whole number from 1 to {LIMIT_MAX:,}, found"
            f" {chosen.text[:40]!r}"
        )
    return int(chosen.text)


def _actor(environment: Mapping[str, str], chosen: Chosen | None) -> str:
    """Return who acts: as stated, else the user of this process."""
    texts = [chosen.text if chosen else "", *(environment.get(name, "") for name in _USER_NAMES)]
    stated = [text for said in texts if (text := said.strip())]
    actor = stated[0] if stated else _account_name()
    if storable_text(actor) != actor:
        place = chosen.origin if chosen else ACTOR
        raise InvalidInput(f"{place}: {actor!r} is not UTF-8 text")
    return actor


def _account_name() -> str:
    """Return the name of the account that the process runs as; some containers have none."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return "unknown"
