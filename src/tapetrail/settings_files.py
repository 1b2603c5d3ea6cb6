"""Files of settings: of a working folder, its Python project, and one for all folders of a user.

A file is read only if it belongs to whoever reads it, or to the system's administrator: it can name
programs to run, and a folder may come from anybody.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from decimal import Decimal
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final, cast

from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.settings import KEYS, LIMITS, VARIABLES, SettingsFile, is_secret, read_settings

FILE: Final = "tapetrail.toml"
PROJECT_FILE: Final = "pyproject.toml"
USER_FILE: Final = "config.toml"
SIZE_MAX: Final = 100_000
PROJECT_SIZE_MAX: Final = 10_000_000
"""A project's file is mostly about other things, and our table may stand at its end."""
NUMBERS: Final = frozenset({*LIMITS, "budget_day_usd"})
"""Keys whose value may stand without quotes."""
_TABLES: Final = frozenset(key[:at] for key in KEYS for at, sign in enumerate(key) if sign == ".")
_PLACE: Final = re.compile(r"(?s)(.*?) \(at (?:line (\d+), column (\d+)|end of document)\)")


def folder_file(working_folder: Path) -> Path:
    """Return where the settings of a working folder are."""
    return working_folder / FILE


def user_file() -> Path:
    """Return where the settings for all folders of this user are."""
    from platformdirs import user_config_path  # noqa: PLC0415 # `--help` never needs it

    return user_config_path("tapetrail", appauthor=False) / USER_FILE


def places(working_folder: Path) -> Sequence[Path]:
    """Return the files that may have settings for a folder, the one that goes first in front."""
    return [folder_file(working_folder), working_folder / PROJECT_FILE, user_file()]


def read_files(paths: Iterable[Path]) -> Sequence[SettingsFile]:
    """Return the files of those `paths` where there is one, in their order.

    Raises `InvalidInput` with file, line and column for one that is not TOML, with the nearest key
    for an unknown one, and for a file of somebody else's.
    """
    return [file for path in paths if (file := _read(path)) is not None]


def checked_key(key: str, *, place: str) -> str:
    """Return a key that there is. Raises `InvalidInput` with the nearest for any other."""
    if key in KEYS:
        return key
    from tapetrail.core.strategy.refusals import nearest  # noqa: PLC0415 # a known key does without

    near = nearest(key, KEYS)
    hint = f"did you mean {near}?" if near else f"known: {', '.join(VARIABLES)} and providers.*"
    raise InvalidInput(f"{place}: no setting {key!r}; {hint}")


def write_setting(path: Path, key: str, value: str) -> None:
    """Write one setting into the file at `path`, which keeps its comments, its order and its mode.

    The file is replaced whole or not at all. Raises `InvalidInput` for a value that breaks a rule
    and for any password, `EdgeFailure` if the folder refuses.
    """
    import tomlkit  # noqa: PLC0415 # for writing only

    checked_key(key, place="set")
    if is_secret(key, value):
        raise InvalidInput(
            f"{key}: a password is never written to a file here; say it in {VARIABLES[key]}"
        )
    found = _read(path)
    checked = SettingsFile(path=path, values={key: value}, is_private=True)
    read_settings({}, working_folder=path.parent, files=[checked])
    try:
        text = path.read_text(encoding="utf-8") if found is not None else ""
        document = tomlkit.parse(text)
        *tables, name = key.split(".")
        place: MutableMapping[str, Any] = document
        for table in tables:
            place = place.setdefault(table, tomlkit.table(is_super_table=table != tables[-1]))
        place[name] = int(value) if key in LIMITS else value
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(path.resolve(), tomlkit.dumps(document))
    except OSError as error:
        raise EdgeFailure(f"settings {path}: {error.strerror}") from error


def read_private(path: Path) -> str:
    """Return the text of a file that nobody else may read or write, as one that holds keys.

    Raises `InvalidInput`, which shows none of it, for any other file and where there is none.
    """
    found = _content(path, SIZE_MAX)
    if found is None:
        raise InvalidInput(f"settings {path}: no such file; keys_file names it")
    content, state = found
    _check_regular(path, content, state, size_max=SIZE_MAX)
    _check_own(path, state)
    if state.st_mode & 0o077:
        raise InvalidInput(
            f"settings {path}: others may read or write it, and keys are in it; chmod 600 {path}"
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"settings {path}: not UTF-8 at byte {error.start}") from None


