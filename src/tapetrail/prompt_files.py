"""The prompts that come with the package, as templates."""

from importlib.resources import files
from typing import Final

from tapetrail.core.analysis.prompts import PromptTemplate
from tapetrail.core.errors import NotFound

SHIPPED: Final = (("chart", 1), ("consolidated", 1))


def shipped_prompts() -> tuple[PromptTemplate, ...]:
    """Return every shipped version of every prompt, the oldest of each name first."""
    return tuple(_read(name, version) for name, version in SHIPPED)


def shipped_prompt(word: str) -> PromptTemplate:
    """Return the prompt that a strategy names, such as `chart-v1`.

    Raises `NotFound` naming those that there are.
    """
    known = {f"{name}-v{version}": (name, version) for name, version in SHIPPED}
    if word not in known:
        raise NotFound(f"prompt {word}: none is shipped by that name; there are {', '.join(known)}")
    return _read(*known[word])


def _read(name: str, version: int) -> PromptTemplate:
    file = files("tapetrail").joinpath("prompts", f"{name}-v{version}.jinja")
    return PromptTemplate(name=name, version=version, body=file.read_text(encoding="utf-8"))
