"""Statements that are run as they are: roles, guards, checks and grants, applied at each upgrade.

Each file can be run again and again. Questions to the record are not here.
"""

from pathlib import Path

from sqlalchemy import Connection


def run_file(connection: Connection, file: Path) -> None:
    """Run the statements of a file inside the connection's transaction."""
    # Without parameters the driver leaves percent signs as they are.
    statements = file.read_text(encoding="utf-8")
    connection.exec_driver_sql(statements, execution_options={"no_parameters": True})