def _read(path: Path) -> SettingsFile | None:
    size_max = PROJECT_SIZE_MAX if path.name == PROJECT_FILE else SIZE_MAX
    found = _content(path, size_max)
    if found is None:
        return None
    content, state = found
    table: Mapping[str, object] | None = None
    if path.name == PROJECT_FILE and (table := _project_table(content, path)) is None:
        return None
    _check_regular(path, content, state, size_max=size_max)
    _check_own(path, state)
    if hasattr(os, "geteuid") and (others := _writers(state)):
        raise InvalidInput(
            f"settings {path}: {others} may write to it, who could name programs to run; take that"
            f" from them: chmod go-w {path}"
        )
    values = _values(_parsed(content, path) if table is None else table, path)
    return SettingsFile(path=path, values=values, is_private=not state.st_mode & 0o077)


def _content(path: Path, size_max: int) -> tuple[bytes, os.stat_result] | None:
    """Return what a file holds, a byte more than `size_max` at most, and whose it is."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:  # it takes an opener
            state = os.fstat(file.fileno())
            return file.read(size_max + 1) if stat.S_ISREG(state.st_mode) else b"", state
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InvalidInput(f"settings {path}: cannot be read; {error.strerror}") from error


def _check_regular(path: Path, content: bytes, state: os.stat_result, *, size_max: int) -> None:
    if not stat.S_ISREG(state.st_mode) or len(content) > size_max:
        raise InvalidInput(f"settings {path}: expected a file of at most {size_max} bytes")


def _check_own(path: Path, state: os.stat_result) -> None:
    if hasattr(os, "geteuid") and state.st_uid not in {os.geteuid(), 0}:
        raise InvalidInput(
            f"settings {path}: belongs to another user, who could name programs to run; make it"
            " yours, or go to another folder"
        )


def _without_waiting(path: str, flags: int) -> int:
    """Return the open file; a pipe in its place would wait for whoever writes to it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _project_table(content: bytes, path: Path) -> Mapping[str, object] | None:
    """Return what a project's file says to us, None where it says nothing, whosever it is."""
    if b"tapetrail" not in content:
        return None
    tools = _parsed(content, path).get("tool")
    if not isinstance(tools, Mapping):
        return None
    ours = cast("Mapping[str, object]", tools).get("tapetrail")
    return cast("Mapping[str, object]", ours) if isinstance(ours, Mapping) else None


def _writers(state: os.stat_result) -> str | None:
    """Return who but its owner may write to a file, None if nobody does.

    A group of the owner's own, as many systems give to each user, has nobody else in it.
    """
    if state.st_mode & stat.S_IWOTH:
        return "everybody"
    if not state.st_mode & stat.S_IWGRP:
        return None
    import grp  # noqa: PLC0415 # absent on Windows, where this module must still be importable
    import pwd  # noqa: PLC0415 # as above

    users = pwd.getpwall()
    owners = {user.pw_name for user in users if user.pw_uid == state.st_uid}
    by_login = {user.pw_name for user in users if user.pw_gid == state.st_gid}
    try:
        group = grp.getgrgid(state.st_gid)
    except KeyError:
        return f"group {state.st_gid}"
    return f"group {group.gr_name}" if (by_login | {*group.gr_mem}) - owners else None


def _parsed(content: bytes, path: Path) -> Mapping[str, object]:
    import tomllib  # noqa: PLC0415 # who has no file does without

    try:
        return tomllib.loads(content.decode("utf-8"), parse_float=Decimal)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"settings {path}: not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        found = _PLACE.fullmatch(str(error))
        said = found[1] if found else str(error)
        place = f", line {found[2]}, column {found[3]}" if found and found[2] else ", at its end"
        raise InvalidInput(f"settings {path}{place}: {said[:1].lower()}{said[1:]}") from error


def _values(document: Mapping[str, object], path: Path) -> Mapping[str, str]:
    values: dict[str, str] = {}
    for key, value in _flat(document):
        checked_key(key, place=f"settings {path}")
        is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        if not isinstance(value, str) and not (is_number and key in NUMBERS):
            expected = "a number" if key in NUMBERS else "text in quotes"
            raise InvalidInput(f"settings {path}: {key}: expected {expected}")
        values[key] = str(value)
    return values


def _flat(document: Mapping[str, object], within: str = "") -> Iterator[tuple[str, object]]:
    """Yield what a document and its tables hold, by key; a dot leads into a table."""
    for name, value in document.items():
        key = f"{within}{name}"
        if isinstance(value, Mapping) and key in _TABLES:
            yield from _flat(cast("Mapping[str, object]", value), f"{key}.")
        else:
            yield key, value


def _replace(path: Path, text: str) -> None:
    """Put a file with the text in the place of another, which gives it its mode."""
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        unfinished = Path(file.name)
        try:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink()
            raise
