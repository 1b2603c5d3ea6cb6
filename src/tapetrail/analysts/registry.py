"""The analysts there are, by the name that strategies give them.

A name is a family and what it makes of the rest: `builtin:technical-rules-v1`. Families are the
built-in ones, those that a program brings along, and those of installed packages, which announce
them as entry points of the group `tapetrail.analysts`.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from tapetrail.analysts.protocol import Analyst, LocalAnalyst, RemoteAnalyst
from tapetrail.analysts.rules import TechnicalRules
from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound, TapeTrailError
from tapetrail.core.strategy.analysts import AnalystSpec
from tapetrail.core.strategy.refusals import nearest
from tapetrail.core.strategy.strategies import StrategySpec

if TYPE_CHECKING:
    from tapetrail.analysts.models.analyst import EndpointModel, Models

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
MODELS: Final = ("openai", "openai-chat", "compatible", "anthropic", "google")
"""The families of models over a wire; what they need is imported where one is opened."""


class Analysts:
    """The analysts of this process; `families` are those that a program brings along.

    `models` opens those over a wire, None where there are none.
    """

    def __init__(
        self,
        families: Mapping[str, Family] | None = None,
        *,
        models: "Callable[[], Models] | None" = None,
    ) -> None:
        for word in {*FAMILIES, *MODELS} & (families or {}).keys():
            raise InvalidInput(f"analysts: {word!r} is a family of ours; give yours another name")
        self._families = {**FAMILIES, **(families or {})}
        self._models = models
        self.brought = frozenset(families or ())
        """The families that other processes need not have."""

    def open(self, spec: AnalystSpec) -> Analyst:
        """Return the analyst that a strategy means.

        Raises `NotFound` for a name that nobody answers to, with the nearest known one, or whose
        family does not open it, and
        `InvalidInput` for a family that gives something else than an analyst with that name, or
        that cannot be asked in the way that is stated.
        """
        if spec.family in MODELS and self._models is not None:
            return self._models().open(spec)
        beyond = [key for key in spec.options if key != "as"]
        if beyond:
            raise InvalidInput(
                f"analyst {spec.analyst!r}: {', '.join(beyond)}: {spec.family} takes nothing of it;"
                f" models do, which are {', '.join(MODELS)}"
            )
        return self._named(spec.analyst)

    def check(self, spec: AnalystSpec) -> None:
        """Raise as `open` does, and for a model that cannot be reached or asked in this way.

        A name of one's own that passes for an analyst of another family is refused, too.
        """
        found = self.open(spec)
        self._check_label(spec)
        if spec.family in MODELS:
            cast("EndpointModel", found).check()

    def model(self, spec: AnalystSpec) -> "EndpointModel":
        """Return a model over a wire, whether or not it can be asked.

        Raises as `open` does, and for what is no such model.
        """
        if spec.family not in MODELS:
            raise InvalidInput(
                f"analyst {spec.analyst!r}: no model; expected FAMILY:MODEL, its family one of"
                f" {', '.join(MODELS)}"
            )
        return cast("EndpointModel", self.open(spec))

    def of(self, strategy: StrategySpec, *, in_child: bool = False) -> tuple[Analyst, ...]:
        """Return the analysts of a strategy, those that decide first.

        Raises as `check` does, and for two families that a program brings along, and for one where
        the work is done in a child process.
        """
        self._check_brought((spec.family for spec in strategy.analysts), in_child=in_child)
        for spec in strategy.analysts:
            self.check(spec)
        return tuple(map(self.open, strategy.analysts))

    def _named(self, name: str) -> Analyst:
        word = name.partition(":")[0]
        family = self._families.get(word) or _installed(word)
        if family is None:
            others = (word for word in self._families if word not in FAMILIES)
            known = [analyst.identity.name for analyst in BUILTIN]
            raise _unknown(name, [*known, *(f"{word}:MODEL" for word in MODELS), *others])
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

    def _check_label(self, spec: AnalystSpec) -> None:
        word, colon, _ = spec.name.partition(":")
        if not colon or word == spec.family:
            return
        if word in self._families or word in MODELS or entry_points(group=GROUP, name=word):
            raise InvalidInput(
                f"analyst {spec.analyst!r}: as {spec.name}: {word} is another family of analysts;"
                f" choose a name that does not begin with {word}:"
            )

    def _check_brought(self, words: Iterable[str], *, in_child: bool) -> None:
        families = sorted({*words} & self.brought)
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
