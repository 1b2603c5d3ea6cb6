"""Tokens by kind, each counted once, from what a provider counts in its own way."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from tapetrail.core.canonical import FieldValue
from tapetrail.core.errors import InvalidInput

COUNT_END: Final = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one reply.

    `input` is what no cache held; with `cached_read` and the cache writes it makes `input_total`.
    `cache_write` is what was written for a time that the provider does not tell. `image` is a part
    of `input_total` and `reasoning` one of `output`, None where the provider does not say.
    """

    input: int
    output: int
    cached_read: int = 0
    cache_write: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    image: int | None = None
    reasoning: int | None = None

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for counts that cannot be: below 0, or a part above its whole."""
        for name, count in self.counts().items():
            if not 0 <= count < COUNT_END:
                raise InvalidInput(f"usage: {name} {count} must be from 0 to below 2^53")
        for name, count, whole in (
            ("image", self.image, self.input_total),
            ("reasoning", self.reasoning, self.output),
        ):
            if count is not None and count > whole:
                raise InvalidInput(f"usage: {name} {count} is a part of {whole}, and above it")

    @property
    def input_total(self) -> int:
        """All that was read: uncached, from a cache, and written to one."""
        written = self.cache_write + self.cache_write_5m + self.cache_write_1h
        return self.input + self.cached_read + written

    @property
    def tokens_used(self) -> int:
        """All that was read and all that was written."""
        return self.input_total + self.output

    def check_wrote(self) -> None:
        """Raise `InvalidInput` for no tokens on either side, which no reply with a text has."""
        for name, found in (("input", self.input_total), ("output", self.output)):
            if found == 0:
                raise InvalidInput(f"usage: {name} 0, and there is a text")

    def counts(self) -> dict[str, int]:
        """Return what is known, by kind."""
        found = ((each.name, getattr(self, each.name)) for each in fields(self))
        return {name: count for name, count in found if count is not None}


def count(document: FieldValue, name: str) -> int | None:
    """Return the count under a name, None where none is stated.

    Raises `InvalidInput` for what is no count.
    """
    value = document.get(name) if isinstance(document, Mapping) else None
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidInput(f"usage: {name} {str(value)[:80]!r} is no whole number")
    return value


def agreed(*stated: tuple[FieldValue, str]) -> int | None:
    """Return the one count under several names of several objects, None where none is stated.

    Raises `InvalidInput` for what is no count, and where two of them differ.
    """
    counts = [(name, found) for at, name in stated if (found := count(at, name)) is not None]
    if len({found for _, found in counts}) > 1:
        said = " and ".join(f"{name} {found}" for name, found in counts)
        raise InvalidInput(f"usage: {said} count the same, and differ")
    return counts[0][1] if counts else None


def needed(stated: int | None, name: str) -> int:
    """Return a count that must be stated. Raises `InvalidInput` where it is not."""
    if stated is None:
        raise InvalidInput(f"usage: {name} is missing")
    return stated


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusive:
    """What a provider states whose input holds what was read from caches and written to them.

    `total` is input and output, where it is stated; None is what is not.
    """

    input_total: int | None
    output: int | None
    cached_read: int | None = None
    cache_write: int | None = None
    image: int | None = None
    reasoning: int | None = None
    total: int | None = None

    def undone(self) -> Usage:
        """Return each token once.

        Raises `InvalidInput` where input or output are missing, a part is above its whole, or the
        total is another one.
        """
        read = needed(self.input_total, "input")
        cached, written = self.cached_read or 0, self.cache_write or 0
        found = Usage(
            input=read - cached - written,
            output=needed(self.output, "output"),
            cached_read=cached,
            cache_write=written,
            image=self.image,
            reasoning=self.reasoning,
        )
        if self.total not in {None, found.tokens_used}:
            raise InvalidInput(
                f"usage: total {self.total}, and input {read} and output {found.output} make"
                f" {found.tokens_used}"
            )
        return found
