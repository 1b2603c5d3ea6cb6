"""Which models a list of prices means: those that it names whole, and dated releases of them.

The list finds models by how their names begin, so that a model of tomorrow is found as one of
today that costs something else. Its names count, and not what else begins with them.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from genai_prices.types import MatchLogic, ModelInfo

_RELEASE: Final = re.compile(
    r"(?:[-@](?:latest|preview|exp|[0-9]{8}|[0-9]{4}(?:-[0-9]{2}-[0-9]{2})?"
    r"|[0-9]{2}-(?:[0-9]{2}|[0-9]{4})|[0-9]{3}))*"
)
"""What a provider writes behind a name for a release of the same model."""
_TUNED: Final = re.compile(r"(ft:[^:]+):.*")
"""A tuned model: its base, then whose it is and what they call it."""


def is_named(info: "ModelInfo", model: str) -> bool:
    """Return whether a list's entry names a model, in full or up to its release."""
    name = _TUNED.sub(r"\1", model.lower())
    return any(_is_release(name, text.lower()) for text in (info.id, *_texts(info.match))) or any(
        re.fullmatch(pattern, name) for pattern in _patterns(info.match)
    )


def _is_release(name: str, text: str) -> bool:
    return name.startswith(text) and _RELEASE.fullmatch(name, len(text)) is not None


def _texts(match: "MatchLogic") -> Iterator[str]:
    """Yield the names that an entry is found by, as far as it writes them out."""
    from genai_prices import types  # noqa: PLC0415 # see pricing: it takes 0.4 s to import

    match match:
        case types.ClauseOr(or_=parts) | types.ClauseAnd(and_=parts):
            for part in parts:
                yield from _texts(part)
        case types.ClauseEquals(equals=text) | types.ClauseStartsWith(starts_with=text):
            yield text
        case types.ClauseEndsWith(ends_with=text) | types.ClauseContains(contains=text):
            yield text
        case types.ClauseRegex():
            return


def _patterns(match: "MatchLogic") -> Iterator[str]:
    """Yield the patterns that a whole name may have; what one has to lack is none."""
    from genai_prices import types  # noqa: PLC0415 # see above

    match match:
        case types.ClauseOr(or_=parts):
            for part in parts:
                yield from _patterns(part)
        case types.ClauseRegex(regex=pattern):
            yield pattern
        case _:
            return
