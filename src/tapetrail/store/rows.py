"""What every class of rows is: how it is shown where somebody looks at one."""

from collections.abc import Iterator
from html import escape
from typing import Final

from sqlalchemy import inspect
from sqlalchemy.orm import DeclarativeBase

from tapetrail.store.tables import schema

SHOWN_MAX: Final = 60


class Base(DeclarativeBase):
    """The root of all classes of rows."""

    metadata = schema.metadata

    def __repr__(self) -> str:
        """Return the class and what is loaded of its row, long texts cut."""
        said = ", ".join(f"{name}={_short(value)}" for name, value in _loaded(self))
        return f"{type(self).__name__}({said})"

    def _repr_html_(self) -> str:
        """Return the row as a table, as notebooks show it; text of others stays text."""
        rows = "".join(
            f"<tr><th>{name}</th><td>{escape(_short(value))}</td></tr>"
            for name, value in _loaded(self)
        )
        return f"<table><caption>{type(self).__name__}</caption>{rows}</table>"


def _loaded(row: Base) -> Iterator[tuple[str, object]]:
    """Yield the columns that are loaded and not empty; nothing is asked of the database."""
    unloaded = inspect(row).unloaded
    for column in row.__table__.columns:
        if column.name not in unloaded and (value := getattr(row, column.name)) is not None:
            yield column.name, value


def _short(value: object) -> str:
    """Return texts in quotes and everything else as it is written, long ones cut."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN_MAX else f"{text[: SHOWN_MAX - 3]}..."
