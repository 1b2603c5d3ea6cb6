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
from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound, TapeTrailError
from tapetrail.core.strategy.refusals import nearest
from tapetrail.core.strategy.strategies import StrategySpec

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
        for word in FAMILIES.keys() & (families or {}).keys():
            raise InvalidInput(f"analysts: {word!r} is a family of ours; give yours another name")
        self._families = {**FAMILIES, **(families or {})}
        self.brought = frozenset(families or ())
        """The families that other processes need not have."""

    def open(self, name: str) -> Analyst:
        """Return the analyst that a strategy means by `name`.

        Raises `NotFound` for a name that nobody answers to, with the nearest known one, or whose
        family does not open it, and
        `InvalidInput` for a family that gives something else than an analyst with that name.
        """
        word = name.partition(":")[0]
        family = self._families.get(word) or _installed(word)
        if family is None:
            others = (word for word in self._families if word not in FAMILIES)
            raise _unknown(name, [*(analyst.identity.name for analyst in BUILTIN), *others])
        try:
            found = family(name)
        except TapeTrailError:
            raise
        except (Exception, SystemExit) as error:
            raise _broken(f"analyst {name!r}: {word}", error) from error
        if not isinstance(found, LocalAnalyst | RemoteAnalyst):
            raise InvalidInput(f"analyst {name!r}: {word} gave {found!r}, which is no analyst")
        if found.identity.name != name:
            raise InvalidInput(
                f"analyst {name!r}: {word} gave one named {found.identity.name!r}; the record names"
                " an analyst as its strategy does"
            )
        return found

    def of(self, strategy: StrategySpec, *, in_child: bool = False) -> tuple[Analyst, ...]:
        """Return the analysts of a strategy, the deciding one first.

        Raises as `open` does, and `InvalidInput` for one that is named twice, for two families that
        a program brings along, and for one where the work is done in a child process.
        """
        names = (strategy.analyst, *strategy.shadows)
        self._check_brought(names, in_child=in_child)
        for name in strategy.shadows:
            if names.count(name) > 1:
                raise InvalidInput(
                    f"shadows: {name} is named twice; a shadow is another analyst than the one"
                    " that decides"
                )
        return tuple(map(self.open, names))

    def _check_brought(self, names: Iterable[str], *, in_child: bool) -> None:
        families = sorted({name.partition(":")[0] for name in names} & self.brought)
        if len(families) > 1:
            raise InvalidInput(
                f"analysts of {' and '.join(families)}: decisions wait for programs with one such"
                " family; install the others as packages, or let one family answer to both names"
            )
        if families and in_child:
            raise InvalidInput(
                f"analysts of {families[0]}: a child process knows what is built in and what is"
                " installed; install the family as a package, or run without in_child"
            )


def _installed(word: str) -> Family | None:
    for entry in entry_points(group=GROUP, name=word):
        try:
            return entry.load()
        except (Exception, SystemExit) as error:
            raise _broken(f"analysts of {word!r}: {entry.value}", error) from error
    return None


def _broken(what: str, error: BaseException) -> NotFound:
    said = f"{what} raised {type(error).__name__}: {error}"
    return NotFound(said, kind=ErrorKind.ANALYST_UNAVAILABLE)


def _unknown(name: str, known: Iterable[str]) -> NotFound:
    names = list(known)
    near = nearest(name, names)
    said = f"did you mean {near}?" if near else f"known is {', '.join(names)}"
    return NotFound(f"no analyst {name!r}; {said}", kind=ErrorKind.ANALYST_UNAVAILABLE)
