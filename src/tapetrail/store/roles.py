"""The three roles of a record: whose the tables are, who adds rows, who reads.

Roles belong to a whole server and records to a database, so their names hold the database's. Which
they are is written on a table, where whoever may connect can read it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from psycopg import sql
from psycopg.errors import DuplicateObject, InsufficientPrivilege, UniqueViolation

from tapetrail.core.canonical import digest_text
from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.store.connections import Connection
from tapetrail.store.private.admission import OWN_ROLES

NAME_BYTES_MAX: Final = 63
MARK: Final = "tapetrail roles "
SET_SINCE: Final = 160_000
"""The version of PostgreSQL since which membership alone lets nobody act as a role."""
_COMMENT: Final = """
    SELECT obj_description(c.oid, 'pg_class') FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'tapetrail' AND c.relname = 'alembic_version'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """The names of the roles: the owner of the tables, who adds rows, and who only reads."""

    owner: str
    app: str
    reader: str

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for a name that PostgreSQL would cut, and for one name twice."""
        names = [*asdict(self).values()]
        for name in names:
            if not name or "\0" in name or len(name.encode()) > NAME_BYTES_MAX:
                raise InvalidInput(f"role {name!r}: expected 1 to {NAME_BYTES_MAX} bytes")
        if len({*names}) < len(names):
            raise InvalidInput(f"roles {', '.join(names)}: expected three different ones")

    def named(self, word: str) -> str:
        """Return the name of the owner, the app or the reader, by that word."""
        return str(asdict(self)[word])

    @property
    def names(self) -> tuple[str, str, str]:
        """Return the three, the owner first."""
        return self.owner, self.app, self.reader


PRIVATE: Final = Roles(**dict(zip(("owner", "app", "reader"), OWN_ROLES, strict=True)))
"""Those of private servers, and of databases that were made before their names were written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRoles:
    """The names that somebody asks for, None for the usual ones; whether roles may be created."""

    owner: str | None = None
    app: str | None = None
    reader: str | None = None
    may_create: bool = True

    def roles(self, recorded: Roles | None, database: str) -> Roles:
        """Return the roles of a record that has `recorded`, or of a new one in a database.

        Raises `InvalidInput` where the record has others than were asked for.
        """
        usual = recorded or default_roles(database)
        wanted = Roles(
            owner=self.owner or usual.owner,
            app=self.app or usual.app,
            reader=self.reader or usual.reader,
        )
        if recorded not in {None, wanted}:
            raise InvalidInput(
                f"the record's roles are {', '.join(usual.names)}, and stay; name no others"
            )
        return wanted


NO_WISHES: Final = WantedRoles()


def default_roles(database: str) -> Roles:
    """Return the roles of a database where nobody names others."""
    if database == "tapetrail":
        return PRIVATE
    within, longest = database, NAME_BYTES_MAX - len("tapetrail__reader")
    if len(database.encode()) > longest:
        # Two long names may begin alike; they must not share their roles.
        mark = digest_text(database).removeprefix("sha256:")[:8]
        within = f"{database.encode()[: longest - 9].decode(errors='ignore')}_{mark}"
    return Roles(**{word: f"tapetrail_{within}_{word}" for word in ("owner", "app", "reader")})


def recorded_roles(connection: Connection) -> Roles | None:
    """Return the roles of the database's record, None where there is no record.

    Raises `InvalidInput` where what is written down names no three roles.
    """
    found = connection.execute(_COMMENT).fetchone()
    if found is None:
        return None
    said = str(found[0] or "")
    if not said.startswith(MARK):
        return PRIVATE
    try:
        return Roles(**json.loads(said.removeprefix(MARK)))
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"the comment on tapetrail.alembic_version names no three roles: {said!r}"
        ) from error


def write_roles(connection: Connection, roles: Roles) -> None:
    """Write down which roles the record has, as the owner of its tables."""
    said = sql.Literal(MARK + json.dumps(asdict(roles)))
    connection.execute(sql.SQL("COMMENT ON TABLE tapetrail.alembic_version IS {}").format(said))


def may_act_as(connection: Connection, role: str) -> bool:
    """Return whether whoever connects may act as a role, which there is."""
    kind = "SET" if connection.info.server_version >= SET_SINCE else "MEMBER"
    asked = "SELECT pg_catalog.pg_has_role(session_user, oid, %s) FROM pg_roles WHERE rolname = %s"
    return connection.execute(asked, [kind, role]).fetchone() == (True,)


def forbidden_role(role: str, connection: Connection) -> EdgeFailure:
    """Return the error that whoever connects may not act as a role, with what mends it."""
    return EdgeFailure(
        f"{connection.info.user} may not act as {role}; an administrator lets the user of the"
        f' address: GRANT "{role}" TO "{connection.info.user}"'
    )


def prepare_roles(connection: Connection, roles: Roles, *, may_create: bool) -> None:
    """Create the roles that are missing, and let whoever connects act as each.

    Nobody should have to be powerful after an upgrade: who may act as the owner and as the
    application needs no right of an administrator. Raises `InvalidInput`, with what an
    administrator is to run, where somebody else has to do it.
    """
    asked = "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname = ANY(%s)"
    there = {name for (name,) in connection.execute(asked, [[*roles.names]])}
    missing = [name for name in roles.names if name not in there]
    to_be_run = _to_be_run(roles, connection.info.user, missing=missing)
    if missing and not may_create:
        raise to_be_run
    try:
        for name in missing:
            _create(connection, name)
        for name in roles.names:
            if not may_act_as(connection, name):
                user = sql.Identifier(connection.info.user)
                grant = sql.SQL("GRANT {} TO {}").format(sql.Identifier(name), user)
                connection.execute(grant)
    except InsufficientPrivilege as error:
        raise to_be_run from error


def _create(connection: Connection, name: str) -> None:
    """Create a role; another database's upgrade may have been a moment quicker.

    It may log in: a private server asks for no password, and elsewhere it has none yet.
    """
    try:
        with connection.transaction():
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
    except (DuplicateObject, UniqueViolation):
        return


def _to_be_run(roles: Roles, user: str, *, missing: Sequence[str]) -> InvalidInput:
    """Return the refusal with the statements that mend it."""
    quoted = [sql.Identifier(name).as_string() for name in (*roles.names, user)]
    lines = [f"CREATE ROLE {sql.Identifier(name).as_string()} LOGIN;" for name in missing]
    lines.append(f"GRANT {', '.join(quoted[:-1])} TO {quoted[-1]};")
    statements = "\n".join(f"  {line}" for line in lines)
    what = f"there are no roles {', '.join(missing)}" if missing else "the roles are there"
    return InvalidInput(
        f"{what}, and {user} may not, or is not to, make and take them; an administrator runs this,"
        f" once, and then the upgrade is run again:\n{statements}"
    )
