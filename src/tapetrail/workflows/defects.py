"""What nobody raised on purpose, in text that engine and database can store."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError

from tapetrail.core.canonical import storable_text

P = ParamSpec("P")
Result = TypeVar("Result")


class Defect(Exception):
    """What nobody raised on purpose, as storable text."""


def in_plain_text(step: Callable[P, Result]) -> Callable[P, Result]:
    """Return the step, its defects raised anew in text that engine and database can store."""

    @wraps(step)
    def carry_out(*args: P.args, **kwargs: P.kwargs) -> Result:
        try:
            return step(*args, **kwargs)
        except DBAPIError:
            raise  # the engine knows which ones to wait out
        except Exception as error:
            raise Defect(message_of(error)) from error

    return carry_out


def message_of(error: Exception) -> str:
    """Return what a defect comes to, in one storable text."""
    said = str(error) if isinstance(error, Defect) else f"{type(error).__name__}: {error}"
    return storable_text(said)
