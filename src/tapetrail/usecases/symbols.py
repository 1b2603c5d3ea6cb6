"""Symbols: what a provider has under the names that people know."""

from typing import TYPE_CHECKING, Final

from tapetrail.core.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tapetrail.sources.protocol import Found, Searching

TEXT_MAX: Final = 100


class Symbols:
    """The symbols of sources over a network. Nothing of a record is needed, and nothing written."""

    def __init__(self, searching: "Callable[[str], Searching]") -> None:
        self._searching = searching

    def find(self, text: str, *, source: str) -> "Sequence[Found]":
        """Return what a source finds for a text, the nearest first; nothing is no error.

        `source` is a name such as `yahoo`. Raises `InvalidInput` for a text that is none,
        `NotFound` listing the sources that search, and `EdgeFailure` where one does not answer.
        """
        wanted = " ".join(text.split())
        if not wanted or len(wanted) > TEXT_MAX or not wanted.isprintable():
            raise InvalidInput(
                f"symbols: {text[:TEXT_MAX]!r}, expected a symbol or a name, of 1 to {TEXT_MAX}"
                " signs"
            )
        return self._searching(source).find(wanted)
