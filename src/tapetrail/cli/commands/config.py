"""`tapetrail config ...`: which settings count here, and where each one stands."""

from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from tapetrail.cli.session import shown_settings
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import cell, echo, note, print_json, screen
from tapetrail.cli.terminal.tables import table_lines
from tapetrail.cli.terminal.words import Json, help_without_command
from tapetrail.core.errors import NotFound
from tapetrail.settings import VARIABLES
from tapetrail.settings_files import checked_key, folder_file, user_file, write_setting

HINT: Final = "tapetrail config list"
group: Final = typer.Typer(help="Show and change settings.")
Key: TypeAlias = Annotated[
    str, typer.Argument(metavar="KEY", help="As home, actor or providers.openai.max_in_flight.")
]
User: TypeAlias = Annotated[
    bool,
    typer.Option("--user", help="The file for all your folders, not the one of this folder."),
]


@group.callback(invoke_without_command=True)
def config_root(context: typer.Context) -> int | None:
    """Show the help where no command is named."""
    return help_without_command(context)


@group.command("list", epilog=examples("tapetrail config list --show-origin"))
@shows_errors(hint=HINT)
def list_(
    *,
    show_origin: Annotated[
        bool, typer.Option("--show-origin", help="Also where each setting stands.")
    ] = False,
    as_json: Json = False,
) -> int:
    """List the settings that count here.

    A variable goes before ./tapetrail.toml, that before your own file, that before the default.
    Passwords are hidden. Limits of providers are listed where one is stated.
    """
    found = [s for s in shown_settings() if s.key in VARIABLES or s.origin != "default"]
    if as_json:
        print_json({"data": [{"key": s.key, "value": s.value, "origin": s.origin} for s in found]})
        return 0
    names = ("key", "value", "origin") if show_origin else ("key", "value")
    lines = [(s.key, s.value, s.origin)[: len(names)] for s in found]
    for line in table_lines(names, lines, screen=screen()):
        echo(line)
    return 0


@group.command("get", epilog=examples("tapetrail config get home"))
@shows_errors(hint=HINT)
def get(key: Key) -> int:
    """Print one setting as it counts here."""
    checked_key(key, place="get")
    (value,) = [setting.value for setting in shown_settings() if setting.key == key]
    if value is None:
        raise NotFound(f"{key} is not set; what that means: tapetrail help environment")
    echo(cell(value))
    return 0


@group.command(
    "set",
    epilog=examples("tapetrail config set home records", "tapetrail config set actor ann --user"),
)
@shows_errors(hint=HINT)
def set_(
    key: Key,
    value: Annotated[
        str, typer.Argument(metavar="VALUE", help="Paths begin at the file's folder.")
    ],
    *,
    user: User = False,
) -> int:
    """Write one setting to ./tapetrail.toml.

    The file keeps its comments and its order. A password is never written: an address with one
    belongs in TAPETRAIL_DATABASE_URL.
    """
    path = _path(for_user=user)
    write_setting(path, key, value)
    note(f"written to {cell(str(path))}")
    counts = {setting.key: setting.origin for setting in shown_settings()}[key]
    if not counts.startswith(f"{path}: "):
        note(f"but {cell(counts)} goes before it")
    return 0


@group.command("path", epilog=examples("tapetrail config path --user"))
@shows_errors(hint=HINT)
def path(*, user: User = False) -> int:
    """Print where the file of settings is, or would be."""
    echo(str(_path(for_user=user)))
    return 0


def _path(*, for_user: bool) -> Path:
    return user_file() if for_user else folder_file(Path.cwd())
