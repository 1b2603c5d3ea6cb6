"""What a database says of its record while it moves to another one, and after: a comment.

It stands on our schema, where whoever may connect can read it, and is written by whoever made the
schema. What is without one is where it belongs.
"""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from psycopg import sql

from tapetrail.core.errors import EdgeFailure, InvalidInput
from tapetrail.store.connections import Connection

_MARK: Final = "tapetrail "
_SAID: Final = "SELECT obj_description(to_regnamespace('tapetrail'), 'pg_namespace')"


class Moving(StrEnum):
    """How far a move is, as the database that it leaves or comes to says it."""

    LEAVING = "leaving"
    LEFT = "left"
    ARRIVING = "arriving"


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingMark:
    """A move: how far it is, its token, and where the record goes, without any password."""

    state: Moving
    token: str
    database: str
    blobs: str

    def refuse_writing(self) -> None:
        """Raise `InvalidInput`, which says where the record is, for one that left or leaves."""
        where = f"{self.database} (blobs in {self.blobs})"
        if self.state is Moving.LEFT:
            raise InvalidInput(
                f"this record has moved to {where}; here it can be read, and nothing is added:"
                " set TAPETRAIL_DATABASE_URL and TAPETRAIL_BLOBS to where it is"
            )
        raise InvalidInput(
            f"this record is on its way to {where}, and nothing is added to it meanwhile; go on"
            " with the same command, or: tapetrail db move --cancel"
        )

    def refuse_opening(self) -> None:
        """Raise `EdgeFailure` for a record that has not arrived yet."""
        if self.state is Moving.ARRIVING:
            raise EdgeFailure(
                "the record in this database is incomplete; a move to it is under way, or did not"
                " finish; where it came from, run the same again: tapetrail db move"
            )


def read_mark(connection: Connection) -> MovingMark | None:
    """Return what the database says of a move, None where there is none."""
    found = connection.execute(_SAID).fetchone()
    return parsed_mark(None if found is None else found[0])


def parsed_mark(comment: object) -> MovingMark | None:
    """Return what a comment says of a move, None for any other and for none."""
    if not isinstance(comment, str) or not comment.startswith(f"{_MARK}{{"):
        return None
    try:
        said = json.loads(comment.removeprefix(_MARK))
        return MovingMark(**{**said, "state": Moving(said["state"])})
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"the comment on schema tapetrail is none of ours: {comment}") from error


def write_mark(connection: Connection, mark: MovingMark | None) -> None:
    """Say how far a move is, or nothing any more."""
    said = sql.NULL if mark is None else sql.Literal(_MARK + json.dumps(asdict(mark)))
    connection.execute(sql.SQL("COMMENT ON SCHEMA tapetrail IS {}").format(said))
