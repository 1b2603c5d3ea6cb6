"""`tapetrail db ...` and `tapetrail status`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tapetrail.cli.session import has_record, opened, settings
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import echo, note, print_json, size_text
from tapetrail.cli.terminal.tables import column_lines
from tapetrail.cli.terminal.words import Json, help_without_command
from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.settings import Settings, shown_url

if TYPE_CHECKING:
    from tapetrail.store.private.server import PrivateServer
    from tapetrail.wire import Shown

ROLES: Final = ("reader", "app", "owner")


top: Final = typer.Typer()
db: Final = typer.Typer(help="The database: upgrade, address, start and stop.")


@db.callback(invoke_without_command=True)
def db_root(context: typer.Context) -> int | None:
    """Show the help where no command is named."""
    return help_without_command(context)


@db.command("upgrade")
@shows_errors(hint="tapetrail db upgrade --help")
def db_upgrade(
    *,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="ROLE", help="The role that owns the tables.")
    ] = None,
    app: Annotated[
        str | None, typer.Option("--app", metavar="ROLE", help="The role that adds rows.")
    ] = None,
    reader: Annotated[
        str | None, typer.Option("--reader", metavar="ROLE", help="The role that only reads.")
    ] = None,
    create_roles: Annotated[
        bool,
        typer.Option(
            "--create-roles/--no-create-roles",
            help="Create roles that are missing, or print what an administrator is to run.",
        ),
    ] = True,
) -> int:
    """Bring the database's schema up to date.

    On a server of your own, whose address TAPETRAIL_DATABASE_URL has, the first time makes the
    schemas tapetrail and dbos. Roles are named once, and hold the database's name where you name
    none; those that exist are used.
    """
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it
    from tapetrail.store.roles import WantedRoles  # noqa: PLC0415 # as above

    wanted = WantedRoles(owner=owner, app=app, reader=reader, may_create=create_roles)
    echo(f"schema {bootstrap.record_database(settings()).upgrade(wanted)}")
    return 0


@db.command("current")
@shows_errors(hint="tapetrail db upgrade")
def db_current() -> int:
    """Show the schema's version."""
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it

    read = settings()
    # Asking for the version must not begin a record.
    found = bootstrap.record_database(read).version() if has_record(read) else None
    echo(found or "no schema yet")
    return 0


@db.command("url", epilog=examples('psql "$(tapetrail db url)"', "tapetrail db url --role owner"))
@shows_errors(hint="tapetrail db url --help")
def db_url(
    *,
    role: Annotated[
        str,
        typer.Option("--role", metavar="ROLE", help="Connect as reader, app or owner."),
    ] = "reader",
) -> int:
    """Print the address of the running server, for psql and BI tools.

    The reader sees everything and changes nothing; app adds rows and changes none; owner owns the
    tables, can change them and switch their guards off.
    """
    if role not in ROLES:
        raise InvalidInput(f"--role {role!r}: expected one of {', '.join(ROLES)}")
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it
    from tapetrail.store.roles import PRIVATE  # noqa: PLC0415 # as above

    read = settings()
    if read.database_url is not None:
        url = bootstrap.record_database(read).url_as(role)
        echo(url.replace("postgresql+psycopg://", "postgresql://", 1))
        return 0
    address = _server(read).address_if_running()
    if address is None:
        raise NotFound(f"no server is running in {read.home}; run: tapetrail db start")
    echo(address.libpq_url(PRIVATE.named(role)))
    return 0


@db.command("start", epilog=examples('psql "$(tapetrail db start)"'))
@shows_errors(hint="tapetrail status")
def db_start() -> int:
    """Start the private server and print its address.

    It stays up until `tapetrail db stop`.
    """
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it
    from tapetrail.store.roles import PRIVATE  # noqa: PLC0415 # as above

    read = settings()
    _refuse_foreign(read)
    address = _server(read).start()
    bootstrap.record_database(read).upgrade()
    note("the server stays up until: tapetrail db stop")
    echo(address.libpq_url(PRIVATE.reader))
    return 0


@db.command("stop")
@shows_errors(hint="tapetrail status")
def db_stop(
    *, quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing.")] = False
) -> int:
    """Stop the private server.

    Also while others use it: they end with exit code 5, what is recorded stays, and what was
    queued goes on with the next run or worker.
    """
    read = settings()
    _refuse_foreign(read)
    was_running = _server(read).stop()
    if not quiet:
        note("stopped" if was_running else "no server was running")
    return 0


@top.command()
@shows_errors(hint="tapetrail doctor")
def status(*, as_json: Json = False) -> int:
    """Show where the record is and how much it holds."""
    read = settings()
    with opened() as record:
        found, room, moving = record.status(), record.room(), record.moving()
    place: dict[str, Shown] = {
        "home": str(read.home),
        "database": "private server" if read.database_url is None else shown_url(read.database_url),
        "blobs_in": "the home" if read.s3 is None else read.s3.url,
    }
    if moving is not None:
        place[f"{moving.state}_for"] = f"{moving.database}, blobs {moving.blobs}"
    counts: dict[str, Shown] = {**place, **asdict(found), **asdict(room)}
    if as_json:
        print_json(counts)
        return 0
    sizes: dict[str, Shown] = {
        name: size_text(size)
        for name, size in counts.items()
        if name.endswith("_bytes") and isinstance(size, int)
    }
    for line in column_lines({**counts, **sizes}):
        echo(line)
    return 0


def _server(read: Settings) -> "PrivateServer":
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it

    return bootstrap.record_database(read).server


def _refuse_foreign(read: Settings) -> None:
    if read.database_url is not None:
        raise InvalidInput(
            "TAPETRAIL_DATABASE_URL names the server; it is not ours to start or stop"
        )
