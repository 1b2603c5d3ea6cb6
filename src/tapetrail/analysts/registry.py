"""The analysts there are, by the name that strategies give them.

A name is a family and what it makes of the rest: `builtin:technical-rules-v1`. Families are the
built-in ones, those that a program brings along, and those of installed packages, which announce
them as entry points of the group `tapetrail.analysts`.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import entry_points
from typing import Final, TypeAlias

from tapetrail.analysts.protocol import Analyst, LocalAnalyst, RemoteAnalyst
from tapetrail.analysts.rules import TechnicalRules
from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound
from tapetrail.core.strategy.strategies import StrategySpec, nearest

Family: TypeAlias = Callable[[str], object]
"""Returns the analyst with a name. Raises `NotFound` for a name it has not."""
GROUP: Final = "tapetrail.analysts"
BUILTIN: Final = (TechnicalRules(),)


def _builtin(name: str) -> Analyst:
    for analyst in BUILTIN:
        if analyst.identity.name == name:
            return analyst
    raise _unknown(name, (analyst.identity.name for analyst in BUILTIN))


FAMILIES: Final[Mapping[str, Family]] = {"builtin": _builtin}


class Analysts:
    """The analysts of this process; `families` are those that a program brings along."""

    def __init__(self, families: Mapping[str, Family] | None = None) -> None:
        self._families = {**FAMILIES, **(families or {})}
        self.brought = frozenset(families or ())
        """The families that other processes need not have."""

    def open(self, name: str) -> Analyst:
        """Return the analyst that a strategy means by `name`.

        Raises `NotFound` for a name that nobody answers to, with the nearest known one, and
        `InvalidInput` for a family that gives something else than an analyst.
        """
        word = name.partition(":")[0]
        family = self._families.get(word) or _installed(word)
        if family is None:
            others = (word for word in self._families if word not in FAMILIES)
            raise _unknown(name, [*(analyst.identity.name for analyst in BUILTIN), *others])
        found = family(name)
        if not isinstance(found, LocalAnalyst | RemoteAnalyst):
            raise InvalidInput(f"analyst {name!r}: {word} gave {found!r}, which is no analyst")
        return found

    def of(self, strategy: StrategySpec) -> tuple[Analyst, ...]:
        """Return the analysts of a strategy, the deciding one first.

        Raises as `open` does, and `InvalidInput` for one that is named twice.
        """
        names = (strategy.analyst, *strategy.shadows)
        for name in strategy.shadows:
            if names.count(name) > 1:
                raise InvalidInput(
                    f"shadows: {name} is named twice; a shadow is another analyst than the one"
                    " that decides"
                )
        return tuple(map(self.open, names))


def _installed(word: str) -> Family | None:
    for entry in entry_points(group=GROUP, name=word):
        return entry.load()
    return None


def _unknown(name: str, known: Iterable[str]) -> NotFound:
    names = list(known)
    near = nearest(name, names)
    said = f"did you mean {near}?" if near else f"known is {', '.join(names)}"
    return NotFound(f"no analyst {name!r}; {said}", kind=ErrorKind.ANALYST_UNAVAILABLE)
