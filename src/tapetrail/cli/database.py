"""`tapetrail db ...` and `tapetrail status`."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from tapetrail.cli.output import echo, note, print_json, size_text
from tapetrail.cli.session import has_record, opened, settings
from tapetrail.cli.tables import column_lines
from tapetrail.core.errors import InvalidInput, NotFound
from tapetrail.settings import Settings

if TYPE_CHECKING:
    from tapetrail.store.private.server import PrivateServer
    from tapetrail.wire import Shown

ROLES: Final = {"reader": "tapetrail_reader", "app": "tapetrail_app", "owner": "tapetrail_owner"}


def upgrade() -> int:
    """Bring the schema up to date and say its version."""
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it

    echo(f"schema {bootstrap.upgrade(settings())}")
    return 0


def show_current() -> int:
    """Print the schema's version."""
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it

    read = settings()
    # Asking for the version must not begin a record.
    found = bootstrap.schema_version(read) if has_record(read) else None
    echo(found or "no schema yet")
    return 0


def show_url(role: str) -> int:
    """Print the address of a running server, in the form that psql takes."""
    if role not in ROLES:
        raise InvalidInput(f"--role {role!r}: expected one of {', '.join(ROLES)}")
    read = settings()
    if read.database_url is not None:
        url = _as_role(read.database_url, role)
        echo(url.replace("postgresql+psycopg://", "postgresql://", 1))
        return 0
    address = _server(read).address_if_running()
    if address is None:
        raise NotFound(f"no server is running in {read.home}; run: tapetrail db start")
    echo(address.libpq_url(ROLES[role]))
    return 0


def start() -> int:
    """Start the private server with an up-to-date schema, and leave it up."""
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it

    read = settings()
    _refuse_foreign(read)
    address = _server(read).start()
    bootstrap.upgrade(read)
    note("the server stays up until: tapetrail db stop")
    echo(address.libpq_url(ROLES["reader"]))
    return 0


def stop(*, quiet: bool) -> int:
    """Stop the private server."""
    read = settings()
    _refuse_foreign(read)
    was_running = _server(read).stop()
    if not quiet:
        note("stopped" if was_running else "no server was running")
    return 0


def show_status(*, as_json: bool) -> int:
    """Print where the record is and how much it holds."""
    read = settings()
    with opened() as recorder:
        status = recorder.status()
    place: dict[str, Shown] = {
        "home": str(read.home),
        "database": "private server" if read.database_url is None else "TAPETRAIL_DATABASE_URL",
    }
    counts: dict[str, Shown] = asdict(status)
    if as_json:
        print_json({**place, **counts})
        return 0
    for line in column_lines({**place, **counts, "blob_bytes": size_text(status.blob_bytes)}):
        echo(line)
    return 0


def _as_role(url: str, role: str) -> str:
    """Return the server's address for a role; the owner's is the one that was given."""
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it

    return url if role == "owner" else bootstrap.as_role(url, ROLES[role])


def _server(read: Settings) -> "PrivateServer":
    from tapetrail import bootstrap  # noqa: PLC0415 # --help never needs it

    return bootstrap.private_server(read)


def _refuse_foreign(read: Settings) -> None:
    if read.database_url is not None:
        raise InvalidInput(
            "TAPETRAIL_DATABASE_URL names the server; it is not ours to start or stop"
        )
