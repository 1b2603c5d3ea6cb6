"""The words of `tapetrail config ...`; what they do is in `config`."""

from typing import Annotated, TypeAlias

import typer

from tapetrail.cli import config
from tapetrail.cli.failures import exit_code_of
from tapetrail.cli.help_texts import examples
from tapetrail.cli.options import Json, help_without_command

HINT = "tapetrail config list"
group = typer.Typer(help="Show and change settings.")
Key: TypeAlias = Annotated[
    str, typer.Argument(metavar="KEY", help="home, database_url, postgres_bin_dir or actor.")
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
def list_(
    *,
    show_origin: Annotated[
        bool, typer.Option("--show-origin", help="Also where each setting stands.")
    ] = False,
    as_json: Json = False,
) -> int:
    """List the settings that count here.

    A variable goes before ./tapetrail.toml, that before your own file, that before the default.
    Passwords are hidden.
    """
    return exit_code_of(
        lambda: config.show_list(with_origin=show_origin, as_json=as_json), hint=HINT
    )


@group.command("get", epilog=examples("tapetrail config get home"))
def get(key: Key) -> int:
    """Print one setting as it counts here."""
    return exit_code_of(lambda: config.show_one(key), hint=HINT)


@group.command(
    "set",
    epilog=examples("tapetrail config set home records", "tapetrail config set actor ann --user"),
)
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
    return exit_code_of(lambda: config.set_one(key, value, for_user=user), hint=HINT)


@group.command("path", epilog=examples("tapetrail config path --user"))
def path(*, user: User = False) -> int:
    """Print where the file of settings is, or would be."""
    return exit_code_of(lambda: config.show_path(for_user=user), hint=HINT)
