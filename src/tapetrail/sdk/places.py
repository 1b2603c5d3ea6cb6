"""Where a program is: in which decision, and in which analysis of it.

It stands in a context variable, so that every task and every `async` call has its own. A plain
thread begins with none: `bind` carries it over.
"""

from collections.abc import Callable
from contextvars import ContextVar, Token
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

if TYPE_CHECKING:
    from tapetrail.sdk.analyses import Analysis
    from tapetrail.sdk.answers import Answers

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Where:
    """The decision that is being made, and the analysis that is being answered."""

    decision: "Answers"
    analysis: "Analysis | None" = None


_WHERE: Final[ContextVar[Where | None]] = ContextVar("tapetrail_where", default=None)


def here() -> Where | None:
    """Return where this task is, None outside of every decision."""
    return _WHERE.get()


def enter(where: Where) -> Token[Where | None]:
    """Be there from now on; the token leads back."""
    return _WHERE.set(where)


def leave(token: Token[Where | None], where: Where | None) -> None:
    """Be where it was before `where` was entered.

    Another context than the one that entered it, as that of a task which closes a generator begun
    elsewhere, has no way back: it is nowhere if it was there, and else stays where it is.
    """
    try:
        _WHERE.reset(token)
    except ValueError:
        if _WHERE.get() == where:
            _WHERE.set(None)


def bound(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return a function that is where this is called, whichever thread it runs in."""
    where = here()

    @wraps(function)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        token = _WHERE.set(where)
        try:
            return function(*args, **kwargs)
        finally:
            leave(token, where)

    return call
