"""The prompts that come with the package, as templates, and what names one of them or another."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from tapetrail.core.analysis.prompts import PromptTemplate
from tapetrail.core.errors import ErrorKind, InvalidInput, NotFound

SHIPPED: Final = (("chart", 1), ("consolidated", 1))
_WORD: Final = re.compile(r"(?P<name>.+)-v(?P<version>[1-9][0-9]{0,8})", re.ASCII)


def word_of(name: str, version: int) -> str:
    """Return what strategies call a version of a prompt, such as `chart-v1`."""
    return f"{name}-v{version}"


def named_by(word: str) -> tuple[str, int] | None:
    """Return the name and version that a word such as `chart-v1` means, None where it is none."""
    found = _WORD.fullmatch(word)
    return (found["name"], int(found["version"])) if found else None


def is_shipped(word: str) -> bool:
    """Return whether a prompt of that name comes with the package."""
    return named_by(word) in SHIPPED


def shipped_prompts() -> tuple[PromptTemplate, ...]:
    """Return every shipped version of every prompt, the oldest of each name first."""
    return tuple(_read(name, version) for name, version in SHIPPED)


def shipped_prompt(word: str) -> PromptTemplate:
    """Return the shipped prompt of that name. Raises `NotFound` naming those that there are."""
    return prompt_named(word, {})


def prompt_named(word: str, recorded: Mapping[str, str]) -> PromptTemplate:
    """Return the prompt that a strategy names, such as `chart-v1`: a shipped or a recorded one.

    `recorded` holds bodies by such words. Raises `NotFound` naming those that there are, and
    `InvalidInput` where another body is recorded under the name of a shipped one.
    """
    shipped = {word_of(*each): each for each in SHIPPED}
    of_ours = _read(*shipped[word]) if word in shipped else None
    body, named = recorded.get(word), named_by(word)
    if of_ours is not None:
        if body not in {None, of_ours.body}:
            raise InvalidInput(
                f"prompt {word}: it is recorded with other words than the one that comes along",
                kind=ErrorKind.BAD_PROMPT,
            )
        return of_ours
    if body is None or named is None:
        known = ", ".join(dict.fromkeys([*shipped, *sorted(recorded)]))
        raise NotFound(
            f"prompt {word}: none is shipped or recorded by that name; there are {known}",
            kind=ErrorKind.BAD_PROMPT,
        )
    return PromptTemplate(name=named[0], version=named[1], body=body)


@cache
def _read(name: str, version: int) -> PromptTemplate:
    file = files("tapetrail").joinpath("prompts", f"{word_of(name, version)}.jinja")
    return PromptTemplate(name=name, version=version, body=file.read_text(encoding="utf-8"))
