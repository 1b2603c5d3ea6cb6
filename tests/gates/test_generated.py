"""What is written by a program is what that program writes."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Final

from tools import write_columns, write_models

from tapetrail.store import migrate

VECTOR: Final = Path(__file__).parents[1] / "vectors" / "schema_guards.json"


def test_the_classes_of_rows_are_those_of_the_tables() -> None:
    assert write_models.FILE.read_text(encoding="utf-8") == write_models.text()


def test_the_list_of_columns_is_that_of_the_tables() -> None:
    assert write_columns.FILE.read_text(encoding="utf-8") == write_columns.text()


def test_a_change_of_the_guards_comes_with_a_new_revision() -> None:
    """A database is upgraded by its revision: without one, its guards would stay the old ones."""
    guards = sha256()
    for name in (migrate.ROLES, *migrate.GUARDS):
        guards.update((migrate.SQL / f"{name}.sql").read_bytes())
    stated = json.loads(VECTOR.read_text(encoding="utf-8"))
    assert stated == {"revision": migrate.head(), "guards": f"sha256:{guards.hexdigest()}"}
