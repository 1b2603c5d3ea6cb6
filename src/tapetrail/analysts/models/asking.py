"""What one request to a model is made of, whoever the provider is."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Final

from tapetrail.core.canonical import JsonValue
from tapetrail.core.errors import InvalidInput
from tapetrail.core.strategy.analysts import MAX_OUTPUT_TOKENS, Tier

JPEG_STARTS: Final = b"\xff\xd8\xff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One image as it travels, and what the text calls it."""

    label: str
    jpeg: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for bytes that are no JPEG: every format says that they are."""
        if not self.jpeg.startswith(JPEG_STARTS):
            raise InvalidInput(
                f"image {self.label!r}: begins with {self.jpeg[:8]!r}, not as a JPEG"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """What a model is asked with; only what is set is sent, and the maximum always."""

    max_output_tokens: int = MAX_OUTPUT_TOKENS
    temperature: Decimal | None = None
    top_p: Decimal | None = None
    seed: int | None = None
    reasoning_effort: str | None = None

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for a maximum below 1, and for numbers that are none."""
        if self.max_output_tokens < 1:
            raise InvalidInput(f"max_output_tokens {self.max_output_tokens}: must be 1 or more")
        for name, value in (("temperature", self.temperature), ("top_p", self.top_p)):
            if value is not None and not (value.is_finite() and value >= 0):
                raise InvalidInput(f"{name} {value}: must be a number of 0 or more")

    def refuse_others(self, taken: Collection[str], *, by: str) -> None:
        """Raise `InvalidInput` for a parameter that is set and not in `taken`: none is dropped."""
        for each in fields(self):
            if getattr(self, each.name) is not None and each.name not in taken:
                raise InvalidInput(
                    f"{each.name} {getattr(self, each.name)}: {by} takes no {each.name}; leave it"
                    f" out. It takes {', '.join(taken)}"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One request: what never changes first, then the images, the primary first, then the text.

    `schema` is the JSON schema of the answer, whose order is kept; None asks for plain text.
    """

    model: str
    system: str
    images: tuple[Image, ...] = ()
    text: str
    schema: Mapping[str, JsonValue] | None = None
    params: Params = field(default_factory=Params)
    tier: Tier | None = None

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for a request without a model, a system text or a question."""
        for name, value in (("model", self.model), ("system", self.system), ("text", self.text)):
            if not value.strip():
                raise InvalidInput(f"request: {name} {value!r} is empty")
