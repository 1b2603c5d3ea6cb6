"""`tapetrail serve`: the REST interface of a record."""

import gc
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tapetrail.cli.session import has_record, no_record, opened_or_new, settings
from tapetrail.cli.terminal.failures import shows_errors
from tapetrail.cli.terminal.help_texts import examples
from tapetrail.cli.terminal.output import note
from tapetrail.core.errors import InvalidInput

if TYPE_CHECKING:
    from tapetrail.api.serving import Listening
    from tapetrail.usecases.record import Record

HOST: Final = "127.0.0.1"
PORT: Final = 8787
group: Final = typer.Typer()


@group.command(epilog=examples("tapetrail serve", "tapetrail serve --port 0"))
@shows_errors(hint="tapetrail serve --help")
def serve(
    *,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")] = HOST,
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 for any that is free.")
    ] = PORT,
) -> int:
    """Serve the record to programs and browsers of this machine.

    Every request needs a key, or the token of this server: it is in `server.json` in the home,
    which only your account can read, for as long as the server runs.
    """
    from tapetrail.api.serving import is_loopback, listening  # noqa: PLC0415 # --help never needs it

    read = settings()
    if not has_record(read):
        raise no_record(read)
    if not is_loopback(host):
        raise InvalidInput(f"--host {host}: expected an address of this machine, such as {HOST}")
    with opened_or_new(read) as record, listening(host, port) as listened:
        _serve(record, listened)
    note("server stopped")
    return 0


def _serve(record: "Record", listened: "Listening") -> None:
    from tapetrail import bootstrap, server_file  # noqa: PLC0415 # --help never needs it
    from tapetrail.api import serving  # noqa: PLC0415 # as above
    from tapetrail.api.app import create_app  # noqa: PLC0415 # as above
    from tapetrail.api.gate import Door  # noqa: PLC0415 # as above

    read = settings()
    token = bootstrap.new_key()
    keyring = record.keys_with(token)
    door = Door(
        hosts=listened.hosts(),
        origins=read.allowed_origins,
        caller_of=keyring.caller_of,
        caller_of_session=keyring.caller_of_session,
        caller_of_link=keyring.caller_of_link,
        new_id=bootstrap.new_id,
    )
    record.status()  # what cannot be reached is said before anything is promised
    said = server_file.Announced(url=listened.url, token=token.text)
    with server_file.announced(read.home, said) as path:
        app = create_app(record, keyring=keyring, door=door)
        gc.freeze()  # what was imported stays

        def ready() -> None:
            note(f"serving {listened.url}; the token is in {path}; Ctrl-C to stop")
            note(f"in a browser, once: {listened.url}/login?code={keyring.code()}")

        serving.serve(app, listened, ready=ready)
