"""How many tokens a request can be at most, before it is sent: bounds, not estimates.

Text is taken at a token a byte, since no tokenizer of bytes makes more of it; some count each digit
as one. Images follow the rules that providers publish, at the size they are sent in: none of them
enlarges one. Where nobody publishes a rule, the dearest of them holds.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tapetrail.core.analysis.model_names import is_model
from tapetrail.core.errors import InvalidInput

FRAME_TOKENS: Final = 1_000
"""What providers add: marks of turns, and words of their own about the schema of an answer."""
_GEMINI_IMAGE: Final = 2_240
"""The highest of Gemini's resolutions; older models count tiles."""
_GEMINI_TILE: Final = 258
_MULTIPLIER_PCT: Final = 246
"""The highest of OpenAI's multipliers, that of its nano models."""
_TILE: Final = 170
_TILE_BASE: Final = 85
_MINI: Final = "gpt-4o-mini"
_MINI_TILE: Final = 5_667
_MINI_BASE: Final = 2_833


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSize:
    """An image as it is sent, in pixels."""

    width: int
    height: int

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for an image without pixels."""
        if min(self.width, self.height) < 1:
            raise InvalidInput(f"image of {self.width} x {self.height}: has no pixels")

    def squares(self, side: int) -> int:
        """Return how many squares of this side cover it."""
        return -(-self.width // side) * -(-self.height // side)


def input_tokens_max(
    family: str, model: str, *, text_bytes: int, images: Iterable[ImageSize] = ()
) -> int:
    """Return how many tokens a request can be at most.

    `text_bytes` is all of its body but the images. Raises `InvalidInput` for a negative number.
    """
    if text_bytes < 0:
        raise InvalidInput(f"text of {text_bytes} bytes: expected 0 or more")
    rule = _RULES.get(family, _dearest)
    return text_bytes + FRAME_TOKENS + sum(rule(model, image) for image in images)


def _openai(model: str, image: ImageSize) -> int:
    tiles = image.squares(512)
    if is_model(model, _MINI):
        return _MINI_BASE + _MINI_TILE * tiles
    patches = -(-image.squares(32) * _MULTIPLIER_PCT // 100)
    return max(patches, _TILE_BASE + _TILE * tiles)


def _anthropic(_model: str, image: ImageSize) -> int:
    return image.squares(28)


def _google(_model: str, image: ImageSize) -> int:
    return max(_GEMINI_IMAGE, _GEMINI_TILE * image.squares(768))


def _dearest(model: str, image: ImageSize) -> int:
    return max(_openai(model, image), _anthropic(model, image), _google(model, image))


_RULES: Final[Mapping[str, Callable[[str, ImageSize], int]]] = {
    "openai": _openai,
    "openai-chat": _openai,
    "anthropic": _anthropic,
    "google": _google,
}
